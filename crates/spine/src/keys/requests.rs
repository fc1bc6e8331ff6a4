//! Raw requests that hold something of a thread although no message of the log names them, such as a redelivery or an
//! item in quarantine. They are sealed with the key that all of a tenant's requests of a day share, so an erasure has to
//! find and delete them.

use super::{Keys, gone};
use crate::db::Bulk;
use crate::error::Error;
use crate::journal::Place;
use sqlx::Row;
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

pub(super) const SCHEMA: &str = "CREATE TABLE requests (tenant TEXT NOT NULL, thread TEXT NOT NULL,
     place TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (tenant, thread, place));
     CREATE INDEX requests_at ON requests (at); CREATE INDEX requests_place ON requests (place)";

/// Longer than raw requests are kept; what is older names none any more.
const KEPT_US: i64 = 100 * 86_400_000_000;

static NOTE: Bulk =
    Bulk::new("INSERT INTO requests (tenant, thread, place, at)", 4, "ON CONFLICT DO NOTHING");
static FORGET: Bulk = Bulk::new("DELETE FROM requests WHERE (place) IN (", 1, ")");
static FIND: Bulk = Bulk::new("SELECT place FROM requests WHERE (tenant, thread) IN (", 2, ")");

/// A raw request and whose it is, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRequest {
    pub tenant: Arc<str>,
    pub thread: Uuid,
    pub place: Place,
}

impl Keys {
    /// Notes the requests, synced to disk. Again changes nothing.
    ///
    /// # Errors
    /// Database errors.
    pub async fn note_requests(&self, held: &[HeldRequest]) -> Result<(), Error> {
        if held.is_empty() {
            return Ok(());
        }
        let now = self.inner.clock.now();
        let mut tx = self.inner.store.begin().await?;
        NOTE.write(&mut tx, held, |query, held| {
            let query = query.bind(held.tenant.to_string()).bind(held.thread.to_string());
            query.bind(held.place.to_string()).bind(now)
        })
        .await?;
        tx.commit().await.map_err(Error::database("note raw requests"))
    }

    /// The places of all requests that were noted of the tenant's threads.
    ///
    /// # Errors
    /// Database errors.
    pub async fn requests_of(&self, tenant: &str, threads: &[Uuid]) -> Result<BTreeSet<String>, Error> {
        let mut reader =
            self.inner.store.reads().acquire().await.map_err(Error::database("find raw requests"))?;
        let bind = |query: crate::db::AnyQuery, thread: &Uuid| {
            query.bind(tenant.to_owned()).bind(thread.to_string())
        };
        let rows = FIND.fetch(&mut reader, threads, bind).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Noted requests of threads that were erased, so many at most: those that were noted too late for the erasure, once
    /// no erasure is under way.
    ///
    /// # Errors
    /// Database errors.
    pub async fn requests_left(&self, max: u32) -> Result<Vec<String>, Error> {
        sqlx::query_scalar(
            "SELECT r.place FROM erased e CROSS JOIN requests r
             WHERE e.kind = 'thread' AND r.tenant = e.tenant AND r.thread = e.owner LIMIT $1",
        )
        .bind(i64::from(max))
        .fetch_all(self.inner.store.reads())
        .await
        .map_err(Error::database("find raw requests of erased people"))
    }

    /// Forgets requests that are overwritten; further what was noted, and who was erased, so long ago that no request of
    /// then is kept.
    ///
    /// # Errors
    /// Database errors.
    pub async fn forget_requests(&self, places: &[String]) -> Result<(), Error> {
        let mut tx = self.inner.store.begin().await?;
        FORGET.write(&mut tx, places, |query, place| query.bind(place.clone())).await?;
        let before = self.inner.clock.now() - KEPT_US;
        let deleted = sqlx::query("DELETE FROM requests WHERE at < $1").bind(before).execute(&mut *tx).await;
        deleted.map_err(Error::database("forget raw requests"))?;
        gone::forget(&mut tx, before).await?;
        tx.commit().await.map_err(Error::database("forget raw requests"))
    }
}
