//! Writing the feed: many messages at once, on condition that they follow the last one, whole or not at all.
//!
//! A batch names the sequence that it must follow, so of two writers one is refused. It is stored as one (ADR-50
//! of NATS), which costs one sync, and leaves no way for another writer's message to get in between.

use super::{Positions, STREAM, Source};
use crate::error::Error;
use crate::log::micros_of;
use crate::nats::Nats;
use async_nats::HeaderMap;
use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
    NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM, NATS_MESSAGE_ID,
};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, RawMessageErrorKind, Stream};
use bytes::Bytes;

/// Messages of one batch; the server takes a thousand.
pub const BATCH_MAX: usize = 500;
/// Bytes of one batch, so that a batch of long messages stays a small part of the server's memory.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Sequences that are looked back over for what a feeder wrote last.
const FOREIGN_MAX: u32 = 100_000;
/// Older servers take no message ids in a batch; there each message goes alone.
const BATCHES_SINCE: (u64, u64) = (2, 14);

/// How far the log is in the feed with this message: the header that a writer resumes from.
pub const POSITIONS: &str = "tributary-positions";
/// The message of the log that this one comes from.
pub const SOURCE: &str = "tributary-source";
const CONTENT_TYPE: &str = "content-type";
const CLOUD_EVENT: &str = "application/cloudevents+json; charset=utf-8";

/// One message for the feed.
#[derive(Clone, Debug)]
pub struct Notice {
    pub subject: String,
    pub source: Source,
    /// What is in the feed once this message is: its own source only if nothing of that follows.
    pub positions: Positions,
    /// A CloudEvent in structured JSON.
    pub payload: Bytes,
}

/// Where the feed ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// When the stream was made, microseconds: a stream made anew is another.
    pub created_at: i64,
    /// The sequence of the last message that ever was in the stream.
    pub sequence: u64,
    /// What the last message that is still there says is in the feed; none when none is there.
    pub positions: Option<Positions>,
    /// The last message's source: of that log message everything up to this place is in the feed.
    pub source: Option<Source>,
}

/// Why the writer must open the feed again.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// Another writer published, or an earlier attempt of ours is stored after all.
    #[error("the feed does not end where this writer left it")]
    Moved,
    #[error(transparent)]
    Failed(#[from] Error),
}

/// The writing end of the feed. After any error it is dropped and opened again; what was stored is not
/// published twice then, and what was not stored is not missed.
pub struct Publisher {
    nats: Nats,
    last: u64,
    batch_max: usize,
}

impl Publisher {
    /// Finds where the feed ends, asking the stream's leader.
    ///
    /// # Errors
    /// When the server does not answer, or the last message is not of a writer of ours.
    pub async fn open(nats: &Nats) -> Result<(Self, End), Error> {
        let end = end(nats).await?;
        let takes_batches =
            version_of(&nats.server_version()).is_some_and(|version| version >= BATCHES_SINCE);
        let batch_max = if takes_batches { BATCH_MAX } else { 1 };
        Ok((Self { nats: nats.clone(), last: end.sequence, batch_max }, end))
    }

    /// The sequence of the last message that is known to be stored.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Stores the messages behind all others, in their order. They are durable when this returns.
    ///
    /// # Errors
    /// [`Halt`]; some of the first may be stored then.
    pub async fn publish(&mut self, notices: &[Notice]) -> Result<(), Halt> {
        let mut rest = notices;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(self.next_batch(rest));
            self.store(batch).await?;
            rest = later;
        }
        Ok(())
    }

    /// How many of the notices fit into one batch; always at least one.
    fn next_batch(&self, notices: &[Notice]) -> usize {
        let mut bytes = 0;
        let fits = notices.iter().take(self.batch_max).take_while(|notice| {
            bytes += notice.payload.len();
            bytes <= BATCH_BYTES_MAX
        });
        fits.count().max(1)
    }

    async fn store(&mut self, batch: &[Notice]) -> Result<(), Halt> {
        let failed = |source| Error::Nats { request: format!("publish to {STREAM}"), source };
        let Some((last, before)) = batch.split_last() else { return Ok(()) };
        // Any id that no other open batch has; a batch that was not finished is forgotten by the server.
        let id = batch.first().filter(|_| !before.is_empty()).map(|_| crate::new_id().to_string());
        for (place, notice) in before.iter().enumerate() {
            let headers = self.headers(notice, place, id.as_deref());
            let sent = self.nats.client.publish_with_headers(
                notice.subject.clone(),
                headers,
                notice.payload.clone(),
            );
            sent.await.map_err(|error| failed(error.into()))?;
        }
        let mut headers = self.headers(last, before.len(), id.as_deref());
        if id.is_some() {
            headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        }
        let message = PublishMessage::build().headers(headers).payload(last.payload.clone());
        let acknowledged = async {
            let sent = self.nats.jetstream.send_publish(last.subject.clone(), message).await?;
            sent.await
        };
        let stored = self.nats.denials.unless(&last.subject, acknowledged).await?.map_err(classify)?;
        let wanted = self.last + batch.len() as u64;
        if stored.sequence != wanted {
            return Err(Halt::Moved);
        }
        self.last = wanted;
        Ok(())
    }

    fn headers(&self, notice: &Notice, place: usize, batch: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, notice.source.id().to_string());
        if let Some(id) = batch {
            headers.insert(NATS_BATCH_ID, id);
            headers.insert(NATS_BATCH_SEQUENCE, (place + 1).to_string());
        }
        // The condition of the whole batch stands at its first message.
        if place == 0 {
            headers.insert(NATS_EXPECTED_STREAM, STREAM);
            headers.insert(NATS_EXPECTED_LAST_SEQUENCE, self.last.to_string());
        }
        headers.insert(CONTENT_TYPE, CLOUD_EVENT);
        headers.insert(SOURCE, notice.source.to_string());
        headers.insert(POSITIONS, notice.positions.to_string());
        headers
    }
}

fn classify(error: PublishError) -> Halt {
    let is_stored_already = || {
        let source = std::error::Error::source(&error);
        let reason = source.and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>());
        reason
            .is_some_and(|reason| reason.error_code() == ErrorCode::ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE)
    };
    match error.kind() {
        PublishErrorKind::WrongLastSequence => Halt::Moved,
        PublishErrorKind::Other if is_stored_already() => Halt::Moved,
        _ => Halt::Failed(Error::Nats { request: format!("publish to {STREAM}"), source: Box::new(error) }),
    }
}

async fn end(nats: &Nats) -> Result<End, Error> {
    let failed = |source| Error::Nats { request: format!("find the end of {STREAM}"), source };
    let stream = nats.jetstream.get_stream(STREAM).await.map_err(|error| failed(error.into()))?;
    let info = stream.cached_info();
    let created_at = micros_of(info.created.unix_timestamp_nanos());
    let empty = End { created_at, sequence: info.state.last_sequence, positions: None, source: None };
    if info.state.messages == 0 {
        return Ok(empty);
    }
    let last = match stream.get_last_raw_message_by_subject("leads.>").await {
        Ok(message) => message,
        // The last one was deleted in between.
        Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => return Ok(empty),
        Err(error) => return Err(failed(error.into())),
    };
    let sequence = info.state.last_sequence.max(last.sequence);
    let (positions, source) = written_last(&stream, last).await?;
    Ok(End { created_at, sequence, positions: Some(positions.parse()?), source: Some(source.parse()?) })
}

/// Positions and source of the last message that a feeder wrote, `last` or one before it: whoever may ask the server
/// anything can have its answers sent to the feed, and such a message ends nothing.
async fn written_last(stream: &Stream, last: StreamMessage) -> Result<(String, String), Error> {
    let failed = |source| Error::Nats { request: format!("find the end of {STREAM}"), source };
    let newest = last.sequence;
    let mut sequence = newest;
    let mut message = Some(last);
    for _ in 0..FOREIGN_MAX {
        if let Some(StreamMessage { headers, .. }) = &message {
            let text = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
            if let (Some(positions), Some(source)) = (text(POSITIONS), text(SOURCE)) {
                return Ok((positions, source));
            }
            if sequence == newest {
                tracing::error!(
                    stream = STREAM,
                    sequence,
                    "this message and maybe some before it were written by no feeder and are passed over: somebody who holds a key of NATS had them sent there"
                );
            }
        }
        sequence -= 1;
        if sequence < stream.cached_info().state.first_sequence {
            break;
        }
        message = match stream.get_raw_message(sequence).await {
            Ok(message) => Some(message),
            Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => None,
            Err(error) => return Err(failed(error.into())),
        };
    }
    Err(Error::Other(format!(
        "none of the last messages of {STREAM}, down to {sequence}, was written by a feeder: revoke the key of whoever had them sent there, and delete them (`nats stream rmm`)"
    )))
}

fn version_of(version: &str) -> Option<(u64, u64)> {
    let mut numbers = version.trim_start_matches('v').split(['.', '-']).map(str::parse::<u64>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}
