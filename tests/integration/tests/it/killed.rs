//! The one process killed again and again under load: nothing lost, nothing doubled, order kept.

use conversation::{Owner, Thread};
use events::ThreadEvent;
use futures::StreamExt;
use integration::{Place, Process, eventually, on_each};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use simulators::http::{Config, Item, Partner};
use simulators::{Clock, Ledger};
use spine::Entity;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const KILLS: usize = 20;
/// Customers who write at the same time; together about 100 messages a second.
const CUSTOMERS: usize = 20;
const PAUSE: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn the_one_process_killed_twenty_times_loses_and_doubles_nothing() {
    on_each(async |place: Place| {
        let seed = seed();
        println!("SEED={seed}");
        let mut dice = StdRng::seed_from_u64(seed);
        std::fs::create_dir_all(&place.folder).unwrap();
        let mut process = Process::new(&place);
        process.start().await;
        let (ledger, stop) = (Ledger::default(), CancellationToken::new());
        let partner = partner(&ledger, &stop, &process).await;
        process.apply(&documents(&partner)).await;
        let writing = CancellationToken::new();
        let mut customers = JoinSet::new();
        for customer in 0..CUSTOMERS {
            customers.spawn(write(partner.clone(), customer, writing.clone()));
        }
        for _ in 0..KILLS {
            tokio::time::sleep(Duration::from_millis(dice.random_range(50..700))).await;
            process.kill();
            process.start().await;
        }
        writing.cancel();
        customers.join_all().await;
        check(&process, &ledger).await;
        stop.cancel();
    })
    .await;
}

fn seed() -> u64 {
    let given = std::env::vars().find(|(name, _)| name == "SEED").and_then(|(_, seed)| seed.parse().ok());
    given.unwrap_or_else(|| rand::rng().random())
}

async fn partner(ledger: &Ledger, stop: &CancellationToken, process: &Process) -> Arc<Partner> {
    let mut config = Config::new("shop");
    // The partner goes on until it is heard.
    (config.pause_ms, config.posts_max, config.timeout_ms) = (100, 1_000, 5_000);
    let partner = Partner::start(config, Clock::world(), ledger.clone(), stop).await.unwrap();
    partner.point_at(&format!("{}/channels/http/shop/messages", process.http()));
    Arc::new(partner)
}

fn documents(partner: &Partner) -> String {
    format!(
        "kind: Tenant\nname: shop\ntitle: 店\n---\nkind: Account\ntenant: shop\nslug: shop\nchannel: http\ntitle: 店\n\
         settings: {{callback_url: '{}', timeout_ms: '2000', rate_per_second: '1000'}}\n\
         secrets: {{webhook_secret: '{}'}}\n---\nkind: Knowledge\ntenant: shop\nentries:\n\
         - {{id: freight, question: 退货运费谁承担, answer: 质量问题退货运费由我们承担。}}\n",
        partner.callback_url(),
        Config::new("shop").secret
    )
}

async fn write(partner: Arc<Partner>, customer: usize, writing: CancellationToken) {
    let mut number = 0;
    while !writing.is_cancelled() {
        let item = Item {
            id: format!("m-{customer}-{number}"),
            user: format!("u-{customer}"),
            text: format!("退货运费谁承担？第{number}次问"),
        };
        partner.post(&[item]).await;
        number += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// The ledger against a fresh read of the log by a client of its own.
async fn check(process: &Process, ledger: &Ledger) {
    let sent = ledger.all_sent();
    assert!(sent.iter().all(|sent| sent.acknowledged.is_some()), "the partner gave up on a message");
    let log = eventually("every message to be stored and every answer settled", async || {
        let log = read_log(process).await.ok()?;
        let received: usize =
            log.values().flatten().filter(|e| matches!(e, ThreadEvent::Received { .. })).count();
        (received == sent.len() && is_settled(&log)).then_some(log)
    })
    .await;
    assert_eq!(log.len(), CUSTOMERS, "each customer is one thread");
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

/// Whether nobody waits any more, by the law itself: while the AI owes an answer, one may arrive after the log was read
/// and before the ledger is.
fn is_settled(log: &BTreeMap<String, Vec<ThreadEvent>>) -> bool {
    log.values().all(|events| {
        let mut thread = Thread::default();
        events.iter().for_each(|event| thread.evolve(event));
        let is_owed = thread.owner() == Some(Owner::Ai) && !thread.awaiting().is_empty();
        !is_owed && thread.pending().next().is_none()
    })
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
async fn read_log(process: &Process) -> anyhow::Result<BTreeMap<String, Vec<ThreadEvent>>> {
    use async_nats::jetstream::consumer::{AckPolicy, pull};
    let jetstream = async_nats::jetstream::new(process.auditor().await?);
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
