//! Capturing: every message of a customer is read once, and what it tells is decided on the thread's lead.
//!
//! Most messages tell nothing, so there is no due row, no worker and no event for each: a follower per part reads
//! the log at the process's tail and keeps its own place, as channel-ingest's normaliser does. The place is state,
//! not a read model, and is written once a second: what was examined since is examined again after a death, and
//! the law captures each message once. On Postgres a part is examined under a lease.

mod decide;
mod history;
mod recent;
mod told;

use super::state::{EXAMINED, State};
use decide::Decider;
use futures::StreamExt;
use recent::Recent;
use runtime::metrics::Counter;
use spine::feed::Positions;
use spine::feed::read::Follower;
use spine::keys::Keys;
use spine::lease::{Lease, Leases};
use spine::{Error, Log, Position, Reader, Tail};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use told::Told;
use uuid::Uuid;

/// Messages of the log that are examined together.
const BATCH_MAX: usize = 500;
/// Threads of one part that are decided on at once.
const THREADS_MAX: usize = 16;
/// How often a place is written: what a death costs is examined again.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How long the tables may take to hold what is examined until the log is told that they are behind.
const BEHIND_MAX: Duration = Duration::from_secs(5);
const RETRY_DELAY: Duration = Duration::from_millis(500);
const LEASE_POLL: Duration = Duration::from_secs(2);

/// What capturing works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Capture {
    pub(crate) log: Log,
    pub(crate) tail: Tail,
    pub(crate) keys: Keys,
    pub(crate) reader: Reader,
    pub(crate) state: State,
    pub(crate) leases: Option<Leases>,
    pub(crate) captured: Counter,
}

impl Capture {
    /// Examines one part until `shutdown`, under its lease where there are several processes.
    ///
    /// # Errors
    /// [`Error::LogLost`]; everything else is tried again.
    pub(crate) async fn run(&self, part: u8, shutdown: &CancellationToken) -> Result<(), Error> {
        let name = EXAMINED.lease_of(part);
        loop {
            let lease = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                lease = acquire(&name, self.leases.as_ref()) => lease,
            };
            let ended = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = spine::lease::until_lost(lease.as_ref()) => Err(Error::Fenced { lease: name.clone() }),
                ended = self.follow(part, lease.as_ref().map_or(0, Lease::fence)) => ended,
            };
            match ended {
                Err(error @ Error::LogLost { .. }) => return Err(error),
                Err(error) => {
                    tracing::warn!(
                        log.part = part,
                        error = &error as &dyn std::error::Error,
                        "examining a part starts again"
                    );
                    tokio::select! {
                        () = shutdown.cancelled() => return Ok(()),
                        () = tokio::time::sleep(RETRY_DELAY) => {}
                    }
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    async fn follow(&self, part: u8, fence: i64) -> Result<(), Error> {
        let mut saved = self.state.take_over(part, fence).await?;
        let reached = Positions(BTreeMap::from([(part, saved.sequence())]));
        let mut follower = Follower::new(&self.log, &self.tail, &[part], reached);
        let mut examined = saved.sequence();
        let mut save_at = Instant::now() + SAVE_EVERY;
        // Made with each taking over, since another process may have changed what the last one knew.
        let recent = Recent::default();
        // Leads that were made of what is examined again stand behind that in the log, and before this.
        let mut known_by = Position::of_ends(self.log.ends().await?);
        known_by.retain(|end| end.part == part);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                fresh = follower.next(&mut batch, BATCH_MAX) => {
                    fresh?;
                    self.examine(&recent, &batch, &known_by).await?;
                    batch.clear();
                    examined = follower.reached().of(part);
                }
                () = tokio::time::sleep_until(save_at), if examined != saved.sequence() => {}
            }
            if examined != saved.sequence() && Instant::now() >= save_at {
                self.state.move_to(&mut saved, examined).await?;
                save_at = Instant::now() + SAVE_EVERY;
            }
        }
    }

    /// Reads the batch and decides what it tells: threads side by side, each in order.
    async fn examine(
        &self,
        recent: &Recent,
        batch: &[Arc<spine::Recorded>],
        known_by: &[Position],
    ) -> Result<(), Error> {
        let told = told::read(&self.keys, batch).await?;
        let until: Vec<Position> =
            batch.last().map(|record| record.position).iter().chain(known_by).copied().collect();
        let told = self.of_leads(recent, told, &until).await?;
        if told.is_empty() {
            return Ok(());
        }
        let mut threads: BTreeMap<Uuid, Vec<Told>> = BTreeMap::new();
        for told in told {
            threads.entry(told.thread).or_default().push(told);
        }
        let decider = Decider { log: &self.log, keys: &self.keys, recent, captured: &self.captured };
        let decided = futures::stream::iter(threads.into_values())
            .map(|told| decider.thread(told))
            .buffer_unordered(THREADS_MAX);
        let decided: Vec<Result<(), Error>> = decided.collect().await;
        decided.into_iter().collect()
    }

    /// Leaves out what tells nothing without a lead, where there is none: a wish, a name, a word about calls.
    async fn of_leads(
        &self,
        recent: &Recent,
        mut told: Vec<Told>,
        until: &[Position],
    ) -> Result<Vec<Told>, Error> {
        let makes_one: Vec<Uuid> =
            told.iter().filter(|told| told.reading.reaches()).map(|told| told.thread).collect();
        let mut asked: Vec<Uuid> = told.iter().map(|told| told.thread).collect();
        asked.retain(|thread| !makes_one.contains(thread) && recent.number(*thread).is_none());
        asked.sort_unstable();
        asked.dedup();
        if !asked.is_empty() {
            // Tables that are behind know no lead of theirs yet, and what is left out is looked at by nobody again.
            self.tables_hold(until).await?;
        }
        for (thread, n) in recent::numbers(&self.reader, &asked).await? {
            recent.found(thread, n);
        }
        told.retain(|told| makes_one.contains(&told.thread) || recent.number(told.thread).is_some());
        Ok(told)
    }

    /// Waits for the tables as long as they need; to begin anew would only set the mark further off.
    async fn tables_hold(&self, until: &[Position]) -> Result<(), Error> {
        loop {
            match self.reader.wait_for(until, BEHIND_MAX).await {
                Err(Error::Timeout { .. }) => {
                    tracing::warn!(
                        reader.name = self.reader.name(),
                        "capturing waits: the tables are behind"
                    );
                }
                waited => return waited,
            }
        }
    }
}

/// The lease, once it is free; none where there is one process only.
pub(crate) async fn acquire(name: &str, leases: Option<&Leases>) -> Option<Lease> {
    let leases = leases?;
    loop {
        match leases.acquire(name).await {
            Ok(Some(lease)) => return Some(lease),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(
                    lease.name = name,
                    error = &error as &dyn std::error::Error,
                    "a lease cannot be asked for"
                );
            }
        }
        tokio::time::sleep(LEASE_POLL).await;
    }
}
