//! Keeps what channel-ingest holds of people free of those who were erased: as it comes, and now and then all of it.

use crate::state::StateStore;
use spine::db::Bulk;
use spine::keys::Keys;
use spine::{Clock, Error};
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Erased threads that wait to be purged; what has no room is found by the next sweep.
pub(crate) const WAITING_MAX: usize = 1_000;
const RETRY_DELAY: Duration = Duration::from_secs(1);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);
/// How often it is looked for what was not heard of: erased while this process was down, or too many at once.
const SWEEP_EVERY: Duration = Duration::from_secs(300);
/// Erased threads that a sweep looks at in one go.
const PAGE: u32 = 1_000;
/// A sweep looks again at what the last one may have seen under a clock that was wrong.
const OVERLAP_US: i64 = 24 * 3_600_000_000;

static QUARANTINE: Bulk = Bulk::new("DELETE FROM quarantine WHERE (thread) IN (", 1, ")");
static EARLY: Bulk = Bulk::new("DELETE FROM early WHERE (thread) IN (", 1, ")");
static PROFILES: Bulk = Bulk::new("DELETE FROM profiles WHERE (thread) IN (", 1, ")");

/// What purges. It outlives whatever the database does.
pub(crate) struct Purge {
    pub(crate) state: StateStore,
    pub(crate) keys: Keys,
    pub(crate) clock: Clock,
    /// Erased threads as the log tells of them.
    pub(crate) erasures: mpsc::Receiver<Uuid>,
}

impl Purge {
    /// Purges until shutdown.
    pub(crate) async fn run(mut self, shutdown: &CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.purge() => {}
        }
    }

    async fn purge(&mut self) {
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut since = 0;
        loop {
            tokio::select! {
                Some(thread) = self.erasures.recv() => {
                    let gone = [thread];
                    until_done(|| self.delete(&gone)).await;
                }
                _ = sweep.tick() => {
                    let newest = until_done(|| self.sweep(since)).await;
                    // An erasure under a clock that was ahead hides none of those after it.
                    since = since.max(newest.min(self.clock.now()) - OVERLAP_US);
                }
            }
        }
    }

    /// Purges everybody who was erased at `since`, microseconds, or later; when the last of them was.
    async fn sweep(&self, since: i64) -> Result<i64, Error> {
        let mut after = (since, String::new());
        loop {
            let page = self.keys.erased_threads(&after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(after.0) };
            after = last.clone();
            let threads: Vec<Uuid> = page.iter().filter_map(|(_, thread)| thread.parse().ok()).collect();
            self.delete(&threads).await?;
        }
    }

    /// Removes everything of threads whose people were erased.
    async fn delete(&self, threads: &[Uuid]) -> Result<(), Error> {
        let mut tx = self.state.store.begin().await?;
        for kept in [&QUARANTINE, &EARLY, &PROFILES] {
            kept.write(&mut tx, threads, |query, thread| query.bind(thread.to_string())).await?;
        }
        tx.commit().await.map_err(Error::database("purge what is kept of erased people"))
    }
}

/// Tries until it is done: nothing may stay because the database was away.
async fn until_done<T, F>(task: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, Error>>,
{
    let mut delay = RETRY_DELAY;
    loop {
        match task().await {
            Ok(done) => return done,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "what is kept of erased people cannot be purged; trying again");
            }
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(RETRY_DELAY_MAX);
    }
}
