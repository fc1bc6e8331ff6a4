//! Folded states of recently used entities, kept current by the process's tail.

use crate::entity::Entity;
use crate::error::Error;
use crate::record::Recorded;
use lru::LruCache;
use std::any::Any;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A state, the sequence of the last message folded into it, and how many decisions that were.
#[derive(Debug, Default)]
pub(crate) struct Slot<S> {
    pub(crate) state: S,
    pub(crate) sequence: u64,
    pub(crate) version: u64,
    /// Whether the leader said once, since the slot is here, that nothing is missing: from then on the tail tells.
    pub(crate) confirmed: bool,
}

impl<S: Entity> Slot<S> {
    /// Takes in a message unless it is already in. False when one in between is missing.
    pub(crate) fn fold(&mut self, record: &Recorded) -> Result<bool, Error> {
        if record.position.sequence <= self.sequence {
            return Ok(true);
        }
        if record.is_foreign() {
            self.sequence = record.position.sequence;
            return Ok(true);
        }
        if record.meta.version != self.version + 1 {
            return Ok(false);
        }
        for event in record.events::<S>()? {
            self.state.evolve(event);
        }
        self.sequence = record.position.sequence;
        self.version = record.meta.version;
        Ok(true)
    }
}

/// A slot that a decision and the tail share.
pub(crate) type Shared<S> = Arc<Mutex<Slot<S>>>;

/// A bounded cache of slots of one kind, by subject.
pub(crate) struct Cache<S> {
    slots: Mutex<LruCache<Box<str>, Shared<S>>>,
}

impl<S: Entity> Cache<S> {
    pub(crate) fn new(entities_max: NonZeroUsize) -> Self {
        Self { slots: Mutex::new(LruCache::new(entities_max)) }
    }

    pub(crate) fn get(&self, subject: &str) -> Option<Shared<S>> {
        lock(&self.slots).get(subject).cloned()
    }

    pub(crate) fn put(&self, subject: &str, slot: Slot<S>) -> Shared<S> {
        let slot = Arc::new(Mutex::new(slot));
        lock(&self.slots).put(subject.into(), slot.clone());
        slot
    }

    pub(crate) fn forget(&self, subject: &str) {
        lock(&self.slots).pop(subject);
    }
}

/// What the tail does with each message, whatever the kind.
pub(crate) trait Feed: Send + Sync {
    fn feed(&self, subject: &str, record: &Recorded);
    fn as_any(&self) -> &(dyn Any + Send + Sync);
}

impl<S: Entity> Feed for Cache<S> {
    fn feed(&self, subject: &str, record: &Recorded) {
        let cached = lock(&self.slots).peek(subject).cloned();
        let Some(slot) = cached else { return };
        let folded = lock(&slot).fold(record);
        // What cannot be folded is read again by whoever decides next, and refused there by name.
        if !matches!(folded, Ok(true)) {
            self.forget(subject);
        }
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }
}

/// A panic while a state was held leaves it whole: events are folded one by one and a decision only reads.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
