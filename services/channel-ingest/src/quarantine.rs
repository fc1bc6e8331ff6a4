//! Quarantine: items that could not be taken, sealed under their customer's key, until they are read again.

use crate::early::RETRY_US_MIN;
use crate::request;
use crate::state::StateStore;
use channels::contract::RawRequest;
use conversation::content;
use spine::Error;
use spine::journal::Place;
use spine::keys::{HeldRequest, Keys, Owner, Period, SealKey};
use sqlx::{AnyConnection, Row};
use std::collections::HashSet;
use std::sync::Arc;
use uuid::Uuid;

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
    pub(crate) until: Until,
}

/// What lets an item out of quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// An operator.
    Operator,
    /// The outcome of a send under way: it is taken again by itself.
    Outcome,
    /// The item before it in its thread, which waits for such an outcome: it goes on with that one.
    Before,
}

impl Held {
    /// The id of an item's row: the same item is held once.
    pub(crate) fn id_of(place: Place, number: usize) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{place}/{number}").as_bytes())
    }

    /// Its request, as one that holds something of its thread; none when nobody knows whose it is.
    pub(crate) fn request(&self) -> Option<HeldRequest> {
        Some(HeldRequest { tenant: self.tenant.clone(), thread: self.thread?, place: self.place })
    }

    /// Where it stands among the items of its part.
    pub(crate) fn order(&self) -> (i64, i32) {
        let sequence = i64::try_from(self.place.sequence).unwrap_or(i64::MAX);
        (sequence, i32::try_from(self.number).unwrap_or(i32::MAX))
    }

    /// Tells that it is an operator's now.
    pub(crate) fn warn(&self) {
        tracing::warn!(inbound.place = %self.place, item.number = self.number, error = self.error, "an item is in quarantine");
    }

    fn subject(&self) -> String {
        format!("quarantine.{}.{}", self.tenant, self.id)
    }
}

/// Seals what is to be kept. What belongs to somebody who was erased meanwhile is not.
pub(crate) async fn seal_all<'e>(
    keys: &Keys,
    entries: &'e [Entry],
) -> Result<Vec<(&'e Entry, String)>, Error> {
    let mut sealed = Vec::new();
    for entry in entries {
        match seal(keys, entry).await {
            Ok(text) => sealed.push((entry, text)),
            Err(Error::Gone { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sealed)
}

/// Opens a sealed request; none when its key is destroyed.
pub(crate) async fn open(keys: &Keys, held: &Held, sealed: &str) -> Result<Option<RawRequest>, Error> {
    let plain = keys.open_bytes(sealed, &held.subject(), FIELD).await?;
    Ok(plain.and_then(|plain| request::decode(&plain)))
}

/// Seals an entry's request under its customer's key, or the tenant's of the day when nobody knows whose it is.
async fn seal(keys: &Keys, entry: &Entry) -> Result<String, Error> {
    let Entry { held, request, .. } = entry;
    let (owner, class, period) = match held.thread {
        Some(thread) => (Owner::thread(thread), content::CLASS, Period::quarter(held.received_at)),
        None => (Owner::tenant(&held.tenant), spine::journal::CLASS, Period::day(held.received_at)),
    };
    let key = SealKey { tenant: held.tenant.clone(), owner, class: class.into(), period };
    let bytes =
        request::encode(request, &request.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
    keys.seal_bytes(&key, &held.subject(), FIELD, &bytes).await
}

/// Writes a row, inside the transaction that moves the normaliser's position.
pub(crate) async fn put(tx: &mut AnyConnection, entry: &Entry, sealed: &str) -> Result<(), Error> {
    let Entry { held, until, .. } = entry;
    let again_at = if *until == Until::Outcome { held.received_at + RETRY_US_MIN } else { 0 };
    sqlx::query(
        "INSERT INTO quarantine (id, tenant, account, thread, place, number, part, sequence, received_at, error, sealed,
            blocks, again_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (id) DO UPDATE SET error = excluded.error, sealed = excluded.sealed, thread = excluded.thread,
            blocks = excluded.blocks, again_at = excluded.again_at",
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
    .bind(again_at)
    .execute(tx)
    .await
    .map_err(Error::database("put an item into quarantine"))?;
    Ok(())
}

/// Lets nothing wait behind the items any more; each keeps the reason that it has now, and whose it is found to be.
pub(crate) async fn set_alone(tx: &mut AnyConnection, items: &[Held]) -> Result<(), Error> {
    for held in items {
        sqlx::query("UPDATE quarantine SET blocks = 0, error = $1, thread = $2 WHERE id = $3")
            .bind(&held.error)
            .bind(held.thread.map_or(NOBODY.into(), |thread| thread.to_string()))
            .bind(held.id.to_string())
            .execute(&mut *tx)
            .await
            .map_err(Error::database("leave an item in quarantine alone"))?;
    }
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

    /// The threads of a part in which what follows must wait behind something in quarantine.
    pub(crate) async fn waiting(&self, part: u8) -> Result<HashSet<Uuid>, Error> {
        let rows = sqlx::query(
            "SELECT DISTINCT thread FROM quarantine WHERE part = $1 AND thread <> '' AND blocks = 1",
        )
        .bind(i32::from(part))
        .fetch_all(self.store.reads())
        .await
        .map_err(Error::database("read quarantine"))?;
        Ok(rows.iter().filter_map(|row| row.get::<String, _>(0).parse().ok()).collect())
    }

    /// The next items of a part in their order, after the one at sequence and number; of one tenant if given.
    pub(crate) async fn held_in(
        &self,
        part: u8,
        tenant: Option<&str>,
        (sequence, number): (i64, i32),
        max: usize,
    ) -> Result<Vec<Held>, Error> {
        let rows = sqlx::query(
            "SELECT id, tenant, account, thread, place, number, received_at, error, blocks FROM quarantine
             WHERE part = $1 AND (tenant = $2 OR $2 = '') AND (sequence > $3 OR (sequence = $3 AND number > $4))
             ORDER BY sequence, number LIMIT $5",
        )
        .bind(i32::from(part))
        .bind(tenant.unwrap_or_default())
        .bind(sequence)
        .bind(number)
        .bind(i64::try_from(max).unwrap_or(i64::MAX))
        .fetch_all(self.store.reads())
        .await
        .map_err(Error::database("read quarantine"))?;
        Ok(rows.iter().filter_map(read).collect())
    }

    /// An item by its id.
    pub(crate) async fn find(&self, item: Uuid) -> Result<Option<Held>, Error> {
        let row = sqlx::query(
            "SELECT id, tenant, account, thread, place, number, received_at, error, blocks FROM quarantine WHERE id = $1",
        )
        .bind(item.to_string())
        .fetch_optional(self.store.reads())
        .await
        .map_err(Error::database("read quarantine"))?;
        Ok(row.as_ref().and_then(read))
    }

    /// The request of a held item; none when its key is destroyed or it is gone.
    pub(crate) async fn request_of(&self, keys: &Keys, held: &Held) -> Result<Option<RawRequest>, Error> {
        let sealed: Option<String> = sqlx::query_scalar("SELECT sealed FROM quarantine WHERE id = $1")
            .bind(held.id.to_string())
            .fetch_optional(self.store.reads())
            .await
            .map_err(Error::database("read quarantine"))?;
        match sealed {
            Some(sealed) => open(keys, held, &sealed).await,
            None => Ok(None),
        }
    }
}

/// Reads the columns of a held item in their order.
pub(crate) fn read(row: &sqlx::any::AnyRow) -> Option<Held> {
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
