//! Deciding whether a platform call may be made now: the last gate before the customer reads something.

use crate::{Decision, Living, Pending, Rejection, Stage, Thread};
use events::thread::{Author, WithdrawnReason};
use events::{Micros, ThreadEvent};
use uuid::Uuid;

/// What a channel offers to find out whether a send whose answer was lost arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The platform takes the same key once, so trying again is safe.
    IdempotencyKey,
    /// A receipt names the message.
    Receipt,
    /// An echo shows the message.
    Echo,
    /// There is none: what is unknown becomes finally so.
    None,
}

/// A platform call that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartSend {
    pub message: Uuid,
    /// From 1, one more than the last.
    pub attempt: u32,
    pub proof: Proof,
    /// In how many messages of the channel it leaves, from 1: a text that is too long for one is cut.
    pub parts: u32,
}

/// Lets the call be made (`SendStarted`), or withdraws the message for ever (`Withdrawn`, or a last `Unknown`
/// if an earlier attempt may have arrived). The caller calls the platform only after its own `SendStarted` is
/// in the log; an empty answer never comes.
///
/// An answer of the AI is withdrawn once a person has become the owner since it was written, also if the AI
/// owns the conversation again. A handover to the queue alone withdraws nothing: the AI's earlier answer
/// belongs to an earlier question, nobody has begun to speak in its place, and the notice follows it in
/// order. What people wrote and notices of the suite are never withdrawn for a tenure. In a closed window,
/// and when the customer cannot be reached, every message is withdrawn rather than parked: an answer that
/// leaves days later, when they write again, answers nothing. The owner may send it again. So is one of more parts than
/// the window has messages left: its beginning alone is worse than nothing, and cannot be taken back.
///
/// # Errors
/// [`Rejection::NotNext`], [`Rejection::InFlight`] (also on a repeated start), [`Rejection::Unresolved`]
/// unless the proof is an idempotency key, [`Rejection::TooEarly`], [`Rejection::WrongAttempt`],
/// [`Rejection::Settled`], [`Rejection::NoSuchMessage`].
pub fn start_send(thread: &Thread, start: &StartSend, at: Micros) -> Decision {
    let living = thread.living()?;
    let StartSend { message, attempt, proof, parts } = *start;
    let pending = find_pending(living, message)?;
    match living.outbox.pending().front() {
        Some(first) if first.message != message => {
            return Err(Rejection::NotNext { waits_for: first.message });
        }
        _ => {}
    }
    match pending.stage {
        Stage::Started { .. } => return Err(pending.unsettled()),
        Stage::Unknown { .. } if proof != Proof::IdempotencyKey => return Err(pending.unsettled()),
        // It may have arrived, so it is not called withdrawn, but tried again it is not either.
        Stage::Unknown { .. } if is_over(living, pending) => {
            return Ok(vec![ThreadEvent::Unknown { message, attempt: pending.attempt, last: true, at }]);
        }
        Stage::Unknown { .. } => {}
        Stage::Waiting { retry_at } => {
            if let Some(reason) = withdrawn_for(living, pending, parts, at) {
                return Ok(vec![ThreadEvent::Withdrawn { message, reason, at }]);
            }
            if let Some(until) = retry_at.filter(|until| at < *until) {
                return Err(Rejection::TooEarly { until });
            }
        }
    }
    if attempt != pending.attempt + 1 {
        return Err(Rejection::WrongAttempt { attempt: pending.attempt + 1 });
    }
    Ok(vec![ThreadEvent::SendStarted { message, attempt, parts: Some(parts).filter(|parts| *parts > 1), at }])
}

/// Gives a message up that is not on its way: a person's or the tenant's choice.
///
/// # Errors
/// [`Rejection::InFlight`], [`Rejection::Unresolved`], [`Rejection::Settled`],
/// [`Rejection::NoSuchMessage`].
pub fn cancel(thread: &Thread, message: Uuid, at: Micros) -> Decision {
    let living = thread.living()?;
    let reason = WithdrawnReason::Cancelled;
    match find_pending(living, message) {
        Ok(pending) if matches!(pending.stage, Stage::Waiting { .. }) => {
            Ok(vec![ThreadEvent::Withdrawn { message, reason, at }])
        }
        Ok(pending) => Err(pending.unsettled()),
        Err(_) if thread.settled(message) == Some(crate::Settled::Withdrawn(reason)) => Ok(vec![]),
        Err(rejection) => Err(rejection),
    }
}

fn find_pending(living: &Living, message: Uuid) -> Result<&Pending, Rejection> {
    living.outbox.find(message).ok_or_else(|| match living.outbox.settled(message) {
        Some(_) => Rejection::Settled { message },
        None => Rejection::NoSuchMessage { message },
    })
}

fn withdrawn_for(living: &Living, pending: &Pending, parts: u32, at: Micros) -> Option<WithdrawnReason> {
    if is_over(living, pending) {
        return Some(WithdrawnReason::Tenure);
    }
    let room = living.window.and_then(|window| window.left).is_none_or(|left| left >= parts);
    (!room || living.check_writable(at).is_err()).then_some(WithdrawnReason::Window)
}

/// Whether a person became the owner since the AI wrote this.
fn is_over(living: &Living, pending: &Pending) -> bool {
    pending.by == Author::Ai && pending.tenure < living.person_since
}

impl Pending {
    /// Why nothing else can be done with the message now.
    pub(crate) fn unsettled(&self) -> Rejection {
        let Self { message, attempt, .. } = *self;
        match self.stage {
            Stage::Waiting { .. } => Rejection::StillPending { message },
            Stage::Started { .. } => Rejection::InFlight { message, attempt },
            Stage::Unknown { .. } => Rejection::Unresolved { message, attempt },
        }
    }
}

#[cfg(test)]
mod tests;
