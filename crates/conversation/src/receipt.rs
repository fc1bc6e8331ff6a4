//! Deciding what a platform's receipt means: delivered, read, never back.

use crate::{Decision, Rejection, Settled, Thread};
use events::thread::ReceiptState;
use events::{Micros, ThreadEvent};
use uuid::Uuid;

/// Records how far a message of ours got. A receipt of a message whose outcome is not known yet proves that
/// it was sent, under the platform's id `provider`. A lower or equal state, and one after a failure, changes nothing.
///
/// # Errors
/// [`Rejection::WrongAttempt`] when it was never tried, [`Rejection::Settled`] when it was withdrawn,
/// [`Rejection::NoSuchMessage`].
pub fn receipt(
    thread: &Thread,
    message: Uuid,
    state: ReceiptState,
    provider: Option<&str>,
    at: Micros,
) -> Decision {
    let known = thread.living()?.attempts(message)?;
    let received = ThreadEvent::Receipt { message, state, at };
    match known.how {
        Some(Settled::Sent { receipt }) if receipt >= Some(state) => Ok(vec![]),
        Some(Settled::Sent { .. }) => Ok(vec![received]),
        Some(Settled::Failed(_)) => Ok(vec![]),
        Some(Settled::Withdrawn(_)) => Err(Rejection::Settled { message }),
        Some(Settled::Unknown) | None => {
            let attempt = known.last;
            known.check(attempt)?;
            let provider = provider.map(str::to_owned);
            Ok(vec![ThreadEvent::Sent { message, attempt, provider, at }, received])
        }
    }
}
