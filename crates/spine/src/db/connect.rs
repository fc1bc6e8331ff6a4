//! How connections are made: addresses, PRAGMAs, session settings and pools.

use super::Limits;
use super::dialect::Backend;
use crate::error::Error;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions, Connection, Executor};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Page cache of the write connection and of one read connection, bounded so that a dozen idle stores stay
/// small.
const CACHE_KIB_WRITE: u32 = 2_048;
const CACHE_KIB_READ: u32 = 1_024;
/// Page cache of the write connection while a slot fills.
const CACHE_KIB_FILLING: u32 = 65_536;
/// Pages in the WAL after which SQLite moves them into the file (4 MiB), and the size that the WAL is cut to. More of them
/// make no filling quicker, and the disk is kept from those who sync an append for longer.
const WAL_PAGES_MAX: u32 = 1_000;
const WAL_BYTES_KEPT_MAX: u32 = 8 * 1_048_576;
/// A connection that was idle for longer is tested before it is given out, on Postgres.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(5);
/// A server that does not answer yet is tried again after this.
const REACH_AGAIN: Duration = Duration::from_millis(250);
/// SQLite's codes for a file that is damaged and for one that is none of its own.
const BROKEN_FILE: [&str; 2] = ["11", "26"];
/// Statements slower than this are logged, by their text, never by their values.
const SLOW_STATEMENT: Duration = Duration::from_secs(2);

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    File(PathBuf),
    Schema(String),
}

impl Target {
    /// Where the state store `name` is.
    pub(super) fn state(backend: Backend, folder: &Path, name: &str) -> Self {
        match backend {
            Backend::Sqlite => Self::File(folder.join("state").join(format!("{name}.db"))),
            Backend::Postgres => Self::Schema(format!("state_{name}")),
        }
    }

    /// Where the key register is.
    pub(super) fn keys(backend: Backend, folder: &Path) -> Self {
        match backend {
            Backend::Sqlite => Self::File(folder.join("keys").join("keys.db")),
            Backend::Postgres => Self::Schema("keys".into()),
        }
    }
}

/// Whether a commit has to survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It is the only copy: keys and state.
    Full,
    /// It follows from the log: read models.
    Derived,
}

/// What a connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Write,
    Read,
}

#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) backend: Backend,
    /// Empty on SQLite.
    pub(crate) url: String,
    pub(crate) limits: Limits,
}

impl Connector {
    pub(crate) async fn admin_pool(&self, connections_max: u32) -> Result<AnyPool, Error> {
        let options = quiet(self.url.parse().map_err(Error::database("read --database-url (DATABASE_URL)"))?);
        // Never the whole address, which holds the password.
        let (host, port) = (options.database_url.host_str(), options.database_url.port());
        let place = format!("{}:{}", host.unwrap_or("localhost"), port.unwrap_or(5432));
        let action = format!("connect to Postgres at {place}, as --database-url (DATABASE_URL) says");
        self.reach(&options).await.map_err(Error::database(action.clone()))?;
        self.pool_options(connections_max).connect_with(options).await.map_err(Error::database(action))
    }

    /// Waits until the server takes a connection. A pool would wait as long and then not know why in vain.
    async fn reach(&self, options: &AnyConnectOptions) -> Result<(), sqlx::Error> {
        let until = Instant::now() + Duration::from_millis(self.limits.acquire_ms_max);
        let mut is_told = false;
        loop {
            match AnyConnection::connect_with(options).await {
                Ok(connection) => return connection.close().await,
                Err(sqlx::Error::Io(error)) if Instant::now() < until => {
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::info!(%error, wait_ms_max = self.limits.acquire_ms_max, "waiting for Postgres");
                    }
                    tokio::time::sleep(REACH_AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens the file once, since a pool would try a broken one again and again and then not say what is wrong.
    async fn prove(&self, target: &Target, durability: Durability) -> Result<(), Error> {
        let Target::File(path) = target else { return Ok(()) };
        let broken = |error: &sqlx::Error| {
            let code = error.as_database_error().and_then(|error| error.code());
            code.is_some_and(|code| BROKEN_FILE.contains(&&*code))
        };
        let proven = async { self.connection(target, durability).await?.close().await };
        match proven.await {
            Err(error) if broken(&error) => Err(Error::BrokenFile {
                path: path.display().to_string(),
                remedy: match durability {
                    Durability::Derived => "stop the suite and delete it: it is filled anew from the log",
                    Durability::Full => "it is the only copy of what it holds: restore its backup",
                },
            }),
            other => other.map_err(Error::database(format!("open {}", path.display()))),
        }
    }

    /// The pool for writing: connected at once, so that a fault shows at the start.
    pub(crate) async fn write_pool(&self, target: &Target, durability: Durability) -> Result<AnyPool, Error> {
        let connections_max = match self.backend {
            Backend::Sqlite => 1,
            Backend::Postgres => self.limits.connections_write_max,
        };
        let mut options = self.prepared(connections_max, target, durability, Access::Write);
        if self.backend == Backend::Sqlite {
            // Closing the last connection of a file checkpoints it, which is no work to do every half minute.
            options = options.idle_timeout(None).max_lifetime(None);
        }
        self.prove(target, durability).await?;
        let action = || format!("open {target:?}");
        options
            .connect_with(self.options(target).map_err(Error::database(action()))?)
            .await
            .map_err(Error::database(action()))
    }

    pub(crate) fn read_pool(&self, target: &Target, durability: Durability) -> Result<AnyPool, Error> {
        let options = self.prepared(self.limits.connections_read_max, target, durability, Access::Read);
        let address = self.options(target).map_err(Error::database(format!("open {target:?}")))?;
        Ok(options.connect_lazy_with(address))
    }

    /// A connection outside the pools, for work that takes long.
    pub(crate) async fn connection(
        &self,
        target: &Target,
        durability: Durability,
    ) -> Result<AnyConnection, sqlx::Error> {
        let mut connection = AnyConnection::connect_with(&self.options(target)?).await?;
        let setup = self.setup(target, durability, Access::Write);
        connection.execute(AssertSqlSafe(setup)).await?;
        Ok(connection)
    }

    fn options(&self, target: &Target) -> Result<AnyConnectOptions, sqlx::Error> {
        match target {
            Target::Schema(_) => Ok(quiet(self.url.parse()?)),
            Target::File(path) => Ok(quiet(file_url(&path.to_string_lossy()).parse()?)),
        }
    }

    fn prepared(
        &self,
        connections_max: u32,
        target: &Target,
        durability: Durability,
        access: Access,
    ) -> AnyPoolOptions {
        let mut setup = self.setup(target, durability, access);
        if self.backend == Backend::Postgres {
            // Not for the catalog's and not for copies: theirs wait for other work in between.
            let rest_ms = self.limits.rest_ms_max;
            setup.push_str(&format!("; SET idle_in_transaction_session_timeout TO {rest_ms}"));
        }
        let setup: Arc<str> = setup.into();
        self.pool_options(connections_max).after_connect(move |connection, _| {
            let setup = setup.clone();
            Box::pin(async move { connection.execute(AssertSqlSafe(setup)).await.map(|_| ()) })
        })
    }

    fn pool_options(&self, connections_max: u32) -> AnyPoolOptions {
        let options = AnyPoolOptions::new()
            .max_connections(connections_max)
            .min_connections(0)
            .acquire_timeout(Duration::from_millis(self.limits.acquire_ms_max))
            .idle_timeout(Duration::from_millis(self.limits.idle_ms))
            // A round trip per statement for a connection that was used a moment ago is too dear.
            .test_before_acquire(false);
        match self.backend {
            // Where a full disk refuses a commit, SQLite rolls back by itself, and the driver takes the connection for
            // one within a transaction for ever.
            Backend::Sqlite => options.before_acquire(|connection, _| {
                let is_fresh = !connection.is_in_transaction();
                Box::pin(async move { Ok(is_fresh) })
            }),
            Backend::Postgres => options.before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for < TEST_AFTER_IDLE {
                        return Ok(true);
                    }
                    connection.ping().await.map(|()| true)
                })
            }),
        }
    }

    fn setup(&self, target: &Target, durability: Durability, access: Access) -> String {
        match target {
            Target::File(_) => self.pragmas(durability, access),
            Target::Schema(schema) => {
                let commit = if durability == Durability::Full { "on" } else { "off" };
                let only = if access == Access::Read { "on" } else { "off" };
                format!(
                    "SET search_path TO \"{schema}\"; SET synchronous_commit TO {commit}; \
                     SET default_transaction_read_only TO {only}; SET application_name TO 'tributary'"
                )
            }
        }
    }

    fn pragmas(&self, durability: Durability, access: Access) -> String {
        let busy_ms = self.limits.busy_ms_max;
        let (cache_kib, synchronous) = match (access, durability) {
            (Access::Read, _) => (CACHE_KIB_READ, "NORMAL"),
            (Access::Write, Durability::Derived) => (CACHE_KIB_WRITE, "NORMAL"),
            (Access::Write, Durability::Full) => (CACHE_KIB_WRITE, "FULL"),
        };
        // Mapped pages would count as memory of the process, so nothing is mapped. Temporary tables stay in
        // memory, since a temporary file would be one more place to erase.
        format!(
            "PRAGMA busy_timeout = {busy_ms}; PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; \
             PRAGMA secure_delete = ON; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -{cache_kib}; \
             PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = {WAL_PAGES_MAX}; \
             PRAGMA journal_size_limit = {WAL_BYTES_KEPT_MAX}; PRAGMA query_only = {};",
            if access == Access::Read { "ON" } else { "OFF" }
        )
    }
}

/// What a write connection is told while a slot fills, and what it is told afterwards. SQLite alone.
pub(super) fn filling_pragmas(is_filling: bool) -> String {
    let cache_kib = if is_filling { CACHE_KIB_FILLING } else { CACHE_KIB_WRITE };
    format!("PRAGMA cache_size = -{cache_kib}; PRAGMA shrink_memory;")
}

/// Logs no statement but a slow one.
fn quiet(options: AnyConnectOptions) -> AnyConnectOptions {
    let slow = options.log_settings.slow_statements_level;
    let mut options = options.disable_statement_logging();
    options.log_settings.slow_statements_level = slow;
    options.log_settings.slow_statements_duration = SLOW_STATEMENT;
    options
}

/// The address of a file with every byte escaped that an address could read as something else.
fn file_url(path: &str) -> String {
    format!("{}?mode=rwc", plain_url(path))
}

/// The same without what it is opened for.
pub(super) fn plain_url(path: &str) -> String {
    let mut url = String::from("sqlite://");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.') {
            url.push(char::from(byte));
        } else {
            write!(url, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    url
}
