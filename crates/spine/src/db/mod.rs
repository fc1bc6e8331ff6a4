//! The database: its backend, its folder, and the one place where stores are opened.

pub(crate) mod backup;
mod begun;
mod bulk;
mod catalog;
mod connect;
mod dialect;
mod diff;
mod migrate;
mod model;
mod patience;
mod snapshot;
mod store;
mod tables;
mod wanted;

pub use backup::occupied;
pub(crate) use bulk::backend_of;
pub use bulk::{AnyQuery, Bulk, RECORD_BYTES_MAX, VALUE_HEAD_BYTES};
pub(crate) use dialect::is_absent;
pub use dialect::{Backend, Double, may_retry};
pub use diff::{Comparison, DIFFERENCES_MAX, Difference, DifferenceKind, TableSpec, diff, tables};
pub use migrate::Migration;
pub use model::{Liveness, Model, ModelSpec, Place, Pointer, Slot, SlotState};
pub(crate) use patience::patiently;
pub use snapshot::Snapshot;
pub use store::{Checkpoint, Store};
pub(crate) use wanted::version;
pub use wanted::{Wanted, lacking, models, own};

use crate::error::Error;
use connect::{Connector, Durability, Target};
use sqlx::AnyPool;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;
use store::StoreInner;
use tokio::sync::Mutex;

/// The oldest Postgres that is served, as `server_version_num` counts.
const POSTGRES_MIN: i64 = 140_000;
const NAME_LENGTH_MAX: usize = 40;
/// Connections that look after schemas and pointers, beside those of the stores.
const CONNECTIONS_ADMIN_MAX: u32 = 2;

/// Where the database is.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `postgres://…`, or none for SQLite in the folder.
    pub url: Option<String>,
    /// The data folder. On Postgres it still holds what is no table, such as the master key.
    pub folder: PathBuf,
    pub limits: Limits,
}

impl DatabaseSettings {
    /// The settings with the limits of [`Limits::default`].
    pub fn new(url: Option<String>, folder: impl Into<PathBuf>) -> Self {
        Self { url, folder: folder.into(), limits: Limits::default() }
    }
}

/// What one store may hold open. Connections are opened when needed and closed when idle.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Write connections of one store on Postgres. On SQLite it is always one.
    pub connections_write_max: u32,
    /// Read connections of one store.
    pub connections_read_max: u32,
    /// How long a caller waits for a connection before it gets an error.
    pub acquire_ms_max: u64,
    /// How long an unused connection stays open.
    pub idle_ms: u64,
    /// How long a transaction of a store on Postgres may rest between two statements. Then the server ends it, so that
    /// a process that stands still does not hold for ever what its successor needs.
    pub rest_ms_max: u64,
    /// How long SQLite waits for a lock that another connection holds.
    pub busy_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_write_max: 4,
            connections_read_max: 4,
            acquire_ms_max: 10_000,
            idle_ms: 30_000,
            // As long as a lease: then the successor is there.
            rest_ms_max: 10_000,
            busy_ms_max: 5_000,
        }
    }
}

/// All stores of this process. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Connector,
    folder: PathBuf,
    /// Postgres only.
    admin: Option<AnyPool>,
    /// Stores that are open, so that a file never gets a second write connection.
    open: Mutex<HashMap<Target, Weak<StoreInner>>>,
    /// One change of slots and pointers at a time; between processes Postgres' advisory lock does the same.
    catalog_turn: Mutex<()>,
    /// SQLite only. Held until this and the last store are gone.
    lock: Option<Arc<File>>,
}

impl Database {
    /// Opens the database, on SQLite for this process alone.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has the folder, [`Error::DatabaseTooOld`] below Postgres 14.
    pub async fn open(settings: DatabaseSettings) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let folder = make_folder(&settings.folder)?;
        let backend = if settings.url.is_some() { Backend::Postgres } else { Backend::Sqlite };
        let lock = match backend {
            Backend::Sqlite => Some(Arc::new(lock_folder(&folder)?)),
            Backend::Postgres => None,
        };
        let connector = Connector { backend, url: settings.url.unwrap_or_default(), limits: settings.limits };
        let admin = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(open_postgres(&connector).await?),
        };
        if backend == Backend::Sqlite {
            snapshot::clear_leftovers(&folder)?;
        }
        let inner =
            Inner { connector, folder, admin, open: Mutex::default(), catalog_turn: Mutex::default(), lock };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Which of the two databases it is.
    pub fn backend(&self) -> Backend {
        self.inner.connector.backend
    }

    /// The data folder, absolute.
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// The store `name` for what is not in the log: `state/<name>.db` or schema `state_<name>`, brought to the
    /// newest of `migrations`. Committed with full sync.
    ///
    /// # Errors
    /// [`Error::SchemaNewer`] when a newer release has migrated it, and database errors.
    pub async fn state(&self, name: &str, migrations: &[Migration]) -> Result<Store, Error> {
        check_name(name)?;
        self.durable(Target::state(self.backend(), &self.inner.folder, name), migrations).await
    }

    /// The store of the key register: `keys/keys.db` or schema `keys`.
    pub(crate) async fn key_register(&self, migrations: &[Migration]) -> Result<Store, Error> {
        self.durable(Target::keys(self.backend(), &self.inner.folder), migrations).await
    }

    /// Closes every store, once its connections are given back, and on SQLite moves its WAL into the file. For the
    /// end of the process.
    pub async fn close(&self) {
        let open: Vec<Target> = self.inner.open.lock().await.keys().cloned().collect();
        for target in open {
            self.close_store(&target).await;
        }
        if let Some(admin) = &self.inner.admin {
            admin.close().await;
        }
    }

    /// Closes the store at `target` if it is open. Who still uses a connection of it after `acquire_ms_max` keeps
    /// that one, but gets no other.
    async fn close_store(&self, target: &Target) {
        let open = self.inner.open.lock().await.remove(target);
        if let Some(inner) = open.and_then(|inner| inner.upgrade()) {
            let patience = Duration::from_millis(self.inner.connector.limits.acquire_ms_max);
            if tokio::time::timeout(patience, Store { inner }.close()).await.is_err() {
                tracing::warn!(store.target = ?target, "A store was closed while it was in use");
            }
        }
    }

    async fn durable(&self, target: Target, migrations: &[Migration]) -> Result<Store, Error> {
        patiently(|| async {
            let store = self.store(target.clone(), Durability::Full).await?;
            migrate::migrate(&store, migrations).await?;
            Ok(store)
        })
        .await
    }

    /// The store at `target`: the open one if there is one.
    async fn store(&self, target: Target, durability: Durability) -> Result<Store, Error> {
        let mut open = self.inner.open.lock().await;
        if let Some(inner) = open.get(&target).and_then(Weak::upgrade).filter(|inner| !inner.is_closed()) {
            return Ok(Store { inner });
        }
        if let Target::File(path) = &target {
            make_folder(path.parent().unwrap_or(&self.inner.folder))?;
        }
        let store = Store::open(&self.inner, target.clone(), durability).await?;
        open.retain(|_, inner| inner.strong_count() > 0);
        open.insert(target, Arc::downgrade(&store.inner));
        Ok(store)
    }
}

async fn open_postgres(connector: &Connector) -> Result<AnyPool, Error> {
    let admin = connector.admin_pool(CONNECTIONS_ADMIN_MAX).await?;
    let text: String = sqlx::query_scalar("SELECT current_setting('server_version_num')")
        .fetch_one(&admin)
        .await
        .map_err(Error::database("read the version of Postgres"))?;
    let version = text.parse::<i64>().unwrap_or_default();
    if version < POSTGRES_MIN {
        return Err(Error::DatabaseTooOld { version: text });
    }
    catalog::create(&admin).await?;
    Ok(admin)
}

/// Takes the folder for this process; the kernel gives it back when the process dies, however it dies.
fn lock_folder(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let failed = |source| Error::File { path: path.display().to_string(), action: "lock", source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Locked { folder: folder.display().to_string() }),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Makes the folder, readable by its owner alone, and gives its absolute path.
fn make_folder(folder: &Path) -> Result<PathBuf, Error> {
    let failed =
        |source| Error::File { path: folder.display().to_string(), action: "make the folder", source };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed)?;
    folder.canonicalize().map_err(failed)
}

/// A name becomes part of a file's and a schema's name and of statements, so it is held to plain letters.
fn check_name(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > NAME_LENGTH_MAX || !name.chars().all(allowed) {
        return Err(Error::Name { field: "store", value: name.into() });
    }
    Ok(())
}

/// Runs what waits for the disk away from the tasks that serve.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::Other(format!("work on a file did not finish: {error}"))),
    }
}
