//! Writing the feed: each message on condition that it follows the last one, many in flight, resumed exactly.
//!
//! A message names the sequence that it must follow, so of two writers one is refused. Behind a message that is
//! not acknowledged yet it also names that message's id: were the place taken by another writer's message,
//! everything sent behind ours would otherwise fit again one message later and leave a gap.

use super::{Positions, STREAM, Source};
use crate::error::Error;
use crate::log::micros_of;
use crate::nats::Nats;
use async_nats::HeaderMap;
use async_nats::header::{
    NATS_EXPECTED_LAST_MESSAGE_ID, NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM, NATS_MESSAGE_ID,
};
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use bytes::Bytes;
use std::collections::VecDeque;
use uuid::Uuid;

/// Messages that wait for their acknowledgement at once.
pub const IN_FLIGHT_MAX: usize = 256;

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
    /// The message sent before, while it is not acknowledged.
    before: Option<Uuid>,
    in_flight: VecDeque<(u64, PublishAckFuture)>,
}

impl Publisher {
    /// Finds where the feed ends, asking the stream's leader.
    ///
    /// # Errors
    /// When the server does not answer, or the last message is not of a writer of ours.
    pub async fn open(nats: &Nats) -> Result<(Self, End), Error> {
        let end = end(nats).await?;
        let publisher =
            Self { nats: nats.clone(), last: end.sequence, before: None, in_flight: VecDeque::new() };
        Ok((publisher, end))
    }

    /// The sequence that the last message sent has, or will have.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Sends a message behind all others, waiting while too many are in flight.
    ///
    /// # Errors
    /// [`Halt`], for this message or one before it.
    pub async fn publish(&mut self, notice: Notice) -> Result<(), Halt> {
        while self.in_flight.len() >= IN_FLIGHT_MAX {
            self.settle_one().await?;
        }
        let id = notice.source.id();
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id.to_string());
        headers.insert(NATS_EXPECTED_STREAM, STREAM);
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, self.last.to_string());
        if let Some(before) = self.before {
            headers.insert(NATS_EXPECTED_LAST_MESSAGE_ID, before.to_string());
        }
        headers.insert(CONTENT_TYPE, CLOUD_EVENT);
        headers.insert(SOURCE, notice.source.to_string());
        headers.insert(POSITIONS, notice.positions.to_string());
        let message = PublishMessage::build().headers(headers).payload(notice.payload);
        let sent = self.nats.jetstream.send_publish(notice.subject, message).await.map_err(classify)?;
        self.last += 1;
        self.before = Some(id);
        self.in_flight.push_back((self.last, sent));
        Ok(())
    }

    /// Waits until everything sent is stored.
    ///
    /// # Errors
    /// [`Halt`].
    pub async fn settle(&mut self) -> Result<(), Halt> {
        while !self.in_flight.is_empty() {
            self.settle_one().await?;
        }
        // What is stored at a known sequence needs no further proof, and the server forgets ids in time.
        self.before = None;
        Ok(())
    }

    async fn settle_one(&mut self) -> Result<(), Halt> {
        let Some((sequence, sent)) = self.in_flight.pop_front() else { return Ok(()) };
        let stored = sent.await.map_err(classify)?;
        if stored.sequence == sequence { Ok(()) } else { Err(Halt::Moved) }
    }
}

fn classify(error: PublishError) -> Halt {
    match error.kind() {
        PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => Halt::Moved,
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
    let message = match stream.get_last_raw_message_by_subject("leads.>").await {
        Ok(message) => message,
        // The last one was deleted in between.
        Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => return Ok(empty),
        Err(error) => return Err(failed(error.into())),
    };
    let text = |name: &str| message.headers.get(name).map(|value| value.as_str().to_owned());
    let (Some(positions), Some(source)) = (text(POSITIONS), text(SOURCE)) else {
        return Err(Error::Other(format!(
            "message {} of {STREAM} was not written by a feeder; take the right to write there from all others",
            message.sequence
        )));
    };
    Ok(End {
        created_at,
        sequence: info.state.last_sequence.max(message.sequence),
        positions: Some(positions.parse()?),
        source: Some(source.parse()?),
    })
}
