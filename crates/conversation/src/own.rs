//! Deciding who gets a conversation: handover to people, assignment, takeover.

use crate::{Decision, Living, Owner, Rejection, Thread};
use events::thread::{Author, Candidate, HandoverReason, OpenedBy};
use events::{Content, Micros, ThreadEvent};
use uuid::Uuid;

/// Words of the suite itself to the customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub message: Uuid,
    pub content: Content,
}

/// The AI's wish to give the conversation to people.
#[derive(Clone, Debug, PartialEq)]
pub struct HandOver {
    pub tenure: u32,
    pub reason: HandoverReason,
    pub queue: String,
    /// What tells the customer so.
    pub notice: Option<Notice>,
}

/// Routing's choice of an agent for a waiting conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assign {
    /// The tenure of the queue for which the choice was made.
    pub tenure: u32,
    pub agent: Uuid,
    /// Who was considered, and what spoke against the others.
    pub candidates: Vec<Candidate>,
}

/// An agent's wish to have a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakeOver {
    pub agent: Uuid,
    /// The colleague from whom it is taken on purpose, as a supervisor may; `None` takes it from anyone but
    /// a colleague.
    pub from: Option<Uuid>,
}

/// Gives the conversation from the AI to the queue and tells the customer, in one decision. A notice that
/// could not be sent is left out; the handover stands.
///
/// # Errors
/// [`Rejection::StaleTenure`] when the AI does not have it any more, [`Rejection::NotOpen`].
pub fn hand_over(thread: &Thread, hand_over: &HandOver, at: Micros) -> Decision {
    let (living, episode) = thread.open()?;
    match episode.owner {
        Owner::Queue => Ok(vec![]),
        Owner::Ai if hand_over.tenure == living.tenure => {
            let HandOver { reason, queue, notice, .. } = hand_over;
            Ok(handed_over(living, episode.number, (*reason, queue), notice.as_ref(), at))
        }
        owner => Err(Rejection::StaleTenure { owner, tenure: living.tenure }),
    }
}

/// The events of a handover: to the queue, and the notice if it can be sent.
pub(crate) fn handed_over(
    living: &Living,
    n: u32,
    (reason, queue): (HandoverReason, &str),
    notice: Option<&Notice>,
    at: Micros,
) -> Vec<ThreadEvent> {
    let tenure = living.tenure + 1;
    let mut events = vec![ThreadEvent::HandedOver { n, tenure, reason, queue: queue.to_owned(), at }];
    let sendable = living.check_room(at).is_ok();
    let notice = notice.filter(|notice| sendable && !living.outbox.knows(notice.message));
    events.extend(notice.map(|notice| notice.replied(n, tenure, at)));
    events
}

/// Gives a waiting conversation to an agent.
///
/// # Errors
/// [`Rejection::StaleTenure`] when it does not wait any more, or waits anew; [`Rejection::NotOpen`].
pub fn assign(thread: &Thread, assign: &Assign, at: Micros) -> Decision {
    let (living, episode) = thread.open()?;
    if episode.owner == Owner::Agent(assign.agent) {
        return Ok(vec![]);
    }
    if episode.owner != Owner::Queue || assign.tenure != living.tenure {
        return Err(Rejection::StaleTenure { owner: episode.owner, tenure: living.tenure });
    }
    let Assign { agent, candidates, .. } = assign.clone();
    Ok(vec![ThreadEvent::Assigned { n: episode.number, tenure: living.tenure + 1, agent, candidates, at }])
}

/// Gives the conversation to the agent who asks. Of two who ask at once one gets it and the other is told
/// who. From then on nothing that the AI wrote leaves any more, but for a request already in flight.
///
/// # Errors
/// [`Rejection::OwnedBy`] a colleague other than `from`, [`Rejection::NotOpen`].
pub fn take_over(thread: &Thread, take_over: &TakeOver, at: Micros) -> Decision {
    let (living, episode) = thread.open()?;
    let TakeOver { agent, from } = *take_over;
    match episode.owner {
        Owner::Agent(owner) if owner == agent => return Ok(vec![]),
        Owner::Agent(owner) if from == Some(owner) => {}
        owner @ Owner::Agent(_) => return Err(Rejection::OwnedBy { owner }),
        Owner::Ai | Owner::Queue | Owner::Outside | Owner::Desk => {}
    }
    Ok(vec![ThreadEvent::TakenOver { n: episode.number, tenure: living.tenure + 1, agent, at }])
}

/// Opens a conversation in which the agent writes first, and gives it to them; an open one is theirs
/// already or belongs to another.
///
/// # Errors
/// [`Rejection::OwnedBy`], [`Rejection::WindowClosed`], [`Rejection::Unreachable`], [`Rejection::Unknown`].
pub fn open_by_agent(thread: &Thread, agent: Uuid, at: Micros) -> Decision {
    let living = thread.living()?;
    match thread.owner() {
        Some(Owner::Agent(owner)) if owner == agent => return Ok(vec![]),
        Some(owner) => return Err(Rejection::OwnedBy { owner }),
        None => living.check_writable(at)?,
    }
    let (n, by) = (living.last_number + 1, OpenedBy::Agent);
    let opened = ThreadEvent::Opened { n, by, touch: None, window: None, provider: None, at };
    Ok(vec![opened, ThreadEvent::TakenOver { n, tenure: living.tenure + 1, agent, at }])
}

impl Notice {
    pub(crate) fn replied(&self, n: u32, tenure: u32, at: Micros) -> ThreadEvent {
        ThreadEvent::Replied {
            n,
            message: self.message,
            by: Author::System,
            tenure,
            seen: None,
            content: self.content.clone(),
            citations: vec![],
            confidence: None,
            worded_by: None,
            resends: None,
            at,
        }
    }
}

#[cfg(test)]
mod tests;
