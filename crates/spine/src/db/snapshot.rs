//! Snapshots: one consistent state of a store that may be read for long.

use super::connect::{Durability, Target};
use super::dialect::Backend;
use super::store::Store;
use crate::error::Error;
use sqlx::{AnyConnection, Executor};
use std::path::{Path, PathBuf};

/// One state of a store. On SQLite its file is deleted when this is dropped.
pub struct Snapshot {
    connection: Option<AnyConnection>,
    file: Option<PathBuf>,
}

impl Snapshot {
    /// The connection that sees the state. It must only be read from.
    pub fn connection(&mut self) -> &mut AnyConnection {
        self.connection.as_mut().expect("only drop takes the connection")
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        drop(self.connection.take());
        if let Some(path) = &self.file {
            remove_file(path);
        }
    }
}

pub(super) async fn take(store: &Store) -> Result<Snapshot, Error> {
    match store.backend() {
        Backend::Sqlite => {
            let folder = leftovers_folder(store.folder());
            super::make_folder(&folder)?;
            let file = folder.join(format!("{}.db", crate::new_id()));
            // Built before the copy, so that a half-written one is deleted too.
            let mut snapshot = Snapshot { connection: None, file: Some(file.clone()) };
            copy(store, &file).await?;
            let opened = store.connector().connection(&Target::File(file), Durability::Derived).await;
            snapshot.connection = Some(opened.map_err(Error::database("open the snapshot"))?);
            Ok(snapshot)
        }
        Backend::Postgres => {
            let mut connection = store.connection().await?;
            // A snapshot is taken at the first query, not at the begin.
            connection
                .execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1")
                .await
                .map_err(Error::database("begin a snapshot"))?;
            Ok(Snapshot { connection: Some(connection), file: None })
        }
    }
}

pub(super) async fn copy(store: &Store, path: &Path) -> Result<(), Error> {
    if store.backend() == Backend::Postgres {
        return Err(Error::Other("a store on Postgres is copied by pg_dump".into()));
    }
    let mut connection = store.connection().await?;
    sqlx::query("VACUUM INTO $1")
        .bind(path.to_string_lossy().into_owned())
        .execute(&mut connection)
        .await
        .map_err(Error::database("copy the store"))?;
    let path = path.to_path_buf();
    super::blocking(move || {
        let failed = |source| Error::File { path: path.display().to_string(), action: "sync", source };
        std::fs::File::open(&path).and_then(|file| file.sync_all()).map_err(failed)
    })
    .await
}

/// Deletes the snapshots that a killed process left behind: they hold what may have been erased since.
pub(super) fn clear_leftovers(folder: &Path) -> Result<(), Error> {
    let folder = leftovers_folder(folder);
    match std::fs::remove_dir_all(&folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::File { path: folder.display().to_string(), action: "delete", source })
        }
        _ => Ok(()),
    }
}

fn leftovers_folder(folder: &Path) -> PathBuf {
    folder.join("snapshots")
}

/// Deletes a SQLite file and what stands beside it, as far as they exist.
pub(super) fn remove_file(path: &Path) {
    for suffix in ["-wal", "-shm", "-journal", ""] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        if let Err(error) = std::fs::remove_file(&name)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(file.path = %Path::new(&name).display(), error = %error, "A file could not be deleted");
        }
    }
}
