//! What is in memory: data keys for a minute, and where threads are.

use super::KeyLimits;
use super::cipher::Secret;
use super::names::{Owner, OwnerKind, SealKey};
use crate::clock::Clock;
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};
use uuid::Uuid;

/// A data key, unwrapped.
pub(super) struct DataKey {
    pub(super) id: Arc<str>,
    pub(super) tenant: Arc<str>,
    pub(super) owner: Owner,
    pub(super) secret: Secret,
}

/// What is known of a key id.
#[derive(Clone)]
pub(super) enum Known {
    Key(Arc<DataKey>),
    Gone,
    /// The register does not hold it and did not destroy it. Not kept, since it may come back.
    Lost,
}

/// Tenant, account and token of the person.
pub(super) type ThreadName = (Arc<str>, Arc<str>, Arc<str>);

/// A point between erasures; what was read before one is not kept after it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u64);

pub(super) struct Cache {
    clock: Clock,
    keep_us: i64,
    inner: Mutex<Inner>,
}

struct Inner {
    epoch: u64,
    swept_at: i64,
    keys: LruCache<Arc<str>, (i64, Known)>,
    ids: LruCache<SealKey, (i64, Arc<DataKey>)>,
    threads: LruCache<ThreadName, (i64, Uuid)>,
    lookups: LruCache<Arc<str>, (i64, Arc<Secret>)>,
}

impl Cache {
    pub(super) fn new(limits: &KeyLimits, clock: Clock) -> Self {
        let max = NonZeroUsize::new(limits.key_cache_max).unwrap_or(NonZeroUsize::MIN);
        // Sparse: room for the bound is not taken before it is used.
        let inner = Inner {
            epoch: 0,
            swept_at: clock.now(),
            keys: LruCache::sparse(max),
            ids: LruCache::sparse(max),
            threads: LruCache::sparse(max),
            lookups: LruCache::sparse(max),
        };
        let keep_us = i64::try_from(limits.key_cache_ms.saturating_mul(1_000)).unwrap_or(i64::MAX);
        Self { clock, keep_us, inner: Mutex::new(inner) }
    }

    /// Taken before the register is read; what was read is put back with it.
    pub(super) fn epoch(&self) -> Epoch {
        Epoch(self.fresh().epoch)
    }

    pub(super) fn key(&self, id: &str) -> Option<Known> {
        self.fresh().keys.get(id).map(|(_, known)| known.clone())
    }

    pub(super) fn key_for(&self, name: &SealKey) -> Option<Arc<DataKey>> {
        self.fresh().ids.get(name).map(|(_, key)| key.clone())
    }

    pub(super) fn thread(&self, name: &ThreadName) -> Option<Uuid> {
        self.fresh().threads.get(name).map(|(_, thread)| *thread)
    }

    pub(super) fn lookup(&self, tenant: &str) -> Option<Arc<Secret>> {
        self.fresh().lookups.get(tenant).map(|(_, secret)| secret.clone())
    }

    pub(super) fn put_key(&self, epoch: Epoch, id: &str, known: Known) {
        self.put(epoch, |inner, now| drop(inner.keys.put(id.into(), (now, known))));
    }

    pub(super) fn put_key_for(&self, epoch: Epoch, name: SealKey, key: Arc<DataKey>) {
        self.put(epoch, |inner, now| {
            inner.keys.put(key.id.clone(), (now, Known::Key(key.clone())));
            inner.ids.put(name, (now, key));
        });
    }

    pub(super) fn put_thread(&self, epoch: Epoch, name: ThreadName, thread: Uuid) {
        self.put(epoch, |inner, now| {
            inner.threads.put(name, (now, thread));
        });
    }

    pub(super) fn put_lookup(&self, tenant: &str, secret: Arc<Secret>) {
        let epoch = self.epoch();
        self.put(epoch, |inner, now| drop(inner.lookups.put(tenant.into(), (now, secret))));
    }

    /// Drops everything of these owners.
    pub(super) fn forget(&self, tenant: &str, owners: &[Owner]) {
        let owners: std::collections::HashSet<&Owner> = owners.iter().collect();
        let is_of = |key: &DataKey| &*key.tenant == tenant && owners.contains(&key.owner);
        let mut inner = self.fresh();
        inner.epoch += 1;
        inner.ids.retain(|_, (_, key)| !is_of(key));
        inner.keys.retain(|_, (_, known)| !matches!(known, Known::Key(key) if is_of(key)));
        inner.threads.retain(|(of, _, _), (_, thread)| {
            let owner = Owner { kind: OwnerKind::Thread, id: thread.to_string().into() };
            &**of != tenant || !owners.contains(&owner)
        });
    }

    /// Drops everything, when what was destroyed is known by class and period only.
    pub(super) fn forget_all(&self) {
        let mut inner = self.fresh();
        inner.epoch += 1;
        inner.ids.clear();
        inner.keys.clear();
        inner.threads.clear();
    }

    fn put(&self, epoch: Epoch, put: impl FnOnce(&mut Inner, i64)) {
        let now = self.clock.now();
        let mut inner = self.fresh();
        if inner.epoch == epoch.0 {
            put(&mut inner, now);
        }
    }

    /// The lock, with nothing behind it that is older than its time: not even in memory, which is why expired
    /// keys are swept and not only passed over. Sweeping costs one pass in a tenth of that time.
    fn fresh(&self) -> MutexGuard<'_, Inner> {
        let now = self.clock.now();
        let keep_us = self.keep_us;
        let mut inner = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A clock that went back would keep keys for too long.
        let since = now.abs_diff(inner.swept_at);
        if since > keep_us.unsigned_abs() / 10 {
            let is_young = |at: &i64| now.abs_diff(*at) <= keep_us.unsigned_abs() * 9 / 10;
            inner.keys.retain(|_, (at, _)| is_young(at));
            inner.ids.retain(|_, (at, _)| is_young(at));
            inner.threads.retain(|_, (at, _)| is_young(at));
            inner.lookups.retain(|_, (at, _)| is_young(at));
            inner.swept_at = now;
        }
        inner
    }
}
