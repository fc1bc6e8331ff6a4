//! Deciding to pass a conversation on: back to the AI, to a queue, to a colleague.

use crate::desk::still_at_desk;
use crate::{Decision, Owner, Rejection, Thread};
use events::thread::{ReleasedTo, TransferredTo};
use events::{Micros, ThreadEvent};
use uuid::Uuid;

/// A conversation given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The agent who gives it back; `None` when routing does: overflow of a queue to the AI, or an agent who
    /// is gone.
    pub by: Option<Uuid>,
    /// The tenure that the asker knew.
    pub tenure: u32,
    pub to: ReleasedTo,
}

/// A conversation given to somebody named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The agent who has it.
    pub by: Uuid,
    pub tenure: u32,
    pub to: TransferredTo,
}

/// Gives the conversation back. The AI answers what came after the last handover and is unanswered; what was
/// handed over before that counts as dealt with. While the platform's own desk holds the customer, what is given back
/// to the AI is the desk's.
///
/// # Errors
/// [`Rejection::StaleTenure`], [`Rejection::OwnedBy`] somebody else, [`Rejection::NotOpen`].
pub fn release(thread: &Thread, release: &Release, at: Micros) -> Decision {
    let (living, episode) = thread.open()?;
    let Release { by, tenure, to } = *release;
    let goal = match to {
        ReleasedTo::Ai => Owner::Ai,
        ReleasedTo::Queue => Owner::Queue,
    };
    if episode.owner == goal {
        return Ok(vec![]);
    }
    living.check_tenure(episode, tenure)?;
    match by {
        Some(agent) => episode.check_owner(Owner::Agent(agent))?,
        // The AI gives a conversation away by a handover, with a reason.
        None if episode.owner == Owner::Ai => return Err(Rejection::OwnedBy { owner: Owner::Ai }),
        None => {}
    }
    let desks = still_at_desk(thread, episode.number, at).filter(|_| goal == Owner::Ai);
    Ok(vec![desks.unwrap_or(ThreadEvent::Released { n: episode.number, tenure: tenure + 1, to, at })])
}

/// Gives the conversation to a colleague or a queue.
///
/// # Errors
/// As [`release`].
pub fn transfer(thread: &Thread, transfer: &Transfer, at: Micros) -> Decision {
    let (living, episode) = thread.open()?;
    let Transfer { by: from, tenure, to } = transfer.clone();
    let done = match &to {
        TransferredTo::Agent(agent) => episode.owner == Owner::Agent(*agent),
        TransferredTo::Queue(queue) => episode.owner == Owner::Queue && episode.queue.as_ref() == Some(queue),
    };
    if done {
        return Ok(vec![]);
    }
    living.check_tenure(episode, tenure)?;
    episode.check_owner(Owner::Agent(from))?;
    Ok(vec![ThreadEvent::Transferred { n: episode.number, tenure: tenure + 1, from, to, at }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::*;
    use events::thread::{ClosedBy, HandoverReason};

    fn back(by: Option<Uuid>, tenure: u32, to: ReleasedTo) -> Release {
        Release { by, tenure, to }
    }

    fn on(tenure: u32, to: TransferredTo) -> Transfer {
        Transfer { by: ANNA, tenure, to }
    }

    fn annas() -> Vec<ThreadEvent> {
        asked([taken(1, ANNA, NOON)])
    }

    fn sales() -> TransferredTo {
        TransferredTo::Queue("sales".into())
    }

    fn transferred(to: TransferredTo) -> ThreadEvent {
        ThreadEvent::Transferred { n: 1, tenure: 2, from: ANNA, to, at: LATER }
    }

    #[test]
    fn an_agent_gives_back_to_the_ai_or_the_queue() {
        for (to, owner) in [(ReleasedTo::Ai, Owner::Ai), (ReleasedTo::Queue, Owner::Queue)] {
            let thread = given(annas())
                .when(|t| release(t, &back(Some(ANNA), 1, to), LATER))
                .then([released(2, to, LATER)]);
            assert_eq!(thread.owner(), Some(owner));
        }
    }

    #[test]
    fn what_a_person_left_unanswered_without_a_handover_the_ai_answers() {
        let thread = given(annas().into_iter().chain([released(2, ReleasedTo::Ai, NOON)])).thread();
        assert_eq!(thread.awaiting(), [m(1)]);
    }

    #[test]
    fn routing_gives_an_overflowing_queue_to_the_ai_and_takes_from_an_agent_who_is_gone() {
        let waiting = asked([handed(1, HandoverReason::Anger, NOON)]);
        given(waiting).when(|t| release(t, &back(None, 1, ReleasedTo::Ai), LATER)).then([released(
            2,
            ReleasedTo::Ai,
            LATER,
        )]);
        given(annas()).when(|t| release(t, &back(None, 1, ReleasedTo::Queue), LATER)).then([released(
            2,
            ReleasedTo::Queue,
            LATER,
        )]);
    }

    #[test]
    fn nobody_gives_back_what_they_do_not_have() {
        given(annas())
            .when(|t| release(t, &back(Some(BOB), 1, ReleasedTo::Ai), LATER))
            .then_rejected(Rejection::OwnedBy { owner: Owner::Agent(ANNA) });
        given(annas())
            .when(|t| release(t, &back(Some(ANNA), 0, ReleasedTo::Ai), LATER))
            .then_rejected(Rejection::StaleTenure { owner: Owner::Agent(ANNA), tenure: 1 });
        given(asked([]))
            .when(|t| release(t, &back(None, 0, ReleasedTo::Queue), LATER))
            .then_rejected(Rejection::OwnedBy { owner: Owner::Ai });
    }

    #[test]
    fn what_is_where_it_should_be_is_not_given_back_again() {
        given(asked([])).when(|t| release(t, &back(Some(ANNA), 9, ReleasedTo::Ai), LATER)).then_nothing();
    }

    #[test]
    fn an_agent_gives_to_a_colleague_or_a_queue() {
        let thread = given(annas())
            .when(|t| transfer(t, &on(1, TransferredTo::Agent(BOB)), LATER))
            .then([transferred(TransferredTo::Agent(BOB))]);
        assert_eq!(thread.owner(), Some(Owner::Agent(BOB)));
        let thread =
            given(annas()).when(|t| transfer(t, &on(1, sales()), LATER)).then([transferred(sales())]);
        assert_eq!((thread.owner(), thread.queue()), (Some(Owner::Queue), Some("sales")));
    }

    #[test]
    fn only_the_owner_in_their_tenure_transfers() {
        given(asked([]))
            .when(|t| transfer(t, &on(0, sales()), LATER))
            .then_rejected(Rejection::OwnedBy { owner: Owner::Ai });
        given(annas())
            .when(|t| transfer(t, &on(0, sales()), LATER))
            .then_rejected(Rejection::StaleTenure { owner: Owner::Agent(ANNA), tenure: 1 });
    }

    #[test]
    fn nothing_is_passed_on_that_is_not_open_or_was_forgotten() {
        let over = || given(asked([closed(1, ClosedBy::Idle, NOON)]));
        over().when(|t| release(t, &back(None, 1, ReleasedTo::Ai), LATER)).then_rejected(Rejection::NotOpen);
        over().when(|t| transfer(t, &on(1, sales()), LATER)).then_rejected(Rejection::NotOpen);
        given([forgotten()])
            .when(|t| release(t, &back(None, 1, ReleasedTo::Ai), LATER))
            .then_rejected(Rejection::Erased);
        given([forgotten()]).when(|t| transfer(t, &on(1, sales()), LATER)).then_rejected(Rejection::Erased);
    }
}
