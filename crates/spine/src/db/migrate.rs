//! Migrations of a state store: forward only, each once, each in a transaction of its own.

use super::dialect::Backend;
use super::store::Store;
use crate::error::Error;
use sqlx::{Any, Executor, Transaction};

/// One step of a state store's tables. Steps are never changed once released; a new one is added.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// From 1, growing by one.
    pub version: u32,
    /// The statements for SQLite, separated by semicolons.
    pub sqlite: &'static str,
    /// The same for Postgres; empty when [`Backend::ddl`] makes it of the text for SQLite.
    pub postgres: &'static str,
}

impl Migration {
    /// A step whose statements are the same for both, in the words of [`Backend::ddl`].
    pub const fn portable(version: u32, text: &'static str) -> Self {
        Self { version, sqlite: text, postgres: "" }
    }

    fn text(&self, backend: Backend) -> String {
        match (backend, self.postgres) {
            (Backend::Postgres, "") => backend.ddl(self.sqlite).unwrap_or_default(),
            (Backend::Postgres, text) => text.into(),
            (Backend::Sqlite, _) => self.sqlite.into(),
        }
    }
}

/// The last of the steps.
pub(super) fn newest_of(migrations: &[Migration]) -> u32 {
    migrations.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Brings the store to the newest of `migrations`.
pub(super) async fn migrate(store: &Store, migrations: &[Migration]) -> Result<(), Error> {
    let name = name_of(store);
    let newest = newest_of(migrations);
    let mut reached = 0;
    loop {
        let mut tx = begin_alone(store).await?;
        let action = || format!("migrate {name}");
        tx.execute("CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY)")
            .await
            .map_err(Error::database(action()))?;
        let at: i64 = sqlx::query_scalar("SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM migrations")
            .fetch_one(&mut *tx)
            .await
            .map_err(Error::database(action()))?;
        if at > i64::from(newest) {
            return Err(Error::SchemaNewer { store: name, version: at, known: newest });
        }
        let next =
            migrations.iter().filter(|next| i64::from(next.version) > at).min_by_key(|next| next.version);
        if let Some(next) = next {
            let text = next.text(store.backend());
            tx.execute(sqlx::AssertSqlSafe(text)).await.map_err(Error::database(action()))?;
            sqlx::query("INSERT INTO migrations (version) VALUES ($1)")
                .bind(i64::from(next.version))
                .execute(&mut *tx)
                .await
                .map_err(Error::database(action()))?;
            reached = next.version;
        }
        tx.commit().await.map_err(Error::database(action()))?;
        if next.is_none() || reached == newest {
            return Ok(());
        }
    }
}

/// A transaction that no other process that sets up the same store can be in at the same time. On Postgres it
/// makes the schema.
pub(super) async fn begin_alone(store: &Store) -> Result<Transaction<'static, Any>, Error> {
    let mut tx = store.begin().await?;
    if let Some(schema) = store.schema() {
        lock(&mut tx, &format!("tributary.store.{schema}")).await?;
        let text = format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"");
        tx.execute(sqlx::AssertSqlSafe(text)).await.map_err(Error::database(format!("make {schema}")))?;
    }
    Ok(tx)
}

/// Takes Postgres' advisory lock of that name until the transaction ends.
pub(crate) async fn lock(tx: &mut Transaction<'static, Any>, name: &str) -> Result<(), Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(name)
        .execute(&mut **tx)
        .await
        .map(|_| ())
        .map_err(Error::database(format!("lock {name}")))
}

fn name_of(store: &Store) -> String {
    let file = store.file().map(|path| path.display().to_string());
    file.or_else(|| store.schema().map(String::from)).unwrap_or_default()
}
