//! A fresh database for each test: SQLite always, and Postgres when `TEST_DATABASE_URL` names one.

use spine::db::{Database, DatabaseSettings};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use std::path::PathBuf;

/// Where one run of a test has its database.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    url: Option<String>,
}

impl Place {
    pub(crate) async fn open(&self) -> Database {
        Database::open(DatabaseSettings::new(self.url.clone(), &self.folder)).await.unwrap()
    }

    /// A place on SQLite that is nobody else's.
    pub(crate) fn apart(&self) -> Self {
        Self { folder: self.folder.join("apart"), url: None }
    }
}

/// Runs the test on SQLite, and on Postgres if there is one.
pub(crate) async fn on_each(test: impl AsyncFn(Place)) {
    let name = format!("analytics_{}", spine::new_id().simple());
    let folder = tempfile::tempdir().unwrap();
    test(Place { folder: folder.path().join("sqlite"), url: None }).await;
    if let Some((_, server)) = std::env::vars().find(|(key, _)| key == "TEST_DATABASE_URL") {
        sqlx::any::install_default_drivers();
        let mut admin = AnyConnection::connect(&server).await.unwrap();
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        test(Place { folder: folder.path().join("postgres"), url: Some(format!("{base}/{name}")) }).await;
        admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
    }
}
