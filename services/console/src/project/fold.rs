//! A batch of thread events, folded into rows before any is written.

use super::Conversation;
use super::amendment::Amendment;
use super::conversation::Latest;
use super::line::{Line, Place, Sorting, line};
use super::send::Change;
use super::text::{Text, Texts};
use super::thread::Thread;
use super::words;
use events::ThreadEvent;
use events::thread::{ReleasedTo, TransferredTo};
use spine::{Error, Recorded};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// What a batch makes of the rows that it found.
pub(super) struct Fold<'b> {
    pub(super) threads: HashMap<Arc<str>, Thread>,
    pub(super) lines: Vec<Line>,
    pub(super) sends: BTreeMap<(Arc<str>, Uuid), Change>,
    pub(super) amendments: BTreeMap<(Arc<str>, Uuid), Amendment>,
    /// Threads whose person was forgotten in this batch, with their tenants.
    pub(super) erased: BTreeMap<Arc<str>, Arc<str>>,
    pub(super) texts: Texts<'b>,
}

impl<'b> Fold<'b> {
    pub(super) fn new(threads: HashMap<Arc<str>, Thread>) -> Self {
        Self {
            threads,
            lines: Vec::new(),
            sends: BTreeMap::new(),
            amendments: BTreeMap::new(),
            erased: BTreeMap::new(),
            texts: Texts::default(),
        }
    }

    pub(super) fn take_in(&mut self, record: &'b Recorded) -> Result<(), Error> {
        let events = record.events::<conversation::Thread>()?;
        let subject: Arc<str> = record.address.subject().into();
        let sorting = Sorting::of(events);
        for (place, event) in events.iter().enumerate() {
            if let ThreadEvent::Began { .. } = event {
                self.begin(record, event, &subject);
            }
            let Some(thread) = self.threads.get_mut(&record.address.id) else { continue };
            if let ThreadEvent::Opened { n, by, at, .. } = event {
                let tenure = thread.current.as_ref().map_or(0, |current| current.tenure);
                thread.begin_next(Conversation::open(*n, *by, tenure, *at));
            }
            let n = thread.n();
            let at = Place { record, subject: &subject, place, n, sorting };
            self.lines.extend(line(at, event, &mut self.texts));
            if let Some((message, change)) = Change::of(event) {
                let key = (record.address.id.clone(), message);
                self.sends.entry(key).and_modify(|known| known.then(change.clone())).or_insert(change);
            }
            self.amend(record, event, &subject);
            self.change(record, event);
        }
        Ok(())
    }

    fn begin(&mut self, record: &Recorded, event: &'b ThreadEvent, subject: &Arc<str>) {
        let ThreadEvent::Began { account, channel, name, at, .. } = event else { return };
        let thread = Thread {
            tenant: record.address.tenant.clone(),
            account: account.to_string(),
            channel: channel.clone(),
            name: self.texts.add(name.as_ref(), subject, "began.name"),
            began_at: *at,
            erased_at: None,
            current: None,
            past: Vec::new(),
            dirty: true,
        };
        self.threads.insert(record.address.id.clone(), thread);
    }

    fn amend(&mut self, record: &Recorded, event: &'b ThreadEvent, subject: &Arc<str>) {
        match event {
            ThreadEvent::Edited { message, content, at, .. } => {
                let text = self.texts.add(content.text.as_ref(), subject, conversation::content::TEXT);
                let key = (record.address.id.clone(), *message);
                let kind = words::content_kind(content.kind);
                self.amendments.entry(key).or_default().edit(text.clone(), kind, *at);
                self.on_current(record, |current| current.edited(*message, content, text));
            }
            ThreadEvent::Recalled { message, at, .. } => {
                let key = (record.address.id.clone(), *message);
                self.amendments.entry(key).or_default().recall(*at);
                self.on_current(record, |current| current.recalled(*message));
            }
            ThreadEvent::Erased { at, .. } => {
                let (id, tenant) = (record.address.id.clone(), record.address.tenant.clone());
                if let Some(thread) = self.threads.get_mut(&id) {
                    (thread.erased_at, thread.name, thread.dirty) = (Some(*at), Text::None, true);
                    thread.past.iter_mut().chain(&mut thread.current).for_each(|row| {
                        (row.preview, row.dirty) = (Text::None, true);
                    });
                    // Nobody can work on it any more.
                    if let Some(open) = thread.current.as_mut().filter(|row| row.closed_at.is_none()) {
                        open.ended(words::ERASURE, *at);
                    }
                }
                self.erased.insert(id, tenant);
            }
            _ => {}
        }
    }

    /// What the event changes in the row of its conversation.
    fn change(&mut self, record: &Recorded, event: &ThreadEvent) {
        let text = self.lines.last().map_or(Text::None, |line| line.text.clone());
        self.on_current(record, |current| match event {
            ThreadEvent::Opened { touch: Some(touch), .. } => current.touch(touch),
            ThreadEvent::Touched { touch, at, .. } => {
                current.touch(touch);
                current.act(*at);
            }
            ThreadEvent::Received { message, content, at, .. } => {
                let author = words::CUSTOMER;
                current.received(Latest { message: *message, author, content, text, at: *at });
            }
            ThreadEvent::Replied { message, by, seen, content, at, .. } => {
                let (author, _) = words::author(*by);
                current.replied(*by, *seen, Latest { message: *message, author, content, text, at: *at });
            }
            ThreadEvent::AnsweredOutside { message, tenure, content, at, .. } => {
                let author = words::OUTSIDE;
                let latest = Latest { message: *message, author, content, text, at: *at };
                current.answered_outside(*tenure, latest);
            }
            _ => change_owner(current, event),
        });
    }

    fn on_current(&mut self, record: &Recorded, change: impl FnOnce(&mut Conversation)) {
        if let Some(current) =
            self.threads.get_mut(&record.address.id).and_then(|thread| thread.current.as_mut())
        {
            change(current);
        }
    }
}

fn change_owner(current: &mut Conversation, event: &ThreadEvent) {
    match event {
        ThreadEvent::HandedOver { tenure, reason, queue, at, .. } => {
            current.handed_over(*tenure, *reason, queue, *at);
        }
        ThreadEvent::Assigned { tenure, agent, at, .. }
        | ThreadEvent::TakenOver { tenure, agent, at, .. } => {
            current.own((words::AGENT, Some(*agent)), *tenure, *at);
        }
        ThreadEvent::Released { tenure, to, at, .. } => {
            current.own((words::released_to(*to), None), *tenure, *at);
            if *to == ReleasedTo::Ai {
                current.tail.answer_handed();
            }
        }
        ThreadEvent::DeskTook { moved: false, at, .. } | ThreadEvent::DeskLetGo { moved: false, at, .. } => {
            current.act(*at);
        }
        ThreadEvent::DeskTook { tenure, at, .. } => current.own((words::DESK, None), *tenure, *at),
        ThreadEvent::DeskLetGo { tenure, at, .. } => {
            current.own((words::AI, None), *tenure, *at);
            current.tail.answer_all();
        }
        ThreadEvent::Transferred { tenure, to: TransferredTo::Agent(agent), at, .. } => {
            current.own((words::AGENT, Some(*agent)), *tenure, *at);
        }
        ThreadEvent::Transferred { tenure, to: TransferredTo::Queue(queue), at, .. } => {
            current.own((words::QUEUE, None), *tenure, *at);
            current.queue = Some(queue.clone());
        }
        ThreadEvent::Closed { tenure, by, at, .. } => current.closed(*tenure, *by, *at),
        _ => {}
    }
}
