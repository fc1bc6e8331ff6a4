//! A batch folded in memory: which rows it needs, and what it makes of them.

use crate::facts::{Facts, Opening, Place, opened_by};
use crate::table::Found;
use conversation::Thread;
use events::lead::DetailKind;
use events::thread::Author;
use events::{LeadEvent, ThreadEvent};
use laws::lead::Lead;
use spine::{Entity, Error, Recorded};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Tenant and thread.
pub(crate) type ThreadKey = (Arc<str>, Arc<str>);

/// One conversation of a thread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) tenant: Arc<str>,
    pub(crate) thread: Arc<str>,
    pub(crate) n: u32,
}

/// The rows that a batch needs to be folded onto.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) conversations: BTreeSet<Key>,
    /// Threads in which something was sent that was decided before this batch: an outcome does not say in
    /// which conversation.
    pub(crate) sent: BTreeSet<ThreadKey>,
    pub(crate) erased: BTreeSet<ThreadKey>,
}

impl Wanted {
    /// Looks through a batch of threads' and leads' messages.
    ///
    /// # Errors
    /// When a message cannot be decoded.
    pub(crate) fn of(batch: &[Arc<Recorded>]) -> Result<Self, Error> {
        let mut wanted = Self::default();
        let mut decided = HashSet::new();
        for record in batch {
            match &*record.address.kind {
                Thread::KIND => {
                    for event in record.events::<Thread>()? {
                        if let ThreadEvent::Replied { message, .. } = event {
                            decided.insert(*message);
                        }
                        let is_earlier = |sent: &ThreadEvent| matches!(sent, ThreadEvent::Sent { message, .. } if !decided.contains(message));
                        if is_earlier(event) {
                            wanted.sent.insert(thread_of(record));
                        }
                        wanted.note(record, event);
                    }
                }
                Lead::KIND => wanted.conversations.extend(leads(record)?),
                _ => {}
            }
        }
        Ok(wanted)
    }

    fn note(&mut self, record: &Recorded, event: &ThreadEvent) {
        if let Some(n) = conversation_of(event) {
            self.conversations.insert(key_of(record, n));
        }
        match event {
            // The one before it knows the account and the channel, which stand in the thread's first event.
            ThreadEvent::Opened { n, .. } if *n > 1 => {
                self.conversations.insert(key_of(record, n - 1));
            }
            ThreadEvent::Erased { .. } => {
                self.erased.insert(thread_of(record));
            }
            _ => {}
        }
    }

    /// Whether the batch leaves the conversations as they are.
    pub(crate) fn is_empty(&self) -> bool {
        self.conversations.is_empty() && self.sent.is_empty() && self.erased.is_empty()
    }
}

/// The conversations of a batch while it is folded.
#[derive(Default)]
pub(crate) struct Fold {
    entries: BTreeMap<Key, Entry>,
    places: HashMap<ThreadKey, Place>,
}

#[derive(Default)]
struct Entry {
    facts: Facts,
    changed: bool,
}

impl Fold {
    /// Begins with what the table has.
    pub(crate) fn onto(found: Vec<Found>) -> Self {
        let mut fold = Self::default();
        for Found { key, place, facts } in found {
            if let Some(place) = place {
                fold.places.insert((key.tenant.clone(), key.thread.clone()), place);
            }
            fold.entries.insert(key, Entry { facts, changed: false });
        }
        fold
    }

    /// Adds one message.
    ///
    /// # Errors
    /// When it cannot be decoded.
    pub(crate) fn take_in(&mut self, record: &Recorded) -> Result<(), Error> {
        match &*record.address.kind {
            Thread::KIND => {
                record.events::<Thread>()?.iter().for_each(|event| self.take_in_thread(record, event));
            }
            Lead::KIND => {
                for key in leads(record)? {
                    self.changed(key).lead = true;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The conversations that are not as they were, in the order of their keys.
    pub(crate) fn into_changed(self) -> Vec<(Key, Facts)> {
        let changed = self.entries.into_iter().filter(|(_, entry)| entry.changed);
        changed.map(|(key, entry)| (key, entry.facts)).collect()
    }

    fn take_in_thread(&mut self, record: &Recorded, event: &ThreadEvent) {
        match event {
            ThreadEvent::Began { account, channel, .. } => {
                let place = Place { account: account.to_string(), channel: channel.clone() };
                self.places.insert(thread_of(record), place);
            }
            ThreadEvent::Opened { n, by, at, .. } => {
                let place = self.places.get(&thread_of(record)).cloned();
                let opening = Opening { place, at: *at, by: opened_by(*by) };
                self.changed(key_of(record, *n)).opening = Some(opening);
            }
            ThreadEvent::Sent { message, at, .. } => {
                let (first, last) = (key_of(record, 0), key_of(record, u32::MAX));
                let mut entries = self.entries.range_mut(first..=last).map(|(_, entry)| entry);
                if let Some(entry) = entries.find_map(|e| e.facts.sent(*message, *at).then_some(e)) {
                    entry.changed = true;
                }
            }
            _ => {
                if let Some(n) = conversation_of(event) {
                    self.changed(key_of(record, n)).take_in(event);
                }
            }
        }
    }

    fn changed(&mut self, key: Key) -> &mut Facts {
        let entry = self.entries.entry(key).or_default();
        entry.changed = true;
        &mut entry.facts
    }
}

/// The conversation whose facts an event changes.
fn conversation_of(event: &ThreadEvent) -> Option<u32> {
    match event {
        // A notice of the suite answers nothing.
        ThreadEvent::Replied { by: Author::System, resends: None, .. } => None,
        ThreadEvent::Opened { n, .. }
        | ThreadEvent::Received { n, .. }
        | ThreadEvent::Replied { n, .. }
        | ThreadEvent::AnsweredOutside { n, .. }
        | ThreadEvent::DeskTook { n, moved: true, .. }
        | ThreadEvent::HandedOver { n, .. }
        | ThreadEvent::Assigned { n, .. }
        | ThreadEvent::TakenOver { n, .. }
        | ThreadEvent::Released { n, .. }
        | ThreadEvent::Transferred { n, .. }
        | ThreadEvent::Closed { n, .. } => Some(*n),
        _ => None,
    }
}

/// The conversations in which a lead's message captured something that reaches the person: a name alone is no
/// lead (留资).
fn leads(record: &Recorded) -> Result<Vec<Key>, Error> {
    let captured = record.events::<Lead>()?.iter().filter_map(|event| match event {
        LeadEvent::Captured { thread, conversation, kind, .. } if reaches(*kind) => {
            let (tenant, thread) = (record.address.tenant.clone(), thread.to_string().into());
            Some(Key { tenant, thread, n: *conversation })
        }
        _ => None,
    });
    Ok(captured.collect())
}

fn reaches(kind: DetailKind) -> bool {
    match kind {
        DetailKind::Phone
        | DetailKind::Wechat
        | DetailKind::Qq
        | DetailKind::Email
        | DetailKind::Telegram => true,
        DetailKind::Name | DetailKind::Address | DetailKind::Company => false,
    }
}

fn thread_of(record: &Recorded) -> ThreadKey {
    (record.address.tenant.clone(), record.address.id.clone())
}

fn key_of(record: &Recorded, n: u32) -> Key {
    Key { tenant: record.address.tenant.clone(), thread: record.address.id.clone(), n }
}
