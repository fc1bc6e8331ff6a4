//! What was decided to be sent: waiting in thread order, then settled and remembered for late outcomes.

use crate::limits::{PENDING_MAX, REDELIVERY_US_MAX, SETTLED_MAX};
use events::Micros;
use events::thread::{Author, FailureClass, ReceiptState, WithdrawnReason};
use std::collections::{HashMap, VecDeque};
use uuid::Uuid;

/// A message that is decided and not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    pub message: Uuid,
    pub by: Author,
    /// The conversation it was written in.
    pub n: u32,
    /// The tenure in which it was written.
    pub tenure: u32,
    /// The last attempt, 0 before the first.
    pub attempt: u32,
    /// In how many messages of the channel the last attempt leaves, 1 before the first.
    pub parts: u32,
    pub stage: Stage,
}

/// How far a pending message got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It was not tried yet, or the platform did not take it and may from `retry_at` on.
    Waiting { retry_at: Option<Micros> },
    /// A platform call is under way, or died without a word.
    Started { at: Micros },
    /// Nobody knows yet whether the platform took it.
    Unknown { since: Micros },
}

/// The final outcome of a message. It only rises: a failure stays, an unknown may still turn out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    Sent {
        receipt: Option<ReceiptState>,
    },
    Failed(FailureClass),
    /// It may have arrived.
    Unknown,
    Withdrawn(WithdrawnReason),
}

/// A settled message and what a late outcome or a resend needs of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) how: Settled,
    pub(crate) attempt: u32,
    pub(crate) resent: bool,
    /// The conversation that it was to answer, if the AI wrote it.
    pub(crate) answers_in: Option<u32>,
}

/// Every message of ours is in at most one of the two.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outbox {
    pending: VecDeque<Pending>,
    settled: HashMap<Uuid, Outcome>,
    by_time: VecDeque<(Micros, Uuid)>,
}

impl Outbox {
    pub(crate) fn pending(&self) -> &VecDeque<Pending> {
        &self.pending
    }

    pub(crate) fn is_full(&self) -> bool {
        self.pending.len() >= PENDING_MAX
    }

    /// Whether the message was decided, as long as that is remembered.
    pub(crate) fn knows(&self, message: Uuid) -> bool {
        self.settled.contains_key(&message) || self.find(message).is_some()
    }

    pub(crate) fn find(&self, message: Uuid) -> Option<&Pending> {
        self.pending.iter().find(|pending| pending.message == message)
    }

    pub(crate) fn find_mut(&mut self, message: Uuid) -> Option<&mut Pending> {
        self.pending.iter_mut().find(|pending| pending.message == message)
    }

    pub(crate) fn outcome(&self, message: Uuid) -> Option<Outcome> {
        self.settled.get(&message).copied()
    }

    pub(crate) fn outcome_mut(&mut self, message: Uuid) -> Option<&mut Outcome> {
        self.settled.get_mut(&message)
    }

    pub(crate) fn settled(&self, message: Uuid) -> Option<Settled> {
        Some(self.outcome(message)?.how)
    }

    /// The message of which nobody knows yet whether the platform took it.
    pub(crate) fn unsettled(&self) -> Option<&Pending> {
        self.pending.iter().find(|pending| !matches!(pending.stage, Stage::Waiting { .. }))
    }

    pub(crate) fn push(&mut self, pending: Pending) {
        self.pending.push_back(pending);
    }

    /// Moves a pending message to its outcome, or lifts the outcome of a settled one.
    pub(crate) fn settle(&mut self, message: Uuid, how: Settled, at: Micros) {
        if let Some(outcome) = self.settled.get_mut(&message) {
            outcome.how = how;
            return;
        }
        let Some(index) = self.pending.iter().position(|pending| pending.message == message) else { return };
        let Some(pending) = self.pending.remove(index) else { return };
        let answers_in = (pending.by == Author::Ai).then_some(pending.n);
        let outcome = Outcome { how, attempt: pending.attempt, resent: false, answers_in };
        self.settled.insert(message, outcome);
        self.by_time.push_back((at, message));
        if self.by_time.len() > SETTLED_MAX {
            self.forget_oldest();
        }
    }

    /// Forgets outcomes of which no platform speaks any more at `now`.
    pub(crate) fn prune(&mut self, now: Micros) {
        let horizon = now.saturating_sub(REDELIVERY_US_MAX);
        while self.by_time.front().is_some_and(|(at, _)| *at < horizon) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, message)) = self.by_time.pop_front() {
            self.settled.remove(&message);
        }
    }
}
