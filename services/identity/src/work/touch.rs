//! Where a customer came from is recorded with the customer.

use super::{HOPS_MAX, SLOW_MS, Why, body, done};
use crate::ids::{customer_address, customer_of};
use events::Micros;
use events::thread::Touch;
use laws::customer::{self, Customer, Rejection};
use serde::{Deserialize, Serialize};
use spine::read::{Done, Work};
use spine::{Address, Error, Refused, Spine};

/// What the worker needs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TouchBody {
    pub(crate) conversation: u32,
    pub(crate) touch: Touch,
    pub(crate) at: Micros,
    pub(crate) why: Why,
}

pub(super) async fn handle(spine: Spine, work: Work) -> Result<Done, Error> {
    let asked: TouchBody = body(&work.body)?;
    let address = Address::parse(&work.entity)?;
    let Some(thread) = address.uuid() else { return Ok(Done::Nothing) };
    let decide =
        |state: &Customer| customer::touch(state, thread, asked.conversation, &asked.touch, asked.at);
    let mut customer = customer_of(thread);
    for _ in 0..HOPS_MAX {
        let at = customer_address(&address.tenant, customer)?;
        match spine.log.transact(&at, &asked.why.cause("touch"), decide).await {
            Err(Refused::Rejected(Rejection::Absorbed { into })) => customer = into,
            other => return done(other),
        }
    }
    Ok(Done::Again { after_ms: SLOW_MS })
}
