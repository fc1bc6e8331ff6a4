//! Deciding answers: by the AI, by a person, by the suite itself.

use crate::own::Notice;
use crate::thread::Episode;
use crate::{Decision, Living, Owner, Rejection, Thread};
use events::thread::{Author, Citation};
use events::{Content, Micros, ThreadEvent};
use uuid::Uuid;

/// An answer of the AI.
#[derive(Clone, Debug, PartialEq)]
pub struct AiReply {
    pub message: Uuid,
    /// The tenure in which it was computed.
    pub tenure: u32,
    /// The customer's last message that it answers; `None` for a greeting before they wrote.
    pub seen: Option<Uuid>,
    pub content: Content,
    pub citations: Vec<Citation>,
    /// In thousandths.
    pub confidence: Option<u32>,
    /// The language model that worded it; none for the knowledge's own words.
    pub worded_by: Option<String>,
}

/// An answer of a person in the console.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonReply {
    pub message: Uuid,
    pub agent: Uuid,
    /// The tenure that the screen showed.
    pub tenure: u32,
    /// The customer's last message that the screen showed.
    pub seen: Option<Uuid>,
    pub content: Content,
}

/// Answers every message that awaits up to `seen`; what came later awaits an answer of its own. What is
/// answered already, and a greeting after the first word, is answered with nothing.
///
/// # Errors
/// [`Rejection::StaleTenure`] after the conversation changed hands, [`Rejection::OwnedBy`],
/// [`Rejection::NotOpen`], [`Rejection::WindowClosed`], [`Rejection::Unreachable`],
/// [`Rejection::OutboxFull`], [`Rejection::NoSuchMessage`].
pub fn reply_by_ai(thread: &Thread, reply: &AiReply, at: Micros) -> Decision {
    let living = thread.living()?;
    if living.outbox.knows(reply.message) {
        return Ok(vec![]);
    }
    let (living, episode) = thread.open()?;
    living.check_tenure(episode, reply.tenure)?;
    episode.check_owner(Owner::Ai)?;
    if !wants_answer(living, episode, reply.seen)? {
        return Ok(vec![]);
    }
    living.check_room(at)?;
    Ok(vec![ThreadEvent::Replied {
        n: episode.number,
        message: reply.message,
        by: Author::Ai,
        tenure: reply.tenure,
        seen: reply.seen,
        content: reply.content.clone(),
        citations: reply.citations.clone(),
        confidence: reply.confidence,
        worded_by: reply.worded_by.clone(),
        resends: None,
        at,
    }])
}

/// As [`reply_by_ai`], for an answer that is to be made again when the customer went on writing: a
/// correction in the last of several messages must not find the uncorrected answer on its way.
///
/// # Errors
/// [`Rejection::Newer`], else as [`reply_by_ai`].
pub fn reply_by_ai_to_all(thread: &Thread, reply: &AiReply, at: Micros) -> Decision {
    let events = reply_by_ai(thread, reply, at)?;
    match newer_than(thread, reply.seen).last() {
        Some(last) if !events.is_empty() => Err(Rejection::Newer { last: *last }),
        _ => Ok(events),
    }
}

/// Takes a person's answer, also when the customer wrote on: [`newer_than`] tells what to warn of.
///
/// # Errors
/// [`Rejection::StaleTenure`] or [`Rejection::OwnedBy`] when the conversation is not theirs (take it over
/// first), else as [`reply_by_ai`].
pub fn reply_by_person(thread: &Thread, reply: &PersonReply, at: Micros) -> Decision {
    let living = thread.living()?;
    if living.outbox.knows(reply.message) {
        return Ok(vec![]);
    }
    let (living, episode) = thread.open()?;
    living.check_tenure(episode, reply.tenure)?;
    episode.check_owner(Owner::Agent(reply.agent))?;
    if let Some(seen) = reply.seen {
        living.place_after(seen)?;
    }
    living.check_room(at)?;
    Ok(vec![ThreadEvent::Replied {
        n: episode.number,
        message: reply.message,
        by: Author::Agent(reply.agent),
        tenure: reply.tenure,
        seen: reply.seen,
        content: reply.content.clone(),
        citations: vec![],
        confidence: None,
        worded_by: None,
        resends: None,
        at,
    }])
}

/// Sends a notice of the suite (greeting, thanks, survey). It answers nothing and needs no tenure.
///
/// # Errors
/// [`Rejection::NotOpen`], [`Rejection::WindowClosed`], [`Rejection::Unreachable`],
/// [`Rejection::OutboxFull`].
pub fn notify(thread: &Thread, notice: &Notice, at: Micros) -> Decision {
    let living = thread.living()?;
    if living.outbox.knows(notice.message) {
        return Ok(vec![]);
    }
    let (living, episode) = thread.open()?;
    living.check_room(at)?;
    Ok(vec![notice.replied(episode.number, living.tenure, at)])
}

/// The messages of the open conversation that the customer wrote after `seen`, oldest first; all of them
/// when nothing was seen.
pub fn newer_than(thread: &Thread, seen: Option<Uuid>) -> Vec<Uuid> {
    let Ok((living, episode)) = thread.open() else { return vec![] };
    let place = seen.and_then(|message| living.inbox.after(message)).unwrap_or(0);
    living.inbox.from(place.max(episode.begins))
}

/// Whether there is something up to `seen` that nobody answered.
fn wants_answer(living: &Living, episode: &Episode, seen: Option<Uuid>) -> Result<bool, Rejection> {
    let Some(seen) = seen else {
        return Ok(!episode.answered && living.inbox.end() == episode.begins);
    };
    Ok(living.inbox.awaits_before(living.place_after(seen)?))
}

impl Living {
    /// The place just after `message`; 0 when it may be older than what is remembered.
    fn place_after(&self, message: Uuid) -> Result<u64, Rejection> {
        match self.inbox.after(message) {
            Some(place) => Ok(place),
            None if self.inbox.has_forgotten() => Ok(0),
            None => Err(Rejection::NoSuchMessage { message }),
        }
    }

    /// Refuses one more message that could not be sent.
    pub(crate) fn check_room(&self, at: Micros) -> Result<(), Rejection> {
        self.check_writable(at)?;
        if self.outbox.is_full() { Err(Rejection::OutboxFull) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
