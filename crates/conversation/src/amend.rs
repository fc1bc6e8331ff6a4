//! Deciding what becomes of a message that the customer changes or takes back.

use crate::receive::is_new;
use crate::{Decision, Rejection, Thread};
use events::{Content, Micros, ThreadEvent};
use uuid::Uuid;

/// A changed message.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Our id of the message, which the adapter derives from the platform's.
    pub message: Uuid,
    /// The platform's id of the change itself.
    pub provider: String,
    pub content: Content,
    /// The platform's time of the change.
    pub sent_at: Micros,
}

/// A message taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recall {
    pub message: Uuid,
    /// The platform's id of the recall itself.
    pub provider: String,
    /// The platform's time of the recall.
    pub sent_at: Micros,
}

/// Records that a message changed. What was answered stays answered; what awaits an answer awaits one to the
/// new words.
///
/// # Errors
/// [`Rejection::NoSuchMessage`] when the message did not come yet or is forgotten, else as
/// [`crate::receive`].
pub fn edit(thread: &Thread, edit: &Edit, at: Micros) -> Decision {
    if !is_new(thread, &edit.provider, edit.sent_at, at)? {
        return Ok(vec![]);
    }
    check_known(thread, edit.message)?;
    let Edit { message, provider, content, .. } = edit.clone();
    Ok(vec![ThreadEvent::Edited { message, provider, content, at }])
}

/// Records that a message was taken back; it awaits no answer any more.
///
/// # Errors
/// As [`edit`].
pub fn recall(thread: &Thread, recall: &Recall, at: Micros) -> Decision {
    if !is_new(thread, &recall.provider, recall.sent_at, at)? {
        return Ok(vec![]);
    }
    check_known(thread, recall.message)?;
    let Recall { message, provider, .. } = recall.clone();
    Ok(vec![ThreadEvent::Recalled { message, provider, at }])
}

fn check_known(thread: &Thread, message: Uuid) -> Result<(), Rejection> {
    match thread.living()?.inbox.after(message) {
        Some(_) => Ok(()),
        None => Err(Rejection::NoSuchMessage { message }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::*;

    fn change(i: u32) -> Edit {
        Edit { message: m(i), provider: "e1".into(), content: text(), sent_at: NOON }
    }

    fn taking_back(i: u32) -> Recall {
        Recall { message: m(i), provider: "e1".into(), sent_at: NOON }
    }

    #[test]
    fn a_changed_message_stays_one_message_and_awaits_an_answer() {
        let edited = ThreadEvent::Edited { message: m(1), provider: "e1".into(), content: text(), at: LATER };
        let thread = given(asked([])).when(|t| edit(t, &change(1), LATER)).then([edited]);
        assert_eq!(thread.awaiting(), [m(1)]);
    }

    #[test]
    fn a_message_taken_back_awaits_no_answer() {
        let recalled = ThreadEvent::Recalled { message: m(1), provider: "e1".into(), at: LATER };
        let thread = given(asked([])).when(|t| recall(t, &taking_back(1), LATER)).then([recalled]);
        assert!(thread.awaiting().is_empty());
    }

    #[test]
    fn a_change_before_its_message_is_refused() {
        let unknown = Rejection::NoSuchMessage { message: m(2) };
        given(asked([])).when(|t| edit(t, &change(2), LATER)).then_rejected(unknown.clone());
        given(asked([])).when(|t| recall(t, &taking_back(2), LATER)).then_rejected(unknown);
    }

    #[test]
    fn a_change_too_old_to_be_told_from_a_redelivery_is_refused() {
        given(asked([]))
            .when(|t| edit(t, &change(1), NOON + 9 * DAY))
            .then_rejected(Rejection::TooOld { sent_at: NOON });
    }

    #[test]
    fn an_erased_thread_learns_no_change() {
        given([forgotten()]).when(|t| edit(t, &change(1), LATER)).then_rejected(Rejection::Erased);
        given([forgotten()]).when(|t| recall(t, &taking_back(1), LATER)).then_rejected(Rejection::Erased);
    }
}
