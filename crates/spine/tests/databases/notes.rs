//! A small read model, and how these tests open the database that it is in.

use ground::Place;
use spine::db::{Database, DatabaseSettings, ModelSpec, Store};

pub(crate) const NOTES: ModelSpec = ModelSpec {
    name: "notes",
    version: 1,
    schema: &[
        "CREATE TABLE notes (id TEXT PRIMARY KEY, count BIGINT, part INTEGER, share DOUBLE PRECISION, raw BLOB)",
        "CREATE INDEX notes_count ON notes (count)",
    ],
};
pub(crate) const NOTES_2: ModelSpec = ModelSpec { version: 2, ..NOTES };

pub(crate) fn settings(place: &Place) -> DatabaseSettings {
    let mut settings = place.settings();
    // Nothing in these tests waits for a lock for long but on purpose.
    settings.limits.busy_ms_max = 100;
    settings
}

pub(crate) async fn open(place: &Place) -> Database {
    Database::open(settings(place)).await.unwrap()
}

/// The database as another process has it open, where that is possible.
pub(crate) async fn another(place: &Place, database: &Database) -> Database {
    if place.is_sqlite() { database.clone() } else { open(place).await }
}

pub(crate) async fn add(store: &Store, id: &str) {
    let mut tx = store.begin().await.unwrap();
    sqlx::query("INSERT INTO notes (id, count) VALUES ($1, 1)").bind(id).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

pub(crate) async fn count(store: &Store) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM notes").fetch_one(store.reads()).await.unwrap()
}
