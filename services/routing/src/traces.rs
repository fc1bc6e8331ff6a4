//! Of which trace a waiting conversation is part, so that its assignment goes on with it.

use conversation::Thread;
use events::ThreadEvent;
use events::thread::{ReleasedTo, TransferredTo};
use lru::LruCache;
use spine::Recorded;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// Conversations that are remembered; the assignment of one that is forgotten is in no trace.
const KEPT_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("it is not zero");

/// What this process has seen begin to wait. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Traces(Arc<Mutex<LruCache<Uuid, String>>>);

impl Default for Traces {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(KEPT_MAX))))
    }
}

impl Traces {
    /// Remembers the trace of a conversation that begins to wait.
    pub(crate) fn note(&self, record: &Recorded) {
        let (Some(thread), Some(trace)) = (record.address.uuid(), &record.meta.traceparent) else { return };
        if record.events::<Thread>().unwrap_or_default().iter().any(begins_to_wait) {
            self.kept().put(thread, trace.clone());
        }
    }

    /// The trace, once.
    pub(crate) fn take(&self, thread: Uuid) -> Option<String> {
        self.kept().pop(&thread)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, LruCache<Uuid, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn begins_to_wait(event: &ThreadEvent) -> bool {
    matches!(
        event,
        ThreadEvent::HandedOver { .. }
            | ThreadEvent::Released { to: ReleasedTo::Queue, .. }
            | ThreadEvent::Transferred { to: TransferredTo::Queue(_), .. }
    )
}
