//! Deciding what an answer of the AI means that will never leave: a person answers in its place.

use crate::own::handed_over;
use crate::{Decision, Owner, Settled, Thread};
use events::Micros;
use events::thread::{FailureClass, HandoverReason, WithdrawnReason};
use uuid::Uuid;

/// An answer of the AI that was refused for good, or had no room in the platform's window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    pub message: Uuid,
    pub queue: String,
}

/// Gives the conversation to the queue when the customer waits for an answer that will never come and people can
/// still write to them. No notice goes along: it would take of the few messages that the platform may still take. It
/// changes nothing once the AI does not have the conversation any more, the answer belongs to an earlier one, it was
/// sent again, or nobody can write now; what the customer writes next is answered as ever.
///
/// # Errors
/// [`crate::Rejection::Unknown`], [`crate::Rejection::Erased`].
pub fn hand_over_undelivered(thread: &Thread, undelivered: &Undelivered, at: Micros) -> Decision {
    let living = thread.living()?;
    let Some(episode) = living.episode.as_ref().filter(|episode| episode.owner == Owner::Ai) else {
        return Ok(vec![]);
    };
    let lost = living.outbox.outcome(undelivered.message).is_some_and(|outcome| {
        let never_leaves = match outcome.how {
            Settled::Failed(class) => class != FailureClass::WindowClosed,
            Settled::Withdrawn(reason) => reason == WithdrawnReason::Window,
            Settled::Sent { .. } | Settled::Unknown => false,
        };
        never_leaves && !outcome.resent && outcome.answers_in == Some(episode.number)
    });
    if !lost || living.check_writable(at).is_err() {
        return Ok(vec![]);
    }
    let why = (HandoverReason::Failure, undelivered.queue.as_str());
    Ok(handed_over(living, episode.number, why, None, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::*;
    use events::ThreadEvent;
    use events::thread::{Author, ClosedBy, Touch, Window};

    fn lost(i: u32) -> Undelivered {
        Undelivered { message: r(i), queue: "sales".into() }
    }

    fn without_room() -> ThreadEvent {
        ThreadEvent::Withdrawn { message: r(1), reason: WithdrawnReason::Window, at: NOON }
    }

    fn window(left: u32) -> ThreadEvent {
        let (window, touch) = (Some(Window { until: LATER + DAY, left: Some(left) }), Touch::default());
        ThreadEvent::Touched { n: 1, touch, window, provider: "w".into(), at: NOON }
    }

    fn refused(class: FailureClass) -> [ThreadEvent; 2] {
        let failed =
            ThreadEvent::Failed { message: r(1), attempt: 1, class, retry_at: None, arrived: None, at: NOON };
        [started(1, 1, NOON), failed]
    }

    #[test]
    fn people_answer_in_place_of_what_had_no_room_or_was_refused() {
        let expected = [handed(1, HandoverReason::Failure, LATER)];
        given(asked([window(2), answered(1), without_room()]))
            .when(|t| hand_over_undelivered(t, &lost(1), LATER))
            .then(expected.clone());
        let history = [answered(1)].into_iter().chain(refused(FailureClass::Permanent));
        given(asked(history)).when(|t| hand_over_undelivered(t, &lost(1), LATER)).then(expected);
    }

    #[test]
    fn nobody_is_asked_who_could_not_write_either() {
        given(asked([answered(1), window(0), without_room()]))
            .when(|t| hand_over_undelivered(t, &lost(1), LATER))
            .then_nothing();
        for class in [FailureClass::Unreachable, FailureClass::WindowClosed] {
            let history = [answered(1)].into_iter().chain(refused(class));
            given(asked(history)).when(|t| hand_over_undelivered(t, &lost(1), LATER)).then_nothing();
        }
    }

    #[test]
    fn what_arrived_or_is_on_its_way_or_belongs_to_a_person_or_an_earlier_conversation_changes_nothing() {
        let asks = |t: &Thread| hand_over_undelivered(t, &lost(1), LATER);
        given(asked([answered(1)])).when(asks).then_nothing();
        given(asked([answered(1), started(1, 1, NOON)])).when(asks).then_nothing();
        let gone = [answered(1), without_room()];
        given(asked(gone.clone().into_iter().chain([taken(1, ANNA, NOON)]))).when(asks).then_nothing();
        given(asked(gone.into_iter().chain([closed(1, ClosedBy::Idle, NOON)]))).when(asks).then_nothing();
        given(asked([replied(1, Author::System, 0, None, NOON), without_room()])).when(asks).then_nothing();
    }
}
