//! Reading the feed of one tenant for somebody who has no NATS: what follows a place, waiting for it if asked.
//!
//! Straight from the stream, so that what is handed out is what consumers there read, byte for byte and in the same
//! order, and so that an erasure, which deletes there, holds here too.

use super::STREAM;
use super::place::{Break, Extent, Place};
use super::publish::SOURCE;
use crate::error::Error;
use crate::log::micros_of;
use crate::nats::Nats;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, ReplayPolicy, pull};
use async_nats::jetstream::stream::{Info, RawMessageErrorKind, Stream};
use bytes::Bytes;
use futures::StreamExt;
use std::time::Duration;

/// Messages of one page.
pub const MESSAGES_MAX: usize = 500;
/// Bytes of one page, so that it fits into one answer between services; one message always fits.
pub const BYTES_MAX: usize = 1024 * 1024;
/// A stream that seems to end before a place is asked again after this: a leader that is just elected may not know
/// its end yet.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// A consumer whose reader went away without a word is dropped by the server after this.
const INACTIVE: Duration = Duration::from_secs(15);
/// A replica that is read may be this much behind what was stored.
const BEHIND_US: i64 = 60_000_000;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// A checked name: it becomes part of a filter.
    pub tenant: &'a str,
    /// None for the beginning.
    pub after: Option<&'a Place>,
    /// At most this many messages, [`MESSAGES_MAX`] at most.
    pub max: usize,
    /// How long to wait for the first message.
    pub wait: Duration,
    /// The time, microseconds.
    pub now: i64,
}

/// One message as it is on the stream.
#[derive(Clone, Debug)]
pub struct Message {
    pub subject: String,
    /// A CloudEvent in structured JSON.
    pub payload: Bytes,
    /// The place behind this message.
    pub place: Place,
}

/// What follows a place, in the stream's order.
#[derive(Clone, Debug)]
pub struct Page {
    pub messages: Vec<Message>,
    /// Where to go on.
    pub next: Place,
    /// Whether more is there already.
    pub more: bool,
}

/// Reads what follows a place; an empty page when nothing came in time.
///
/// # Errors
/// When the server does not answer.
pub async fn read(nats: &Nats, asked: &Asked<'_>) -> Result<Result<Page, Break>, Error> {
    let failed = |source| Error::Nats { request: format!("read {STREAM}"), source };
    let mut stream = nats.jetstream.get_stream(STREAM).await.map_err(|error| failed(error.into()))?;
    let mut extent = extent(stream.cached_info());
    if asked.after.is_some_and(|place| place.made_at == extent.made_at && place.sequence > extent.last) {
        tokio::time::sleep(ASK_AGAIN).await;
        extent = self::extent(stream.info().await.map_err(|error| failed(error.into()))?);
    }
    let beginning = Place::beginning(asked.tenant, &extent, asked.now);
    let place = asked.after.unwrap_or(&beginning);
    if let Some(reason) = place.broken(&extent, asked.now) {
        return Ok(Err(reason));
    }
    if place.sequence > 0 && is_another(&stream, place).await? {
        return Ok(Err(Break::MadeAnew));
    }
    let consumer = consumer(&stream, asked.tenant, place.sequence).await?;
    let page = collect(&consumer, asked, place).await;
    // Left alone it would go by itself after a while.
    let name = &consumer.cached_info().name;
    if let Err(error) = stream.delete_consumer(name).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "a consumer of the feed is left to expire");
    }
    Ok(Ok(page?))
}

/// Whether the message of the place is not the one that was handed out. Of one that was erased since nothing is known.
async fn is_another(stream: &Stream, place: &Place) -> Result<bool, Error> {
    let failed = |source| Error::Nats { request: format!("look for a message of {STREAM}"), source };
    match stream.get_raw_message(place.sequence).await {
        Ok(message) => Ok(micros_of(message.time.unix_timestamp_nanos()) != place.at),
        Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => Ok(false),
        Err(error) => Err(failed(error.into())),
    }
}

fn extent(info: &Info) -> Extent {
    Extent {
        made_at: micros_of(info.created.unix_timestamp_nanos()),
        first: info.state.first_sequence,
        last: info.state.last_sequence,
        kept_us: i64::try_from(info.config.max_age.as_micros()).unwrap_or(i64::MAX),
    }
}

async fn consumer(stream: &Stream, tenant: &str, after: u64) -> Result<PullConsumer, Error> {
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
        ack_policy: AckPolicy::None,
        replay_policy: ReplayPolicy::Instant,
        filter_subject: format!("leads.{tenant}.>"),
        inactive_threshold: INACTIVE,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    let failed = |error: async_nats::jetstream::stream::ConsumerError| Error::Nats {
        request: format!("consume {STREAM}"),
        source: Box::new(error),
    };
    stream.create_consumer(config).await.map_err(failed)
}

async fn collect(consumer: &PullConsumer, asked: &Asked<'_>, from: &Place) -> Result<Page, Error> {
    let since = from.since.max(asked.now - BEHIND_US);
    let mut page = Page { messages: Vec::new(), next: Place { since, ..from.clone() }, more: false };
    let mut gathered = Gathered { page: &mut page, bytes: 0, delivered: 0 };
    let failed = |source| Error::Nats { request: format!("fetch from {STREAM}"), source };
    let max = asked.max.clamp(1, MESSAGES_MAX);
    let mut left = max;
    if consumer.cached_info().num_pending == 0 {
        if asked.wait.is_zero() {
            return Ok(page);
        }
        let waiting = consumer.batch().max_messages(1).expires(asked.wait).messages().await;
        left -= gathered.take(waiting.map_err(|error| failed(error.into()))?).await?;
        if left == max {
            return Ok(page);
        }
    }
    if left > 0 {
        let there = consumer.fetch().max_messages(left).messages().await;
        gathered.take(there.map_err(|error| failed(error.into()))?).await?;
    }
    if !page.more
        && let Some(last) = page.messages.last()
    {
        page.next = Place { since, ..last.place.clone() };
    }
    Ok(page)
}

/// A page in the making.
struct Gathered<'p> {
    page: &'p mut Page,
    bytes: usize,
    delivered: u64,
}

impl Gathered<'_> {
    /// Takes what a pull brings, up to the first message that does not follow the one before it: without
    /// acknowledgements one that was lost on the way is not sent again.
    async fn take(&mut self, mut batch: pull::Batch) -> Result<usize, Error> {
        let failed = |source| Error::Nats { request: format!("fetch from {STREAM}"), source };
        let mut taken = 0;
        while let Some(message) = batch.next().await {
            let message = message.map_err(failed)?;
            let info = message.info().map_err(failed)?;
            if info.consumer_sequence != self.delivered + 1 {
                return Err(failed("a message was lost on the way".into()));
            }
            if self.bytes > 0 && self.bytes + message.payload.len() > BYTES_MAX {
                self.page.more = true;
                return Ok(taken);
            }
            self.delivered = info.consumer_sequence;
            self.bytes += message.payload.len();
            self.page.more = info.pending > 0;
            let at = micros_of(info.published.unix_timestamp_nanos());
            let sequence = info.stream_sequence;
            let place = Place { sequence, at, since: at, ..self.page.next.clone() };
            self.page.next = place.clone();
            taken += 1;
            let (message, _) = message.split();
            // What no feeder wrote is nobody's event.
            if message.headers.is_some_and(|headers| headers.get(SOURCE).is_some()) {
                let (subject, payload) = (message.subject.to_string(), message.payload);
                self.page.messages.push(Message { subject, payload, place });
            }
        }
        Ok(taken)
    }
}
