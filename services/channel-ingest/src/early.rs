//! Receipts that the platform sent before our own `Sent` stood in the log: kept for some minutes and tried again.

use crate::part::Part;
use crate::quarantine::{self, Held};
use crate::reingest::Again;
use crate::state::StateStore;
use spine::Error;
use sqlx::{AnyConnection, Row};

pub(crate) const SCHEMA: &str = "
CREATE TABLE early (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL, thread TEXT NOT NULL,
    place TEXT NOT NULL, number INTEGER NOT NULL, part INTEGER NOT NULL, received_at BIGINT NOT NULL, at BIGINT NOT NULL,
    sealed TEXT NOT NULL);
CREATE INDEX early_part ON early (part, at);
CREATE INDEX early_thread ON early (thread);
";

/// Early receipts of one part; more are dropped and counted. A later state of the same message covers them.
pub(crate) const EARLY_MAX: usize = 1_000;
/// A call whose outcome is not known after so long will not become `Sent` by itself.
pub(crate) const PATIENCE_US: i64 = 600_000_000;
pub(crate) const RETRY_US_MIN: i64 = 500_000;
const SOME: i64 = 64;

/// Writes a row, inside the transaction that moves the normaliser's position.
pub(crate) async fn put(tx: &mut AnyConnection, held: &Held, sealed: &str) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO early (id, tenant, account, thread, place, number, part, received_at, at, sealed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
    )
    .bind(held.id.to_string())
    .bind(held.tenant.to_string())
    .bind(held.account.to_string())
    .bind(held.thread.map_or_else(String::new, |thread| thread.to_string()))
    .bind(held.place.to_string())
    .bind(i32::try_from(held.number).unwrap_or(i32::MAX))
    .bind(i32::from(held.place.part))
    .bind(held.received_at)
    .bind(held.received_at + RETRY_US_MIN)
    .bind(sealed)
    .execute(tx)
    .await
    .map_err(Error::database("keep an early receipt"))?;
    Ok(())
}

/// When to try again: after as long as it has waited, so that a long wait costs few tries.
pub(crate) fn next_try(received_at: i64, now: i64) -> i64 {
    now + (now - received_at).clamp(RETRY_US_MIN, PATIENCE_US / 10)
}

impl Part<'_> {
    /// Tries early receipts again; those whose time is over are dropped.
    pub(crate) async fn try_early(&mut self) -> Result<(), Error> {
        let state = &self.normaliser.state;
        let now = self.normaliser.log.clock().now();
        let (mut gone, mut later) = (Vec::new(), Vec::new());
        for (held, sealed) in state.early_due(self.part, now).await? {
            let again = match quarantine::open(&self.normaliser.keys, &held, &sealed).await {
                // Its key was destroyed with its customer.
                Ok(None) => Again::Taken,
                // A row that does not open is no reason to stop the part.
                Err(error) if !error.is_passing() => Again::alone(error),
                Err(error) => return Err(error),
                Ok(Some(raw)) => match self.normaliser.take_again(&held, &raw, false).await {
                    Err(error) if !error.is_passing() => Again::alone(error),
                    other => other?,
                },
            };
            let word = match again {
                Again::Early { .. } | Again::Away if now - held.received_at < PATIENCE_US => {
                    later.push((held.id, next_try(held.received_at, now)));
                    continue;
                }
                Again::Early { .. } | Again::Away => "expired",
                Again::Taken | Again::Stays { .. } => "applied",
            };
            self.normaliser.counters.early.add(1, &[word]);
            gone.push(held.id);
        }
        if gone.is_empty() && later.is_empty() {
            return Ok(());
        }
        let mut tx = state.store.begin().await?;
        self.guard(&mut tx).await?;
        for id in &gone {
            write(&mut tx, sqlx::query("DELETE FROM early WHERE id = $1").bind(id.to_string())).await?;
        }
        for (id, at) in &later {
            let query = sqlx::query("UPDATE early SET at = $1 WHERE id = $2").bind(*at).bind(id.to_string());
            write(&mut tx, query).await?;
        }
        tx.commit().await.map_err(Error::database("settle early receipts"))?;
        self.early = state.early(self.part).await?;
        Ok(())
    }
}

async fn write(tx: &mut AnyConnection, query: spine::db::AnyQuery) -> Result<(), Error> {
    query.execute(tx).await.map_err(Error::database("settle early receipts"))?;
    Ok(())
}

impl StateStore {
    /// How many early receipts the part has.
    pub(crate) async fn early(&self, part: u8) -> Result<usize, Error> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM early WHERE part = $1")
            .bind(i32::from(part))
            .fetch_one(self.store.reads())
            .await
            .map_err(Error::database("count early receipts"))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    async fn early_due(&self, part: u8, now: i64) -> Result<Vec<(Held, String)>, Error> {
        let rows = sqlx::query(
            "SELECT id, tenant, account, thread, place, number, received_at, '' AS error, 0 AS blocks, sealed
             FROM early WHERE part = $1 AND at <= $2 ORDER BY at LIMIT $3",
        )
        .bind(i32::from(part))
        .bind(now)
        .bind(SOME)
        .fetch_all(self.store.reads())
        .await
        .map_err(Error::database("read early receipts"))?;
        Ok(rows.iter().filter_map(|row| Some((quarantine::read(row)?, row.get(9)))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_tried_less_and_less_often() {
        assert_eq!(next_try(0, 1), 1 + RETRY_US_MIN);
        assert_eq!(next_try(0, 4_000_000), 8_000_000);
        assert_eq!(next_try(0, PATIENCE_US), PATIENCE_US + PATIENCE_US / 10);
    }
}
