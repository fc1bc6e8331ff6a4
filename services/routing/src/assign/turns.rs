//! Whose turn it is: on Postgres one replica assigns for a tenant at a time, under a lease.
//!
//! The lease is the tenant's and not the queue's, since an agent serves several queues and has one capacity.

use spine::address::GENERATION;
use spine::db::Backend;
use spine::lease::{LEASE_MS, Leases};
use spine::{Error, PARTS, Position, Reader, Spine};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A lease is relied on for so long after it was asked for; the rest of its life is the margin.
const USE: Duration = Duration::from_millis(LEASE_MS.unsigned_abs() / 2);
/// Taken again after so long, so that it does not run out under work.
const RENEW: Duration = Duration::from_millis(LEASE_MS.unsigned_abs() / 4);
/// Another's lease is asked for again after so long.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// How long a new holder waits for the tables to know what the one before decided.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether this process may assign for a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Ours,
    /// Ours from now on; what was read before may lack what the one before decided.
    Begun,
    Theirs,
}

/// The turns of this process.
pub(crate) struct Turns {
    leases: Option<Leases>,
    /// When a lease was last taken, or was last found to be another's.
    asked: HashMap<Arc<str>, (Instant, bool)>,
}

impl Turns {
    /// The leases that turns are taken by; none where there is one process only.
    pub(crate) async fn leases(spine: &Spine) -> Result<Option<Leases>, Error> {
        Ok(match spine.database.backend() {
            Backend::Sqlite => None,
            Backend::Postgres => Some(Leases::open(&spine.database, spine.log.clock()).await?),
        })
    }

    pub(crate) fn new(leases: Option<Leases>) -> Self {
        Self { leases, asked: HashMap::new() }
    }

    /// Whose turn it is. Whoever takes over first waits until the tables hold everything that is in the log, so
    /// that no load of the one before is missing.
    pub(crate) async fn of(
        &mut self,
        spine: &Spine,
        reader: &Reader,
        tenant: &Arc<str>,
    ) -> Result<Turn, Error> {
        let Some(leases) = &self.leases else { return Ok(Turn::Ours) };
        let known = self.asked.get(tenant).copied();
        match known {
            Some((at, true)) if at.elapsed() < RENEW => return Ok(Turn::Ours),
            Some((at, false)) if at.elapsed() < ASK_AGAIN => return Ok(Turn::Theirs),
            _ => {}
        }
        let asked = Instant::now();
        let taken = leases.acquire(&format!("routing.assign.{tenant}")).await?.is_some();
        let went_on = matches!(known, Some((at, true)) if at.elapsed() < USE);
        if taken && !went_on {
            self.asked.remove(tenant);
            let ends = spine.log.ends().await?;
            let end = |(part, sequence)| Position { generation: GENERATION, part, sequence };
            let ends: Vec<Position> = (0..PARTS).zip(ends).map(end).collect();
            reader.wait_for(&ends, PATIENCE).await?;
        }
        self.asked.insert(tenant.clone(), (asked, taken));
        Ok(match (taken, went_on) {
            (false, _) => Turn::Theirs,
            (true, true) => Turn::Ours,
            (true, false) => Turn::Begun,
        })
    }
}
