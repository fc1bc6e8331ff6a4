//! What waits in a read model's tables, for the figures that operators watch.

use crate::db::Store;
use crate::error::Error;
use sqlx::Row;

/// What waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Entities that are parked.
    pub parked: u64,
    pub overdue: Vec<Overdue>,
}

/// The rows of one kind that are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    pub kind: String,
    pub count: u64,
    /// Since when the oldest is due, in microseconds.
    pub since: i64,
}

pub(super) async fn read(store: &Store, now: i64) -> Result<Backlog, Error> {
    let failed = || Error::database("count what waits");
    let parked: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM parked").fetch_one(store.reads()).await.map_err(failed())?;
    let rows = sqlx::query("SELECT kind, COUNT(*), MIN(at) FROM due WHERE at <= $1 GROUP BY kind")
        .bind(now)
        .fetch_all(store.reads())
        .await
        .map_err(failed())?;
    let overdue = rows.iter().map(|row| Overdue {
        kind: row.get(0),
        count: u64::try_from(row.get::<i64, _>(1)).unwrap_or_default(),
        since: row.get(2),
    });
    Ok(Backlog { parked: u64::try_from(parked).unwrap_or_default(), overdue: overdue.collect() })
}
