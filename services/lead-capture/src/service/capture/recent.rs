//! The threads that lately had a lead, so that a customer's words are matched to it without a look elsewhere.

use crate::qualify::Intent;
use lru::LruCache;
use spine::db::Bulk;
use spine::{Error, Reader};
use sqlx::Row;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// Of one part.
const THREADS_MAX: NonZeroUsize = NonZeroUsize::new(4_000).expect("not zero");

/// Holds numbers and wishes, never a value. A thread that fell out is found in the read model.
pub(super) struct Recent {
    threads: Mutex<LruCache<Uuid, Known>>,
}

#[derive(Clone)]
struct Known {
    /// The number of the thread's last lead.
    n: u32,
    /// The wishes that its score counts; none when they must be looked up.
    intents: Option<BTreeSet<Intent>>,
}

impl Default for Recent {
    fn default() -> Self {
        Self { threads: Mutex::new(LruCache::new(THREADS_MAX)) }
    }
}

impl Recent {
    /// The number of the thread's last lead, if it is known here.
    pub(super) fn number(&self, thread: Uuid) -> Option<u32> {
        self.threads().get(&thread).map(|known| known.n)
    }

    /// The wishes that the score of lead `n` of the thread counts, if they are known here.
    pub(super) fn intents(&self, thread: Uuid, n: u32) -> Option<BTreeSet<Intent>> {
        self.threads().get(&thread).filter(|known| known.n == n).and_then(|known| known.intents.clone())
    }

    /// The read model holds lead `n` of the thread.
    pub(super) fn found(&self, thread: Uuid, n: u32) {
        self.threads().get_or_insert(thread, || Known { n, intents: None });
    }

    /// Lead `n` of the thread counts these wishes.
    pub(super) fn counted(&self, thread: Uuid, n: u32, intents: BTreeSet<Intent>) {
        self.threads().put(thread, Known { n, intents: Some(intents) });
    }

    pub(super) fn forget(&self, thread: Uuid) {
        self.threads().pop(&thread);
    }

    fn threads(&self) -> MutexGuard<'_, LruCache<Uuid, Known>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

static NUMBERS: Bulk =
    Bulk::new("SELECT thread, n FROM leads WHERE erased = 0 AND thread IN (", 1, ") ORDER BY n");

/// The number of the last lead of each thread that has one in the read model.
pub(super) async fn numbers(reader: &Reader, threads: &[Uuid]) -> Result<Vec<(Uuid, u32)>, Error> {
    if threads.is_empty() {
        return Ok(Vec::new());
    }
    let model = reader.model();
    let mut connection =
        model.store.reads().acquire().await.map_err(Error::database("look for leads of threads"))?;
    let rows =
        NUMBERS.fetch(&mut connection, threads, |query, thread| query.bind(thread.to_string())).await?;
    let mut found = std::collections::BTreeMap::new();
    for row in &rows {
        if let Ok(thread) = row.get::<String, _>(0).parse::<Uuid>() {
            found.insert(thread, u32::try_from(row.get::<i64, _>(1)).unwrap_or(0));
        }
    }
    Ok(found.into_iter().collect())
}
