//! Measures the feed: `measure_feed NATS_URL FOLDER [LEADS]` writes leads to the log and times their way to LEADS.

use anyhow::Context;
use conversation::Thread;
use events::lead::{Consent, DetailKind};
use events::{LeadEvent, Sealed};
use futures::StreamExt;
use laws::lead::Lead;
use runtime::{Health, Host, Metrics, Secret};
use spine::db::{Database, DatabaseSettings};
use spine::keys::{KeySettings, Keys, Owner, Period, SealKey};
use spine::{Address, Cause, Clock, Entity, Log, LogSettings, Nats, NatsAccess, Spine, Tail, new_id};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const WRITERS: usize = 64;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("the address of a nats-server is needed")?;
    let folder = arguments.next().context("a folder is needed")?;
    let count: usize = arguments.next().map_or(Ok(10_000), |count| count.parse())?;
    let access = NatsAccess { url, nkey_seed: None, inbox_prefix: None, name: "measure".into() };
    let nats = Nats::connect(&access).await?;
    spine::streams::provision(&nats, &Default::default()).await?;
    let log = Log::new(nats, Clock::system(), LogSettings::default());
    let database = Database::open(DatabaseSettings::new(None, folder)).await?;
    let keys = Keys::open(&database, KeySettings::default(), log.clock().clone()).await?;
    let before = last_of_feed(&log).await?;

    let started = Instant::now();
    futures::stream::iter(0..count).for_each_concurrent(WRITERS, |_| write(&log, &keys)).await;
    say(&format!("{count} leads written in {:.1} s", started.elapsed().as_secs_f64()))?;

    let tail = Tail::at_end(&log).await?;
    let spine = Spine { log: log.clone(), tail, database, keys, readers: Default::default() };
    let host = Host {
        role: runtime::Role::LeadCapture,
        health: Health::new(),
        metrics: Metrics::new("measure", None)?,
        credential: Secret::new("0123456789abcdef0123456789abcdef"),
        peers: Arc::default(),
        shutdown: CancellationToken::new(),
    };
    let mut tasks = JoinSet::new();
    let (tail, shutdown) = (spine.tail.clone(), host.shutdown.clone());
    let tailed = log.clone();
    tasks.spawn(async move { tail.run(&tailed, &shutdown).await.map_err(anyhow::Error::from) });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let started = Instant::now();
    let service = lead_capture::service::start(spine, host.clone(), listener).await?;
    tasks.spawn(service.run());
    let wanted = before + u64::try_from(count)?;
    while last_of_feed(&log).await? < wanted {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    say(&format!("{count} leads fed in {seconds:.2} s: {:.0}/s", count as f64 / seconds))?;
    host.shutdown.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn last_of_feed(log: &Log) -> anyhow::Result<u64> {
    let (publisher, _) = spine::feed::publish::Publisher::open(log.nats()).await?;
    Ok(publisher.last())
}

async fn write(log: &Log, keys: &Keys) {
    let (thread, at) = (new_id(), log.clock().now());
    let lead = format!("{thread}-1");
    let address =
        Address::new("demo", Lead::KIND, &lead, &thread.to_string()).expect("ids of our own are allowed");
    let tenant = address.tenant.clone();
    let key =
        SealKey { tenant, owner: Owner::thread(thread), class: "lead".into(), period: Period::quarter(at) };
    let value = keys.seal(&key, &address.subject(), "lead.value", "13812345678").await;
    let event = LeadEvent::Captured {
        thread,
        conversation: 1,
        message: new_id(),
        kind: DetailKind::Phone,
        value: Sealed(value.expect("the register takes keys")),
        form: "plain".into(),
        consent: Consent::Implied,
        account: new_id(),
        channel: "http".into(),
        at,
    };
    log.assume_new::<Lead>(&address);
    let decide = |state: &Lead| laws::lead::capture(state, std::slice::from_ref(&event));
    let cause = Cause::new(thread, "capture", Thread::KIND);
    log.transact::<Lead, _>(&address, &cause, decide).await.expect("a new lead is taken");
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
