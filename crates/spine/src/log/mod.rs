//! The log as services see it: decide on an entity, read an entity, follow everything.

mod append;
mod cache;
pub mod codec;
pub mod consume;
mod figures;
mod load;
mod message;
mod moment;
pub mod tail;
mod transact;

pub use consume::Consumption;
pub(crate) use load::micros_of;
pub use moment::Reading;
pub use tail::{Tail, TailMessages, TailStart};
pub use transact::{Decided, Refused};

use crate::address::{Address, GENERATION, PARTS, stream_name};
use crate::clock::Clock;
use crate::entity::Entity;
use crate::error::Error;
use crate::nats::Nats;
use crate::record::Recorded;
use cache::{Cache, Feed, Slot, lock};
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

/// A stream that elects a leader, which takes up to nine seconds, answers nobody, and what it is asked then is lost: it is
/// asked again after the one and no more after the other.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
const ASK_MAX: Duration = Duration::from_secs(12);
/// Locks that keep two decisions of one process from racing for the same subject.
const LANES: usize = 1024;

/// What an installation chooses about appends.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// An append that stays ambiguous for so long fails; shorter than the streams' duplicate window.
    pub retry_deadline: Duration,
    /// Decisions on one entity that may lose against other writers before the caller is told.
    pub conflicts_max: u32,
    /// States kept of each kind of entity.
    pub cached_entities_max: NonZeroUsize,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            retry_deadline: Duration::from_secs(60),
            conflicts_max: 64,
            cached_entities_max: NonZeroUsize::new(10_000).unwrap_or(NonZeroUsize::MIN),
        }
    }
}

/// The shared log. Cheap to clone; all clones share one cache.
#[derive(Clone)]
pub struct Log {
    nats: Nats,
    clock: Clock,
    settings: Arc<LogSettings>,
    caches: Arc<RwLock<HashMap<&'static str, Arc<dyn Feed>>>>,
    lanes: Arc<[tokio::sync::Mutex<()>]>,
}

impl Log {
    /// The log over this connection, with an empty cache. One per process: its clones share the cache.
    pub fn new(nats: Nats, clock: Clock, settings: LogSettings) -> Self {
        Self {
            nats,
            clock,
            settings: Arc::new(settings),
            caches: Arc::default(),
            lanes: (0..LANES).map(|_| tokio::sync::Mutex::new(())).collect(),
        }
    }

    /// The same log, with the same cache, appending over another role's connection.
    pub fn acting_over(&self, nats: Nats) -> Self {
        Self { nats, ..self.clone() }
    }

    /// The connection that it appends over.
    pub fn nats(&self) -> &Nats {
        &self.nats
    }

    /// The process's clock, which stamps what is appended.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The entity's messages so far, in order, as some replica has them; up to and including the message `until` when
    /// given, which is asked of the leader where the replica does not have it yet. Time travel is folding these.
    ///
    /// # Errors
    /// When the server does not answer or a message cannot be read.
    pub async fn history(&self, address: &Address, until: Option<u64>) -> Result<Vec<Recorded>, Error> {
        let mut records = load::load(&self.nats, address, 1).await?;
        if let Some(until) = until {
            let known = records.last().map_or(0, |record| record.position.sequence);
            if known < until {
                records.extend(load::load_from_leader(&self.nats, address, known).await?);
            }
            records.retain(|record| record.position.sequence <= until);
        }
        records.retain(|record| !record.is_foreign());
        Ok(records)
    }

    /// As [`Log::history`] without a limit, and to its end as the leader has it: one request more, for who must not
    /// miss the newest message.
    ///
    /// # Errors
    /// As [`Log::history`].
    pub async fn whole_history(&self, address: &Address) -> Result<Vec<Recorded>, Error> {
        let mut records = load::load(&self.nats, address, 1).await?;
        let known = records.last().map_or(0, |record| record.position.sequence);
        records.extend(load::load_from_leader(&self.nats, address, known).await?);
        records.retain(|record| !record.is_foreign());
        Ok(records)
    }

    /// The entity's state as this process knows it, passed to `look`. May be a little stale. What this process did not
    /// know is confirmed by the leader: the tail may have passed before it was known, and tells nothing twice.
    ///
    /// # Errors
    /// As [`Log::history`].
    pub async fn read<S: Entity, T>(
        &self,
        address: &Address,
        look: impl FnOnce(&S) -> T,
    ) -> Result<T, Error> {
        let slot = self.slot::<S>(address).await?;
        if !lock(&slot).confirmed {
            self.fold_missing(address, &slot).await?;
        }
        let slot = lock(&slot);
        Ok(look(&slot.state))
    }

    /// As [`Log::read`], on a state that knows at least the entity's message `sequence`: what a worker asks, so
    /// that a replica that lags behind never makes due work look done.
    ///
    /// # Errors
    /// As [`Log::history`].
    pub async fn read_after<S: Entity, T>(
        &self,
        address: &Address,
        sequence: u64,
        look: impl FnOnce(&S) -> T,
    ) -> Result<T, Error> {
        let slot = self.slot::<S>(address).await?;
        if lock(&slot).sequence < sequence {
            self.fold_missing(address, &slot).await?;
        }
        let slot = lock(&slot);
        Ok(look(&slot.state))
    }

    /// As [`Log::read`], on the entity's newest state: everything that the stream's leader had when it was asked is in
    /// it. Costs one question to the leader, and another one for each message that this process had missed.
    ///
    /// # Errors
    /// As [`Log::history`]; [`Error::UnknownEvent`] when a newer release wrote to the entity; [`Error::Contended`] when
    /// the state had to be dropped `conflicts_max` times while it was read.
    pub async fn read_confirmed<S: Entity, T>(
        &self,
        address: &Address,
        look: impl FnOnce(&S) -> T,
    ) -> Result<T, Error> {
        for _ in 0..self.settings.conflicts_max {
            let slot = self.slot::<S>(address).await?;
            if self.fold_missing(address, &slot).await? {
                let slot = lock(&slot);
                return Ok(look(&slot.state));
            }
        }
        Err(Error::Contended { subject: address.subject(), attempts: self.settings.conflicts_max })
    }

    /// The last sequence of each part, asked from the streams' leaders.
    ///
    /// # Errors
    /// When the server does not answer for twelve seconds.
    pub async fn ends(&self) -> Result<[u64; PARTS as usize], Error> {
        let ends = futures::future::try_join_all((0..PARTS).map(|part| self.end_of(part))).await?;
        Ok(ends.try_into().expect("there is one end for each part"))
    }

    async fn end_of(&self, part: u8) -> Result<u64, Error> {
        let name = stream_name(GENERATION, part);
        let failed = |source| Error::Nats { request: format!("info of {name}"), source };
        let asked = async {
            // A question to a leader that goes away is never answered; one that is slow is waited for longer each time.
            let mut wait = ASK_AGAIN_AFTER;
            loop {
                let answer = self.nats.jetstream.get_stream(&name);
                if let Ok(answer) = tokio::time::timeout(wait, answer).await {
                    return answer;
                }
                wait *= 2;
            }
        };
        let answer = tokio::time::timeout(ASK_MAX, asked).await.map_err(|error| failed(error.into()))?;
        Ok(answer.map_err(|error| failed(error.into()))?.cached_info().state.last_sequence)
    }

    /// Makes sure that the message of `part` that a reader has read last is still there, by the time when it was stored: a log
    /// that was put back or made anew may have grown beyond that place with other messages.
    ///
    /// # Errors
    /// [`Error::LogLost`] when it is not; when the server does not answer.
    pub(crate) async fn check_read(&self, part: u8, (sequence, stored_at): (u64, i64)) -> Result<(), Error> {
        let found = load::stored_at(&self.nats, &stream_name(GENERATION, part), sequence).await?;
        if found == Some(stored_at) {
            return Ok(());
        }
        let detail = match found {
            Some(_) => {
                format!("part {part} holds another message at {sequence} than the one that was read there")
            }
            None => format!("part {part} does not hold the message at {sequence} that was read there"),
        };
        Err(Error::LogLost { detail })
    }

    /// Tells the log that an entity is new: its first decision starts at sequence 0 without a read. Wrong
    /// knowledge does no harm, since the append is conditional.
    pub fn assume_new<S: Entity>(&self, address: &Address) {
        let subject = address.subject();
        let cache = self.cache::<S>();
        let cache = typed::<S>(&*cache);
        if cache.get(&subject).is_none() {
            cache.put(&subject, Slot::default());
        }
    }

    /// Called by the tail with every message of every part, before any reader sees it.
    pub(crate) fn feed(&self, record: &Recorded) {
        let caches = self.caches.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(cache) = caches.get(&*record.address.kind) {
            cache.feed(&record.address.subject(), record);
        }
    }

    fn cache<S: Entity>(&self) -> Arc<dyn Feed> {
        let known =
            self.caches.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(S::KIND).cloned();
        known.unwrap_or_else(|| {
            let mut caches = self.caches.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            let fresh = || Arc::new(Cache::<S>::new(self.settings.cached_entities_max)) as Arc<dyn Feed>;
            caches.entry(S::KIND).or_insert_with(fresh).clone()
        })
    }

    async fn slot<S: Entity>(&self, address: &Address) -> Result<Arc<Mutex<Slot<S>>>, Error> {
        let subject = address.subject();
        let cache = self.cache::<S>();
        if let Some(slot) = typed::<S>(&*cache).get(&subject) {
            return Ok(slot);
        }
        let mut slot = Slot::<S>::default();
        for record in load::load(&self.nats, address, 1).await? {
            // Read from the beginning nothing can be missing, so what does not continue is no decision of ours.
            if !slot.fold(&record)? {
                tracing::error!(log.position = %record.position, "a message that does not continue its entity is passed over");
                slot.sequence = record.position.sequence;
            }
        }
        Ok(typed::<S>(&*cache).put(&subject, slot))
    }
}

fn typed<S: Entity>(cache: &dyn Feed) -> &Cache<S> {
    cache.as_any().downcast_ref().expect("a kind has one state, which its name is registered with")
}
