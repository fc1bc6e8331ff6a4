//! What routing remembers of a thread: the open conversation's owner, its wait, and what awaits an answer.

use conversation::Owner;
use events::Micros;
use events::thread::HandoverReason;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// One thread.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ThreadRow {
    pub(crate) thread: Uuid,
    pub(crate) tenant: Arc<str>,
    pub(crate) account: Uuid,
    pub(crate) channel: String,
    /// The last conversation, open or closed; 0 before the first.
    pub(crate) n: u32,
    /// Who owns the open conversation; none when none is open.
    pub(crate) owner: Option<Owner>,
    pub(crate) tenure: u32,
    /// When the owner got it; in a queue, since when it waits.
    pub(crate) since: Micros,
    /// The queue in which it waits or last waited; empty when it never did.
    pub(crate) queue: String,
    pub(crate) reason: Option<HandoverReason>,
    /// In which language the customer last wrote; empty when undecided.
    pub(crate) language: String,
    /// Who last had a conversation of this thread.
    pub(crate) last_agent: Option<Uuid>,
    /// Who put it into the queue where it waits now.
    pub(crate) gave_back: Option<Uuid>,
    pub(crate) active_at: Micros,
    pub(crate) awaiting: Vec<Awaited>,
}

/// A message of the customer after the last answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Awaited {
    pub(crate) message: Uuid,
    pub(crate) at: Micros,
    /// Handed to people: a release to the AI leaves it as dealt with.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) handed: bool,
    /// Awaits nothing: it cannot be answered, or was taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) mute: bool,
}

impl ThreadRow {
    pub(crate) fn new(thread: Uuid, tenant: Arc<str>, account: Uuid, channel: String) -> Self {
        Self {
            thread,
            tenant,
            account,
            channel,
            n: 0,
            owner: None,
            tenure: 0,
            since: 0,
            queue: String::new(),
            reason: None,
            language: String::new(),
            last_agent: None,
            gave_back: None,
            active_at: 0,
            awaiting: Vec::new(),
        }
    }

    /// The message whose answer deadline runs first, and from when it counts.
    pub(crate) fn answer_due(&self) -> Option<(Uuid, Micros)> {
        if !matches!(self.owner, Some(Owner::Ai | Owner::Outside)) {
            return None;
        }
        let first = self.first_awaiting()?;
        Some((first.message, first.at.max(self.since)))
    }

    /// From when idleness counts. None while somebody waits for the AI, or is in a queue, as the law has it.
    pub(crate) fn idle_at(&self) -> Option<Micros> {
        let owner = self.owner.filter(|owner| *owner != Owner::Queue)?;
        (owner.is_person() || self.first_awaiting().is_none()).then_some(self.active_at)
    }

    fn first_awaiting(&self) -> Option<&Awaited> {
        self.awaiting.iter().find(|awaited| !awaited.mute)
    }
}

/// The stored word for an owner. Never changed.
pub(crate) fn owner_word(owner: Option<Owner>) -> &'static str {
    match owner {
        None => "none",
        Some(Owner::Ai) => "ai",
        Some(Owner::Queue) => "queue",
        Some(Owner::Agent(_)) => "agent",
        Some(Owner::Outside) => "outside",
        Some(Owner::Desk) => "desk",
    }
}

/// The owner that a word and an agent stand for.
pub(crate) fn owner_of(word: &str, agent: Option<Uuid>) -> Option<Owner> {
    match (word, agent) {
        ("ai", _) => Some(Owner::Ai),
        ("queue", _) => Some(Owner::Queue),
        ("agent", Some(agent)) => Some(Owner::Agent(agent)),
        ("outside", _) => Some(Owner::Outside),
        ("desk", _) => Some(Owner::Desk),
        _ => None,
    }
}
