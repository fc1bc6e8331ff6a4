//! Appending: the real decision of a thread with sealing and headers, against raw publishes of the same bytes.

use crate::exchange;
use crate::figure::{Figure, progress};
use async_nats::HeaderMap;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use conversation::Thread;
use futures::{StreamExt, stream};
use ground::{Limits, Server, Syncing};
use spine::db::{Database, DatabaseSettings};
use spine::keys::{KeySettings, Keys};
use spine::{Address, Clock, Entity, Log, LogSettings, streams};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Threads that are written to at the same time.
const WRITERS: usize = 128;
/// Publishes in flight of the raw limit; what the log has in flight.
const RAW_IN_FLIGHT: usize = WRITERS;
const TENANT: &str = "bench";
/// How the server syncs, how that is called, and what an append must reach of a raw publish.
const SYNCINGS: [(Syncing, &str, f64); 2] = [
    (Syncing::Always, "append: thread decision, sealed, through transact", 0.85),
    (Syncing::ByDefault, "append: the same, the server's default sync", 0.5),
];

pub(crate) async fn measure(smoke: bool) -> anyhow::Result<Vec<Figure>> {
    let run = Duration::from_secs(if smoke { 2 } else { 20 });
    let mut figures = Vec::new();
    for (syncing, name, ratio_min) in SYNCINGS {
        let (ours, raw) = on_one_server(syncing, run).await?;
        figures.push(Figure::of_limit(name, ours, raw, "/s", ratio_min));
    }
    Ok(figures)
}

async fn on_one_server(syncing: Syncing, run: Duration) -> anyhow::Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let limits = Limits { syncing, ..Limits::default() };
    let server = Server::start_in_with(&folder.path().join("nats"), limits).await;
    let nats = server.nats().await;
    streams::provision(&nats, &Default::default()).await?;
    let database = Database::open(DatabaseSettings::new(None, folder.path().join("data"))).await?;
    let clock = Clock::system();
    let keys = Keys::open(&database, KeySettings::default(), clock.clone()).await?;
    let log = Log::new(nats, clock, LogSettings::default());
    progress("appending, in turns with raw publishes");
    in_turns(&log, &keys, &server.url(), run).await
}

/// Decisions and raw publishes of the same bytes a second, each for `run`; in turns, so that a machine whose speed drifts
/// favours neither.
pub(crate) async fn in_turns(log: &Log, keys: &Keys, url: &str, run: Duration) -> anyhow::Result<(f64, f64)> {
    let (mut ours, mut raw) = (0.0, 0.0);
    for _ in 0..2 {
        let sample = decide(log, keys, run / 2, &mut ours).await?;
        publish(url, sample, run / 2, &mut raw).await?;
    }
    Ok((ours / 2.0, raw / 2.0))
}

/// Decides `receive` on many threads; adds appends per second and returns one stored message's parts.
async fn decide(log: &Log, keys: &Keys, run: Duration, rate: &mut f64) -> anyhow::Result<(HeaderMap, Bytes)> {
    let started = Instant::now();
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (log, keys) = (log.clone(), keys.clone());
        writers.spawn(async move {
            let mut count = 0_u64;
            let mut last = None;
            while started.elapsed() < run {
                // A thread of a few messages, then the next one, as customers come and go.
                let thread = spine::new_id();
                let address = Address::of(TENANT, Thread::KIND, thread)?;
                log.assume_new::<Thread>(&address);
                let customer = exchange::Customer { log: &log, keys: &keys, address: &address, thread };
                for number in 0..8 {
                    customer.writes(number == 0).await?;
                    count += 1;
                }
                last = Some(address);
            }
            anyhow::Ok((count, last))
        });
    }
    let mut total = 0;
    let mut sample = None;
    while let Some(ended) = writers.join_next().await {
        let (count, last) = ended??;
        total += count;
        sample = sample.or(last);
    }
    *rate += total as f64 / started.elapsed().as_secs_f64();
    let address = sample.ok_or_else(|| anyhow::anyhow!("nothing was appended"))?;
    let jetstream = async_nats::jetstream::new(log.nats().client().clone());
    let stream = jetstream.get_stream(address.stream()).await?;
    let message = stream.get_last_raw_message_by_subject(&address.subject()).await?;
    Ok((message.headers, message.payload))
}

/// Publishes the same bytes to the same streams as fast as pipelining allows, without conditions.
async fn publish(
    url: &str,
    (headers, payload): (HeaderMap, Bytes),
    run: Duration,
    rate: &mut f64,
) -> anyhow::Result<()> {
    let client = async_nats::connect(url.split(',').collect::<Vec<_>>()).await?;
    let jetstream = async_nats::jetstream::new(client);
    let started = Instant::now();
    let mut headers = headers;
    headers.insert("Nats-Expected-Last-Subject-Sequence", "");
    let sends =
        stream::iter(0_u64..).take_while(|_| std::future::ready(started.elapsed() < run)).map(|number| {
            let mut fresh = HeaderMap::new();
            for (name, values) in headers.iter().filter(|(name, _)| !name.to_string().starts_with("Nats-")) {
                for value in values {
                    fresh.append(name.clone(), value.clone());
                }
            }
            let id = spine::new_id();
            fresh.insert("Nats-Msg-Id", id.to_string());
            let subject = format!("log.1.{}.{TENANT}.thread.{id}", number % u64::from(spine::PARTS));
            let message = PublishMessage::build().headers(fresh).payload(payload.clone());
            let jetstream = jetstream.clone();
            async move { jetstream.send_publish(subject, message).await?.await.map_err(anyhow::Error::from) }
        });
    let mut stored = sends.buffer_unordered(RAW_IN_FLIGHT);
    let mut count = 0_u64;
    while let Some(result) = stored.next().await {
        result?;
        count += 1;
    }
    *rate += count as f64 / started.elapsed().as_secs_f64();
    Ok(())
}
