//! The state of a thread: who owns it, what awaits an answer, what waits to be sent.

use crate::desk::Desk;
use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::{Pending, Rejection, Settled, ids::Ids};
use events::thread::{OpenedBy, Window};
use events::{Micros, Sealed, ThreadEvent};
use spine::Entity;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use strum::VariantNames;
use uuid::Uuid;

/// One customer identity on one channel account, for life.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Thread {
    /// Nothing happened here yet.
    #[default]
    Unknown,
    /// Somebody was here.
    Living(Box<Living>),
    /// The person asked to be forgotten; nothing is remembered and nothing follows.
    Erased,
}

/// Who answers in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The AI; every conversation begins with it, except one that an agent opened.
    Ai,
    /// Nobody yet: it waits for a person.
    Queue,
    Agent(Uuid),
    /// A person who answers in the platform's own app and is unknown to us. The AI is silent and routing
    /// leaves them to it, until a message of the customer stays unanswered past its deadline.
    Outside,
    /// The platform's own desk, by the platform's word. The AI is silent, and no deadline runs, until the desk lets the
    /// customer go or an agent takes them over.
    Desk,
}

impl Owner {
    /// Whether a person answers.
    pub fn is_person(self) -> bool {
        matches!(self, Self::Agent(_) | Self::Outside | Self::Desk)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ai => f.write_str("the AI"),
            Self::Queue => f.write_str("the queue"),
            Self::Agent(agent) => write!(f, "agent {agent}"),
            Self::Outside => f.write_str("a person in the platform's own app"),
            Self::Desk => f.write_str("the platform's own desk"),
        }
    }
}

/// A thread that began and was not erased.
#[derive(Clone, Debug, PartialEq)]
pub struct Living {
    pub(crate) account: Uuid,
    pub(crate) channel: String,
    pub(crate) contact: Sealed,
    pub(crate) name: Option<Sealed>,
    /// The latest time that an event carried.
    pub(crate) latest: Micros,
    pub(crate) tenure: u32,
    /// The tenure with which a person last became the owner.
    pub(crate) person_since: u32,
    /// The number of the last conversation, 0 before the first.
    pub(crate) last_number: u32,
    pub(crate) episode: Option<Episode>,
    /// When a conversation was opened in which nobody wrote, if the last one is such.
    pub(crate) lone_since: Option<Micros>,
    pub(crate) reachable: bool,
    pub(crate) window: Option<Window>,
    pub(crate) inbox: Inbox,
    /// Ids of what the customer did.
    pub(crate) theirs: Ids,
    /// Ids that the platform gave to what was written to the customer.
    pub(crate) ours: Ids,
    pub(crate) desk: Option<Desk>,
    /// Names of the evidence that is recorded. At most [`crate::limits::PROVEN_MAX`].
    pub(crate) proven: BTreeSet<Arc<str>>,
    pub(crate) outbox: Outbox,
}

/// The open conversation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Episode {
    pub(crate) number: u32,
    pub(crate) opened_by: OpenedBy,
    pub(crate) owner: Owner,
    pub(crate) owner_since: Micros,
    pub(crate) queue: Option<String>,
    pub(crate) active_at: Micros,
    /// The place in the inbox at which the conversation begins.
    pub(crate) begins: u64,
    /// The place in the inbox up to which it was handed to people: dealt with, as far as the AI goes.
    pub(crate) handed: u64,
    /// Whether the AI or a person answered in it.
    pub(crate) answered: bool,
}

impl Thread {
    /// Who owns the open conversation.
    pub fn owner(&self) -> Option<Owner> {
        Some(self.episode()?.owner)
    }

    /// Grows with each change of owner and with each closing, over the whole life of the thread; 0 at its
    /// start. A conversation begins in the tenure that the closing of the one before it left.
    pub fn tenure(&self) -> u32 {
        self.as_living().map_or(0, |living| living.tenure)
    }

    /// The number of the open conversation.
    pub fn open_number(&self) -> Option<u32> {
        Some(self.episode()?.number)
    }

    /// The number of the last conversation, open or closed; 0 before the first.
    pub fn last_number(&self) -> u32 {
        self.as_living().map_or(0, |living| living.last_number)
    }

    /// What opened the open conversation.
    pub fn opened_by(&self) -> Option<OpenedBy> {
        Some(self.episode()?.opened_by)
    }

    /// The queue in which the open conversation waits, or last waited.
    pub fn queue(&self) -> Option<&str> {
        self.episode()?.queue.as_deref()
    }

    /// The last event in the open conversation that counts as activity: a message either way, an act of the
    /// customer, a change of owner.
    pub fn active_at(&self) -> Option<Micros> {
        Some(self.episode()?.active_at)
    }

    /// The customer's messages that await an answer, oldest first. Of a burst longer than
    /// [`crate::limits::RECENT_MAX`] only the newest.
    pub fn awaiting(&self) -> Vec<Uuid> {
        self.as_living().map_or_else(Vec::new, |living| living.inbox.awaiting())
    }

    /// The customer's last message, answered or not.
    pub fn last_message(&self) -> Option<Uuid> {
        self.as_living()?.inbox.last()
    }

    /// The names of the evidence that is recorded, as [`crate::identify`] was given them: the first
    /// [`crate::limits::PROVEN_MAX`].
    pub fn proven(&self) -> impl Iterator<Item = &str> {
        self.as_living().into_iter().flat_map(|living| living.proven.iter().map(AsRef::as_ref))
    }

    /// The message that goes next to the platform, in thread order.
    pub fn next_send(&self) -> Option<&Pending> {
        self.as_living()?.outbox.pending().front()
    }

    /// Everything that waits to be sent, in thread order.
    pub fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.as_living().into_iter().flat_map(|living| living.outbox.pending())
    }

    /// The final outcome of a message of ours, as long as it is remembered.
    pub fn settled(&self, message: Uuid) -> Option<Settled> {
        self.as_living()?.outbox.settled(message)
    }

    /// Our message to which the platform gave this id.
    pub fn message_of(&self, provider: &str) -> Option<Uuid> {
        self.as_living()?.ours.message(provider)
    }

    /// Until when, and how often, the channel lets us write; `None` when it sets no bound.
    pub fn window(&self) -> Option<Window> {
        self.as_living()?.window
    }

    /// Whether the customer can be written to, as far as is known.
    pub fn is_reachable(&self) -> bool {
        self.as_living().is_some_and(|living| living.reachable)
    }

    /// Whether the person was forgotten.
    pub fn is_erased(&self) -> bool {
        matches!(self, Self::Erased)
    }

    /// The account on which the thread is.
    pub fn account(&self) -> Option<Uuid> {
        Some(self.as_living()?.account)
    }

    /// The channel's folder name, such as `wechat_oa`.
    pub fn channel(&self) -> Option<&str> {
        Some(&self.as_living()?.channel)
    }

    /// What the platform calls the customer.
    pub fn contact(&self) -> Option<&Sealed> {
        Some(&self.as_living()?.contact)
    }

    /// The name by which the customer came.
    pub fn name(&self) -> Option<&Sealed> {
        self.as_living()?.name.as_ref()
    }

    pub(crate) fn as_living(&self) -> Option<&Living> {
        match self {
            Self::Living(living) => Some(living),
            Self::Unknown | Self::Erased => None,
        }
    }

    fn episode(&self) -> Option<&Episode> {
        self.as_living()?.episode.as_ref()
    }

    /// The living state, or why there is none.
    pub(crate) fn living(&self) -> Result<&Living, Rejection> {
        match self {
            Self::Unknown => Err(Rejection::Unknown),
            Self::Living(living) => Ok(living),
            Self::Erased => Err(Rejection::Erased),
        }
    }

    /// The living state and its open conversation, or why there is none.
    pub(crate) fn open(&self) -> Result<(&Living, &Episode), Rejection> {
        let living = self.living()?;
        let episode = living.episode.as_ref().ok_or(Rejection::NotOpen)?;
        Ok((living, episode))
    }
}

impl Living {
    /// Refuses what the channel would not take at `at`.
    pub(crate) fn check_writable(&self, at: Micros) -> Result<(), Rejection> {
        if !self.reachable {
            return Err(Rejection::Unreachable);
        }
        match self.window {
            Some(window) if window.until < at || window.left == Some(0) => Err(Rejection::WindowClosed),
            _ => Ok(()),
        }
    }

    /// Refuses a tenure that is over, naming who has it now.
    pub(crate) fn check_tenure(&self, episode: &Episode, tenure: u32) -> Result<(), Rejection> {
        if tenure == self.tenure {
            return Ok(());
        }
        Err(Rejection::StaleTenure { owner: episode.owner, tenure: self.tenure })
    }
}

impl Episode {
    /// Refuses unless `owner` has the conversation.
    pub(crate) fn check_owner(&self, owner: Owner) -> Result<(), Rejection> {
        if self.owner == owner { Ok(()) } else { Err(Rejection::OwnedBy { owner: self.owner }) }
    }
}

impl Entity for Thread {
    type Event = ThreadEvent;

    const KIND: &'static str = "thread";

    const EVENTS: &'static [&'static str] = ThreadEvent::VARIANTS;

    fn evolve(&mut self, event: &ThreadEvent) {
        crate::evolve::evolve(self, event);
    }
}
