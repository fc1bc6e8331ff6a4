//! Deciding the end of a conversation.

use crate::receive::is_new;
use crate::{Decision, Owner, Rejection, Thread};
use events::thread::ClosedBy;
use events::{Micros, ThreadEvent};
use uuid::Uuid;

/// Who ends conversation `n`, and what they knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The agent who owns it; `seen` is the customer's last message that the screen showed.
    ByAgent { n: u32, agent: Uuid, seen: Option<Uuid> },
    /// The AI, in its tenure.
    ByAi { n: u32, tenure: u32, seen: Option<Uuid> },
    /// Nothing happened in it since `cutoff`.
    Idle { n: u32, cutoff: Micros },
    /// The customer cannot be written to any more.
    Unreachable { n: u32 },
}

/// The platform says that the customer cannot be written to any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The platform's id of what it said.
    pub provider: String,
    /// The platform's time.
    pub sent_at: Micros,
}

/// Ends conversation `n`. Ending it again, also when a later one is open, does nothing. What is decided to
/// be sent still is.
///
/// # Errors
/// [`Rejection::Newer`] when the customer wrote after `seen`, so that no word is lost;
/// [`Rejection::OwnedBy`], [`Rejection::StaleTenure`]; [`Rejection::Active`] since the cutoff;
/// [`Rejection::Awaiting`] when it is idle but the customer waits for the AI, [`Rejection::OwnedBy`] when they wait in a queue;
/// [`Rejection::Reachable`]; [`Rejection::NotOpen`] when there was no conversation `n` yet.
pub fn close(thread: &Thread, close: &Close, at: Micros) -> Decision {
    let living = thread.living()?;
    let n = close.number();
    if n > living.last_number || n == 0 {
        return Err(Rejection::NotOpen);
    }
    let Some(episode) = living.episode.as_ref().filter(|episode| episode.number == n) else {
        return Ok(vec![]);
    };
    let by = match *close {
        Close::ByAgent { agent, seen, .. } => {
            episode.check_owner(Owner::Agent(agent))?;
            check_seen(thread, seen)?;
            ClosedBy::Agent(agent)
        }
        Close::ByAi { tenure, seen, .. } => {
            living.check_tenure(episode, tenure)?;
            episode.check_owner(Owner::Ai)?;
            check_seen(thread, seen)?;
            ClosedBy::Ai
        }
        Close::Idle { cutoff, .. } => {
            if episode.active_at > cutoff {
                return Err(Rejection::Active { last: episode.active_at });
            }
            // A person may leave a last "thanks" unanswered; whoever waits for one is not sent away, though nothing that
            // they wrote awaits an answer: an agent said goodbye and passed them on, or an answer never left.
            if episode.owner == Owner::Queue {
                return Err(Rejection::OwnedBy { owner: episode.owner });
            }
            match living.inbox.first_awaiting() {
                Some(message) if !episode.owner.is_person() => return Err(Rejection::Awaiting { message }),
                _ => ClosedBy::Idle,
            }
        }
        Close::Unreachable { .. } if living.reachable => return Err(Rejection::Reachable),
        Close::Unreachable { .. } => ClosedBy::Unreachable,
    };
    Ok(vec![ThreadEvent::Closed { n, tenure: living.tenure + 1, by, at }])
}

/// Records that the customer unfollowed or blocked the account, and ends the open conversation. What is not
/// sent yet is withdrawn when its turn comes.
///
/// # Errors
/// As [`crate::receive`], and [`Rejection::Unknown`] for a thread that never began.
pub fn unreachable(thread: &Thread, gone: &Gone, at: Micros) -> Decision {
    let living = thread.living()?;
    if !is_new(thread, &gone.provider, gone.sent_at, at)? {
        return Ok(vec![]);
    }
    let mut events = vec![ThreadEvent::Unreachable { provider: gone.provider.clone(), at }];
    events.extend(thread.open_number().map(|n| ThreadEvent::Closed {
        n,
        tenure: living.tenure + 1,
        by: ClosedBy::Unreachable,
        at,
    }));
    Ok(events)
}

fn check_seen(thread: &Thread, seen: Option<Uuid>) -> Result<(), Rejection> {
    match crate::newer_than(thread, seen).last() {
        Some(last) => Err(Rejection::Newer { last: *last }),
        None => Ok(()),
    }
}

impl Close {
    fn number(&self) -> u32 {
        match self {
            Self::ByAgent { n, .. } | Self::ByAi { n, .. } => *n,
            Self::Idle { n, .. } | Self::Unreachable { n } => *n,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::*;
    use events::thread::{HandoverReason, OpenedBy};

    fn by_anna(seen: u32) -> Close {
        Close::ByAgent { n: 1, agent: ANNA, seen: Some(m(seen)) }
    }

    fn idle(cutoff: Micros) -> Close {
        Close::Idle { n: 1, cutoff }
    }

    #[test]
    fn an_agent_closes_what_they_own() {
        let thread = given(asked([taken(1, ANNA, NOON)]))
            .when(|t| close(t, &by_anna(1), LATER))
            .then([closed(2, ClosedBy::Agent(ANNA), LATER)]);
        assert_eq!((thread.open_number(), thread.last_number(), thread.tenure()), (None, 1, 2));
        assert!(thread.awaiting().is_empty());
    }

    #[test]
    fn nobody_closes_over_a_message_they_have_not_seen() {
        given(asked([taken(1, ANNA, NOON), wrote(2)]))
            .when(|t| close(t, &by_anna(1), LATER))
            .then_rejected(Rejection::Newer { last: m(2) });
        given(asked([]))
            .when(|t| close(t, &Close::ByAi { n: 1, tenure: 0, seen: None }, LATER))
            .then_rejected(Rejection::Newer { last: m(1) });
    }

    #[test]
    fn nobody_closes_what_is_anothers() {
        given(asked([taken(1, BOB, NOON)]))
            .when(|t| close(t, &by_anna(1), LATER))
            .then_rejected(Rejection::OwnedBy { owner: Owner::Agent(BOB) });
        given(asked([taken(1, BOB, NOON)]))
            .when(|t| close(t, &Close::ByAi { n: 1, tenure: 0, seen: Some(m(1)) }, LATER))
            .then_rejected(Rejection::StaleTenure { owner: Owner::Agent(BOB), tenure: 1 });
    }

    #[test]
    fn the_ai_closes_in_its_tenure() {
        given(asked([answered(1)]))
            .when(|t| close(t, &Close::ByAi { n: 1, tenure: 0, seen: Some(m(1)) }, LATER))
            .then([closed(1, ClosedBy::Ai, LATER)]);
    }

    #[test]
    fn a_late_close_does_not_end_the_next_conversation() {
        let history = [closed(1, ClosedBy::Idle, NOON), opened(2, OpenedBy::Message, NOON)];
        given(asked(history)).when(|t| close(t, &by_anna(1), LATER)).then_nothing();
    }

    #[test]
    fn a_silent_conversation_is_closed_unless_the_customer_waits() {
        given(asked([answered(1)])).when(|t| close(t, &idle(NOON), LATER)).then([closed(
            1,
            ClosedBy::Idle,
            LATER,
        )]);
        given(asked([taken(1, ANNA, NOON)])).when(|t| close(t, &idle(NOON), LATER)).then([closed(
            2,
            ClosedBy::Idle,
            LATER,
        )]);
        let waits = Rejection::Awaiting { message: m(1) };
        given(asked([])).when(|t| close(t, &idle(NOON), LATER)).then_rejected(waits);
        let queued = Rejection::OwnedBy { owner: Owner::Queue };
        for history in [
            asked([handed(1, HandoverReason::Anger, NOON)]),
            asked([answered(1), handed(1, HandoverReason::Failure, NOON)]),
        ] {
            given(history).when(|t| close(t, &idle(NOON), LATER)).then_rejected(queued.clone());
        }
    }

    #[test]
    fn a_conversation_that_became_active_again_is_not_idle() {
        given(asked([answered(1), wrote_in(1, 2, LATER)]))
            .when(|t| close(t, &idle(LATER - 1), LATER))
            .then_rejected(Rejection::Active { last: LATER });
    }

    #[test]
    fn who_unfollows_ends_the_conversation() {
        let gone = Gone { provider: "g".into(), sent_at: NOON };
        let said = ThreadEvent::Unreachable { provider: "g".into(), at: LATER };
        let thread = given(asked([]))
            .when(|t| unreachable(t, &gone, LATER))
            .then([said, closed(1, ClosedBy::Unreachable, LATER)]);
        assert!(!thread.is_reachable());
        given([]).when(|t| unreachable(t, &gone, LATER)).then_rejected(Rejection::Unknown);
        given(asked([]))
            .when(|t| unreachable(t, &gone, NOON + 9 * DAY))
            .then_rejected(Rejection::TooOld { sent_at: NOON });
    }

    #[test]
    fn only_who_cannot_be_reached_is_closed_as_such() {
        let gone = ThreadEvent::Unreachable { provider: "g".into(), at: NOON };
        given(asked([gone])).when(|t| close(t, &Close::Unreachable { n: 1 }, LATER)).then([closed(
            1,
            ClosedBy::Unreachable,
            LATER,
        )]);
        given(asked([]))
            .when(|t| close(t, &Close::Unreachable { n: 1 }, LATER))
            .then_rejected(Rejection::Reachable);
    }

    #[test]
    fn a_conversation_that_never_was_is_not_closed() {
        given(asked([]))
            .when(|t| close(t, &Close::Idle { n: 2, cutoff: LATER }, LATER))
            .then_rejected(Rejection::NotOpen);
        given([forgotten()]).when(|t| close(t, &idle(LATER), LATER)).then_rejected(Rejection::Erased);
    }
}
