//! Folding: what each stored event does to the state. Decides nothing and cannot fail.

mod desk;
mod sends;

use crate::inbox::Inbox;
use crate::limits::PROVEN_MAX;
use crate::outbox::Outbox;
use crate::thread::Episode;
use crate::{Living, Owner, Pending, Stage, Thread, ids::Ids};
use events::thread::{Author, OpenedBy, ReleasedTo, TransferredTo, Window};
use events::{ContentKind, Micros, ThreadEvent};
use std::collections::BTreeSet;

pub(crate) fn evolve(thread: &mut Thread, event: &ThreadEvent) {
    match (&mut *thread, event) {
        (Thread::Erased, _) => {}
        (_, ThreadEvent::Erased { .. }) => *thread = Thread::Erased,
        (Thread::Unknown, ThreadEvent::Began { .. }) => *thread = begin(event),
        // Nothing stands before `Began`; a log that says otherwise is not of this law's making.
        (Thread::Unknown, _) => {}
        (Thread::Living(living), _) => living.take_in(event),
    }
}

fn begin(event: &ThreadEvent) -> Thread {
    let ThreadEvent::Began { account, channel, contact, name, at } = event else { return Thread::Unknown };
    Thread::Living(Box::new(Living {
        account: *account,
        channel: channel.clone(),
        contact: contact.clone(),
        name: name.clone(),
        latest: *at,
        tenure: 0,
        person_since: 0,
        last_number: 0,
        episode: None,
        lone_since: None,
        reachable: true,
        window: None,
        inbox: Inbox::default(),
        theirs: Ids::default(),
        ours: Ids::default(),
        desk: None,
        proven: BTreeSet::new(),
        outbox: Outbox::default(),
    }))
}

impl Living {
    fn take_in(&mut self, event: &ThreadEvent) {
        match event {
            ThreadEvent::Began { .. } | ThreadEvent::Erased { .. } => {}
            ThreadEvent::Opened { .. }
            | ThreadEvent::Touched { .. }
            | ThreadEvent::Received { .. }
            | ThreadEvent::Edited { .. }
            | ThreadEvent::Recalled { .. }
            | ThreadEvent::Identified { .. }
            | ThreadEvent::Unreachable { .. } => self.take_in_customer(event),
            ThreadEvent::Replied { .. } | ThreadEvent::AnsweredOutside { .. } => self.take_in_answer(event),
            ThreadEvent::DeskTook { .. } | ThreadEvent::DeskLetGo { .. } => self.take_in_desk(event),
            ThreadEvent::HandedOver { .. }
            | ThreadEvent::Assigned { .. }
            | ThreadEvent::TakenOver { .. }
            | ThreadEvent::Released { .. }
            | ThreadEvent::Transferred { .. }
            | ThreadEvent::Closed { .. } => self.take_in_owner(event),
            ThreadEvent::SendStarted { .. }
            | ThreadEvent::Withdrawn { .. }
            | ThreadEvent::Sent { .. }
            | ThreadEvent::Failed { .. }
            | ThreadEvent::Unknown { .. }
            | ThreadEvent::Receipt { .. } => self.take_in_send(event),
        }
    }

    /// Time only moves forward, and with it what is forgotten.
    fn pass(&mut self, at: Micros) {
        self.latest = self.latest.max(at);
        self.theirs.prune(self.latest);
        self.ours.prune(self.latest);
        self.outbox.prune(self.latest);
    }

    fn act(&mut self, at: Micros) {
        self.pass(at);
        if let Some(episode) = &mut self.episode {
            episode.active_at = episode.active_at.max(at);
        }
    }

    fn take_in_customer(&mut self, event: &ThreadEvent) {
        match event {
            ThreadEvent::Opened { n, by, window, provider, at, .. } => {
                self.pass(*at);
                self.open_episode(*n, *by, *at);
                self.widen(*window, *at);
                if let Some(provider) = provider {
                    self.theirs.insert(provider, None, *at);
                    self.reachable = true;
                }
            }
            ThreadEvent::Touched { window, provider, at, .. } => {
                self.act(*at);
                self.widen(*window, *at);
                self.theirs.insert(provider, None, *at);
                self.reachable = true;
            }
            ThreadEvent::Received { message, provider, content, sent_at, window, at, .. } => {
                self.act(*at);
                self.widen(*window, *at);
                self.theirs.insert(provider, Some(*message), (*at).max(*sent_at));
                self.inbox.push(*message, *at, content.kind != ContentKind::Unsupported);
                self.lone_since = None;
                self.reachable = true;
            }
            ThreadEvent::Edited { provider, at, .. } => {
                self.act(*at);
                self.theirs.insert(provider, None, *at);
            }
            ThreadEvent::Recalled { message, provider, at } => {
                self.act(*at);
                self.theirs.insert(provider, None, *at);
                self.inbox.recall(*message);
            }
            ThreadEvent::Identified { provider, at, .. } => {
                self.pass(*at);
                self.theirs.insert(provider, None, *at);
                if self.proven.len() < PROVEN_MAX {
                    self.proven.insert(provider.as_str().into());
                }
            }
            ThreadEvent::Unreachable { provider, at } => {
                self.pass(*at);
                self.theirs.insert(provider, None, *at);
                self.reachable = false;
            }
            _ => {}
        }
    }

    fn open_episode(&mut self, number: u32, opened_by: OpenedBy, at: Micros) {
        let begins = self.inbox.end();
        self.last_number = number;
        self.lone_since = Some(at);
        self.episode = Some(Episode {
            number,
            opened_by,
            owner: Owner::Ai,
            owner_since: at,
            queue: None,
            active_at: at,
            begins,
            handed: begins,
            answered: false,
        });
    }

    /// A window only moves forward: messages may arrive out of order. Allowances do not add up: of two that are open
    /// the larger count and the later end hold (Tencent's guide to customer messages).
    fn widen(&mut self, window: Option<Window>, at: Micros) {
        let Some(new) = window else { return };
        self.window = Some(match self.window {
            Some(open) if open.until > at => Window {
                until: open.until.max(new.until),
                left: open.left.zip(new.left).map(|(open, new)| open.max(new)),
            },
            Some(over) if over.until > new.until => over,
            _ => new,
        });
    }

    fn take_in_answer(&mut self, event: &ThreadEvent) {
        match event {
            ThreadEvent::Replied { n, message, by, tenure, seen, resends, at, .. } => {
                self.act(*at);
                let stage = Stage::Waiting { retry_at: None };
                let (message, by, n, tenure) = (*message, *by, *n, *tenure);
                self.outbox.push(Pending { message, by, n, tenure, attempt: 0, parts: 1, stage });
                if let Some(outcome) = resends.and_then(|message| self.outbox.outcome_mut(message)) {
                    outcome.resent = true;
                }
                // A notice of the suite answers nothing: the customer still waits.
                if by != Author::System {
                    let place = seen.and_then(|message| self.inbox.after(message));
                    self.answer(place.unwrap_or(0));
                }
            }
            ThreadEvent::AnsweredOutside { tenure, message, provider, sent_at, at, .. } => {
                self.act(*at);
                self.ours.insert(provider, Some(*message), (*at).max(*sent_at));
                self.answer(self.inbox.end());
                let known = |owner| matches!(owner, Owner::Agent(_) | Owner::Desk);
                if !self.episode.as_ref().is_some_and(|episode| known(episode.owner)) {
                    self.own(Owner::Outside, *tenure, *at);
                }
            }
            _ => {}
        }
    }

    fn answer(&mut self, place: u64) {
        self.inbox.answer_until(place);
        if let Some(episode) = &mut self.episode {
            episode.answered = true;
        }
    }

    fn take_in_owner(&mut self, event: &ThreadEvent) {
        match event {
            ThreadEvent::HandedOver { tenure, queue, at, .. } => {
                self.own(Owner::Queue, *tenure, *at);
                let end = self.inbox.end();
                if let Some(episode) = &mut self.episode {
                    episode.handed = end;
                    episode.queue = Some(queue.clone());
                }
            }
            ThreadEvent::Assigned { tenure, agent, at, .. }
            | ThreadEvent::TakenOver { tenure, agent, at, .. } => {
                self.own(Owner::Agent(*agent), *tenure, *at)
            }
            ThreadEvent::Released { tenure, to: ReleasedTo::Queue, at, .. } => {
                self.own(Owner::Queue, *tenure, *at);
            }
            ThreadEvent::Released { tenure, to: ReleasedTo::Ai, at, .. } => {
                self.own(Owner::Ai, *tenure, *at);
                // What was handed to people was dealt with, even if silently; else the AI would hand the
                // same "a person please" over for ever. What came after it, the AI answers.
                let handed = self.episode.as_ref().map_or(0, |episode| episode.handed);
                self.inbox.answer_until(handed);
            }
            ThreadEvent::Transferred { tenure, to, at, .. } => match to {
                TransferredTo::Agent(agent) => self.own(Owner::Agent(*agent), *tenure, *at),
                TransferredTo::Queue(queue) => {
                    self.own(Owner::Queue, *tenure, *at);
                    if let Some(episode) = &mut self.episode {
                        episode.queue = Some(queue.clone());
                    }
                }
            },
            ThreadEvent::Closed { tenure, at, .. } => {
                self.pass(*at);
                self.tenure = self.tenure.max(*tenure);
                self.episode = None;
                self.inbox.answer_until(self.inbox.end());
            }
            _ => {}
        }
    }

    fn own(&mut self, owner: Owner, tenure: u32, at: Micros) {
        self.act(at);
        self.tenure = self.tenure.max(tenure);
        if owner.is_person() {
            self.person_since = self.tenure;
        }
        if let Some(episode) = &mut self.episode {
            episode.owner = owner;
            episode.owner_since = at;
        }
    }
}
