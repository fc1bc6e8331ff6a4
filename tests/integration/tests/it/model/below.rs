//! What breaks below the suite while the model says that nothing changes.

use super::expected::Fault;
use crate::database::{cut_connections, lock_files};
use integration::World;
use spine::streams::{self, StreamSettings};
use sqlx::{AnyConnection, Connection};
use std::time::Duration;

const MINUTE_US: i64 = 60_000_000;
/// How long the clock is wrong, and how long another holds the leases: longer than a holder takes to see it.
const FOR_A_MOMENT: Duration = Duration::from_millis(1_500);
const LEASES_TAKEN_US: i64 = 4_000_000;
/// How long another process holds the write lock of every read model.
const LOCKED: Duration = Duration::from_millis(1_000);

/// Breaks it and puts it right again.
pub(super) async fn breaks(world: &mut World, fault: Fault) {
    match fault {
        Fault::Leader => leaders(world).await,
        Fault::Leases => leases(world).await,
        Fault::Database => match &world.place.url {
            Some(url) => cut_connections(url, 2).await,
            None => lock_files(world, LOCKED).await,
        },
        Fault::Clock(minutes) => {
            let clock = world.spine.log.clock();
            clock.shift(minutes * MINUTE_US);
            tokio::time::sleep(FOR_A_MOMENT).await;
            clock.shift(-minutes * MINUTE_US);
        }
    }
}

async fn leaders(world: &mut World) {
    let Some(cluster) = world.server.cluster() else {
        world.server.kill();
        return world.server.restart().await;
    };
    let client = async_nats::connect(cluster.url_of(0)).await.expect("a node answers");
    for stream in streams::specs(&StreamSettings::default()) {
        cluster.step_down(&stream.name, &client).await;
    }
}

/// As if another replica had found them expired. It never works, so that what it keeps from the holders waits.
async fn leases(world: &World) {
    // On SQLite there is one process, and nobody to share with.
    let Some(url) = &world.place.url else { return };
    let taken = "UPDATE state_leases.leases SET holder = 'another', fence = fence + 1,
        until_us = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + $1";
    let mut other = AnyConnection::connect(url).await.expect("the database is there");
    let done = sqlx::query(taken).bind(LEASES_TAKEN_US).execute(&mut other).await;
    assert!(done.expect("the leases can be taken").rows_affected() > 0);
    other.close().await.expect("the connection ends");
}
