//! The record that personal data was shown in clear: once per caller, thing and hour.

use crate::caller::Caller;
use crate::refusal::Refusal;
use crate::state::App;
use events::AccessEvent;
use laws::access::{Access, record};
use spine::{Address, Cause, Entity, Refused};
use uuid::Uuid;

const OPENINGS: Uuid = Uuid::from_u128(0x6f3c_1d52_9a0b_4e6e_8a57_1d0c_55ce_0a02);
const HOUR_US: i64 = 3_600_000_000;

/// Records, before it is shown, that the caller sees `what` (a subject or a range) in clear.
///
/// # Errors
/// When it cannot be recorded; then nothing is to be shown.
pub(crate) async fn note(app: &App, caller: &Caller, what: &str) -> Result<(), Refusal> {
    let at = app.now();
    let name = format!("{}\0{what}\0{}", caller.token, at / HOUR_US);
    let id = Uuid::new_v5(&OPENINGS, name.as_bytes());
    let address = Address::of(&caller.tenant, Access::KIND, id)?;
    if app.log().read::<Access, _>(&address, |access| access.recorded).await? {
        return Ok(());
    }
    let event = AccessEvent::Opened {
        by: caller.actor(),
        role: caller.role.as_str().into(),
        reason: "console".into(),
        what: what.into(),
        at,
    };
    let cause = Cause::new(id, "open", &caller.actor());
    match app.log().transact::<Access, _>(&address, &cause, |state| record(state, &event)).await {
        Ok(_) => Ok(()),
        Err(Refused::Failed(error)) => Err(error.into()),
        Err(Refused::Rejected(never)) => match never {},
    }
}
