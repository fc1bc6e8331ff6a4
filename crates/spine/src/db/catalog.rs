//! Which slots of read models exist and which one is live: a small file each on SQLite, a table on Postgres.

use super::model::{Pointer, Slot};
use super::{Backend, Database, Inner, begun, blocking, migrate, snapshot};
use crate::error::Error;
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Executor, Row, Transaction};
use std::io::Write;
use std::path::{Path, PathBuf};
use tokio::sync::MutexGuard;

/// One change of slots and pointers, alone.
pub(super) struct Catalog<'a> {
    _turn: MutexGuard<'a, ()>,
    kind: Kind,
}

enum Kind {
    Files(PathBuf),
    Schemas(Transaction<'static, Any>),
}

async fn begin(admin: &AnyPool) -> Result<Transaction<'static, Any>, sqlx::Error> {
    begun::begin(Backend::Postgres, admin, Backend::Postgres.begin()).await
}

/// Makes the table of pointers.
pub(super) async fn create(admin: &AnyPool) -> Result<(), Error> {
    let action = "make the schema tributary";
    let mut tx = begin(admin).await.map_err(Error::database(action))?;
    migrate::lock(&mut tx, "tributary.catalog").await?;
    tx.execute(
        "CREATE SCHEMA IF NOT EXISTS tributary;
         CREATE TABLE IF NOT EXISTS tributary.live (name TEXT PRIMARY KEY, version BIGINT NOT NULL,
         slot BIGINT NOT NULL, previous_version BIGINT, previous_slot BIGINT)",
    )
    .await
    .map_err(Error::database(action))?;
    tx.commit().await.map_err(Error::database(action))
}

impl Database {
    /// Waits for its turn, in this process and, on Postgres, among all.
    pub(super) async fn catalog(&self) -> Result<Catalog<'_>, Error> {
        let Inner { catalog_turn, admin, .. } = &*self.inner;
        let _turn = catalog_turn.lock().await;
        let kind = match admin {
            None => Kind::Files(super::make_folder(&self.inner.folder.join("models"))?),
            Some(admin) => {
                let mut tx = begin(admin).await.map_err(Error::database("open the catalog of models"))?;
                migrate::lock(&mut tx, "tributary.catalog").await?;
                Kind::Schemas(tx)
            }
        };
        Ok(Catalog { _turn, kind })
    }
}

impl Catalog<'_> {
    /// Which slot of the model is live, if any.
    pub(super) async fn pointer(&mut self, name: &str) -> Result<Option<Pointer>, Error> {
        match &mut self.kind {
            Kind::Files(folder) => read_pointer(&pointer_path(folder, name)),
            Kind::Schemas(tx) => {
                let text = "SELECT version, slot, previous_version, previous_slot FROM tributary.live WHERE name = $1";
                let row = sqlx::query(text).bind(name).fetch_optional(&mut **tx).await;
                row.and_then(|row| row.map(|row| pointer_of(&row)).transpose())
                    .map_err(Error::database("read which model is live"))
            }
        }
    }

    /// Makes another slot live.
    pub(super) async fn point(&mut self, name: &str, pointer: Pointer) -> Result<(), Error> {
        match &mut self.kind {
            Kind::Files(folder) => {
                let path = pointer_path(folder, name);
                blocking(move || write_pointer(&path, &pointer)).await
            }
            Kind::Schemas(tx) => sqlx::query(
                "INSERT INTO tributary.live (name, version, slot, previous_version, previous_slot)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO UPDATE SET version = excluded.version,
                 slot = excluded.slot, previous_version = excluded.previous_version,
                 previous_slot = excluded.previous_slot",
            )
            .bind(name)
            .bind(i64::from(pointer.live.version))
            .bind(i64::from(pointer.live.number))
            .bind(pointer.previous.map(|slot| i64::from(slot.version)))
            .bind(pointer.previous.map(|slot| i64::from(slot.number)))
            .execute(&mut **tx)
            .await
            .map(|_| ())
            .map_err(Error::database("switch the live model")),
        }
    }

    /// All slots of all models, by name and in the order they were made.
    pub(super) async fn slots(&mut self) -> Result<Vec<(String, Slot)>, Error> {
        let mut slots = match &mut self.kind {
            Kind::Files(folder) => slots_in(folder)?,
            Kind::Schemas(tx) => slots_of(tx).await?,
        };
        slots.sort();
        Ok(slots)
    }

    /// Deletes one slot with all its rows.
    pub(super) async fn delete(&mut self, name: &str, slot: Slot) -> Result<(), Error> {
        match &mut self.kind {
            Kind::Files(folder) => snapshot::remove_file(&file_of(folder, name, slot)),
            Kind::Schemas(tx) => {
                let text = format!("DROP SCHEMA IF EXISTS \"{}\" CASCADE", schema_of(name, slot));
                tx.execute(AssertSqlSafe(text)).await.map_err(Error::database("drop a model"))?;
            }
        }
        Ok(())
    }

    /// Ends the turn and keeps what was changed.
    pub(super) async fn finish(self) -> Result<(), Error> {
        match self.kind {
            Kind::Files(_) => Ok(()),
            Kind::Schemas(tx) => tx.commit().await.map_err(Error::database("change the catalog of models")),
        }
    }
}

/// The slots in Postgres.
pub(super) async fn slots_of(connection: &mut AnyConnection) -> Result<Vec<(String, Slot)>, Error> {
    let text = "SELECT CAST(nspname AS TEXT) FROM pg_namespace WHERE nspname LIKE 'model\\_%'";
    let names: Vec<String> =
        sqlx::query_scalar(text).fetch_all(connection).await.map_err(Error::database("list the models"))?;
    Ok(names.iter().filter_map(|name| parse_schema(name)).collect())
}

pub(super) fn file_of(models: &Path, name: &str, slot: Slot) -> PathBuf {
    models.join(format!("{name}@{}.{}.db", slot.version, slot.number))
}

pub(super) fn schema_of(name: &str, slot: Slot) -> String {
    format!("model_{name}_{}_{}", slot.version, slot.number)
}

fn parse_schema(schema: &str) -> Option<(String, Slot)> {
    let mut parts = schema.strip_prefix("model_")?.rsplitn(3, '_');
    let number = parts.next()?.parse().ok()?;
    let version = parts.next()?.parse().ok()?;
    Some((parts.next()?.into(), Slot { version, number }))
}

pub(super) fn slots_in(folder: &Path) -> Result<Vec<(String, Slot)>, Error> {
    let failed = |source| Error::File { path: folder.display().to_string(), action: "list", source };
    let mut slots = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let file_name = entry.map_err(failed)?.file_name();
        let parse = |text: &str| {
            let (name, place) = text.strip_suffix(".db")?.split_once('@')?;
            let (version, number) = place.split_once('.')?;
            Some((name.to_owned(), Slot { version: version.parse().ok()?, number: number.parse().ok()? }))
        };
        slots.extend(file_name.to_str().and_then(parse));
    }
    Ok(slots)
}

fn pointer_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.live"))
}

fn read_pointer(path: &Path) -> Result<Option<Pointer>, Error> {
    let failed = |source| Error::File { path: path.display().to_string(), action: "read", source };
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| Error::BrokenFile {
            path: path.display().to_string(),
            remedy: "stop the suite and delete it with the model's files beside it: they are filled anew from the log",
        }),
    }
}

/// Written beside, synced and renamed, so that a death leaves the old pointer or the new one.
fn write_pointer(path: &Path, pointer: &Pointer) -> Result<(), Error> {
    let write = || {
        let beside = path.with_extension("live.new");
        let mut file = std::fs::File::create(&beside)?;
        serde_json::to_writer(&mut file, pointer)?;
        file.flush()?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        std::fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|source| Error::File { path: path.display().to_string(), action: "write", source })
}

fn pointer_of(row: &sqlx::any::AnyRow) -> Result<Pointer, sqlx::Error> {
    let slot = |version: i64, number: i64| Slot { version: version as u32, number: number as u32 };
    let previous: (Option<i64>, Option<i64>) = (row.try_get(2)?, row.try_get(3)?);
    Ok(Pointer {
        live: slot(row.try_get(0)?, row.try_get(1)?),
        previous: previous.0.zip(previous.1).map(|(version, number)| slot(version, number)),
    })
}
