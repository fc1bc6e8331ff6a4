//! Where a copy finds the stores, and whether a database is empty.

use super::connect::Target;
use super::wanted::{connect, read_only};
use super::{Backend, Database, DatabaseSettings, Migration, Store};
use crate::backup::StoreName;
use crate::error::Error;
use sqlx::{AnyConnection, AssertSqlSafe, Executor};
use std::path::Path;

impl Database {
    /// The store of the name, at the newest of these steps.
    pub(crate) async fn store_of(
        &self,
        name: StoreName<'_>,
        migrations: &[Migration],
    ) -> Result<Store, Error> {
        match name {
            StoreName::Keys => self.key_register(migrations).await,
            StoreName::State(name) => self.state(name, migrations).await,
        }
    }
}

/// A connection that sees the tables of a store; none when there is no store.
pub(crate) async fn open(
    settings: &DatabaseSettings,
    name: StoreName<'_>,
) -> Result<Option<AnyConnection>, Error> {
    sqlx::any::install_default_drivers();
    let backend = if settings.url.is_some() { Backend::Postgres } else { Backend::Sqlite };
    let target = match name {
        StoreName::Keys => Target::keys(backend, &settings.folder),
        StoreName::State(name) => Target::state(backend, &settings.folder, name),
    };
    let (url, setup) = match (target, &settings.url) {
        (Target::File(path), _) if !is_there(&path)? => return Ok(None),
        (Target::File(path), _) => (read_only(&path), "PRAGMA busy_timeout = 5000".into()),
        (Target::Schema(schema), Some(url)) => (url.clone(), format!("SET search_path TO \"{schema}\"")),
        (Target::Schema(_), None) => return Ok(None),
    };
    let mut connection = connect(&url).await?;
    connection.execute(AssertSqlSafe(setup)).await.map_err(Error::database("open a store to be copied"))?;
    Ok(Some(connection))
}

/// A file that may not be looked at is not taken for one that is missing.
fn is_there(path: &Path) -> Result<bool, Error> {
    let failed = |source| Error::File { path: path.display().to_string(), action: "look for", source };
    path.try_exists().map_err(failed)
}

/// The columns of a table, in their order.
pub(crate) async fn columns(connection: &mut AnyConnection, table: &str) -> Result<Vec<String>, Error> {
    let text = match super::backend_of(connection) {
        Backend::Sqlite => "SELECT name FROM pragma_table_info($1) ORDER BY cid",
        Backend::Postgres => {
            "SELECT CAST(column_name AS TEXT) FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
        }
    };
    sqlx::query_scalar(text)
        .bind(table.to_owned())
        .fetch_all(connection)
        .await
        .map_err(Error::database("list columns"))
}

/// What is in a database that a restore would mix with: names of stores and models.
///
/// # Errors
/// When it does not answer.
pub async fn occupied(settings: &DatabaseSettings) -> Result<Vec<String>, Error> {
    let Some(url) = &settings.url else {
        let mut found = Vec::new();
        for folder in ["keys", "state", "models"] {
            let entries = std::fs::read_dir(settings.folder.join(folder)).into_iter().flatten().flatten();
            let files = entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "db"));
            found.extend(files.map(|file| file.path().display().to_string()));
        }
        return Ok(found);
    };
    sqlx::any::install_default_drivers();
    let mut connection = connect(url).await?;
    sqlx::query_scalar(
        "SELECT CAST(nspname AS TEXT) FROM pg_namespace
         WHERE nspname = 'keys' OR nspname LIKE 'state\\_%' OR nspname LIKE 'model\\_%'",
    )
    .fetch_all(&mut connection)
    .await
    .map_err(Error::database("look what the database holds"))
}
