//! The facts of one conversation, and what each event adds to them.

use conversation::limits::PENDING_MAX;
use events::thread::{Author, ClosedBy, HandoverReason, OpenedBy, ReleasedTo, TransferredTo};
use events::{ContentKind, Micros, ThreadEvent};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The answers' author when it was the AI.
pub(crate) const AI: &str = "ai";
/// The author when a person answered in the platform's own app.
const OUTSIDE: &str = "outside";

/// What is known of one conversation, as its row holds it. Times are microseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    pub(crate) opening: Option<Opening>,
    /// The customer's first message that counts (开口).
    pub(crate) first_received_at: Option<Micros>,
    pub(crate) messages_in: i64,
    /// Answers decided by the AI, notices and repetitions not counted.
    pub(crate) replies_ai: i64,
    pub(crate) replies_person: i64,
    pub(crate) first_reply: Option<FirstReply>,
    /// Answers after the customer's first message that were decided and not sent yet, while none was sent.
    pub(crate) unsent: Vec<Unsent>,
    /// Since when it waits in a queue.
    pub(crate) queued_at: Option<Micros>,
    /// All waits that ended with an agent, added up.
    pub(crate) waiting_ms: Option<i64>,
    /// Handovers, each counted.
    pub(crate) handovers: i64,
    /// The reasons that occurred, as [`bit_of`] each.
    pub(crate) handover_reasons: i32,
    /// Whether a person ever had it or answered in it.
    pub(crate) person: bool,
    pub(crate) closed_at: Option<Micros>,
    pub(crate) closed_by: Option<String>,
    pub(crate) lead: bool,
}

/// What is fixed when a conversation opens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Opening {
    pub(crate) place: Option<Place>,
    pub(crate) at: Micros,
    pub(crate) by: &'static str,
}

/// The account and its channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) channel: String,
}

/// The first answer that reached the platform after the customer wrote.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FirstReply {
    pub(crate) at: Micros,
    pub(crate) by: String,
    pub(crate) response_ms: i64,
}

/// An answer that may become the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unsent {
    pub(crate) message: Uuid,
    pub(crate) by: String,
}

impl Facts {
    /// Adds an event of this conversation, other than its opening and what happens to its sends.
    pub(crate) fn take_in(&mut self, event: &ThreadEvent) {
        match event {
            ThreadEvent::Received { content, at, .. } => {
                self.messages_in += 1;
                // A placeholder for what no adapter understands is no word of the customer's.
                if content.kind != ContentKind::Unsupported {
                    self.first_received_at.get_or_insert(*at);
                }
            }
            ThreadEvent::Replied { message, by, resends, .. } => self.take_in_reply(*message, *by, *resends),
            ThreadEvent::AnsweredOutside { at, .. } => {
                self.replies_person += 1;
                self.person = true;
                self.queued_at = None;
                self.answer(OUTSIDE, *at);
            }
            ThreadEvent::HandedOver { reason, at, .. } => {
                self.handovers += 1;
                self.handover_reasons |= bit_of(*reason);
                self.queued_at.get_or_insert(*at);
            }
            ThreadEvent::Released { to: ReleasedTo::Queue, at, .. }
            | ThreadEvent::Transferred { to: TransferredTo::Queue(_), at, .. } => {
                self.queued_at.get_or_insert(*at);
            }
            ThreadEvent::Assigned { at, .. } | ThreadEvent::TakenOver { at, .. } => {
                self.person = true;
                if let Some(since) = self.queued_at.take() {
                    self.waiting_ms = Some(self.waiting_ms.unwrap_or(0) + ms_between(since, *at));
                }
            }
            // People at the platform's desk have it; what they answer is not told.
            ThreadEvent::DeskTook { moved: true, .. } => {
                self.person = true;
                self.queued_at = None;
            }
            ThreadEvent::Released { to: ReleasedTo::Ai, .. }
            | ThreadEvent::Transferred { to: TransferredTo::Agent(_), .. } => self.queued_at = None,
            ThreadEvent::Closed { by, at, .. } => {
                self.queued_at = None;
                self.closed_at = Some(*at);
                self.closed_by = Some(closed_by(*by));
            }
            _ => {}
        }
    }

    fn take_in_reply(&mut self, message: Uuid, by: Author, resends: Option<Uuid>) {
        let author = match (by, resends) {
            (Author::System, None) => return,
            (by, None) => {
                match by {
                    Author::Ai => self.replies_ai += 1,
                    _ => self.replies_person += 1,
                }
                author(by)
            }
            // Sent again it is the same answer, in place of one that may have been the first. What the suite
            // sends again by itself stays the answer of whoever wrote it.
            (by, Some(of)) => match self.unsent.iter().find(|unsent| unsent.message == of) {
                None => return,
                Some(unsent) if by == Author::System => unsent.by.clone(),
                Some(_) => author(by),
            },
        };
        if self.first_received_at.is_none() || self.first_reply.is_some() {
            return;
        }
        // The law lets no more wait, so what falls out of the list was withdrawn or lost.
        if self.unsent.len() >= PENDING_MAX {
            self.unsent.remove(0);
        }
        self.unsent.push(Unsent { message, by: author });
    }

    /// Takes in that `message` was sent; says whether it is one of those that may be the first answer.
    pub(crate) fn sent(&mut self, message: Uuid, at: Micros) -> bool {
        let Some(place) = self.unsent.iter().position(|unsent| unsent.message == message) else {
            return false;
        };
        let by = self.unsent.swap_remove(place).by;
        self.answer(&by, at);
        true
    }

    fn answer(&mut self, by: &str, at: Micros) {
        let Some(since) = self.first_received_at else { return };
        if self.first_reply.is_none() {
            self.first_reply = Some(FirstReply { at, by: by.into(), response_ms: ms_between(since, at) });
            self.unsent.clear();
        }
    }
}

/// Whole milliseconds. Writers' clocks may differ, and no time runs backwards.
fn ms_between(from: Micros, to: Micros) -> i64 {
    to.saturating_sub(from).max(0) / 1_000
}

/// The bit of a reason in a row, and the reason's number in the answers.
pub(crate) fn number_of(reason: HandoverReason) -> i32 {
    match reason {
        HandoverReason::Unknown => 1,
        HandoverReason::WantsPerson => 2,
        HandoverReason::Anger => 3,
        HandoverReason::Deadline => 4,
        HandoverReason::Failure => 5,
    }
}

fn bit_of(reason: HandoverReason) -> i32 {
    1 << number_of(reason)
}

pub(crate) fn opened_by(by: OpenedBy) -> &'static str {
    match by {
        OpenedBy::Message => "message",
        OpenedBy::Widget => "widget",
        OpenedBy::Follow => "follow",
        OpenedBy::Scan => "scan",
        OpenedBy::Agent => "agent",
    }
}

fn closed_by(by: ClosedBy) -> String {
    match by {
        ClosedBy::Agent(agent) => format!("agent:{agent}"),
        ClosedBy::Idle => "idle".into(),
        ClosedBy::Ai => AI.into(),
        ClosedBy::Unreachable => "unreachable".into(),
    }
}

fn author(by: Author) -> String {
    match by {
        Author::Ai => AI.into(),
        Author::Agent(agent) => format!("agent:{agent}"),
        Author::System => "system".into(),
    }
}

#[cfg(test)]
mod tests;
