//! Acknowledgements that never arrive, inside the window in which the server knows a repeated id, and after it.

use crate::counter::{Counter, add};
use crate::load::{address, cause, numbers};
use ground::{Cluster, Proxy, Server, Verdict};
use spine::streams::{StreamSettings, provision};
use spine::{Address, Cause, Clock, Decided, Error, Log, LogSettings, Refused};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(120);
/// An acknowledgement is waited for longer than this.
const SHORT: Duration = Duration::from_secs(1);

/// A server whose next acknowledgements of appends to the log are lost on the way.
struct Losing {
    proxy: Proxy,
    left: Arc<AtomicUsize>,
}

impl Losing {
    async fn before(port: u16) -> Self {
        let left = Arc::new(AtomicUsize::new(0));
        let counter = left.clone();
        let proxy = Proxy::before(port, move |message| {
            let text = String::from_utf8_lossy(message);
            // Answers of the server's API have a type; those to an append have none, whatever they say.
            let is_ack = text.contains(r#""stream":"LOG_"#) && !text.contains(r#""type":"#);
            let take = |left: usize| left.checked_sub(1);
            match is_ack && counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
                true => Verdict::Lose,
                false => Verdict::Deliver,
            }
        });
        Self { proxy: proxy.await, left }
    }

    async fn log(&self, settings: LogSettings) -> Log {
        Log::new(ground::connect(&self.proxy.url()).await, Clock::system(), settings)
    }

    fn lose(&self, count: usize) {
        self.left.store(count, Ordering::SeqCst);
    }

    fn are_lost(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

async fn decide(log: &Log, address: &Address, cause: &Cause, number: u64) -> Result<Decided, Error> {
    log.transact(address, cause, |state: &Counter| add(state, number)).await.map_err(
        |refused| match refused {
            Refused::Failed(error) => error,
            Refused::Rejected(full) => panic!("{full:?}"),
        },
    )
}

/// Appends once with the acknowledgement lost, over the retries of one decision and over a caller who gave up.
async fn lost_acknowledgements(port: u16, window: Duration) {
    let losing = Losing::before(port).await;
    let log = losing.log(LogSettings::default()).await;
    let (address, other) = (address(), address());
    decide(&log, &address, &cause(), 0).await.unwrap();
    losing.lose(2);
    let decided = decide(&log, &address, &cause(), 1).await.unwrap();
    assert!(losing.are_lost());
    assert!(matches!(decided, Decided::Appended(_) | Decided::Known(_)));
    decide(&log, &address, &cause(), 2).await.unwrap();
    assert_eq!(numbers(&log, &address).await, [0, 1, 2]);
    let history = log.history(&address, None).await.unwrap();
    assert_eq!(history[1].position, decided.position());

    let hasty = losing.log(LogSettings { retry_deadline: SHORT, ..LogSettings::default() }).await;
    losing.lose(1);
    let again = cause();
    let given_up = decide(&hasty, &other, &again, 7).await;
    assert!(matches!(given_up, Err(Error::Timeout { .. })), "{given_up:?}");
    if window == SHORT {
        tokio::time::sleep(2 * window).await;
    }
    let decided = decide(&hasty, &other, &again, 8).await.unwrap();
    assert!(matches!(decided, Decided::Appended(_) | Decided::Known(_)));
    assert_eq!(numbers(&log, &other).await, [7], "it had been stored");
    assert_eq!(numbers(&hasty, &other).await, [7], "and is known as it was stored");
}

async fn on_one_server(window: Duration) {
    let server = Server::start().await;
    let settings = StreamSettings { duplicate_window: window, ..StreamSettings::default() };
    provision(&server.nats().await, &settings).await.unwrap();
    lost_acknowledgements(server.port(), window).await;
}

async fn on_a_cluster(window: Duration) {
    let cluster = Cluster::start().await;
    cluster.provision(window).await;
    lost_acknowledgements(cluster.port(0), window).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_lost_inside_the_window_stores_once() {
    on_one_server(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_lost_until_after_the_window_stores_once() {
    on_one_server(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_of_a_cluster_lost_inside_the_window_stores_once() {
    on_a_cluster(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_of_a_cluster_lost_until_after_the_window_stores_once() {
    on_a_cluster(SHORT).await;
}
