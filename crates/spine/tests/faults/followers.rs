//! Reading through a node that lags behind or is cut off: late perhaps, but nothing is skipped.

use crate::counter::{Counter, add};
use crate::load::{UnderLoad, address, cause};
use ground::{Cluster, effort};
use spine::address::stream_name;
use spine::log::Consumption;
use std::time::Duration;
use tokio::task::JoinSet;

/// Longer than the heartbeat of a consumer and than an election.
const CUT_OFF_FOR: Duration = Duration::from_secs(6);
const ROUNDS: (usize, usize) = (1, 10);
const MISSED: u64 = 200;
const READERS: usize = 9;

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_on_a_node_that_is_cut_off_for_a_while_skips_nothing() {
    let cluster = Cluster::start().await;
    // Each process has one node and no other, so that one of the three is always on the one that is cut off.
    let urls: Vec<String> = cluster.nodes().map(|node| cluster.url_of(node)).collect();
    let load = UnderLoad::over(cluster, &urls).await;
    for _ in 0..effort(ROUNDS) {
        for node in load.cluster.nodes() {
            load.cluster.freeze(node);
            tokio::time::sleep(CUT_OFF_FOR).await;
            load.cluster.thaw(node);
            load.cluster.until_whole().await;
        }
    }
    load.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_begin_at_a_follower_that_lags_behind_begin_where_they_should() {
    let cluster = Cluster::start().await;
    cluster.provision(Duration::from_secs(120)).await;
    let address = address();
    let stream = stream_name(1, address.part);
    let leader = cluster.leader_of(&stream).await.unwrap();
    let follower = cluster.nodes().find(|node| *node != leader).unwrap();
    let log = cluster.log_over(&cluster.url_of(leader), Default::default()).await;
    let append = async |number| {
        log.transact(&address, &cause(), |state: &Counter| add(state, number))
            .await
            .unwrap()
            .position()
            .sequence
    };
    append(0).await;
    cluster.freeze(follower);
    let mut last = 0;
    for number in 1..=MISSED {
        last = append(number).await;
    }
    // A third of their consumers are given to the node that is frozen, and made there before it has caught up.
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let mut reading = Consumption::of_log(log.nats(), stream.clone(), last + 1);
        readers.spawn(async move { reading.next().await.unwrap().sequence });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    cluster.thaw(follower);
    let next = append(MISSED + 1).await;
    for begun in readers.join_all().await {
        assert_eq!(begun, next);
    }
}
