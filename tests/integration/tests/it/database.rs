//! What goes wrong with the database under a running suite.

use integration::World;
use sqlx::{AnyConnection, Connection, Executor};
use std::time::Duration;

/// Ends every connection to the database, so many times.
pub(crate) async fn cut_connections(url: &str, times: usize) {
    for _ in 0..times {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let mut admin = AnyConnection::connect(url).await.unwrap();
        let cut = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()";
        admin.execute(cut).await.unwrap();
        admin.close().await.unwrap();
    }
}

/// Another process holds the write lock of every read model for a while.
pub(crate) async fn lock_files(world: &World, locked: Duration) {
    let mut locks = Vec::new();
    for reader in world.spine.readers.all() {
        let file = reader.model().store.file().unwrap().to_owned();
        let mut lock = AnyConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        lock.execute("PRAGMA busy_timeout = 5000").await.unwrap();
        lock.execute("BEGIN IMMEDIATE").await.unwrap();
        locks.push(lock);
    }
    tokio::time::sleep(locked).await;
    for mut lock in locks {
        lock.execute("ROLLBACK").await.unwrap();
        lock.close().await.unwrap();
    }
}
