//! Destroying keys for good, unless a legal hold forbids it.

use super::names::{Owner, OwnerKind, Period};
use super::register::{self, Change};
use super::{Inner, Keys, gone, lost};
use crate::db::{AnyQuery, Backend, Bulk, Checkpoint};
use crate::error::Error;
use crate::journal::JournalEnds;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::sync::Arc;
use uuid::Uuid;

/// What an erasure destroyed, for its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    pub id: Uuid,
    /// The ids of the keys that this call destroyed, sorted. They say nothing about the person.
    pub keys: Vec<String>,
    /// When they were destroyed, microseconds.
    pub at: i64,
    /// Whether the destroyed bytes are out of the register's files. When a reader is in the way, ask the store
    /// for a checkpoint again before anything is signed. On Postgres they may stay in its WAL until that is
    /// recycled.
    pub checkpoint: Checkpoint,
}

/// A legal hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub owner: Owner,
    /// A reference, such as a file number; never personal data.
    pub reason: String,
    pub at: i64,
}

static HOLDS_FIND: Bulk = Bulk::new("SELECT kind, owner FROM holds WHERE (tenant, kind, owner) IN (", 3, ")");
static KEYS_DELETE: Bulk =
    Bulk::new("DELETE FROM keys WHERE (tenant, kind, owner) IN (", 3, ") RETURNING id");
static THREADS_DELETE: Bulk = Bulk::new("DELETE FROM threads WHERE (tenant, thread) IN (", 2, ")");
static ERASED_ADD: Bulk = Bulk::new(
    "INSERT INTO erased (tenant, kind, owner, erasure, at)",
    5,
    "ON CONFLICT (tenant, kind, owner) DO NOTHING",
);
static HOLD_ADD: Bulk = Bulk::new(
    "INSERT INTO holds (tenant, kind, owner, reason, at)",
    5,
    "ON CONFLICT (tenant, kind, owner) DO UPDATE SET reason = excluded.reason, at = excluded.at",
);

impl Keys {
    /// Destroys all keys of the owners and the rows that lead to their threads, all or none, and remembers that
    /// they were erased: nothing is sealed for them again. Again destroys nothing more.
    ///
    /// What the contacts sent up to `journal_ends`, asked for before this call, and nobody decided yet stays theirs: see
    /// [`super::Found::erased`].
    ///
    /// # Errors
    /// [`Error::Held`] when any of them is under legal hold, [`Error::Limit`] above `erase_owners_max`.
    pub async fn erase(
        &self,
        tenant: &str,
        owners: &[Owner],
        erasure: Uuid,
        journal_ends: &JournalEnds,
    ) -> Result<Erasure, Error> {
        let inner = &self.inner;
        if owners.len() > inner.limits.erase_owners_max {
            let max = inner.limits.erase_owners_max as u64;
            return Err(Error::Limit { limit: "erase_owners_max", max, remedy: "erase in several calls" });
        }
        let at = inner.clock.now();
        let mut tx = register::begin(&inner.store, Change::Destroy).await?;
        refuse_held(&mut tx, tenant, owners).await?;
        let bind = |query: AnyQuery, owner: &Owner| bind_owner(query, tenant, owner);
        let keys = ids_of(&KEYS_DELETE.fetch(&mut tx, owners, bind).await?)?;
        let threads: Vec<&Owner> = owners.iter().filter(|owner| owner.kind == OwnerKind::Thread).collect();
        gone::keep(&mut tx, tenant, &threads, journal_ends, at).await?;
        let bind_thread =
            |query: AnyQuery, owner: &&Owner| query.bind(tenant.to_owned()).bind(owner.id.to_string());
        THREADS_DELETE.write(&mut tx, &threads, bind_thread).await?;
        let bind_erased =
            |query: AnyQuery, owner: &Owner| bind(query, owner).bind(erasure.to_string()).bind(at);
        ERASED_ADD.write(&mut tx, owners, bind_erased).await?;
        lost::remember(&mut tx, &keys).await?;
        tx.commit().await.map_err(Error::database("erase keys"))?;
        inner.cache.forget(tenant, owners);
        let checkpoint = inner.settle().await?;
        Ok(Erasure { id: erasure, keys, at, checkpoint })
    }

    /// Destroys the keys of one retention class from before a period, but those of owners under legal hold.
    ///
    /// # Errors
    /// Database errors.
    pub async fn expire(
        &self,
        tenant: &str,
        class: &str,
        before: &Period,
        erasure: Uuid,
    ) -> Result<Erasure, Error> {
        let inner = &self.inner;
        let at = inner.clock.now();
        let mut tx = register::begin(&inner.store, Change::Destroy).await?;
        let rows = sqlx::query(
            "DELETE FROM keys WHERE tenant = $1 AND class = $2 AND period < $3 AND NOT EXISTS
             (SELECT 1 FROM holds WHERE holds.tenant = keys.tenant AND holds.kind = keys.kind
              AND holds.owner = keys.owner) RETURNING id",
        )
        .bind(tenant)
        .bind(class)
        .bind(before.as_str())
        .fetch_all(&mut *tx)
        .await
        .map_err(Error::database("expire keys"))?;
        let keys = ids_of(&rows)?;
        lost::remember(&mut tx, &keys).await?;
        tx.commit().await.map_err(Error::database("expire keys"))?;
        inner.cache.forget_all();
        let checkpoint = inner.settle().await?;
        Ok(Erasure { id: erasure, keys, at, checkpoint })
    }

    /// Whether the owner was erased, and by which erasure.
    ///
    /// # Errors
    /// Database errors.
    pub async fn is_erased(&self, tenant: &str, owner: &Owner) -> Result<Option<Uuid>, Error> {
        let found: Option<String> =
            sqlx::query_scalar("SELECT erasure FROM erased WHERE tenant = $1 AND kind = $2 AND owner = $3")
                .bind(tenant)
                .bind(owner.kind.as_str())
                .bind(&*owner.id)
                .fetch_optional(self.inner.store.reads())
                .await
                .map_err(Error::database("look up an erasure"))?;
        Ok(found.and_then(|id| Uuid::try_parse(&id).ok()))
    }

    /// Threads that were erased, of all tenants, in the order of their erasures and ids, each with its moment: `max` of
    /// those that follow `after`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn erased_threads(&self, after: &(i64, String), max: u32) -> Result<Vec<(i64, String)>, Error> {
        sqlx::query_as(
            "SELECT at, owner FROM erased WHERE kind = 'thread' AND (at > $1 OR (at = $1 AND owner > $2))
             ORDER BY at, owner LIMIT $3",
        )
        .bind(after.0)
        .bind(after.1.clone())
        .bind(i64::from(max))
        .fetch_all(self.inner.store.reads())
        .await
        .map_err(Error::database("list erased threads"))
    }

    /// Puts an owner under legal hold: erasure refuses it and expiry passes over it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn hold(&self, tenant: &str, owner: &Owner, reason: &str) -> Result<(), Error> {
        let at = self.inner.clock.now();
        let mut tx = register::begin(&self.inner.store, Change::Destroy).await?;
        let bind = |query, owner: &Owner| bind_owner(query, tenant, owner).bind(reason.to_owned()).bind(at);
        HOLD_ADD.write(&mut tx, std::slice::from_ref(owner), bind).await?;
        tx.commit().await.map_err(Error::database("hold an owner"))
    }

    /// Ends a legal hold. Whether there was one.
    ///
    /// # Errors
    /// Database errors.
    pub async fn unhold(&self, tenant: &str, owner: &Owner) -> Result<bool, Error> {
        let mut tx = register::begin(&self.inner.store, Change::Destroy).await?;
        let done = sqlx::query("DELETE FROM holds WHERE tenant = $1 AND kind = $2 AND owner = $3")
            .bind(tenant)
            .bind(owner.kind.as_str())
            .bind(&*owner.id)
            .execute(&mut *tx)
            .await
            .map_err(Error::database("end a hold"))?;
        tx.commit().await.map_err(Error::database("end a hold"))?;
        Ok(done.rows_affected() > 0)
    }

    /// All legal holds of a tenant, oldest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn holds(&self, tenant: &str) -> Result<Vec<Hold>, Error> {
        let rows =
            sqlx::query("SELECT kind, owner, reason, at FROM holds WHERE tenant = $1 ORDER BY at, owner")
                .bind(tenant)
                .fetch_all(self.inner.store.reads())
                .await
                .map_err(Error::database("list holds"))?;
        let read = |row: &AnyRow| {
            let failed = || Error::database("list holds");
            let text = |place: usize| row.try_get::<String, _>(place).map_err(failed());
            let owner = Owner { kind: OwnerKind::parse(&text(0)?)?, id: Arc::from(text(1)?) };
            Ok(Hold { owner, reason: text(2)?, at: row.try_get(3).map_err(failed())? })
        };
        rows.iter().map(read).collect()
    }
}

async fn refuse_held(tx: &mut AnyConnection, tenant: &str, owners: &[Owner]) -> Result<(), Error> {
    let held = HOLDS_FIND.fetch(tx, owners, |query, owner| bind_owner(query, tenant, owner)).await?;
    let Some(row) = held.first() else { return Ok(()) };
    let text = |place: usize| row.try_get::<String, _>(place).map_err(Error::database("look up holds"));
    Err(Error::Held { owner: format!("{} {}", text(0)?, text(1)?) })
}

fn bind_owner(query: AnyQuery, tenant: &str, owner: &Owner) -> AnyQuery {
    query.bind(tenant.to_owned()).bind(owner.kind.as_str()).bind(owner.id.to_string())
}

fn ids_of(rows: &[AnyRow]) -> Result<Vec<String>, Error> {
    let ids: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    let mut ids = ids.map_err(Error::database("read destroyed keys"))?;
    ids.sort();
    Ok(ids)
}

impl Inner {
    /// Gets destroyed bytes out of the files, as far as that is ours to do.
    pub(super) async fn settle(&self) -> Result<Checkpoint, Error> {
        if self.store.backend() == Backend::Postgres {
            for text in ["VACUUM keys", "VACUUM tenants", "VACUUM threads", "VACUUM gone"] {
                // Without it the rows stay dead in their pages until the server's own vacuum.
                if let Err(error) = sqlx::query(text).persistent(false).execute(self.store.write()).await {
                    tracing::warn!(error = %error, "A table of the key register could not be vacuumed");
                }
            }
        }
        self.store.checkpoint().await
    }
}
