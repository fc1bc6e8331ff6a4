//! A fresh database for each test: SQLite always, and Postgres when `TEST_DATABASE_URL` names one.

use spine::db::{Database, DatabaseSettings};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use std::path::PathBuf;

/// Where one run of a test has its database.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) url: Option<String>,
}

impl Place {
    pub(crate) fn settings(&self) -> DatabaseSettings {
        let mut settings = DatabaseSettings::new(self.url.clone(), &self.folder);
        // Nothing in these tests waits for a lock for long but on purpose.
        settings.limits.busy_ms_max = 100;
        settings
    }

    pub(crate) async fn open(&self) -> Database {
        Database::open(self.settings()).await.unwrap()
    }
}

/// Runs the test on SQLite, and on Postgres if there is one.
pub(crate) async fn on_each(test: impl AsyncFn(Place)) {
    let name = format!("spine_{}", spine::new_id().simple());
    let folder = std::env::temp_dir().join(&name);
    let place = Place { folder: folder.clone(), url: None };
    test(place).await;
    if let Some((_, server)) = std::env::vars().find(|(key, _)| key == "TEST_DATABASE_URL") {
        sqlx::any::install_default_drivers();
        let mut admin = AnyConnection::connect(&server).await.unwrap();
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        let place = Place { folder: folder.join("postgres"), url: Some(format!("{base}/{name}")) };
        test(place).await;
        admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Whether any file under the folder holds the bytes.
pub(crate) fn files_hold(folder: &std::path::Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return files_hold(&path, bytes);
        }
        std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes)
    })
}
