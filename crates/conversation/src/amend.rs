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
