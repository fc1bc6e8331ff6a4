//! A fresh database for each journey: SQLite always, and Postgres when `TEST_DATABASE_URL` names one.

use spine::db::DatabaseSettings;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use std::path::PathBuf;

/// Where one run of a journey keeps its data.
#[derive(Clone, Debug)]
pub struct Place {
    pub folder: PathBuf,
    pub url: Option<String>,
}

impl Place {
    /// The database of this place.
    pub fn settings(&self) -> DatabaseSettings {
        DatabaseSettings::new(self.url.clone(), self.folder.join("data"))
    }

    /// Whether it is SQLite, which one process has to itself.
    pub fn is_sqlite(&self) -> bool {
        self.url.is_none()
    }
}

/// Runs the journey on SQLite, and on Postgres if there is one.
///
/// # Panics
/// When the journey does, or when Postgres cannot be prepared.
pub async fn on_each(journey: impl AsyncFn(Place)) {
    let folder = tempfile::tempdir().expect("the machine has room for a temporary folder");
    journey(Place { folder: folder.path().join("sqlite"), url: None }).await;
    let Some((_, server)) = std::env::vars().find(|(name, _)| name == "TEST_DATABASE_URL") else { return };
    sqlx::any::install_default_drivers();
    let name = format!("journey_{}", spine::new_id().simple());
    let mut admin = AnyConnection::connect(&server).await.expect("TEST_DATABASE_URL is reachable");
    let make = format!("CREATE DATABASE {name}");
    admin.execute(AssertSqlSafe(make)).await.expect("the test user may make databases");
    let (base, _) = server.rsplit_once('/').expect("TEST_DATABASE_URL names a database");
    journey(Place { folder: folder.path().join("postgres"), url: Some(format!("{base}/{name}")) }).await;
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    admin.execute(AssertSqlSafe(drop)).await.expect("the test's database can be dropped");
}
