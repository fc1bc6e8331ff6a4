//! A fresh read of the streams by the plain NATS client: the log as the auditor, the lead feed as a consumer.

use super::connection::Connection;
use super::streams::{Notice, Streams};
use anyhow::{Context as _, bail};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{self, Context};
use futures::StreamExt;
use spine::NatsAccess;
use std::collections::BTreeMap;
use std::time::Duration;

/// The streams of the log; their number is fixed for a generation.
const PARTS: u8 = 8;
const FEED: &str = "LEADS";
/// Messages asked for at once.
const FETCH_MAX: usize = 1000;
const FETCH_WITHIN: Duration = Duration::from_secs(10);
/// How often a stream is asked that does not answer, and how long after.
const READ_TRIES: u32 = 10;
const READ_AGAIN: Duration = Duration::from_secs(2);
/// A consumer that nobody asks any more is dropped by the server.
const CONSUMER_LIVES: Duration = Duration::from_secs(30);

/// Reads what the streams gained since it was opened.
pub(crate) struct Audit {
    log: Context,
    feed: Context,
    tenant: String,
    /// The last sequence that was read, by stream.
    read: BTreeMap<String, u64>,
    streams: Streams,
}

impl Audit {
    /// Connects, notes where each stream ends now, and learns the names of accounts.
    ///
    /// # Errors
    /// When the server or a stream does not answer.
    pub(crate) async fn open(connection: &Connection, tenant: &str) -> anyhow::Result<Self> {
        again(async || Self::open_once(connection, tenant).await).await
    }

    async fn open_once(connection: &Connection, tenant: &str) -> anyhow::Result<Self> {
        let (log, feed) = (connect(&connection.auditor).await?, connect(&connection.consumer).await?);
        let mut read = BTreeMap::new();
        for stream in log_streams() {
            read.insert(stream.clone(), last(&log, &stream).await?);
        }
        read.insert(FEED.to_owned(), last(&feed, FEED).await?);
        Ok(Self { log, feed, tenant: tenant.to_owned(), read, streams: Streams::default() })
    }

    /// What the streams hold now: threads and leads since the opening, accounts and knowledge since ever.
    ///
    /// # Errors
    /// When the server does not answer, or a payload is no JSON.
    pub(crate) async fn streams(&mut self) -> anyhow::Result<&Streams> {
        let names = self.streams.accounts.is_empty();
        for (part, stream) in log_streams().enumerate() {
            if names {
                for kind in ["account", "knowledge"] {
                    let subject = format!("log.*.{part}.{}.{kind}.*", self.tenant);
                    self.read_log(&stream, 0, &subject).await?;
                }
            }
            let subject = format!("log.*.{part}.{}.thread.*", self.tenant);
            let after = self.read.get(&stream).copied().unwrap_or(0);
            let end = self.read_log(&stream, after, &subject).await?;
            self.read.insert(stream, end);
        }
        let after = self.read.get(FEED).copied().unwrap_or(0);
        let subject = format!("leads.{}.>", self.tenant);
        let (leads, end) = read(&self.feed, FEED, after, &subject).await?;
        for (_, payload) in leads {
            self.streams.leads.push(Notice::of(&payload));
        }
        self.read.insert(FEED.to_owned(), end);
        Ok(&self.streams)
    }

    /// What was read so far.
    pub(crate) fn known(&self) -> &Streams {
        &self.streams
    }

    async fn read_log(&mut self, stream: &str, after: u64, subject: &str) -> anyhow::Result<u64> {
        let (messages, end) = read(&self.log, stream, after, subject).await?;
        for (subject, payload) in messages {
            self.streams.add(&subject, &payload);
        }
        Ok(end)
    }
}

fn log_streams() -> impl Iterator<Item = String> {
    (0..PARTS).map(|part| format!("LOG_1_{part}"))
}

async fn connect(access: &NatsAccess) -> anyhow::Result<Context> {
    let mut options = async_nats::ConnectOptions::new()
        .name("tributary-demo")
        .connection_timeout(FETCH_WITHIN)
        .request_timeout(Some(FETCH_WITHIN));
    if let Some(seed) = &access.nkey_seed {
        options = options.nkey(seed.0.clone());
    }
    if let Some(prefix) = &access.inbox_prefix {
        options = options.custom_inbox_prefix(prefix);
    }
    let client = options
        .connect(access.url.as_str())
        .await
        .with_context(|| format!("NATS does not answer on {}", spine::nats::without_login(&access.url)))?;
    Ok(jetstream::new(client))
}

async fn last(context: &Context, stream: &str) -> anyhow::Result<u64> {
    let found =
        context.get_stream(stream).await.with_context(|| format!("stream {stream} cannot be read"))?;
    Ok(found.cached_info().state.last_sequence)
}

/// Subjects and payloads, and the stream's last sequence when they were counted.
type Gained = (Vec<(String, serde_json::Value)>, u64);

/// While a node of a cluster goes or comes it takes no connection, and a stream does not answer, for a moment.
async fn again<T>(mut attempt: impl AsyncFnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let mut tries = 1;
    loop {
        match attempt().await {
            Err(_) if tries < READ_TRIES => {
                tries += 1;
                tokio::time::sleep(READ_AGAIN).await;
            }
            done => return done,
        }
    }
}

/// The messages of a subject after a sequence.
async fn read(context: &Context, stream: &str, after: u64, subject: &str) -> anyhow::Result<Gained> {
    again(async || read_once(context, stream, after, subject).await).await
}

async fn read_once(context: &Context, stream: &str, after: u64, subject: &str) -> anyhow::Result<Gained> {
    let end = last(context, stream).await?;
    if end <= after {
        return Ok((Vec::new(), end));
    }
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
        ack_policy: AckPolicy::None,
        filter_subject: subject.to_owned(),
        inactive_threshold: CONSUMER_LIVES,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    let failed = || format!("stream {stream} cannot be read");
    let consumer = context.create_consumer_on_stream(config, stream).await.with_context(failed)?;
    let mut left = usize::try_from(consumer.cached_info().num_pending).unwrap_or(usize::MAX);
    let mut messages = Vec::new();
    while left > 0 {
        let wanted = left.min(FETCH_MAX);
        let fetch = consumer.fetch().max_messages(wanted).expires(FETCH_WITHIN);
        let mut batch = fetch.messages().await.with_context(failed)?;
        let mut came = 0;
        while let Some(message) = batch.next().await {
            let message = message.map_err(|error| anyhow::anyhow!(error)).with_context(failed)?;
            let sequence = message.info().map(|info| info.stream_sequence).unwrap_or_default();
            came += 1;
            if sequence <= end {
                let payload = serde_json::from_slice(&message.payload)
                    .with_context(|| format!("{stream}: message {sequence} is no JSON"))?;
                messages.push((message.subject.to_string(), payload));
            }
        }
        if came == 0 {
            bail!("stream {stream} stopped answering with {left} messages to come");
        }
        left -= came.min(left);
    }
    Ok((messages, end))
}
