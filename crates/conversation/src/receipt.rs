//! Deciding what a platform's receipt means: delivered, read, never back.

use crate::{Decision, Rejection, Settled, Thread};
use events::thread::ReceiptState;
use events::{Micros, ThreadEvent};
use uuid::Uuid;

/// Records how far a message of ours got. A receipt of a message whose outcome is not known yet proves that
/// it was sent, under the platform's id `provider`. A lower or equal state, and one after a failure, changes
/// nothing.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::*;
    use events::thread::WithdrawnReason;

    fn told(state: ReceiptState) -> ThreadEvent {
        ThreadEvent::Receipt { message: r(1), state, at: LATER }
    }

    fn on_its_way(more: impl IntoIterator<Item = ThreadEvent>) -> Vec<ThreadEvent> {
        asked([answered(1), started(1, 1, NOON)].into_iter().chain(more))
    }

    fn ask(state: ReceiptState) -> impl Fn(&Thread) -> Decision {
        move |t| receipt(t, r(1), state, Some("x"), LATER)
    }

    #[test]
    fn a_receipt_only_rises() {
        let sent = was_sent(1, 1, NOON);
        given(on_its_way([sent.clone()]))
            .when(ask(ReceiptState::Delivered))
            .then([told(ReceiptState::Delivered)]);
        let thread = given(on_its_way([sent, told(ReceiptState::Delivered)]))
            .when(ask(ReceiptState::Read))
            .then([told(ReceiptState::Read)]);
        assert_eq!(receipt(&thread, r(1), ReceiptState::Delivered, None, LATER), Ok(vec![]));
        assert_eq!(thread.settled(r(1)), Some(Settled::Sent { receipt: Some(ReceiptState::Read) }));
    }

    #[test]
    fn a_receipt_before_our_own_answer_proves_the_send() {
        for lost in [vec![], vec![was_lost(1, 1, false, NOON)], vec![was_lost(1, 1, true, NOON)]] {
            let (message, provider) = (r(1), Some("x".into()));
            let sent = ThreadEvent::Sent { message, attempt: 1, provider, at: LATER };
            let thread = given(on_its_way(lost))
                .when(ask(ReceiptState::Delivered))
                .then([sent, told(ReceiptState::Delivered)]);
            assert_eq!(thread.message_of("x"), Some(r(1)));
        }
    }

    #[test]
    fn a_receipt_does_not_lift_a_failure() {
        given(on_its_way([has_failed(1, 1, None, NOON)])).when(ask(ReceiptState::Read)).then_nothing();
    }

    #[test]
    fn what_never_left_has_no_receipt() {
        given(asked([answered(1)]))
            .when(ask(ReceiptState::Read))
            .then_rejected(Rejection::WrongAttempt { attempt: 0 });
        let (message, reason) = (r(1), WithdrawnReason::Cancelled);
        given(asked([answered(1), ThreadEvent::Withdrawn { message, reason, at: NOON }]))
            .when(ask(ReceiptState::Read))
            .then_rejected(Rejection::Settled { message });
        given(asked([])).when(ask(ReceiptState::Read)).then_rejected(Rejection::NoSuchMessage { message });
        given([forgotten()]).when(ask(ReceiptState::Read)).then_rejected(Rejection::Erased);
    }
}
