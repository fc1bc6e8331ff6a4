//! The one way to rebuild: a new slot fills beside the live one and a pointer switches when it has caught up.

use super::batch::{self, Progress, chain};
use super::lane::Lane;
use super::reader::Reader;
use super::shared::Shared;
use super::throttle::Throttle;
use crate::address::PARTS;
use crate::db::{Liveness, Model};
use crate::error::Error;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Messages that the new slot may lack when it is switched to; it reads them as the live one.
const BEHIND_MAX: u64 = 2_000;
/// How often replicas that fill another version look whether they may switch to it.
const CLOSE_POLL: Duration = Duration::from_secs(1);
/// Rounds of catching up with a log that grows meanwhile, and those of them that give way: a log that grows as fast as a
/// slot fills that does would never be caught up with.
const ROUNDS_MAX: u32 = 50;
const ROUNDS_GIVING_WAY: u32 = 2;

/// What a slot fills beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// A slot that answers and works meanwhile, to which it gives way.
    Live,
    /// No other, so that nobody answers until it is filled; or one that it would never catch up with otherwise.
    Nothing,
}

impl Reader {
    /// Fills a new slot from the log's beginning, beside the live one, and switches to it. Queries and work go
    /// on with the old slot meanwhile; `progress` hears how many messages are in and how many there are.
    ///
    /// # Errors
    /// When the database or the log fails; the live slot is untouched then.
    pub async fn rebuild(&self, progress: impl Fn(u64, u64) + Send + Sync) -> Result<(), Error> {
        let inner = self.inner();
        let model = inner.database.beside(&inner.projector.spec()).await?;
        self.fill_until_close(&model, Beside::Live, &progress).await?;
        self.switch_to(model).await
    }

    /// Goes back to the slot that was live before the last switch.
    ///
    /// # Errors
    /// When there is none, or when it is of another version: then its own release goes back to it by being started.
    pub async fn switch_back(&self) -> Result<(), Error> {
        let inner = self.inner();
        let spec = inner.projector.spec();
        let previous = inner.database.pointer(spec.name).await?.and_then(|pointer| pointer.previous);
        if let Some(previous) = previous.filter(|slot| slot.version != spec.version) {
            return Err(Error::OtherVersion { model: spec.name.into(), version: previous.version });
        }
        inner.database.switch_back(spec.name).await?;
        let model = inner.database.live(&spec).await?;
        self.adopt(model);
        Ok(())
    }

    /// Where one process has the tables to itself, another version of the model fills beside the live one before it
    /// is read and worked on. Replicas fill it together, each the parts whose leases it has: see [`Reader::run`].
    pub(crate) async fn fill_new_version(&self, shutdown: &CancellationToken) -> Result<(), Error> {
        let model = self.model();
        if model.liveness == Liveness::Live || self.inner().leases.is_some() {
            return Ok(());
        }
        let report =
            |done, all| tracing::info!(reader.name = model.spec.name, done, all, "filling a new version");
        tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            filled = self.fill_until_close(&model, Beside::Nothing, &report) => {
                filled?;
                self.switch_to((*model).clone()).await
            }
        }
    }

    /// Fills `model` up to exactly `until`, part by part.
    pub(crate) async fn fill(
        &self,
        model: &Model,
        beside: Beside,
        until: &BTreeMap<u8, u64>,
        report: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<(), Error> {
        let inner = self.inner();
        let parts: Vec<u8> = until.keys().copied().collect();
        let progress: Progress = batch::open(model, &parts, 0).await?;
        let shared = Shared::new([]);
        // The log read in bulk would stand in the way of acknowledgements on the same connection.
        let log = match beside {
            Beside::Live => &inner.log.acting_over(inner.log.nats().another().await?),
            Beside::Nothing => &inner.log,
        };
        let mut lane = Lane {
            log,
            model,
            projector: &inner.projector,
            shared: &shared,
            progress,
            standing: BTreeMap::new(),
            gives_way: false,
            throttle: (beside == Beside::Live).then(|| Arc::new(Throttle::new(&inner.tail))),
        };
        let all: u64 = until.values().sum();
        let mut positions = shared.positions();
        let told = async {
            while positions.changed().await.is_ok() {
                report(positions.borrow_and_update().values().sum(), all);
            }
        };
        model.store.set_filling(true).await?;
        let filled = tokio::select! {
            filled = lane.catch_up(until) => filled,
            () = told => Ok(()),
        };
        filled.and(model.store.set_filling(false).await)
    }

    /// Makes the version that this process reads the live one, once its tables hold nearly all, whichever replica fills
    /// them. Resolves never: it goes on being read.
    pub(super) async fn go_live_once_close(&self, model: &Model) {
        while self.model().liveness != Liveness::Live {
            tokio::time::sleep(CLOSE_POLL).await;
            match self.is_close(model).await {
                Ok(false) => continue,
                Ok(true) => {}
                Err(error) => {
                    tracing::warn!(reader.name = model.spec.name, error = %chain(&error), "how far a new version is cannot be read");
                    continue;
                }
            }
            match self.inner().database.switch(model).await {
                Ok(_) => {
                    tracing::info!(reader.name = model.spec.name, model.slot = %model.slot, "switched to another version");
                    self.now_live(model.clone());
                }
                Err(error) => {
                    tracing::warn!(reader.name = model.spec.name, error = %chain(&error), "another version cannot be switched to yet");
                }
            }
        }
        std::future::pending().await
    }

    async fn is_close(&self, model: &Model) -> Result<bool, Error> {
        let done: Option<i64> = sqlx::query_scalar("SELECT CAST(SUM(sequence) AS BIGINT) FROM positions")
            .fetch_one(model.store.reads())
            .await
            .map_err(Error::database("read positions"))?;
        let done = u64::try_from(done.unwrap_or(0)).unwrap_or(0);
        let all: u64 = self.inner().log.ends().await?.iter().sum();
        tracing::debug!(reader.name = model.spec.name, model.slot = %model.slot, done, all, "filling another version");
        Ok(all.saturating_sub(done) <= BEHIND_MAX)
    }

    async fn fill_until_close(
        &self,
        model: &Model,
        beside: Beside,
        report: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<(), Error> {
        for round in 0..ROUNDS_MAX {
            let beside = if round < ROUNDS_GIVING_WAY { beside } else { Beside::Nothing };
            let ends = self.inner().log.ends().await?;
            let until = (0..PARTS).zip(ends).collect();
            self.fill(model, beside, &until, report).await?;
            let now = self.inner().log.ends().await?;
            if now.iter().sum::<u64>() - ends.iter().sum::<u64>() <= BEHIND_MAX {
                return Ok(());
            }
        }
        Err(Error::Limit {
            limit: "rebuild_rounds_max",
            max: ROUNDS_MAX.into(),
            remedy: "the log grows faster than the model fills; rebuild when there is less traffic",
        })
    }

    async fn switch_to(&self, model: Model) -> Result<(), Error> {
        let (database, name) = (&self.inner().database, model.spec.name);
        let before = database.pointer(name).await?;
        let now = database.switch(&model).await?;
        tracing::info!(reader.name = name, model.slot = %model.slot, "switched to a new slot");
        self.adopt(model);
        // One way back is kept; what the last switch left behind would only fill the disk.
        match before.and_then(|before| before.previous) {
            Some(old) if old != now.live && Some(old) != now.previous => database.drop_model(name, old).await,
            _ => Ok(()),
        }
    }
}
