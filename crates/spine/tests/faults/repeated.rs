//! A cluster answers before its followers have agreed: appends in flight to one subject, and ids that it knows already.

use crate::counter::{Counter, add};
use crate::load::{address, cause, numbers};
use ground::{Cluster, Proxy, Verdict};
use spine::{Decided, Tail};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const WRITERS: u64 = 8;
const NUMBERS: u64 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_entity_on_a_cluster_all_get_through_once_over_appends_in_flight() {
    let cluster = Cluster::start().await;
    cluster.provision(Duration::from_secs(120)).await;
    let (address, in_flight) = (address(), Arc::new(AtomicUsize::new(0)));
    let (mut writers, mut proxies) = (JoinSet::new(), Vec::new());
    for (process, node) in (0_u64..).zip(cluster.nodes()) {
        let counter = in_flight.clone();
        let proxy = Proxy::before(cluster.port(node), move |message| {
            if String::from_utf8_lossy(message).contains(r#""err_code":10164"#) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
            Verdict::Deliver
        });
        let proxy = proxy.await;
        for writer in 0..WRITERS {
            // Each its own process: within one, they wait for each other.
            let (log, address) = (cluster.log_over(&proxy.url(), Default::default()).await, address.clone());
            writers.spawn(async move {
                for number in 0..NUMBERS {
                    let number = process * 10_000 + writer * 100 + number;
                    log.transact(&address, &cause(), |state: &Counter| add(state, number)).await.unwrap();
                }
            });
        }
        proxies.push(proxy);
    }
    writers.join_all().await;
    let mut found = numbers(&cluster.log().await, &address).await;
    assert_eq!(found.len() as u64, 3 * WRITERS * NUMBERS);
    found.sort_by_key(|number| number / 100);
    assert!(found.is_sorted(), "each writer's own order is kept");
    found.dedup();
    assert_eq!(found.len() as u64, 3 * WRITERS * NUMBERS);
    assert!(in_flight.load(Ordering::Relaxed) > 0, "no append met another one in flight");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_decides_what_another_has_decided_knows_it_as_it_was_stored() {
    let cluster = Cluster::start().await;
    cluster.provision(Duration::from_secs(120)).await;
    let (one, two) = (cluster.log().await, cluster.log().await);
    let (address, shared) = (address(), cause());
    // It reads the entity before anything is there, and follows nothing.
    assert!(two.read::<Counter, _>(&address, |state| state.numbers.is_empty()).await.unwrap());
    one.transact(&address, &cause(), |state: &Counter| add(state, 1)).await.unwrap();
    let first = one.transact(&address, &shared, |state: &Counter| add(state, 2)).await.unwrap();
    let again = two.transact(&address, &shared, |state: &Counter| add(state, 3)).await.unwrap();
    assert!(matches!(again, Decided::Known(_)));
    assert_eq!(again.position(), first.position());
    let known = two.read::<Counter, _>(&address, |state| state.numbers.clone()).await.unwrap();
    assert_eq!(known, [1, 2], "the log holds what the other had decided");
    two.transact(&address, &cause(), |state: &Counter| add(state, state.total)).await.unwrap();
    assert_eq!(numbers(&one, &address).await, [1, 2, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_came_back_by_the_tail_is_not_made_again_inside_the_window() {
    let cluster = Cluster::start().await;
    cluster.provision(Duration::from_secs(120)).await;
    let log = cluster.log().await;
    let (address, shared, stop) = (address(), cause(), CancellationToken::new());
    let tail = Tail::at_end(&log).await.unwrap();
    let mut running = JoinSet::new();
    {
        let (log, stop) = (log.clone(), stop.clone());
        running.spawn(async move { tail.run(&log, &stop).await.unwrap() });
    }
    let first = log.transact(&address, &shared, |state: &Counter| add(state, 1)).await.unwrap();
    log.transact(&address, &cause(), |state: &Counter| add(state, 2)).await.unwrap();
    let again = log.transact(&address, &shared, |state: &Counter| add(state, 3)).await.unwrap();
    assert_eq!(again.position(), first.position());
    assert_eq!(numbers(&log, &address).await, [1, 2]);
    stop.cancel();
    running.join_all().await;
}
