//! Verify: a fresh fill of the same model to the same positions, compared with the live one row for row.

use super::reader::Reader;
use super::rebuild::Beside;
use crate::db::{Comparison, diff, tables};
use crate::error::Error;
use sqlx::{AnyConnection, Row};
use std::collections::BTreeMap;

/// The spine's own tables: positions are what both were filled to, due rows and parked entities are work.
const OWN_TABLES: [&str; 4] = ["about", "positions", "due", "parked"];
/// An erasure between the snapshot and the fill makes rows differ that are equal a moment later.
const ROUNDS_MAX: u32 = 2;

/// What a verification found.
#[derive(Clone, Debug)]
pub struct Verification {
    pub model: &'static str,
    /// Up to where both were filled, by part.
    pub positions: BTreeMap<u8, u64>,
    /// `left` is the live model, `right` what the log says.
    pub comparison: Comparison,
}

impl Reader {
    /// Takes a snapshot of the live model, fills a new slot from the log to exactly its positions, compares them
    /// row for row and drops the slot. Queries and work go on meanwhile. `progress` hears how many messages are
    /// in and how many there are.
    ///
    /// # Errors
    /// When the database or the log fails. Differences are no error.
    pub async fn verify(&self, progress: impl Fn(u64, u64) + Send + Sync) -> Result<Verification, Error> {
        let mut found = self.verify_once(&progress).await?;
        for _ in 1..ROUNDS_MAX {
            if found.comparison.differences.is_empty() {
                break;
            }
            found = self.verify_once(&progress).await?;
        }
        Ok(found)
    }

    async fn verify_once(&self, progress: &(dyn Fn(u64, u64) + Send + Sync)) -> Result<Verification, Error> {
        let inner = self.inner();
        let live = self.model();
        let mut snapshot = live.store.snapshot().await?;
        let positions = positions(snapshot.connection()).await?;
        let beside = inner.database.beside(&inner.projector.spec()).await?;
        let compared = async {
            self.fill(&beside, Beside::Live, &positions, progress).await?;
            let mut fresh = beside.store.connection().await?;
            let mut compared = tables(&mut fresh).await?;
            compared.retain(|table| !OWN_TABLES.contains(&table.name.as_str()));
            diff(snapshot.connection(), &mut fresh, &compared).await
        }
        .await;
        let dropped = inner.database.drop_model(beside.spec.name, beside.slot).await;
        let comparison = compared?;
        dropped?;
        Ok(Verification { model: self.name(), positions, comparison })
    }
}

async fn positions(connection: &mut AnyConnection) -> Result<BTreeMap<u8, u64>, Error> {
    let rows = sqlx::query("SELECT part, sequence FROM positions")
        .fetch_all(connection)
        .await
        .map_err(Error::database("read the positions of a snapshot"))?;
    let read = |row: &sqlx::any::AnyRow| {
        Some((u8::try_from(row.get::<i32, _>(0)).ok()?, u64::try_from(row.get::<i64, _>(1)).ok()?))
    };
    Ok(rows.iter().filter_map(read).collect())
}
