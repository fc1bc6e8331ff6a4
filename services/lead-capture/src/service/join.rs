//! Joining: a lead that has a value or its thread in common with an earlier lead goes on as that one.

use super::ACTOR;
use super::address::{address_of, parse};
use crate::qualify::reaches;
use events::lead::{Consent, DetailKind};
use laws::lead::{self, Lead, Rejection};
use spine::read::{Done, Work};
use spine::{Address, Cause, Error, Log, Reader, Refused};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Joins that are followed to the lead that goes on.
const JOINS_MAX: usize = 64;
/// The earliest lead was erased; the row goes or names another lead as soon as that is projected.
const ERASED_AGAIN_MS: u64 = 500;

/// What joining works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Joining {
    pub(crate) log: Log,
    pub(crate) reader: Reader,
}

impl Joining {
    /// Joins the lead of the due row with the earliest of its group, or with what that one goes on as.
    ///
    /// # Errors
    /// When the machine fails; it is tried again.
    pub(crate) async fn handle(self, work: Work) -> Result<Done, Error> {
        let own = Address::parse(&work.entity)?;
        let into = self.root(&work.body, &own.id).await?;
        let Own { kind, refused_in } = self.log.read::<Lead, _>(&own, Own::of).await?;
        let target = address_of(&own.tenant, &into)?;
        if self.log.read::<Lead, _>(&target, |state| matches!(state, Lead::Erased)).await? {
            return Ok(Done::Again { after_ms: ERASED_AGAIN_MS });
        }
        let at = self.log.clock().now();
        let cause = cause(&own.id, &into);
        if let Some(message) = refused_in {
            // Before the join, whose projection takes the row away.
            let cause = Cause { purpose: "consent", ..cause.clone() };
            let refuse = |state: &Lead| lead::consent(state, message, Consent::Refused, at);
            if let Err(Refused::Failed(error)) = self.log.transact::<Lead, _>(&target, &cause, refuse).await {
                return Err(error);
            }
        }
        let decide = |state: &Lead| lead::join(state, &own.id, &into, kind, at);
        match self.log.transact::<Lead, _>(&own, &cause, decide).await {
            Ok(decided) => Ok(Done::At(decided.position())),
            Err(Refused::Failed(error)) => Err(error),
            // What refuses is an event that removes the row when it is projected.
            Err(Refused::Rejected(Rejection::Joined { .. } | Rejection::Erased)) => Ok(Done::Nothing),
            Err(Refused::Rejected(rejection @ (Rejection::Same | Rejection::Unknown | Rejection::Full))) => {
                tracing::warn!(entity.subject = work.entity, rejection = %rejection, "a lead is not joined");
                Ok(Done::Nothing)
            }
        }
    }

    /// The lead that `lead` goes on as, over any number of joins; `lead` itself should they lead back to `own`.
    async fn root(&self, lead: &str, own: &str) -> Result<String, Error> {
        let model = self.reader.model();
        let mut at = lead.to_owned();
        let mut seen = BTreeSet::from([own.to_owned()]);
        for _ in 0..JOINS_MAX {
            let next: Option<Option<String>> =
                sqlx::query_scalar("SELECT joined_into FROM leads WHERE lead = $1")
                    .bind(&at)
                    .fetch_optional(model.store.reads())
                    .await
                    .map_err(Error::database("follow joins of leads"))?;
            match next.flatten() {
                Some(next) if seen.insert(at.clone()) && !seen.contains(&next) => at = next,
                Some(_) => return Ok(lead.to_owned()),
                None => break,
            }
        }
        Ok(at)
    }
}

/// What a lead brings along where it is joined.
struct Own {
    kind: DetailKind,
    /// The message of its last detail, if the customer refuses to be called: that is said of the person, so it holds for the
    /// lead that goes on.
    refused_in: Option<Uuid>,
}

impl Own {
    fn of(state: &Lead) -> Self {
        let (Lead::Open(open) | Lead::Joined(open, _)) = state else {
            return Self { kind: DetailKind::Phone, refused_in: None };
        };
        let kind = open.details.iter().map(|(kind, _)| *kind).find(|kind| reaches(*kind));
        let refuses = open.consent == Some(Consent::Refused);
        let message = open.details.last().map(|(_, message)| *message);
        Self { kind: kind.unwrap_or(DetailKind::Phone), refused_in: message.filter(|_| refuses) }
    }
}

fn cause(own: &str, into: &str) -> Cause {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{own}\0{into}").as_bytes());
    let correlation = parse(own).map_or(id, |(thread, _)| thread);
    Cause { correlation, ..Cause::new(id, "join", ACTOR) }
}
