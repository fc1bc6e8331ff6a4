//! Quarantine: items that could not be taken, sealed under their customer's key, until they are read again.

use crate::channels::contract::RawRequest;
use crate::request;
use crate::state::StateStore;
use spine::Error;
use spine::journal::Place;
use spine::keys::{Keys, Owner, Period, SealKey};
use sqlx::{AnyConnection, Row};
use std::collections::HashSet;
use std::sync::Arc;
use uuid::Uuid;

const CLASS: &str = "message";
const FIELD: &str = "quarantine.request";
/// The thread column of items whose customer could not be read.
const NOBODY: &str = "";

/// An item in quarantine.
#[derive(Clone, Debug)]
pub struct Held {
    pub id: Uuid,
    pub tenant: Arc<str>,
    pub account: Uuid,
    /// Whose it is; none when that could not be read.
    pub thread: Option<Uuid>,
    pub place: Place,
    /// The item's place in its request.
    pub number: usize,
    pub received_at: i64,
    pub error: String,
    /// Whether what follows in its thread waits behind it.
    pub blocks: bool,
}

/// A row with the request that holds the item alone.
pub(crate) struct Entry {
    pub(crate) held: Held,
    pub(crate) request: RawRequest,
}

impl Held {
    /// The id of an item's row: the same item is held once.
    pub(crate) fn id_of(place: Place, number: usize) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{place}/{number}").as_bytes())
    }

    fn subject(&self) -> String {
        format!("quarantine.{}.{}", self.tenant, self.id)
    }
}

/// Seals an entry's request under its customer's key, or the tenant's of the day when nobody knows whose it is.
pub(crate) async fn seal(keys: &Keys, entry: &Entry) -> Result<String, Error> {
    let Entry { held, request } = entry;
    let (owner, class, period) = match held.thread {
        Some(thread) => (Owner::thread(thread), CLASS, Period::quarter(held.received_at)),
        None => (Owner::tenant(&held.tenant), spine::journal::CLASS, Period::day(held.received_at)),
    };
    let key = SealKey { tenant: held.tenant.clone(), owner, class: class.into(), period };
    let bytes =
        request::encode(request, &request.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
    keys.seal_bytes(&key, &held.subject(), FIELD, &bytes).await
}

/// Writes a row, inside the transaction that moves the normaliser's position.
pub(crate) async fn put(tx: &mut AnyConnection, held: &Held, sealed: &str) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO quarantine (id, tenant, account, thread, place, number, part, sequence, received_at, error, sealed,
            blocks)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (id) DO UPDATE SET error = excluded.error, sealed = excluded.sealed, thread = excluded.thread,
            blocks = excluded.blocks",
    )
    .bind(held.id.to_string())
    .bind(held.tenant.to_string())
    .bind(held.account.to_string())
    .bind(held.thread.map_or(NOBODY.into(), |thread| thread.to_string()))
    .bind(held.place.to_string())
    .bind(i32::try_from(held.number).unwrap_or(i32::MAX))
    .bind(i32::from(held.place.part))
    .bind(i64::try_from(held.place.sequence).unwrap_or(i64::MAX))
    .bind(held.received_at)
    .bind(&held.error)
    .bind(sealed)
    .bind(i32::from(held.blocks))
    .execute(tx)
    .await
    .map_err(Error::database("put an item into quarantine"))?;
    Ok(())
}

impl StateStore {
    /// Everything in quarantine, in the order it arrived; of one tenant if given.
    ///
    /// # Errors
    /// Database errors.
    pub async fn held(&self, tenant: Option<&str>) -> Result<Vec<Held>, Error> {
        let rows = sqlx::query(
            "SELECT id, tenant, account, thread, place, number, received_at, error, blocks FROM quarantine
             WHERE tenant = $1 OR $1 = '' ORDER BY received_at, part, sequence, number",
        )
        .bind(tenant.unwrap_or_default())
        .fetch_all(self.store.reads())
        .await
        .map_err(Error::database("read quarantine"))?;
        Ok(rows.iter().filter_map(read).collect())
    }

    /// The threads in which what follows must wait behind something in quarantine.
    pub(crate) async fn blocked(&self) -> Result<HashSet<Uuid>, Error> {
        let rows = sqlx::query("SELECT DISTINCT thread FROM quarantine WHERE thread <> '' AND blocks = 1")
            .fetch_all(self.store.reads())
            .await
            .map_err(Error::database("read quarantine"))?;
        Ok(rows.iter().filter_map(|row| row.get::<String, _>(0).parse().ok()).collect())
    }

    /// The request of a held item; none when its key is destroyed or it is gone.
    pub(crate) async fn request_of(&self, keys: &Keys, held: &Held) -> Result<Option<RawRequest>, Error> {
        let sealed: Option<String> = sqlx::query_scalar("SELECT sealed FROM quarantine WHERE id = $1")
            .bind(held.id.to_string())
            .fetch_optional(self.store.reads())
            .await
            .map_err(Error::database("read quarantine"))?;
        let Some(sealed) = sealed else { return Ok(None) };
        let plain = keys.open_bytes(&sealed, &held.subject(), FIELD).await?;
        Ok(plain.and_then(|plain| request::decode(&plain)))
    }

    /// Removes an item that was settled.
    pub(crate) async fn let_go(&self, id: Uuid) -> Result<(), Error> {
        sqlx::query("DELETE FROM quarantine WHERE id = $1")
            .bind(id.to_string())
            .execute(self.store.write())
            .await
            .map_err(Error::database("remove an item from quarantine"))?;
        Ok(())
    }

    /// Removes everything of a thread whose person was erased.
    pub(crate) async fn purge(&self, thread: Uuid) -> Result<(), Error> {
        sqlx::query("DELETE FROM quarantine WHERE thread = $1")
            .bind(thread.to_string())
            .execute(self.store.write())
            .await
            .map_err(Error::database("purge quarantine"))?;
        Ok(())
    }
}

fn read(row: &sqlx::any::AnyRow) -> Option<Held> {
    Some(Held {
        id: row.get::<String, _>(0).parse().ok()?,
        tenant: row.get::<String, _>(1).into(),
        account: row.get::<String, _>(2).parse().ok()?,
        thread: row.get::<String, _>(3).parse().ok(),
        place: row.get::<String, _>(4).parse().ok()?,
        number: usize::try_from(row.get::<i32, _>(5)).unwrap_or(0),
        received_at: row.get(6),
        error: row.get(7),
        blocks: row.get::<i32, _>(8) != 0,
    })
}
