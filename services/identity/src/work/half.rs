//! The other half of a merge or a split whose maker died in between.

use super::{SLOW_MS, done};
use crate::merge::{Merger, Pair};
use laws::customer::Rejection;
use spine::read::{Done, Work};
use spine::{Address, Cause, Error, Refused};
use uuid::Uuid;

/// The customer that one claims goes on as that one.
pub(super) async fn absorb(merger: Merger, work: Work) -> Result<Done, Error> {
    let address = Address::parse(&work.entity)?;
    let Some(pair) = pair(&address, &work) else { return Ok(Done::Nothing) };
    let cause = cause(&work, "absorb");
    match merger.absorb_claimed(pair, &cause).await {
        Ok(None) => Ok(Done::Nothing),
        Ok(Some(decided)) => Ok(Done::At(decided.position())),
        // Two took the same one in at the same instant, or each other: one gives it up. Evidence links the two
        // that are left by what they share, or a person does.
        Err(Refused::Rejected(Rejection::Absorbed { .. })) => {
            done(merger.give_up(pair, &self::cause(&work, "give_up")).await)
        }
        Err(Refused::Rejected(Rejection::Claims { .. })) => {
            let smaller = pair.into.min(pair.from);
            let larger = pair.into.max(pair.from);
            let pair = Pair { tenant: pair.tenant, into: larger, from: smaller };
            done(merger.give_up(pair, &self::cause(&work, "give_up")).await)
        }
        Err(refused) => done(Err(refused)),
    }
}

/// The customer that one gave back is itself again.
pub(super) async fn restore(merger: Merger, work: Work) -> Result<Done, Error> {
    let address = Address::parse(&work.entity)?;
    let Some(pair) = pair(&address, &work) else { return Ok(Done::Nothing) };
    if merger.claims(pair).await? {
        return Ok(Done::Nothing);
    }
    match merger.restore(pair, &cause(&work, "restore")).await {
        Err(Refused::Rejected(Rejection::Absorbed { .. })) => Ok(Done::Again { after_ms: SLOW_MS }),
        other => done(other),
    }
}

fn pair<'a>(address: &'a Address, work: &Work) -> Option<Pair<'a>> {
    Some(Pair { tenant: &address.tenant, into: work.key.parse().ok()?, from: address.uuid()? })
}

fn cause(work: &Work, purpose: &'static str) -> Cause {
    let name = format!("{} {} {} {}", work.entity, work.key, work.at, purpose);
    Cause::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()), purpose, super::ACTOR)
}
