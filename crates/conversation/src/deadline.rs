//! Deciding what a passed answer deadline means: the timer asks, the law looks again.

use crate::own::{Notice, handed_over};
use crate::{Decision, Owner, Rejection, Thread};
use events::Micros;
use events::thread::HandoverReason;
use uuid::Uuid;

/// A deadline that passed.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpireAnswer {
    /// The customer's message that was to be answered.
    pub message: Uuid,
    /// How long an answer may take, in microseconds.
    pub deadline_us: Micros,
    pub queue: String,
    pub notice: Option<Notice>,
}

/// Gives the conversation to the queue if the message still awaits an answer from the AI, or from whoever
/// answers in the platform's own app. The deadline counts from the message or from the owner's beginning,
/// whichever is later. A late timer does nothing, and neither does one for what was dealt with before the
/// conversation came back to the AI, so nothing goes round in circles.
///
/// # Errors
/// [`Rejection::TooEarly`], [`Rejection::Unknown`], [`Rejection::Erased`].
pub fn expire_answer(thread: &Thread, expire: &ExpireAnswer, at: Micros) -> Decision {
    let living = thread.living()?;
    let Some(episode) = &living.episode else { return Ok(vec![]) };
    if !matches!(episode.owner, Owner::Ai | Owner::Outside) {
        return Ok(vec![]);
    }
    let Some(since) = living.inbox.awaits_since(expire.message) else { return Ok(vec![]) };
    let until = since.max(episode.owner_since).saturating_add(expire.deadline_us);
    if at < until {
        return Err(Rejection::TooEarly { until });
    }
    let why = (HandoverReason::Deadline, expire.queue.as_str());
    Ok(handed_over(living, episode.number, why, expire.notice.as_ref(), at))
}
