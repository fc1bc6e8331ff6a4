//! Leases with a fence: which replica works on a part, and proof for those who lost it that they did.

mod renewal;

use crate::clock::{Clock, new_id};
use crate::db::{Backend, Database, Migration, Store};
use crate::error::Error;
use renewal::Renewals;
use sqlx::{AssertSqlSafe, Row};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A lease that is not renewed for so long is another's to take.
pub const LEASE_MS: i64 = 10_000;
/// The holder lets go this long before others may take over.
const MARGIN: Duration = Duration::from_millis(2_000);

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    sqlite: "CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, fence BIGINT NOT NULL, until_us BIGINT NOT NULL)",
    postgres: "CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, fence BIGINT NOT NULL, until_us BIGINT NOT NULL)",
}];

/// Their store.
pub(crate) const WANTED: crate::db::Wanted = crate::db::Wanted::State("leases", MIGRATIONS);

/// All leases that this process asks for. Cheap to clone.
#[derive(Clone)]
pub struct Leases {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Clock,
    holder: String,
    renewals: Renewals,
}

/// A lease that is held, renewed while [`until_lost`] is polled; one that is only dropped expires.
pub struct Lease {
    leases: Leases,
    name: String,
    fence: i64,
    /// When it was asked for.
    asked: Instant,
}

impl Leases {
    /// The leases of the database, as a holder of its own.
    ///
    /// # Errors
    /// Database errors.
    pub async fn open(database: &Database, clock: &Clock) -> Result<Self, Error> {
        let store = database.state("leases", MIGRATIONS).await?;
        let inner =
            Inner { store, clock: clock.clone(), holder: new_id().to_string(), renewals: Renewals::new() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Takes the lease if it is free, expired or already ours; `None` while another holds it. The fence grows
    /// with every taking.
    ///
    /// # Errors
    /// Database errors.
    pub async fn acquire(&self, name: &str) -> Result<Option<Lease>, Error> {
        self.acquire_above(name, 0).await
    }

    /// As [`Leases::acquire`], with a fence above `floor`: what the lease guards may know one that this table does not,
    /// since it was taken under another name or the table was lost.
    ///
    /// # Errors
    /// Database errors.
    pub(crate) async fn acquire_above(&self, name: &str, floor: i64) -> Result<Option<Lease>, Error> {
        let (now, asked) = (self.now_text(), Instant::now());
        let text = format!(
            "INSERT INTO leases (name, holder, fence, until_us) VALUES ($1, $2, $4 + 1, {now} + $3)
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,
             fence = CASE WHEN leases.fence > $4 THEN leases.fence ELSE $4 END + 1,
             until_us = excluded.until_us WHERE leases.until_us < {now} OR leases.holder = excluded.holder
             RETURNING fence"
        );
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(name)
            .bind(&self.inner.holder)
            .bind(LEASE_MS * 1_000)
            .bind(floor)
            .fetch_optional(self.inner.store.write())
            .await
            .map_err(Error::database("take a lease"))?;
        Ok(row.map(|row| Lease { leases: self.clone(), name: name.into(), fence: row.get(0), asked }))
    }

    /// Whether anybody has a lease whose name begins so.
    ///
    /// # Errors
    /// Database errors.
    pub(crate) async fn is_any_held(&self, beginning: &str) -> Result<bool, Error> {
        let now = self.now_text();
        let text =
            format!("SELECT COUNT(*) FROM leases WHERE SUBSTR(name, 1, $1) = $2 AND until_us >= {now}");
        let held: i64 = sqlx::query_scalar(AssertSqlSafe(text))
            .bind(i32::try_from(beginning.len()).unwrap_or(i32::MAX))
            .bind(beginning)
            .fetch_one(self.inner.store.reads())
            .await
            .map_err(Error::database("look for leases"))?;
        Ok(held > 0)
    }

    /// Gives a lease back at once, so that another need not wait for it to expire.
    ///
    /// # Errors
    /// Database errors.
    pub async fn release(&self, lease: &Lease) -> Result<(), Error> {
        sqlx::query("UPDATE leases SET until_us = 0 WHERE name = $1 AND fence = $2 AND holder = $3")
            .bind(&lease.name)
            .bind(lease.fence)
            .bind(&self.inner.holder)
            .execute(self.inner.store.write())
            .await
            .map_err(Error::database("give a lease back"))?;
        Ok(())
    }

    /// Gives everything back that this holder has; for a clean end, after its last work is done.
    ///
    /// # Errors
    /// Database errors; the leases expire by themselves then.
    pub async fn release_all(&self) -> Result<(), Error> {
        sqlx::query("UPDATE leases SET until_us = 0 WHERE holder = $1")
            .bind(&self.inner.holder)
            .execute(self.inner.store.write())
            .await
            .map_err(Error::database("give all leases back"))?;
        Ok(())
    }

    /// The time as an SQL expression: Postgres' own clock, which all replicas share; ours on SQLite.
    fn now_text(&self) -> String {
        match self.inner.store.backend() {
            Backend::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)".into(),
            Backend::Sqlite => self.inner.clock.now().to_string(),
        }
    }
}

impl Lease {
    /// Grows with every taking; whatever is written under the lease is guarded by it.
    pub fn fence(&self) -> i64 {
        self.fence
    }
}

/// Renews the lease and resolves when it is lost: taken by another, or not renewed in time because the
/// database was away. Never resolves without a lease. It must be polled all the time: it may be its turn to renew
/// all leases of the holder.
pub async fn until_lost(lease: Option<&Lease>) {
    match lease {
        Some(lease) => renewal::until_lost(lease).await,
        None => std::future::pending().await,
    }
}
