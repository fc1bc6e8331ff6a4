//! A cluster of three under load: its nodes killed in turn, its leaders made to step down.

use crate::load::UnderLoad;
use ground::effort;
use spine::{PARTS, address::stream_name};
use std::time::Duration;

/// Times that each node is killed.
const ROUNDS: (usize, usize) = (1, 12);
/// Times that a leader is asked to step down.
const STEP_DOWNS: (usize, usize) = (24, 600);

#[tokio::test(flavor = "multi_thread")]
async fn each_node_of_a_cluster_killed_in_turn_under_load_loses_and_doubles_nothing() {
    let mut load = UnderLoad::start().await;
    for _ in 0..effort(ROUNDS) {
        for node in load.cluster.nodes() {
            tokio::time::sleep(Duration::from_millis(300)).await;
            load.cluster.kill(node);
            tokio::time::sleep(Duration::from_millis(700)).await;
            load.cluster.restart(node).await;
            load.cluster.until_whole().await;
        }
    }
    load.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_leaders_that_step_down_under_load_loses_and_doubles_nothing() {
    let load = UnderLoad::start().await;
    let client = async_nats::connect(load.cluster.url_of(0)).await.unwrap();
    let mut stepped_down = 0;
    for (round, part) in (0..effort(STEP_DOWNS)).zip((0..PARTS).cycle()) {
        let stream = stream_name(1, part);
        stepped_down += usize::from(load.cluster.step_down(&stream, &client).await);
        // What is asked while nobody leads is lost.
        load.ends().await;
        // Each time at another distance from the election before it.
        tokio::time::sleep(Duration::from_millis(20 + 37 * (round as u64 % 7))).await;
    }
    assert!(stepped_down * 2 > effort(STEP_DOWNS), "only {stepped_down} leaders stepped down");
    load.end().await;
}
