//! A line that goes dead without a reset, and a node that falls silent: both are left within half a minute.

use crate::counter::{Counter, add};
use crate::load::{Follower, address, cause, numbers};
use ground::{Cluster, Proxy, Server, Verdict};
use spine::{Clock, Log, LogSettings};
use std::time::{Duration, Instant};

const FOUND_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_goes_dead_without_a_reset_is_found_within_half_a_minute() {
    let server = Server::start().await;
    let other = server.log().await;
    let proxy = Proxy::before(server.port(), |_| Verdict::Deliver).await;
    let log = Log::new(ground::connect(&proxy.url()).await, Clock::system(), LogSettings::default());
    let follower = Follower::start(&log).await;
    let (address, elsewhere) = (address(), address());
    log.transact(&address, &cause(), |state: &Counter| add(state, 0)).await.unwrap();
    proxy.deaden();
    let dead = Instant::now();
    // What others write meanwhile is read afterwards, and what was under way is stored once.
    other.transact(&elsewhere, &cause(), |state: &Counter| add(state, 0)).await.unwrap();
    log.transact(&address, &cause(), |state: &Counter| add(state, 1)).await.unwrap();
    assert_eq!(numbers(&log, &address).await, [0, 1]);
    let seen = follower.end().await;
    assert!(dead.elapsed() < FOUND_WITHIN, "it took {:?}", dead.elapsed());
    assert_eq!(seen, [(address, 2), (elsewhere, 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_falls_silent_is_left_for_another_within_half_a_minute() {
    let cluster = Cluster::start().await;
    cluster.provision(Duration::from_secs(120)).await;
    let log = cluster.log().await;
    let follower = Follower::start(&log).await;
    let address = address();
    log.transact(&address, &cause(), |state: &Counter| add(state, 0)).await.unwrap();
    let name = log.nats().client().server_info().server_name;
    let node = name.strip_prefix("node-").unwrap().parse().unwrap();
    cluster.freeze(node);
    let silent = Instant::now();
    log.transact(&address, &cause(), |state: &Counter| add(state, 1)).await.unwrap();
    assert_eq!(numbers(&log, &address).await, [0, 1]);
    let seen = follower.end().await;
    assert!(silent.elapsed() < FOUND_WITHIN, "it took {:?}", silent.elapsed());
    assert_eq!(seen, [(address, 2)].into());
    cluster.thaw(node);
}
