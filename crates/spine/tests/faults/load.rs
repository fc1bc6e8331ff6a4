//! Writers who append until they are told to stop, readers who follow, and the count of both afterwards.

use crate::counter::{Counter, CounterEvent, add};
use ground::{Cluster, effort};
use spine::{Address, Cause, Log, PARTS, Recorded, Refused, Tail, new_id};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What a reader waits for the next message before the test fails: an election and a reconnection are shorter.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Messages of one test at most.
const MESSAGES_MAX: usize = 1 << 20;
/// Between two appends of a writer, so that a machine of two cores is not what is tested.
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) fn address() -> Address {
    Address::of("demo", "counter", new_id()).unwrap()
}

pub(crate) fn cause() -> Cause {
    Cause::new(new_id(), "add", "test")
}

pub(crate) async fn numbers(log: &Log, address: &Address) -> Vec<u64> {
    log.read_confirmed::<Counter, _>(address, |state| state.numbers.clone()).await.unwrap()
}

/// Appends as all callers do: what failed for a while is decided again for the same cause.
async fn append(log: &Log, address: &Address, number: u64) {
    let cause = cause();
    loop {
        match log.transact(address, &cause, |state: &Counter| add(state, number)).await {
            Ok(_) => return,
            Err(Refused::Failed(error)) if error.is_passing() => {}
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// Writers, each of an entity of its own.
pub(crate) struct Writers {
    stop: CancellationToken,
    running: JoinSet<(Address, u64)>,
}

impl Writers {
    pub(crate) fn start(logs: &[Log], of_each: usize) -> Self {
        let (stop, mut running) = (CancellationToken::new(), JoinSet::new());
        for log in logs {
            for _ in 0..of_each {
                let (log, stop) = (log.clone(), stop.clone());
                running.spawn(async move {
                    let (address, mut acknowledged) = (address(), 0);
                    while !stop.is_cancelled() {
                        append(&log, &address, acknowledged).await;
                        acknowledged += 1;
                        tokio::time::sleep(PAUSE).await;
                    }
                    (address, acknowledged)
                });
            }
        }
        Self { stop, running }
    }

    /// Stops them; what each of them was told to be stored.
    pub(crate) async fn end(self) -> HashMap<Address, u64> {
        self.stop.cancel();
        self.running.join_all().await.into_iter().collect()
    }
}

/// One process that follows the whole log from its end on.
pub(crate) struct Follower {
    log: Log,
    tail: Tail,
    messages: mpsc::Receiver<Arc<Recorded>>,
    next: [u64; PARTS as usize],
    stop: CancellationToken,
    running: JoinSet<()>,
    _taking: JoinSet<()>,
}

impl Follower {
    pub(crate) async fn start(log: &Log) -> Self {
        let tail = Tail::at_end(log).await.unwrap();
        let mut start = tail.join(&(0..PARTS).collect::<Vec<_>>());
        let mut next = [0; PARTS as usize];
        start.first.iter().for_each(|(part, first)| next[usize::from(*part)] = *first);
        let (stop, mut running) = (CancellationToken::new(), JoinSet::new());
        {
            let (tail, log, stop) = (tail.clone(), log.clone(), stop.clone());
            running.spawn(async move { tail.run(&log, &stop).await.unwrap() });
        }
        // Taken as they come: who lets too many wait loses its place, as is promised, and reads on by itself.
        let (sender, messages) = mpsc::channel(MESSAGES_MAX);
        let mut taking = JoinSet::new();
        taking.spawn(async move {
            while let Some(message) = start.messages.recv().await {
                sender.try_send(message).unwrap();
            }
        });
        Self { log: log.clone(), tail, messages, next, stop, running, _taking: taking }
    }

    /// Reads everything up to the log's end: each part without a gap, each entity's numbers in order.
    pub(crate) async fn end(mut self) -> HashMap<Address, u64> {
        let ends = self.log.ends().await.unwrap();
        let mut counts = HashMap::new();
        while self.next.iter().zip(ends).any(|(next, end)| *next <= end) {
            let next = tokio::time::timeout(SILENCE_MAX, self.messages.recv()).await;
            let record = next.expect("the reader goes on").expect("the reader keeps its place");
            let expected = &mut self.next[usize::from(record.position.part)];
            assert_eq!(record.position.sequence, *expected, "part {}", record.position.part);
            *expected += 1;
            let count: &mut u64 = counts.entry(record.address.clone()).or_default();
            for CounterEvent::Added { number } in record.events::<Counter>().unwrap() {
                assert_eq!(number, count, "{}", record.address);
                *count += 1;
            }
        }
        self.stop.cancel();
        self.running.join_all().await;
        drop(self.tail);
        counts
    }
}

/// A cluster under load: three processes that write and follow while something is done to it.
pub(crate) struct UnderLoad {
    pub(crate) cluster: Cluster,
    writers: Writers,
    followers: Vec<Follower>,
}

impl UnderLoad {
    /// Each process knows all nodes.
    pub(crate) async fn start() -> Self {
        let cluster = Cluster::start().await;
        let url = cluster.url();
        Self::over(cluster, &[url.clone(), url.clone(), url]).await
    }

    /// One process over each of these addresses.
    pub(crate) async fn over(cluster: Cluster, urls: &[String]) -> Self {
        cluster.provision(Duration::from_secs(120)).await;
        let (mut logs, mut followers) = (Vec::new(), Vec::new());
        for url in urls {
            let log = cluster.log_over(url, Default::default()).await;
            followers.push(Follower::start(&log).await);
            logs.push(log);
        }
        let writers = Writers::start(&logs, effort((4, 8)));
        Self { cluster, writers, followers }
    }

    /// Asks each process where the log ends, and takes no failure.
    pub(crate) async fn ends(&self) {
        for follower in &self.followers {
            follower.log.ends().await.expect("the log says where it ends");
        }
    }

    /// Ends the load and counts: everything that was acknowledged is in the log once and in order, and each process was
    /// shown all of it. Nothing else is there.
    pub(crate) async fn end(self) -> Cluster {
        let written = self.writers.end().await;
        let total: u64 = written.values().sum();
        assert!(total > 100, "only {total} appends in the whole test");
        let log = self.cluster.log().await;
        for (address, acknowledged) in &written {
            let wanted: Vec<u64> = (0..*acknowledged).collect();
            assert_eq!(numbers(&log, address).await, wanted, "{address}");
        }
        for follower in self.followers {
            assert_eq!(follower.end().await, written);
        }
        self.cluster
    }
}
