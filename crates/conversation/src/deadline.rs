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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::*;
    use events::ThreadEvent;
    use events::thread::{Author, ReleasedTo};

    fn passed(i: u32) -> ExpireAnswer {
        ExpireAnswer { message: m(i), deadline_us: MINUTE, queue: "sales".into(), notice: Some(notice(1)) }
    }

    fn late() -> ThreadEvent {
        handed(1, HandoverReason::Deadline, NOON)
    }

    #[test]
    fn a_message_that_nobody_answered_in_time_goes_to_people() {
        let expected =
            [handed(1, HandoverReason::Deadline, LATER), replied(1, Author::System, 1, None, LATER)];
        given(asked([])).when(|t| expire_answer(t, &passed(1), LATER)).then(expected);
    }

    #[test]
    fn a_late_timer_does_nothing() {
        given(asked([answered(1)])).when(|t| expire_answer(t, &passed(1), LATER)).then_nothing();
        given(asked([late()])).when(|t| expire_answer(t, &passed(1), LATER)).then_nothing();
        given(asked([taken(1, ANNA, NOON)])).when(|t| expire_answer(t, &passed(1), LATER)).then_nothing();
        let over = asked([closed(1, events::thread::ClosedBy::Idle, NOON)]);
        given(over).when(|t| expire_answer(t, &passed(1), LATER)).then_nothing();
    }

    #[test]
    fn an_early_timer_is_told_when_to_come() {
        given(asked([]))
            .when(|t| expire_answer(t, &passed(1), LATER - 1))
            .then_rejected(Rejection::TooEarly { until: LATER });
    }

    #[test]
    fn a_conversation_that_comes_back_to_the_ai_does_not_go_round_in_circles() {
        let history = asked([late(), released(2, ReleasedTo::Ai, NOON)]);
        given(history).when(|t| expire_answer(t, &passed(1), LATER + DAY)).then_nothing();
    }

    #[test]
    fn the_ai_gets_its_full_time_for_what_came_before_the_release() {
        let release = released(3, ReleasedTo::Ai, LATER);
        given(asked([late(), taken(2, ANNA, NOON), wrote(2), release]))
            .when(|t| expire_answer(t, &passed(2), LATER))
            .then_rejected(Rejection::TooEarly { until: LATER + MINUTE });
    }

    #[test]
    fn an_erased_thread_has_no_deadline() {
        given([forgotten()]).when(|t| expire_answer(t, &passed(1), LATER)).then_rejected(Rejection::Erased);
    }
}
