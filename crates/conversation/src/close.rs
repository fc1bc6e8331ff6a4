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
/// [`Rejection::Awaiting`] when it is idle but the customer waits for the AI or in a queue;
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
            // A person may leave a last "thanks" unanswered; whoever waits for one is not sent away.
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
