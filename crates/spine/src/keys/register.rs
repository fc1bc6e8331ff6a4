//! The register's tables, and how it is unlocked.

use super::cipher::Secret;
use super::master;
use super::sign::{self, Signer};
use crate::db::{Backend, Bulk, Migration, Store};
use crate::error::Error;
use sqlx::{Any, AnyConnection, Row, Transaction};
use std::path::Path;
use zeroize::Zeroizing;

pub(crate) const MIGRATIONS: [Migration; 5] = [
    Migration::portable(1, FIRST),
    Migration::portable(2, ROTATIONS),
    Migration::portable(3, DESTROYED),
    Migration::portable(4, super::requests::SCHEMA),
    Migration::portable(5, super::gone::SCHEMA),
];

const FIRST: &str = "CREATE TABLE register (name TEXT PRIMARY KEY, value BLOB NOT NULL);
     CREATE TABLE tenants (tenant TEXT PRIMARY KEY, number BIGINT NOT NULL, wrapped BLOB NOT NULL,
     lookup BLOB NOT NULL);
     CREATE TABLE keys (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL,
     class TEXT NOT NULL, period TEXT NOT NULL, wrapped BLOB NOT NULL,
     UNIQUE (tenant, kind, owner, class, period));
     CREATE INDEX keys_class ON keys (tenant, class, period);
     CREATE TABLE threads (tenant TEXT NOT NULL, account TEXT NOT NULL, token TEXT NOT NULL,
     thread TEXT NOT NULL, PRIMARY KEY (tenant, account, token), UNIQUE (tenant, thread));
     CREATE INDEX threads_token ON threads (tenant, token);
     CREATE TABLE erased (tenant TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL, erasure TEXT NOT NULL,
     at BIGINT NOT NULL, PRIMARY KEY (tenant, kind, owner));
     CREATE TABLE holds (tenant TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL, reason TEXT NOT NULL,
     at BIGINT NOT NULL, PRIMARY KEY (tenant, kind, owner))";

/// When each tenant's key was replaced, and how many data keys were wrapped anew.
const ROTATIONS: &str =
    "CREATE TABLE rotations (tenant TEXT NOT NULL, number BIGINT NOT NULL, at BIGINT NOT NULL,
     rewrapped BIGINT NOT NULL, PRIMARY KEY (tenant, number))";

/// The ids of destroyed keys, which say nothing about anybody. The empty one stands for all that were destroyed in a
/// register that was there before it kept them.
const DESTROYED: &str = "CREATE TABLE destroyed (id TEXT PRIMARY KEY);
     INSERT INTO destroyed (id) SELECT '' WHERE EXISTS (SELECT 1 FROM register)";

static PUT: Bulk = Bulk::new("INSERT INTO register (name, value)", 2, "ON CONFLICT (name) DO NOTHING");

/// The row whose value opens with the right master key alone.
const CHECK: &str = "check";
const SIGNING: &str = "signing";
/// What everybody who changes the register holds on Postgres: shared to add keys, alone to destroy or re-wrap
/// them, so that no key is added for an owner that is being erased or under a tenant key that is being replaced.
const LOCK: &str = "tributary.keys";

/// The register as a start finds it.
pub(super) struct Unlocked {
    pub(super) master: Secret,
    pub(super) signer: Signer,
}

/// Where the register that is missing here may be.
fn remedy(store: &Store, folder: &Path) -> &'static str {
    if store.backend() == Backend::Postgres && folder.join("keys.db").exists() {
        return "this folder's suite ran on SQLite (keys/keys.db), so leave --database-url (DATABASE_URL) out, or name \
                another folder by --data (TRIBUTARY_DATA) for a suite on Postgres";
    }
    "give the --database-url (DATABASE_URL) that this log was written with, or restore the register's backup"
}

/// Finds the master key, proves it against the register, and unwraps the signing key. Makes the register where there is
/// none, but never beside a log that holds events.
pub(super) async fn unlock(
    store: &Store,
    folder: &Path,
    given: Option<&str>,
    log_holds_events: bool,
) -> Result<Unlocked, Error> {
    let mut tx = begin(store, Change::Destroy).await?;
    let check = value(&mut tx, CHECK).await?;
    if check.is_none() && log_holds_events {
        return Err(Error::RegisterLost { remedy: remedy(store, folder) });
    }
    let master = master::find(given, folder, check.is_none())?;
    match check {
        Some(check) => {
            master.unwrap(&check, CHECK).ok_or_else(|| {
                master::wrong(
                    "it is not the one that the key register was made with: give the right one, by file or environment"
                        .into(),
                )
            })?;
        }
        None => {
            let rows = [
                (CHECK, master.wrap(b"tributary", CHECK)),
                (SIGNING, master.wrap(&sign::new_pair()?, SIGNING)),
            ];
            PUT.write(&mut tx, &rows, |query, (name, value)| query.bind(*name).bind(value.clone())).await?;
        }
    }
    let wrapped = value(&mut tx, SIGNING).await?.unwrap_or_default();
    let pair = master.unwrap(&wrapped, SIGNING);
    let signer =
        pair.as_deref().and_then(|pair| Signer::from_pair(pair)).ok_or_else(|| Error::Unopenable {
            key: SIGNING.into(),
            reason: "the register's signing key is damaged: restore a backup of the register",
        })?;
    tx.commit().await.map_err(Error::database("unlock the key register"))?;
    Ok(Unlocked { master, signer })
}

async fn value(tx: &mut AnyConnection, name: &str) -> Result<Option<Vec<u8>>, Error> {
    sqlx::query_scalar("SELECT value FROM register WHERE name = $1")
        .bind(name)
        .fetch_optional(tx)
        .await
        .map_err(Error::database("read the key register"))
}

/// What a transaction does to the register.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Adds rows. Many at a time.
    Add,
    /// Destroys keys or wraps them anew. Alone.
    Destroy,
}

/// Begins a change. On SQLite there is one writer in any case.
pub(super) async fn begin(store: &Store, change: Change) -> Result<Transaction<'static, Any>, Error> {
    let mut tx = store.begin().await?;
    if store.backend() == Backend::Postgres {
        let text = match change {
            Change::Add => "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))",
            Change::Destroy => "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
        };
        let locked = sqlx::query(text).bind(LOCK).execute(&mut *tx).await;
        locked.map_err(Error::database("lock the key register"))?;
    }
    Ok(tx)
}

/// A tenant's two keys.
pub(super) struct TenantKeys {
    /// How many times it was replaced.
    pub(super) number: i64,
    /// Wraps the data keys.
    pub(super) secret: Secret,
    /// Makes match tokens; re-wrapped but never replaced, since tokens could not be made again.
    pub(super) lookup: Secret,
}

static TENANT_ADD: Bulk =
    Bulk::new("INSERT INTO tenants (tenant, number, wrapped, lookup)", 4, "ON CONFLICT (tenant) DO NOTHING");

/// The keys of a tenant, made when there are none.
pub(super) async fn tenant_keys(
    tx: &mut AnyConnection,
    master: &Secret,
    tenant: &str,
) -> Result<TenantKeys, Error> {
    if let Some(found) = read_tenant(tx, master, tenant).await? {
        return Ok(found);
    }
    let wrapped = master.wrap(Secret::random().bytes(), &tenant_purpose(tenant, 0));
    let lookup = master.wrap(Secret::random().bytes(), &lookup_purpose(tenant));
    let row = [(tenant, wrapped, lookup)];
    let bind = |query: crate::db::AnyQuery, row: &(&str, Vec<u8>, Vec<u8>)| {
        query.bind(row.0.to_owned()).bind(0_i64).bind(row.1.clone()).bind(row.2.clone())
    };
    TENANT_ADD.write(tx, &row, bind).await?;
    let found = read_tenant(tx, master, tenant).await?;
    found
        .ok_or_else(|| Error::Other(format!("the keys of the tenant {tenant} vanished while they were made")))
}

/// The keys of a tenant, if it has any yet.
pub(super) async fn read_tenant(
    tx: &mut AnyConnection,
    master: &Secret,
    tenant: &str,
) -> Result<Option<TenantKeys>, Error> {
    let action = "read a tenant's key";
    let row = sqlx::query("SELECT number, wrapped, lookup FROM tenants WHERE tenant = $1")
        .bind(tenant)
        .fetch_optional(tx)
        .await
        .map_err(Error::database(action))?;
    let Some(row) = row else { return Ok(None) };
    let number = row.try_get(0).map_err(Error::database(action))?;
    let wrapped: Vec<u8> = row.try_get(1).map_err(Error::database(action))?;
    let lookup: Vec<u8> = row.try_get(2).map_err(Error::database(action))?;
    Ok(Some(TenantKeys {
        number,
        secret: unwrap(master, &wrapped, &tenant_purpose(tenant, number))?,
        lookup: unwrap(master, &lookup, &lookup_purpose(tenant))?,
    }))
}

/// Unwraps a key, or says which one is damaged.
pub(super) fn unwrap(outer: &Secret, wrapped: &[u8], purpose: &str) -> Result<Secret, Error> {
    let plain: Option<Zeroizing<Vec<u8>>> = outer.unwrap(wrapped, purpose);
    plain.and_then(|plain| Secret::from_slice(&plain)).ok_or_else(|| Error::Unopenable {
        key: purpose.into(),
        reason: "its row in the key register is damaged: restore a backup of the register",
    })
}

pub(super) fn tenant_purpose(tenant: &str, number: i64) -> String {
    format!("tenant {tenant} {number}")
}

pub(super) fn key_purpose(id: &str) -> String {
    format!("key {id}")
}

fn lookup_purpose(tenant: &str) -> String {
    format!("lookup {tenant}")
}
