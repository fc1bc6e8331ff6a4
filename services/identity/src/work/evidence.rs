//! Strong evidence is recorded with the customer, sealed anew for their subject.

use super::{HOPS_MAX, SLOW_MS, Why, body, done};
use crate::evidence::{CUSTOMER_FIELD, THREAD_FIELD, seal_key};
use crate::ids::{customer_address, customer_of};
use events::customer::EvidenceKind;
use events::{Micros, Sealed};
use laws::customer::{self, Customer, Rejection};
use serde::{Deserialize, Serialize};
use spine::keys::Opened;
use spine::read::{Done, Work};
use spine::{Address, Error, Refused, Spine};

/// What the worker needs. The value stays sealed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EvidenceBody {
    pub(crate) kind: EvidenceKind,
    pub(crate) sealed: Sealed,
    pub(crate) at: Micros,
    pub(crate) why: Why,
}

pub(super) async fn handle(spine: Spine, work: Work) -> Result<Done, Error> {
    let asked: EvidenceBody = body(&work.body)?;
    let address = Address::parse(&work.entity)?;
    let Some(thread) = address.uuid() else { return Ok(Done::Nothing) };
    let opened = spine.keys.open_text(asked.sealed.as_str(), &work.entity, THREAD_FIELD).await?;
    // Either the person was erased, and the row goes when that is read, or the value expired.
    let Opened::Text(value) = opened else { return Ok(Done::Again { after_ms: SLOW_MS }) };
    let key = seal_key(&address.tenant, thread, asked.at);
    let mut customer = customer_of(thread);
    for _ in 0..HOPS_MAX {
        let at = customer_address(&address.tenant, customer)?;
        let sealed = match spine.keys.seal(&key, &at.subject(), CUSTOMER_FIELD, &value).await {
            Ok(sealed) => Sealed(sealed),
            Err(Error::Gone { .. }) => return Ok(Done::Nothing),
            Err(error) => return Err(error),
        };
        let decide =
            |state: &Customer| customer::evidence(state, thread, asked.kind, sealed.clone(), asked.at);
        match spine.log.transact(&at, &asked.why.cause("evidence"), decide).await {
            Err(Refused::Rejected(Rejection::Absorbed { into })) => customer = into,
            other => return done(other),
        }
    }
    Ok(Done::Again { after_ms: SLOW_MS })
}
