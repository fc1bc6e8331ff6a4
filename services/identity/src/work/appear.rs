//! A customer appears in the thread that is theirs.

use super::{Why, body, done};
use events::Micros;
use laws::customer::{self, Customer};
use serde::{Deserialize, Serialize};
use spine::read::{Done, Work};
use spine::{Address, Error, Spine};
use uuid::Uuid;

/// What the worker needs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AppearBody {
    pub(crate) thread: Uuid,
    pub(crate) account: Uuid,
    pub(crate) channel: String,
    /// When the thread began.
    pub(crate) at: Micros,
    pub(crate) why: Why,
}

pub(super) async fn handle(spine: Spine, work: Work) -> Result<Done, Error> {
    let asked: AppearBody = body(&work.body)?;
    let address = Address::parse(&work.entity)?;
    spine.log.assume_new::<Customer>(&address);
    let decide =
        |state: &Customer| customer::appear(state, asked.thread, asked.account, &asked.channel, asked.at);
    done(spine.log.transact(&address, &asked.why.cause("appear"), decide).await)
}
