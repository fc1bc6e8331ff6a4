//! Deciding to pass a conversation on: back to the AI, to a queue, to a colleague.

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
/// handed over before that counts as dealt with.
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
    Ok(vec![ThreadEvent::Released { n: episode.number, tenure: tenure + 1, to, at }])
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
