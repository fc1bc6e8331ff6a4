//! Deciding on an entity: fold, decide, append on condition, and again when it moved meanwhile.

use crate::address::Address;
use crate::entity::Entity;
use crate::error::Error;
use crate::log::append::{Append, Outcome, append};
use crate::log::cache::{Slot, lock};
use crate::log::{Log, codec, figures, load, typed};
use crate::position::Position;
use crate::record::{Cause, Meta, Recorded, SCHEMA};
use crate::trace;
use std::sync::Mutex;
use std::time::Instant;

/// What a decision came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// Its events stand at this position.
    Appended(Position),
    /// An earlier attempt of the same cause had stored them, perhaps another process's: they name that attempt's request.
    Known(Position),
    /// There was nothing to do, as the leader confirmed; everything up to this sequence was known.
    Nothing(Position),
}

impl Decided {
    /// The position up to which a reader must have come to know the outcome.
    pub fn position(self) -> Position {
        match self {
            Self::Appended(position) | Self::Known(position) | Self::Nothing(position) => position,
        }
    }
}

/// Why nothing was appended: the law said no, or the machine failed.
#[derive(Debug, thiserror::Error)]
pub enum Refused<R> {
    /// The law's refusal, decided on the entity's newest state.
    #[error("the law refuses")]
    Rejected(R),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Log {
    /// Decides on the entity at `address` because of `cause`, durably and once.
    ///
    /// `decide` is called with the folded state, again whenever another writer came first. All its events
    /// are stored as one message or none is. The same cause decides once: a repetition finds its own message.
    /// A rejection or an empty decision is returned only after the leader confirmed that it was made on the
    /// entity's last message.
    ///
    /// # Errors
    /// [`Refused::Rejected`] is the law's; [`Error::Contended`] after `conflicts_max` lost races;
    /// [`Error::UnknownEvent`] when a newer release wrote to the entity; others when the server fails.
    pub async fn transact<S: Entity, R>(
        &self,
        address: &Address,
        cause: &Cause,
        decide: impl Fn(&S) -> Result<Vec<S::Event>, R>,
    ) -> Result<Decided, Refused<R>> {
        let subject = address.subject();
        let _turn = self.lane(&subject).lock().await;
        for _ in 0..self.settings.conflicts_max {
            // Fetched anew each time: a state that missed a message was dropped and is read again.
            let slot = self.slot::<S>(address).await?;
            let (decision, sequence, version) = {
                let slot = lock(&slot);
                (decide(&slot.state), slot.sequence, slot.version)
            };
            let events = match decision {
                Ok(events) if !events.is_empty() => events,
                other => {
                    if self.is_current(address, &slot, sequence).await? {
                        let position = position(address, sequence);
                        return other.map(|_| Decided::Nothing(position)).map_err(Refused::Rejected);
                    }
                    continue;
                }
            };
            let meta = self.meta::<S>(&subject, cause, version + 1);
            let payload = codec::encode(&subject, events)?;
            let stream = address.stream();
            let request = Append {
                stream: &stream,
                subject: &subject,
                expected: sequence,
                headers: codec::headers(address, &meta),
                payload: payload.clone(),
            };
            let began = Instant::now();
            let outcome = append(&self.nats, request, self.settings.retry_deadline).await?;
            figures::appended(began.elapsed(), matches!(outcome, Outcome::Moved));
            match outcome {
                Outcome::Stored(stored) => {
                    let at = self.clock.now();
                    let record = Recorded::new(position(address, stored), address.clone(), meta, at, payload);
                    self.take_in::<S>(&slot, &record)?;
                    lock(&slot).confirmed = true;
                    return Ok(Decided::Appended(record.position));
                }
                Outcome::Known(stored) => {
                    self.fold_missing(address, &slot).await?;
                    return Ok(Decided::Known(position(address, stored)));
                }
                Outcome::Moved => {
                    if let Some(own) = self.catch_up(address, &slot, sequence, meta.id).await? {
                        return Ok(Decided::Known(own));
                    }
                }
            }
        }
        Err(Error::Contended { subject, attempts: self.settings.conflicts_max }.into())
    }

    fn meta<S: Entity>(&self, subject: &str, cause: &Cause, version: u64) -> Meta {
        Meta {
            id: cause.message_id(subject),
            decision: format!("{}.{}", S::KIND, cause.purpose).into(),
            at: self.clock.now(),
            cause: cause.id,
            correlation: cause.correlation,
            actor: cause.actor.clone(),
            traceparent: trace::current().or_else(|| cause.traceparent.clone()),
            journal: cause.journal.clone(),
            version,
            schema: SCHEMA,
        }
    }

    /// Folds a message into a state; one that missed a message is dropped, and then this is false.
    fn take_in<S: Entity>(&self, slot: &Mutex<Slot<S>>, record: &Recorded) -> Result<bool, Error> {
        let whole = lock(slot).fold(record)?;
        if !whole {
            typed::<S>(&*self.cache::<S>()).forget(&record.address.subject());
        }
        Ok(whole)
    }

    /// Whether the state's sequence is the subject's last on the leader; folds what is missing if not.
    async fn is_current<S: Entity>(
        &self,
        address: &Address,
        slot: &Mutex<Slot<S>>,
        sequence: u64,
    ) -> Result<bool, Error> {
        if load::last_on_leader(&self.nats, address).await? <= sequence {
            lock(slot).confirmed = true;
            return Ok(true);
        }
        self.fold_missing(address, slot).await?;
        Ok(false)
    }

    /// After a refused append: folds what the leader has beyond `expected`, and says where our own message
    /// stands if an earlier attempt had stored it.
    async fn catch_up<S: Entity>(
        &self,
        address: &Address,
        slot: &Mutex<Slot<S>>,
        expected: u64,
        id: uuid::Uuid,
    ) -> Result<Option<Position>, Error> {
        let records = load::load_from_leader(&self.nats, address, expected).await?;
        for record in &records {
            self.take_in::<S>(slot, record)?;
        }
        Ok(records.iter().find(|record| record.meta.id == id).map(|record| record.position))
    }

    /// Folds what the leader has beyond the state; false when the state was dropped instead.
    pub(super) async fn fold_missing<S: Entity>(
        &self,
        address: &Address,
        slot: &Mutex<Slot<S>>,
    ) -> Result<bool, Error> {
        let known = lock(slot).sequence;
        let mut whole = true;
        for record in load::load_from_leader(&self.nats, address, known).await? {
            whole &= self.take_in::<S>(slot, &record)?;
        }
        lock(slot).confirmed |= whole;
        Ok(whole)
    }

    fn lane(&self, subject: &str) -> &tokio::sync::Mutex<()> {
        use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(subject);
        &self.lanes[(hash % self.lanes.len() as u64) as usize]
    }
}

fn position(address: &Address, sequence: u64) -> Position {
    Position { generation: address.generation, part: address.part, sequence }
}
