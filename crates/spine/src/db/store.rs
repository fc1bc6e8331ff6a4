//! A store: one SQLite file or one Postgres schema, with its write and its read connections.

use super::begun;
use super::connect::{self, Connector, Durability, Target};
use super::dialect::Backend;
use super::snapshot::{self, Snapshot};
use crate::error::Error;
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Row, Transaction};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Tables that change together. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(super) inner: Arc<StoreInner>,
}

pub(super) struct StoreInner {
    target: Target,
    durability: Durability,
    backend: Backend,
    connector: Connector,
    /// Where snapshots are put.
    folder: PathBuf,
    write: AnyPool,
    reads: AnyPool,
    /// No other process may have the folder while a store of it is open.
    _lock: Option<Arc<File>>,
}

impl StoreInner {
    pub(super) fn is_closed(&self) -> bool {
        self.write.is_closed()
    }
}

/// What a truncating checkpoint found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// Everything is in the file, and the WAL is empty.
    Truncated,
    /// A reader still sees an older state, so the WAL keeps what was deleted. Try again later.
    ReaderInTheWay,
    /// The backend is Postgres, where this is the server's business.
    NotOurs,
}

impl Store {
    pub(super) async fn open(
        database: &super::Inner,
        target: Target,
        durability: Durability,
    ) -> Result<Self, Error> {
        let connector = &database.connector;
        let write = connector.write_pool(&target, durability).await?;
        let reads = connector.read_pool(&target, durability)?;
        let backend = connector.backend;
        let (connector, folder) = (connector.clone(), database.folder.clone());
        let _lock = database.lock.clone();
        Ok(Self {
            inner: Arc::new(StoreInner {
                target,
                durability,
                backend,
                connector,
                folder,
                write,
                reads,
                _lock,
            }),
        })
    }

    /// Which of the two databases it is in.
    pub fn backend(&self) -> Backend {
        self.inner.backend
    }

    /// Begins a write transaction. On SQLite it holds the only write connection of this store, so the next
    /// caller waits; dropping it rolls back.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn begin(&self) -> Result<Transaction<'static, Any>, Error> {
        let backend = self.inner.backend;
        let begun = begun::begin(backend, &self.inner.write, backend.begin()).await;
        begun.map_err(Error::database("begin a transaction"))
    }

    /// Begins a look at the tables: all its statements see one state. It is rolled back when dropped.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn begin_reading(&self) -> Result<Transaction<'static, Any>, Error> {
        let backend = self.inner.backend;
        let begun = begun::begin(backend, &self.inner.reads, backend.begin_reading()).await;
        begun.map_err(Error::database("begin to read"))
    }

    /// The pool for reading. Its connections refuse to write.
    pub fn reads(&self) -> &AnyPool {
        &self.inner.reads
    }

    /// The pool for single statements that write. On SQLite it has one connection, the same that
    /// [`Store::begin`] takes.
    pub fn write(&self) -> &AnyPool {
        &self.inner.write
    }

    /// A connection outside the pools, for work that takes long. May write on Postgres and SQLite alike.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn connection(&self) -> Result<AnyConnection, Error> {
        let connection = self.inner.connector.connection(&self.inner.target, self.inner.durability).await;
        connection.map_err(Error::database("open a connection"))
    }

    /// Gives the write connection more memory while a slot fills, and takes it back afterwards.
    ///
    /// # Errors
    /// Database errors.
    pub async fn set_filling(&self, is_filling: bool) -> Result<(), Error> {
        if self.backend() == Backend::Postgres {
            return Ok(());
        }
        let pragmas = connect::filling_pragmas(is_filling);
        let told = sqlx::raw_sql(AssertSqlSafe(pragmas)).execute(&self.inner.write).await;
        told.map(|_| ()).map_err(Error::database("size the cache"))
    }

    /// Moves the whole WAL into the file and empties it, after which deleted rows are nowhere in either.
    ///
    /// # Errors
    /// Database errors.
    pub async fn checkpoint(&self) -> Result<Checkpoint, Error> {
        if self.backend() == Backend::Postgres {
            return Ok(Checkpoint::NotOurs);
        }
        let action = "checkpoint the WAL";
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&self.inner.write)
            .await
            .map_err(Error::database(action))?;
        let busy: i64 = row.try_get(0).map_err(Error::database(action))?;
        Ok(if busy == 0 { Checkpoint::Truncated } else { Checkpoint::ReaderInTheWay })
    }

    /// The store as it is now, to be read for as long as needed without holding anybody up. On SQLite a copy,
    /// deleted when dropped; on Postgres a transaction that sees one state.
    ///
    /// # Errors
    /// Database errors, such as a full disk.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        snapshot::take(self).await
    }

    /// Writes a consistent, compact copy to `path`, synced to disk, while others go on reading and writing.
    /// SQLite only; on Postgres a dump does this.
    ///
    /// # Errors
    /// When the file exists, the disk is full, or the backend is Postgres.
    pub async fn copy_to(&self, path: &Path) -> Result<(), Error> {
        snapshot::copy(self, path).await
    }

    /// Closes all connections once they are given back.
    pub async fn close(&self) {
        self.inner.reads.close().await;
        self.inner.write.close().await;
    }

    /// The file, on SQLite.
    pub fn file(&self) -> Option<&Path> {
        match &self.inner.target {
            Target::File(path) => Some(path),
            Target::Schema(_) => None,
        }
    }

    pub(super) fn schema(&self) -> Option<&str> {
        match &self.inner.target {
            Target::File(_) => None,
            Target::Schema(schema) => Some(schema),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.inner.folder
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.inner.connector
    }
}
