//! What is due: effects and timers as rows, written and removed by the projecting transaction.

use crate::error::Error;
use crate::record::Recorded;
use sqlx::AnyConnection;

/// Something to be done for an entity at a time. The same (kind, entity, key) is one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What is to be done, such as `send`.
    pub kind: &'static str,
    /// The subject of the entity; of one entity one row of a kind is worked on at a time, oldest first.
    pub entity: String,
    pub key: String,
    /// What the work is paced by, such as a channel account: many rows of one lane delay no other lane.
    pub lane: String,
    /// Not before this time, microseconds.
    pub at: i64,
    /// What the worker needs besides, as JSON; never personal data in clear.
    pub body: String,
}

/// Inserts the row, or moves it to its new time and body.
///
/// # Errors
/// Database errors.
pub async fn put(tx: &mut AnyConnection, record: &Recorded, due: &Due) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO due (kind, entity, key, lane, at, part, sequence, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (kind, entity, key) DO UPDATE SET at = excluded.at, body = excluded.body, lane = excluded.lane",
    )
    .bind(due.kind)
    .bind(&due.entity)
    .bind(&due.key)
    .bind(&due.lane)
    .bind(due.at)
    .bind(i32::from(record.position.part))
    .bind(i64::try_from(record.position.sequence).unwrap_or(i64::MAX))
    .bind(&due.body)
    .execute(tx)
    .await
    .map_err(Error::database("put a due row"))?;
    Ok(())
}

/// Removes one row; nothing happens if it is gone.
///
/// # Errors
/// Database errors.
pub async fn remove(tx: &mut AnyConnection, kind: &str, entity: &str, key: &str) -> Result<(), Error> {
    sqlx::query("DELETE FROM due WHERE kind = $1 AND entity = $2 AND key = $3")
        .bind(kind)
        .bind(entity)
        .bind(key)
        .execute(tx)
        .await
        .map_err(Error::database("remove a due row"))?;
    Ok(())
}

/// Removes all rows of a kind for an entity.
///
/// # Errors
/// Database errors.
pub async fn remove_all(tx: &mut AnyConnection, kind: &str, entity: &str) -> Result<(), Error> {
    sqlx::query("DELETE FROM due WHERE kind = $1 AND entity = $2")
        .bind(kind)
        .bind(entity)
        .execute(tx)
        .await
        .map_err(Error::database("remove due rows"))?;
    Ok(())
}
