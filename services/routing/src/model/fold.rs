//! Folding a thread's events into its row: pure, and in step with the law of the thread.

use super::history::Facts;
use super::row::{Awaited, ThreadRow};
use conversation::Owner;
use conversation::limits::RECENT_MAX;
use directory::QUEUE_DEFAULT;
use events::thread::{Author, ReleasedTo, TransferredTo};
use events::{Content, ContentKind, Micros, ThreadEvent};
use uuid::Uuid;

/// Whether routing looks at the event at all: most of a thread's messages are about sending.
pub(crate) fn is_relevant(event: &ThreadEvent) -> bool {
    !matches!(
        event,
        ThreadEvent::SendStarted { .. }
            | ThreadEvent::Withdrawn { .. }
            | ThreadEvent::Sent { .. }
            | ThreadEvent::Failed { .. }
            | ThreadEvent::Unknown { .. }
            | ThreadEvent::Receipt { .. }
            | ThreadEvent::Unreachable { .. }
            | ThreadEvent::Identified { .. }
    )
}

impl ThreadRow {
    /// Takes in one event after `Began`; what it says about agents and queues goes to `facts`.
    pub(crate) fn take_in(&mut self, event: &ThreadEvent, facts: &mut Facts) {
        match event {
            ThreadEvent::Opened { n, at, .. } => self.open(*n, *at),
            ThreadEvent::Touched { at, .. } | ThreadEvent::Edited { at, .. } => self.act(*at),
            ThreadEvent::Received { message, content, at, .. } => self.receive(*message, content, *at),
            ThreadEvent::Recalled { message, at, .. } => {
                self.act(*at);
                if let Some(item) = self.awaiting.iter_mut().rfind(|item| item.message == *message) {
                    item.mute = true;
                }
            }
            ThreadEvent::Replied { by, seen, at, .. } => {
                self.act(*at);
                // A notice of the suite answers nothing: the customer still waits.
                if *by != Author::System {
                    self.answer(*seen);
                }
            }
            ThreadEvent::AnsweredOutside { tenure, at, .. } => {
                self.act(*at);
                self.awaiting.clear();
                if !matches!(self.owner, Some(Owner::Agent(_) | Owner::Desk)) {
                    self.own(Owner::Outside, *tenure, *at, facts);
                }
            }
            ThreadEvent::DeskTook { moved: false, at, .. }
            | ThreadEvent::DeskLetGo { moved: false, at, .. } => {
                self.act(*at);
            }
            ThreadEvent::DeskTook { tenure, at, .. } => self.own(Owner::Desk, *tenure, *at, facts),
            ThreadEvent::DeskLetGo { tenure, at, .. } => {
                self.own(Owner::Ai, *tenure, *at, facts);
                // The desk answered past us.
                self.awaiting.clear();
            }
            ThreadEvent::HandedOver { .. }
            | ThreadEvent::Assigned { .. }
            | ThreadEvent::TakenOver { .. }
            | ThreadEvent::Released { .. }
            | ThreadEvent::Transferred { .. }
            | ThreadEvent::Closed { .. } => self.pass(event, facts),
            ThreadEvent::Began { .. }
            | ThreadEvent::SendStarted { .. }
            | ThreadEvent::Withdrawn { .. }
            | ThreadEvent::Sent { .. }
            | ThreadEvent::Failed { .. }
            | ThreadEvent::Unknown { .. }
            | ThreadEvent::Receipt { .. }
            | ThreadEvent::Unreachable { .. }
            | ThreadEvent::Identified { .. }
            | ThreadEvent::Erased { .. } => {}
        }
    }

    fn open(&mut self, n: u32, at: Micros) {
        self.n = n;
        self.owner = Some(Owner::Ai);
        self.since = at;
        self.active_at = at;
        self.queue.clear();
        self.language.clear();
        self.reason = None;
        self.gave_back = None;
    }

    fn act(&mut self, at: Micros) {
        if self.owner.is_some() {
            self.active_at = self.active_at.max(at);
        }
    }

    fn receive(&mut self, message: Uuid, content: &Content, at: Micros) {
        self.act(at);
        if !content.language.is_empty() {
            self.language.clone_from(&content.language);
        }
        let mute = content.kind == ContentKind::Unsupported;
        self.awaiting.push(Awaited { message, at, handed: false, mute });
        if self.awaiting.len() > RECENT_MAX {
            self.awaiting.remove(0);
        }
    }

    /// Everything up to `seen` is answered; what is not remembered was answered before.
    fn answer(&mut self, seen: Option<Uuid>) {
        let place = self.awaiting.iter().rposition(|item| Some(item.message) == seen);
        if let Some(place) = place {
            self.awaiting.drain(..=place);
        }
    }

    /// The conversation goes to somebody else, or ends.
    fn pass(&mut self, event: &ThreadEvent, facts: &mut Facts) {
        let before = match self.owner {
            Some(Owner::Agent(agent)) => Some(agent),
            _ => None,
        };
        match event {
            ThreadEvent::HandedOver { tenure, reason, queue, at, .. } => {
                self.own(Owner::Queue, *tenure, *at, facts);
                self.wait_in(queue, None);
                self.reason = Some(*reason);
                self.awaiting.iter_mut().for_each(|item| item.handed = true);
            }
            ThreadEvent::Assigned { tenure, agent, at, .. }
            | ThreadEvent::TakenOver { tenure, agent, at, .. } => {
                self.own(Owner::Agent(*agent), *tenure, *at, facts);
            }
            ThreadEvent::Released { tenure, to: ReleasedTo::Queue, at, .. } => {
                self.own(Owner::Queue, *tenure, *at, facts);
                let queue = self.queue.clone();
                self.wait_in(&queue, before);
            }
            ThreadEvent::Released { tenure, to: ReleasedTo::Ai, at, .. } => {
                self.own(Owner::Ai, *tenure, *at, facts);
                self.awaiting.retain(|item| !item.handed);
            }
            ThreadEvent::Transferred { tenure, to: TransferredTo::Agent(agent), at, .. } => {
                self.own(Owner::Agent(*agent), *tenure, *at, facts);
            }
            ThreadEvent::Transferred { tenure, to: TransferredTo::Queue(queue), at, .. } => {
                self.own(Owner::Queue, *tenure, *at, facts);
                self.wait_in(queue, before);
            }
            ThreadEvent::Closed { tenure, at, .. } => {
                self.leave(*at, facts);
                self.owner = None;
                self.tenure = self.tenure.max(*tenure);
                self.gave_back = None;
                self.awaiting.clear();
            }
            _ => {}
        }
    }

    fn wait_in(&mut self, queue: &str, gave_back: Option<Uuid>) {
        self.queue = if queue.is_empty() { QUEUE_DEFAULT.into() } else { queue.into() };
        self.gave_back = gave_back;
    }

    fn own(&mut self, owner: Owner, tenure: u32, at: Micros, facts: &mut Facts) {
        self.act(at);
        self.leave(at, facts);
        if let Owner::Agent(agent) = owner {
            self.last_agent = Some(agent);
            facts.got(agent, at);
        }
        self.gave_back = None;
        self.tenure = self.tenure.max(tenure);
        self.owner = Some(owner);
        self.since = at;
    }

    fn leave(&mut self, at: Micros, facts: &mut Facts) {
        if matches!(self.owner, Some(Owner::Agent(_))) && !self.queue.is_empty() {
            facts.freed(&self.tenant, &self.queue, at, at - self.since);
        }
    }
}

#[cfg(test)]
mod tests;
