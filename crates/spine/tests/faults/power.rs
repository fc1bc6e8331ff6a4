//! The power is cut under load: what was acknowledged is on the disk, because every append is synced. The same cut with
//! the server's own default shows what would be lost otherwise.

use crate::counter::{Counter, add};
use crate::load::{address, cause, numbers};
use ground::{Disk, Limits, Server, Syncing, effort};
use spine::{Address, Log};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const CUTS: (usize, usize) = (3, 25);
const WRITERS: usize = 8;
/// Acknowledgements that the server sent before it stood still have arrived by then.
const ARRIVED: Duration = Duration::from_millis(300);

/// Appends one number after the other, and says how many were acknowledged.
async fn write(log: Log, address: Address, acknowledged: Arc<AtomicU64>) {
    loop {
        let number = acknowledged.load(Ordering::SeqCst);
        let cause = cause();
        let decide = |state: &Counter| add(state, number);
        while log.transact(&address, &cause, decide).await.is_err() {}
        acknowledged.store(number + 1, Ordering::SeqCst);
    }
}

/// Cuts the power after `lasts`; how many were acknowledged, and how many of these are lost.
async fn cut(limits: Limits, lasts: Duration) -> Option<(u64, u64)> {
    let disk = Disk::new()?;
    let server = Server::start_in_with(&disk.path().join("nats"), limits).await;
    let (mut writers, mut written) = (JoinSet::new(), Vec::new());
    for _ in 0..WRITERS {
        let (log, address, acknowledged) = (server.log().await, address(), Arc::default());
        written.push((address.clone(), Arc::clone(&acknowledged)));
        writers.spawn(write(log, address, acknowledged));
    }
    tokio::time::sleep(lasts).await;
    let stopped = Command::new("kill").args(["-STOP", &server.pid().to_string()]).status().unwrap();
    assert!(stopped.success());
    tokio::time::sleep(ARRIVED).await;
    writers.shutdown().await;
    let left = disk.cut();
    drop(server);

    let server = Server::start_in_with(&left.path().join("nats"), limits).await;
    let log = server.log().await;
    let (mut total, mut lost) = (0, 0);
    for (address, acknowledged) in written {
        let acknowledged = acknowledged.load(Ordering::SeqCst);
        let found = numbers(&log, &address).await;
        let wanted: Vec<u64> = (0..found.len() as u64).collect();
        assert_eq!(found, wanted, "in order, and each once");
        total += acknowledged;
        lost += acknowledged.saturating_sub(found.len() as u64);
    }
    Some((total, lost))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_nothing_acknowledged_and_the_same_cut_without_syncs_does() {
    let synced = Limits::default();
    for round in 0..effort(CUTS) {
        let lasts = Duration::from_millis(900 + (round as u64 * 377) % 1_000);
        let Some((total, lost)) = cut(synced, lasts).await else {
            println!("skipped: this machine lets nobody mount a file");
            return;
        };
        assert!(total > 20, "only {total} appends");
        assert_eq!(lost, 0, "of {total} that were acknowledged");
    }
    let unsynced = Limits { syncing: Syncing::ByDefault, ..Limits::default() };
    let (total, lost) = cut(unsynced, Duration::from_secs(2)).await.unwrap();
    println!("without syncs {lost} of {total} that were acknowledged are lost");
    assert!(lost > 0, "the cut shows nothing: none of {total} is lost without syncs either");
}
