//! A new tenant key: whoever got hold of the old one opens nothing that is wrapped from now on.

use super::Keys;
use super::cipher::Secret;
use super::register::{self, Change};
use crate::db::{AnyQuery, Bulk, Checkpoint};
use crate::error::Error;
use sqlx::{AnyConnection, Row};

/// Keys that are read and wrapped anew at a time.
const CHUNK: usize = 256;

/// A rotation, as the register records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How many times the tenant's key was replaced, with this one.
    pub number: i64,
    /// When, in µs since 1970.
    pub at: i64,
    /// Data keys that live on under the new key.
    pub rewrapped: u64,
}

static REWRAP: Bulk =
    Bulk::new("UPDATE keys SET wrapped = v.column2 FROM (", 2, ") AS v WHERE keys.id = v.column1");

impl Keys {
    /// Replaces the tenant's key, wraps all its data keys anew and records that, in one transaction. Until that
    /// commits, which takes longer the more keys there are, no new key is made. None when the tenant has no key yet.
    /// The checkpoint is as for an erasure.
    ///
    /// # Errors
    /// Database errors; nothing has then changed.
    pub async fn rotate(&self, tenant: &str) -> Result<Option<(Rotation, Checkpoint)>, Error> {
        let inner = &self.inner;
        crate::address::check_tenant(tenant)?;
        let mut tx = register::begin(&inner.store, Change::Destroy).await?;
        let Some(old) = register::read_tenant(&mut tx, &inner.master, tenant).await? else {
            return Ok(None);
        };
        let (number, new) = (old.number + 1, Secret::random());
        let wrapped = inner.master.wrap(new.bytes(), &register::tenant_purpose(tenant, number));
        sqlx::query("UPDATE tenants SET number = $1, wrapped = $2 WHERE tenant = $3")
            .bind(number)
            .bind(wrapped)
            .bind(tenant)
            .execute(&mut *tx)
            .await
            .map_err(Error::database("replace a tenant's key"))?;
        let mut rewrapped = 0;
        let mut after = String::new();
        loop {
            let keys = read_chunk(&mut tx, tenant, &after).await?;
            let Some((last, _)) = keys.last() else { break };
            after.clone_from(last);
            let mut rows = Vec::with_capacity(keys.len());
            for (id, wrapped) in &keys {
                let purpose = register::key_purpose(id);
                let secret = register::unwrap(&old.secret, wrapped, &purpose)?;
                rows.push((id, new.wrap(secret.bytes(), &purpose)));
            }
            let bind =
                |query: AnyQuery, row: &(&String, Vec<u8>)| query.bind(row.0.clone()).bind(row.1.clone());
            rewrapped += REWRAP.write(&mut tx, &rows, bind).await?;
        }
        let rotation = Rotation { number, at: inner.clock.now(), rewrapped };
        record(&mut tx, tenant, &rotation).await?;
        tx.commit().await.map_err(Error::database("replace a tenant's key"))?;
        let checkpoint = inner.settle().await?;
        Ok(Some((rotation, checkpoint)))
    }

    /// Every rotation of the tenant's key, the first one first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn rotations(&self, tenant: &str) -> Result<Vec<Rotation>, Error> {
        let rows =
            sqlx::query("SELECT number, at, rewrapped FROM rotations WHERE tenant = $1 ORDER BY number")
                .bind(tenant)
                .fetch_all(self.inner.store.reads())
                .await
                .map_err(Error::database("list the rotations of a tenant's key"))?;
        let read = |row: &sqlx::any::AnyRow| {
            let rewrapped: i64 = row.get(2);
            Rotation { number: row.get(0), at: row.get(1), rewrapped: u64::try_from(rewrapped).unwrap_or(0) }
        };
        Ok(rows.iter().map(read).collect())
    }
}

async fn record(tx: &mut AnyConnection, tenant: &str, rotation: &Rotation) -> Result<(), Error> {
    sqlx::query("INSERT INTO rotations (tenant, number, at, rewrapped) VALUES ($1, $2, $3, $4)")
        .bind(tenant)
        .bind(rotation.number)
        .bind(rotation.at)
        .bind(i64::try_from(rotation.rewrapped).unwrap_or(i64::MAX))
        .execute(tx)
        .await
        .map_err(Error::database("record the rotation of a tenant's key"))?;
    Ok(())
}

async fn read_chunk(
    tx: &mut AnyConnection,
    tenant: &str,
    after: &str,
) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let rows = sqlx::query("SELECT id, wrapped FROM keys WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3")
        .bind(tenant)
        .bind(after)
        .bind(CHUNK as i64)
        .fetch_all(tx)
        .await
        .map_err(Error::database("read keys"))?;
    let read = |row: &sqlx::any::AnyRow| Ok((row.try_get(0)?, row.try_get(1)?));
    rows.iter().map(read).collect::<Result<_, _>>().map_err(Error::database("read keys"))
}
