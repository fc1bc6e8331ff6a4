//! What every test with a real server stands on: a nats-server, a fresh database, patience, a comparison.
//!
//! Everything here panics when the machine does not do what a test needs; a test that fails says where.

mod cluster;
mod compare;
mod disk;
mod effort;
mod place;
mod ports;
mod postgres;
mod proxy;
mod search;
mod server;

pub use cluster::Cluster;
pub use compare::{rebuilds_alike, tables_equal, verified};
pub use disk::Disk;
pub use effort::effort;
pub use place::{Place, fresh_database, on_each};
pub use ports::free_ports;
pub use postgres::Postgres;
pub use proxy::{Proxy, Verdict};
pub use search::{everywhere, held_in, holders};
pub use server::{Limits, Server, Syncing, connect};

use spine::{Position, Spine};
use std::time::Duration;

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Waits until `look` finds something.
///
/// # Panics
/// After [`PATIENCE`], naming what was waited for.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(found) => found,
        Err(_) => panic!("waited {} s in vain for {what}", PATIENCE.as_secs()),
    }
}

/// The log's end at this moment, one position for each part.
///
/// # Panics
/// When the log does not answer.
pub async fn ends(spine: &Spine) -> Vec<Position> {
    Position::of_ends(spine.log.ends().await.expect("the log says where it ends"))
}

/// Waits until every reader of the process holds everything that the log holds now.
///
/// # Panics
/// When one does not get there within [`PATIENCE`].
pub async fn caught_up(spine: &Spine) {
    let ends = ends(spine).await;
    for reader in spine.readers.all() {
        let reached = reader.wait_for(&ends, PATIENCE).await;
        reached.unwrap_or_else(|error| panic!("{} does not catch up: {error}", reader.name()));
    }
}
