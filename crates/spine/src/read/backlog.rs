//! What waits in a read model's tables, for the figures that operators watch.

use super::look::LANES;
use crate::db::Store;
use crate::error::Error;
use sqlx::AssertSqlSafe;

/// What waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Entities that are parked.
    pub parked: u64,
    /// Of each kind of work that has rows: when its first row is due, in microseconds.
    pub first_due: Vec<(&'static str, i64)>,
}

/// Asks the connection that writes, which is there in any case: one more that reads would stay open for this alone.
pub(super) async fn read(store: &Store, kinds: &[&'static str]) -> Result<Backlog, Error> {
    let failed = || Error::database("look at what waits");
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM parked").fetch_one(store.write());
    let parked: i64 = count.await.map_err(failed())?;
    let mut backlog = Backlog { parked: u64::try_from(parked).unwrap_or_default(), first_due: Vec::new() };
    for kind in kinds {
        let text = format!(
            "{LANES} SELECT MIN(first) FROM (SELECT (SELECT MIN(at) FROM due WHERE kind = $1 AND due.lane = lanes.lane)
             AS first FROM lanes) AS firsts"
        );
        let first: Option<i64> = sqlx::query_scalar(AssertSqlSafe(text))
            .bind(*kind)
            .fetch_one(store.write())
            .await
            .map_err(failed())?;
        backlog.first_due.extend(first.map(|at| (*kind, at)));
    }
    Ok(backlog)
}
