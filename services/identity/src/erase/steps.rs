//! What each step of an erasure does.

use super::plan::{Erasure, Step};
use super::{Erasures, certificate, collect, files};
use conversation::Thread;
use laws::customer::{self, Customer};
use laws::lead::{self, Lead};
use spine::db::Backend;
use spine::feed::erase as feed;
use spine::journal::Place;
use spine::{Address, Cause, Decided, Entity, Error, Position, Refused};
use std::time::Duration;

/// How long a step waits for one reader before it says that it waits.
const READER_MAX: Duration = Duration::from_secs(10);

/// What an erasure waits for, in words; none when it went on.
type Waits = Option<String>;

impl Erasures {
    pub(super) async fn step(&self, erasure: &mut Erasure) -> Result<Waits, Error> {
        match erasure.step {
            Step::Collect => self.collect(erasure).await,
            Step::Append => self.append(erasure).await,
            Step::Keys => self.destroy(erasure).await,
            Step::Read => self.read(erasure).await,
            Step::Inbound => self.inbound(erasure).await,
            Step::Feed => self.feed(erasure).await,
            Step::Models => self.models(erasure).await,
            Step::Files => self.files(erasure).await,
            Step::Sign => self.sign(erasure).await,
            Step::Done => Ok(None),
        }
    }

    async fn collect(&self, erasure: &mut Erasure) -> Result<Waits, Error> {
        self.catch_up().await?;
        collect::collect(&self.reader, erasure).await?;
        erasure.plan.others = collect::others(&self.spine, erasure).await?;
        if let Some(hold) = collect::held(&self.spine, erasure).await? {
            return Ok(Some(hold.to_string()));
        }
        erasure.step = Step::Append;
        Ok(None)
    }

    async fn append(&self, erasure: &mut Erasure) -> Result<Waits, Error> {
        for address in collect::addresses(erasure)? {
            if !erasure.plan.erased.contains_key(&address.subject()) {
                let position = self.append_to(erasure, &address).await?;
                erasure.plan.erased.insert(address.subject(), position);
            }
        }
        erasure.step = Step::Keys;
        Ok(None)
    }

    async fn append_to(&self, erasure: &Erasure, address: &Address) -> Result<Position, Error> {
        let cause = Cause::new(erasure.id, spine::ERASE, crate::work::ACTOR);
        let (log, id, at) = (&self.spine.log, erasure.id, self.spine.log.clock().now());
        match &*address.kind {
            Thread::KIND => {
                let decide = |state: &Thread| conversation::erase(state, id, at);
                never_refused(log.transact(address, &cause, decide).await)
            }
            Lead::KIND => {
                never_refused(log.transact(address, &cause, |state: &Lead| lead::erase(state, id, at)).await)
            }
            _ => {
                let decide = |state: &Customer| customer::erase(state, id, at);
                never_refused(log.transact(address, &cause, decide).await)
            }
        }
    }

    async fn destroy(&self, erasure: &mut Erasure) -> Result<Waits, Error> {
        let owners = collect::owners(&erasure.plan);
        let journal_ends = self.journal.ends().await?;
        match self.spine.keys.erase(&erasure.tenant, &owners, erasure.id, &journal_ends).await {
            Ok(destroyed) => erasure.plan.keys.extend(destroyed.keys),
            // Put on hold after the first step looked.
            Err(held @ Error::Held { .. }) => return Ok(Some(held.to_string())),
            Err(error) => return Err(error),
        }
        for owner in &owners {
            self.spine.keys.forget(&erasure.tenant, owner);
        }
        erasure.step = Step::Read;
        Ok(None)
    }

    async fn read(&self, erasure: &mut Erasure) -> Result<Waits, Error> {
        let positions: Vec<Position> = erasure.plan.erased.values().copied().collect();
        for reader in self.spine.readers.all() {
            match reader.wait_for(&positions, READER_MAX).await {
                Ok(()) => erasure.plan.readers.insert(reader.name().to_owned()),
                Err(Error::Timeout { .. }) => {
                    return Ok(Some(format!("the reader {} is behind", reader.name())));
                }
                Err(error) => return Err(error),
            };
        }
        if let Some(waits) = self.parked(erasure).await? {
            return Ok(Some(waits));
        }
        self.catch_up().await?;
        // A lead that was captured, or a customer who was merged, while the first `Erased` was on its way.
        if collect::collect(&self.reader, erasure).await? {
            erasure.step = Step::Append;
            return Ok(None);
        }
        let traces = collect::traces(&self.spine, erasure).await?;
        erasure.plan.keys.extend(traces.keys);
        erasure.plan.inbound.extend(traces.places);
        self.find_in_feed(erasure).await?;
        erasure.step = Step::Inbound;
        Ok(None)
    }

    /// A reader passes over what is parked, so its tables may hold what was told before.
    pub(super) async fn parked(&self, erasure: &Erasure) -> Result<Waits, Error> {
        let subjects = collect::subjects(erasure)?;
        for reader in self.spine.readers.all() {
            if let Some(entity) = reader.parked_of(&subjects).await? {
                return Ok(Some(files::is_parked(&entity, reader.name())));
            }
        }
        Ok(None)
    }

    async fn inbound(&self, erasure: &mut Erasure) -> Result<Waits, Error> {
        // A name that is no place names nothing that could be deleted.
        let places = erasure.plan.inbound.iter().filter_map(|place| place.parse::<Place>().ok());
        for place in places {
            self.journal.erase(place).await?;
        }
        erasure.step = Step::Feed;
        Ok(None)
    }

    async fn feed(&self, erasure: &mut Erasure) -> Result<Waits, Error> {
        for sequence in &erasure.plan.feed {
            feed::erase(self.spine.log.nats(), *sequence).await?;
        }
        erasure.step = Step::Models;
        Ok(None)
    }

    /// Adds what the lead feed holds of the person to the plan. Whether anything was new.
    async fn find_in_feed(&self, erasure: &mut Erasure) -> Result<bool, Error> {
        let before = erasure.plan.feed.len();
        for lead in erasure.plan.leads.clone() {
            let found = feed::messages_of_lead(self.spine.log.nats(), &erasure.tenant, &lead).await?;
            erasure.plan.feed.extend(found);
        }
        Ok(erasure.plan.feed.len() > before)
    }

    async fn models(&self, erasure: &mut Erasure) -> Result<Waits, Error> {
        match files::drop_models(&self.spine.database).await? {
            Ok(dropped) => erasure.plan.models.extend(dropped),
            Err(waits) => return Ok(Some(waits)),
        }
        erasure.step = Step::Files;
        Ok(None)
    }

    async fn files(&self, erasure: &mut Erasure) -> Result<Waits, Error> {
        let database = &self.spine.database;
        let outcome = match database.backend() {
            Backend::Sqlite => files::checkpoint(database).await?.map(|done| erasure.plan.files.extend(done)),
            Backend::Postgres => {
                let positions: Vec<Position> = erasure.plan.erased.values().copied().collect();
                let model = self.reader.model();
                let subjects = collect::subjects(erasure)?;
                let read = files::others_have_read(model.store.reads(), &positions, &subjects).await?;
                read.map(|read| erasure.plan.readers.extend(read))
            }
        };
        if let Err(waits) = outcome {
            return Ok(Some(waits));
        }
        erasure.step = Step::Sign;
        Ok(None)
    }

    async fn sign(&self, erasure: &mut Erasure) -> Result<Waits, Error> {
        // A redelivery that was taken in while the person was erased.
        let unnamed = collect::unnamed(&self.spine, erasure).await?;
        if !unnamed.is_subset(&erasure.plan.inbound) {
            erasure.plan.inbound.extend(unnamed);
            erasure.step = Step::Inbound;
            return Ok(None);
        }
        // A feeder that had opened a value before its key was destroyed may have published it since.
        if self.find_in_feed(erasure).await? {
            erasure.step = Step::Feed;
            return Ok(None);
        }
        erasure.plan.others = collect::others(&self.spine, erasure).await?;
        let model = self.reader.model();
        let remains = files::remains(&self.spine.database, model.store.reads()).await?;
        let at = self.spine.log.clock().now();
        let signed = certificate::sign(&self.spine.keys, erasure, remains, at)?;
        erasure.certificate = Some(serde_json::to_string(&signed).map_err(Error::Unwritable)?);
        erasure.step = Step::Done;
        tracing::info!(erasure.id = %erasure.id, "a person was erased");
        Ok(None)
    }
}

/// Where `Erased` stands. No state refuses it, and nothing follows it.
fn never_refused<R>(outcome: Result<Decided, Refused<R>>) -> Result<Position, Error> {
    match outcome {
        Ok(decided) => Ok(decided.position()),
        Err(Refused::Failed(error)) => Err(error),
        Err(Refused::Rejected(_)) => Err(Error::Other("the law refused an erasure".into())),
    }
}
