//! Customers who write to a suite of processes, and what became of it all by a ledger of their own.

use conversation::{Owner, Thread};
use events::ThreadEvent;
use futures::StreamExt;
use integration::{Site, eventually};
use simulators::http::{Config, Item, Partner};
use simulators::{Clock, Ledger};
use spine::Entity;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const PAUSE: Duration = Duration::from_millis(200);
/// Events of a thread that a failed journey shows.
const LAST_SHOWN: usize = 8;
const STILL: Duration = Duration::from_secs(2);

/// What a customer says the nth time.
pub(crate) type Says = fn(usize, usize) -> String;

/// Customers who write until they are told to stop, and their ledger.
pub(crate) struct Load {
    ledger: Ledger,
    /// Takes the answers for as long as anybody looks.
    partner: Arc<Partner>,
    customers: JoinSet<()>,
    writing: CancellationToken,
    outside: CancellationToken,
}

impl Load {
    pub(crate) async fn start(site: &Site, customers_max: usize) -> Self {
        Self::start_saying(site, customers_max, |_, number| format!("退货运费谁承担？（{number}）")).await
    }

    /// As [`Load::start`], with what each customer says at each time.
    pub(crate) async fn start_saying(site: &Site, customers_max: usize, says: Says) -> Self {
        let (ledger, outside) = (Ledger::default(), CancellationToken::new());
        let partner = partner(&ledger, &outside, site).await;
        site.apply(&documents(&partner)).await;
        let (writing, mut customers) = (CancellationToken::new(), JoinSet::new());
        for customer in 0..customers_max {
            customers.spawn(write(partner.clone(), (customer, says), writing.clone()));
        }
        Self { ledger, partner, customers, writing, outside }
    }

    /// Messages that the suite acknowledged.
    fn taken(&self) -> usize {
        self.ledger.all_sent().iter().filter(|sent| sent.acknowledged.is_some()).count()
    }

    /// Calls that the suite refused or did not answer.
    pub(crate) fn refused(&self) -> u32 {
        self.ledger.all_sent().iter().map(|sent| sent.refused).sum()
    }

    /// Waits until nothing is acknowledged for a while.
    pub(crate) async fn until_nothing_is_taken(&self) {
        eventually("a while in which nothing is taken", async || {
            let before = self.taken();
            tokio::time::sleep(STILL).await;
            (self.taken() == before).then_some(())
        })
        .await;
    }

    /// Waits until each customer has been heard again.
    pub(crate) async fn until_more_is_taken(&self) {
        let wanted = self.taken() + 2 * self.customers.len();
        eventually("messages to be taken again", async || (self.taken() >= wanted).then_some(())).await;
    }

    /// From now on the customers reach the suite here.
    pub(crate) fn point_at(&self, http: &str) {
        self.partner.point_at(&format!("{http}/channels/http/shop/messages"));
    }

    /// Waits until more answers have arrived, about one for each customer.
    pub(crate) async fn until_more_is_answered(&self) {
        let wanted = self.ledger.all_received().len() + self.customers.len();
        let arrived = async || (self.ledger.all_received().len() >= wanted).then_some(());
        eventually("more answers", arrived).await;
    }

    /// Stops them and compares.
    pub(crate) async fn end(mut self, site: &Site) {
        let customers = self.customers.len();
        self.writing.cancel();
        while self.customers.join_next().await.is_some() {}
        check(site, &self.ledger, customers).await;
        self.outside.cancel();
    }
}

pub(crate) async fn partner(ledger: &Ledger, stop: &CancellationToken, site: &Site) -> Arc<Partner> {
    let mut config = Config::new("shop");
    // The partner goes on until it is heard.
    (config.pause_ms, config.posts_max, config.timeout_ms) = (100, 1_000, 5_000);
    let partner = Partner::start(config, Clock::world(), ledger.clone(), stop).await.unwrap();
    partner.point_at(&format!("{}/channels/http/shop/messages", site.http()));
    Arc::new(partner)
}

pub(crate) fn documents(partner: &Partner) -> String {
    format!(
        "kind: Tenant\nname: shop\ntitle: 店\n---\nkind: Account\ntenant: shop\nslug: shop\nchannel: http\ntitle: 店\n\
         settings: {{callback_url: '{}', timeout_ms: '2000', rate_per_second: '1000'}}\n\
         secrets: {{webhook_secret: '{}'}}\n---\nkind: Knowledge\ntenant: shop\nentries:\n\
         - {{id: freight, question: 退货运费谁承担, answer: 质量问题退货运费由我们承担。}}\n",
        partner.callback_url(),
        Config::new("shop").secret
    )
}

async fn write(partner: Arc<Partner>, (customer, says): (usize, Says), writing: CancellationToken) {
    let mut number = 0;
    while !writing.is_cancelled() {
        let item = Item {
            id: format!("m-{customer}-{number}"),
            user: format!("u-{customer}"),
            text: says(customer, number),
        };
        partner.post(&[item]).await;
        number += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// The ledger against a fresh read of the log by a client of its own.
async fn check(site: &Site, ledger: &Ledger, customers: usize) {
    let sent = ledger.all_sent();
    assert!(sent.iter().all(|sent| sent.acknowledged.is_some()), "the partner gave up on a message");
    let left = Left::default();
    let log = eventually("every message to be stored and every answer settled", async || {
        let log = read_log(site).await.ok()?;
        let received: usize =
            log.values().flatten().filter(|e| matches!(e, ThreadEvent::Received { .. })).count();
        left.note(&log, sent.len() - received);
        left.is_nothing().then_some(log)
    })
    .await;
    assert_eq!(log.len(), customers, "each customer is one thread");
    for events in log.values() {
        let numbers = received_order(events);
        assert!(numbers.is_sorted(), "out of order: {numbers:?}");
        assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), numbers.len(), "a message is doubled");
    }
    let answers: HashSet<String> = log.values().flatten().filter_map(sent_message).collect();
    let arrived = ledger.all_received();
    let first: Vec<&str> = arrived.iter().filter(|r| !r.repeated).filter_map(|r| r.id.as_deref()).collect();
    let first_ids: HashSet<&str> = first.iter().copied().collect();
    let sent_ids: HashSet<&str> = answers.iter().map(String::as_str).collect();
    for id in first_ids.symmetric_difference(&sent_ids) {
        let is_told = |event: &&ThreadEvent| format!("{event:?}").contains(id);
        eprintln!("{id}: {:#?}", log.values().flatten().filter(is_told).collect::<Vec<_>>());
    }
    assert_eq!(first_ids, sent_ids);
    assert_eq!(first.len(), answers.len(), "an answer arrived twice under different ids");
}

/// What is not yet done, by the law itself: while the AI owes an answer, one may arrive after the log was read and before
/// the ledger is. Told when a journey gives up on it.
#[derive(Default)]
struct Left {
    missing: AtomicUsize,
    threads: Mutex<Vec<String>>,
}

impl Left {
    fn note(&self, log: &BTreeMap<String, Vec<ThreadEvent>>, missing: usize) {
        self.missing.store(missing, Ordering::Relaxed);
        let open = log.iter().filter_map(|(id, events)| {
            let mut thread = Thread::default();
            events.iter().for_each(|event| thread.evolve(event));
            let is_owed = thread.owner() == Some(Owner::Ai) && !thread.awaiting().is_empty();
            let last = &events[events.len().saturating_sub(LAST_SHOWN)..];
            (is_owed || thread.pending().next().is_some()).then(|| format!("{id}: {last:#?}"))
        });
        *self.threads.lock().unwrap() = open.collect();
    }

    fn is_nothing(&self) -> bool {
        self.missing.load(Ordering::Relaxed) == 0 && self.threads.lock().unwrap().is_empty()
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.is_nothing() {
            let threads = self.threads.lock().unwrap();
            println!(
                "{} messages are not in the log; open: {threads:#?}",
                self.missing.load(Ordering::Relaxed)
            );
        }
    }
}

fn sent_message(event: &ThreadEvent) -> Option<String> {
    match event {
        ThreadEvent::Sent { message, .. } => Some(message.to_string()),
        _ => None,
    }
}

/// The customer's own numbers in the order of the log, from the messages' own times: the partner writes one after
/// the other, so its times rise.
fn received_order(events: &[ThreadEvent]) -> Vec<i64> {
    events
        .iter()
        .filter_map(|event| match event {
            ThreadEvent::Received { sent_at, .. } => Some(*sent_at),
            _ => None,
        })
        .collect()
}

/// All thread events by thread, read with a plain client.
async fn read_log(site: &Site) -> anyhow::Result<BTreeMap<String, Vec<ThreadEvent>>> {
    use async_nats::jetstream::consumer::{AckPolicy, pull};
    let jetstream = async_nats::jetstream::new(site.auditor().await?);
    let mut threads: BTreeMap<String, Vec<ThreadEvent>> = BTreeMap::new();
    for part in 0..spine::PARTS {
        let stream = jetstream.get_stream(format!("LOG_1_{part}")).await?;
        let end = stream.cached_info().state.messages;
        if end == 0 {
            continue;
        }
        let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
        let mut messages =
            stream.create_consumer(config).await?.messages().await?.take(usize::try_from(end)?);
        while let Some(message) = messages.next().await {
            let message = message?;
            if !message.subject.contains(".thread.") {
                continue;
            }
            let thread = message.subject.rsplit('.').next().unwrap_or_default().to_owned();
            let payload: serde_json::Value = serde_json::from_slice(&message.payload)?;
            let events: Vec<ThreadEvent> = serde_json::from_value(payload["events"].clone())?;
            threads.entry(thread).or_default().extend(events);
        }
    }
    Ok(threads)
}
