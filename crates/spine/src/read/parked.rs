//! Entities whose messages cannot be applied: set aside, so that the others go on.

use super::batch::Progress;
use super::{Projector, due};
use crate::db::{Model, Store};
use crate::error::{Error, chain};
use crate::record::Recorded;
use sqlx::{AnyConnection, Row};
use std::sync::Arc;

/// Entities that one read model may have parked before its reader stops.
pub(super) const PARKED_MAX: usize = 100;

/// The entities that are parked; there are at most [`PARKED_MAX`].
pub(super) async fn list(store: &Store) -> Result<Vec<String>, Error> {
    sqlx::query_scalar("SELECT entity FROM parked ORDER BY entity")
        .fetch_all(store.reads())
        .await
        .map_err(Error::database("list what is parked"))
}

/// Notes that the entity cannot be applied from this message on; the first one counts.
pub(super) async fn park(tx: &mut AnyConnection, record: &Recorded, error: &Error) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO parked (entity, part, sequence, error, at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (entity) DO NOTHING",
    )
    .bind(record.address.subject())
    .bind(i32::from(record.position.part))
    .bind(i64::try_from(record.position.sequence).unwrap_or(i64::MAX))
    .bind(chain(error))
    .bind(record.stored_at)
    .execute(tx)
    .await
    .map_err(Error::database("park an entity"))?;
    Ok(())
}

pub(super) async fn no_longer_parked(tx: &mut AnyConnection, entity: &str) -> Result<(), Error> {
    let deleted = sqlx::query("DELETE FROM parked WHERE entity = $1").bind(entity).execute(tx).await;
    deleted.map(|_| ()).map_err(Error::database("unpark an entity"))
}

/// Applies a parked entity's messages up to the part's position and forgets that it was parked. What this does to
/// due rows is in `progress` then.
pub(crate) async fn unpark(
    model: &Model,
    projector: &dyn Projector,
    progress: &mut Progress,
    entity: &str,
    records: Vec<Arc<Recorded>>,
) -> Result<(), Error> {
    let action = "unpark an entity";
    let mut tx = model.store.begin().await?;
    let row = sqlx::query("SELECT part, sequence FROM parked WHERE entity = $1")
        .bind(entity)
        .fetch_optional(&mut *tx)
        .await
        .map_err(Error::database(action))?;
    let Some(row) = row else { return Ok(()) };
    let (part, first): (i32, i64) = (row.get(0), row.get(1));
    let part = u8::try_from(part).unwrap_or(0);
    let reached = progress.positions.get(&part).copied().unwrap_or(0);
    let records: Vec<Arc<Recorded>> = records
        .into_iter()
        .filter(|record| record.position.sequence >= u64::try_from(first).unwrap_or(0))
        .filter(|record| record.position.sequence <= reached)
        .collect();
    let (applied, told) = due::collect(async {
        match records.is_empty() {
            true => Ok(()),
            false => projector.apply(&mut tx, &records).await,
        }
    })
    .await;
    applied?;
    no_longer_parked(&mut tx, entity).await?;
    tx.commit().await.map_err(Error::database(action))?;
    progress.parked.remove(entity);
    progress.told = told;
    projector.committed(&records);
    Ok(())
}
