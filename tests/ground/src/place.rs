//! A fresh database for each test: SQLite always, and Postgres when `TEST_DATABASE_URL` names one.

use spine::db::{Database, DatabaseSettings};
use spine::keys::{KeySettings, Keys};
use spine::{Error, Log, Readers, Spine, Tail};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use std::path::{Path, PathBuf};

/// Where one run of a test keeps its data.
#[derive(Clone, Debug)]
pub struct Place {
    pub folder: PathBuf,
    /// The database on Postgres; none is SQLite in the folder.
    pub url: Option<String>,
}

impl Place {
    /// Whether it is SQLite, which one process has to itself.
    pub fn is_sqlite(&self) -> bool {
        self.url.is_none()
    }

    /// A folder below this one, on the same database if that is Postgres.
    #[must_use]
    pub fn below(&self, name: impl AsRef<Path>) -> Self {
        Self { folder: self.folder.join(name), url: self.url.clone() }
    }

    /// A place on SQLite that is nobody else's.
    #[must_use]
    pub fn apart(&self, name: &str) -> Self {
        Self { folder: self.folder.join(name), url: None }
    }

    /// The database of this place.
    pub fn settings(&self) -> DatabaseSettings {
        DatabaseSettings::new(self.url.clone(), &self.folder)
    }

    /// Opens the database. What was killed gives the folder's lock back a moment later, so that is waited for.
    ///
    /// # Panics
    /// When it does not open.
    pub async fn open(&self) -> Database {
        crate::eventually("the folder's lock", async || match Database::open(self.settings()).await {
            Err(Error::Locked { .. }) => None,
            opened => Some(opened.expect("the database opens")),
        })
        .await
    }

    /// Everything that a role works with, over this log. The tail is not running yet.
    ///
    /// # Panics
    /// When anything of it does not open.
    pub async fn spine(&self, log: Log, keys: KeySettings) -> Spine {
        let database = self.open().await;
        let keys = Keys::open(&database, keys, log.clock().clone()).await.expect("the key register opens");
        let tail = Tail::at_end(&log).await.expect("the log says where it ends");
        Spine { log, tail, database, keys, readers: Readers::default() }
    }
}

/// Runs the test on SQLite, and on Postgres if there is one.
///
/// # Panics
/// When the test does, or when Postgres cannot be prepared.
pub async fn on_each(test: impl AsyncFn(Place)) {
    let folder = tempfile::tempdir().expect("the machine has room for a temporary folder");
    test(Place { folder: folder.path().join("sqlite"), url: None }).await;
    let Some((_, server)) = std::env::vars().find(|(name, _)| name == "TEST_DATABASE_URL") else { return };
    let (name, url) = fresh_database(&server).await;
    test(Place { folder: folder.path().join("postgres"), url: Some(url) }).await;
    drop_database(&server, &name).await;
}

/// Makes a database on a server, whose address names another one of it: its name and its address.
///
/// # Panics
/// When the user may not.
pub async fn fresh_database(server: &str) -> (String, String) {
    let name = format!("test_{}", spine::new_id().simple());
    run(server, format!("CREATE DATABASE {name}")).await;
    let (base, _) = server.rsplit_once('/').expect("the address names a database");
    let url = format!("{base}/{name}");
    (name, url)
}

async fn drop_database(server: &str, name: &str) {
    run(server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

async fn run(server: &str, statement: String) {
    sqlx::any::install_default_drivers();
    let mut admin = AnyConnection::connect(server).await.expect("TEST_DATABASE_URL is reachable");
    admin.execute(AssertSqlSafe(statement)).await.expect("the test user may make databases and drop them");
}
