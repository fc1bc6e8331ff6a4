//! The key register: who may read personal data, and the proof that nobody can any more.
//!
//! A master key wraps each tenant's key, which wraps the data keys that texts are sealed with. Destroying a data
//! key destroys every text under it, wherever it was copied to. Finding a thread by what a platform calls the
//! person stands here too, since that row and the thread's first key are one commit.

mod add;
mod cache;
mod cipher;
mod commit;
mod erase;
mod gone;
mod lost;
mod master;
mod names;
mod open;
mod register;
mod requests;
mod rotate;
mod sign;
mod thread;

pub use cipher::Algorithm;
pub use erase::{Erasure, Hold};
pub use lost::{Lost, streams, streams_of_log};
pub use names::{Owner, OwnerKind, Period, SealKey};
pub use open::{Opened, SealedField};
pub use requests::HeldRequest;
pub use rotate::Rotation;
pub use sign::{Signature, verify_signature};
pub use thread::{Contact, Found, Request};

use crate::clock::Clock;
use crate::db::{Database, Store};
use crate::error::Error;
use cache::Cache;
use cipher::Secret;
use commit::Commits;
pub(crate) use register::MIGRATIONS;
use sign::Signer;
use std::sync::{Arc, Mutex};

/// What the keys need to know.
#[derive(Clone, Default)]
pub struct KeySettings {
    /// The master key as 32 bytes in base64 or hex, from the environment; none for the file
    /// `keys/master.key` in the data folder, which the first start makes.
    pub master: Option<zeroize::Zeroizing<String>>,
    /// Whether the log holds events already. They were sealed with a register that exists somewhere, so none is made.
    pub log_holds_events: bool,
    /// What new texts are sealed with. All algorithms open at any time.
    pub algorithm: Algorithm,
    pub limits: KeyLimits,
}

/// Bounds of the keys' memory and work.
#[derive(Clone, Debug)]
pub struct KeyLimits {
    /// Data keys in memory; also destroyed ones, tenants' lookup keys and threads, each.
    pub key_cache_max: usize,
    /// How long a key stays in memory, so that a replica that missed an erasure forgets too.
    pub key_cache_ms: u64,
    /// New keys and threads in one commit.
    pub commit_max: usize,
    /// Callers that wait for a commit at once; the next ones wait before they join.
    pub commit_waiting_max: usize,
    /// Bytes of one text.
    pub plain_bytes_max: usize,
    /// Owners of one erasure.
    pub erase_owners_max: usize,
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self {
            key_cache_max: 10_000,
            key_cache_ms: 60_000,
            commit_max: 512,
            commit_waiting_max: 4_096,
            plain_bytes_max: 5 * 1_048_576,
            erase_owners_max: 10_000,
        }
    }
}

/// The key register, open. Cheap to clone.
#[derive(Clone)]
pub struct Keys {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Clock,
    limits: KeyLimits,
    algorithm: Algorithm,
    master: Secret,
    signer: Signer,
    cache: Cache,
    commits: Commits,
    /// The id of the key that this process committed last.
    last: Mutex<Option<Arc<str>>>,
}

impl Keys {
    /// Opens the register, and makes it and the master key at the very first start.
    ///
    /// # Errors
    /// [`Error::MasterKey`] when the master key is missing or is not the one that the register was made with;
    /// [`Error::RegisterLost`] when there is no register beside a log that holds events.
    pub async fn open(database: &Database, settings: KeySettings, clock: Clock) -> Result<Self, Error> {
        let store = database.key_register(&register::MIGRATIONS).await?;
        let folder = database.folder().join("keys");
        let given = settings.master.as_deref().map(String::as_str);
        let register::Unlocked { master, signer } =
            register::unlock(&store, &folder, given, settings.log_holds_events).await?;
        let limits = settings.limits;
        let cache = Cache::new(&limits, clock.clone());
        let commits = Commits::new(&limits);
        let algorithm = settings.algorithm;
        let last = Mutex::default();
        let inner = Inner { store, clock, limits, algorithm, master, signer, cache, commits, last };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The register's store, for backups and checkpoints.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Forgets the owner's keys and threads at once. For every process that reads an `Erased`.
    pub fn forget(&self, tenant: &str, owner: &Owner) {
        self.inner.cache.forget(tenant, std::slice::from_ref(owner));
    }
}
