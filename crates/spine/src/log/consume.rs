//! Reading one stream in order from a sequence on, through an ephemeral consumer that is thrown away on any doubt.

use crate::error::Error;
use crate::log::load::{self, micros_of};
use crate::nats::Nats;
use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, pull};
use bytes::Bytes;
use futures::StreamExt;
use std::time::Duration;

/// Messages asked for at once, where nothing else is said.
const BATCH: usize = 500;
const EXPIRES: Duration = Duration::from_secs(10);
/// The server speaks at least this often; a silence of twice that throws the consumer away.
const HEARTBEAT: Duration = Duration::from_secs(2);
const INACTIVE: Duration = Duration::from_secs(30);
const RETRY_DELAY_MIN: Duration = Duration::from_millis(20);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(1);

/// One stored message, not yet decoded.
#[derive(Debug)]
pub struct Stored {
    pub subject: String,
    pub sequence: u64,
    /// When the server stored it, microseconds.
    pub stored_at: i64,
    /// Messages that the stream had beyond this one when it was delivered.
    pub pending: u64,
    pub headers: HeaderMap,
    pub payload: Bytes,
}

/// A reading of one stream.
pub struct Consumption {
    nats: Nats,
    stream: String,
    next: u64,
    /// Whether a missing sequence means that the log lost messages.
    gapless: bool,
    /// Messages asked for at once.
    batch: usize,
    messages: Option<pull::Stream>,
    /// What the consumer has delivered here. It delivers each message once, and one that was on its way when a line broke
    /// never came.
    delivered: u64,
    /// The message that was delivered last: its sequence, and when it was stored.
    last: Option<(u64, i64)>,
}

impl Consumption {
    /// Reads a stream of the log, which loses nothing, from sequence `next`.
    pub fn of_log(nats: &Nats, stream: String, next: u64) -> Self {
        Self {
            nats: nats.clone(),
            stream,
            next,
            gapless: true,
            batch: BATCH,
            messages: None,
            delivered: 0,
            last: None,
        }
    }

    /// Reads a stream that loses messages by age or by secure deletion, from sequence `next`.
    pub fn with_gaps(nats: &Nats, stream: String, next: u64) -> Self {
        Self { gapless: false, ..Self::of_log(nats, stream, next) }
    }

    /// Asks for so many messages at once: what was asked for comes at once, whoever else is waiting for the machine.
    pub(crate) fn in_batches_of(self, batch: usize) -> Self {
        Self { batch, ..self }
    }

    /// The next message, waiting for it as long as it takes. Cancel-safe between messages.
    ///
    /// # Errors
    /// Only [`Error::LogLost`]: everything else is tried again. A stream that loses messages by age is lost when it ends
    /// before what was read, or holds something else there.
    pub async fn next(&mut self) -> Result<Stored, Error> {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            match self.try_next().await {
                // What was delivered already; a consumer of a node that was just restored may begin before it should.
                Ok(stored) if stored.sequence < self.next => {}
                Ok(stored) if self.gapless && stored.sequence > self.next => {
                    // The consumer's node may lack what the leader has; then another consumer reads on.
                    self.messages = None;
                    match load::stored_at(&self.nats, &self.stream, self.next).await {
                        Ok(Some(_)) | Err(_) => {
                            tokio::time::sleep(delay).await;
                            delay = (delay * 2).min(RETRY_DELAY_MAX);
                        }
                        Ok(None) => {
                            let detail = format!(
                                "{} holds {} where {} must follow",
                                self.stream, stored.sequence, self.next
                            );
                            return Err(Error::LogLost { detail });
                        }
                    }
                }
                Ok(stored) => {
                    self.next = stored.sequence + 1;
                    self.last = Some((stored.sequence, stored.stored_at));
                    return Ok(stored);
                }
                Err(error @ Error::LogLost { .. }) => return Err(error),
                Err(error) => {
                    tracing::debug!(log.stream = self.stream, error = %error, "consumer is made anew");
                    self.messages = None;
                    tokio::time::sleep(delay).await;
                    delay = (delay * 2).min(RETRY_DELAY_MAX);
                }
            }
        }
    }

    async fn try_next(&mut self) -> Result<Stored, Error> {
        if self.messages.is_none() {
            self.messages = Some(self.open().await?);
            self.delivered = 0;
        }
        let failed = |source| Error::Nats { request: format!("consume {}", self.stream), source };
        let messages = self.messages.as_mut().expect("opened above");
        let message = messages.next().await.ok_or_else(|| failed("the consumer ended".into()))?;
        let message = message.map_err(|error| failed(error.into()))?;
        let info = message.info().map_err(failed)?;
        if info.consumer_sequence != self.delivered + 1 {
            return Err(failed("a message was lost on the way".into()));
        }
        self.delivered += 1;
        let (sequence, pending) = (info.stream_sequence, info.pending);
        let stored_at = micros_of(info.published.unix_timestamp_nanos());
        let (message, _) = message.split();
        Ok(Stored {
            subject: message.subject.to_string(),
            sequence,
            stored_at,
            pending,
            headers: message.headers.unwrap_or_default(),
            payload: message.payload,
        })
    }

    async fn open(&self) -> Result<pull::Stream, Error> {
        let failed = |source| Error::Nats { request: format!("consume {}", self.stream), source };
        let stream =
            self.nats.jetstream.get_stream(&self.stream).await.map_err(|error| failed(error.into()))?;
        let last = stream.cached_info().state.last_sequence;
        if last + 1 < self.next {
            self.confirm_shorter(last).await?;
        }
        self.confirm_same().await?;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.next },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            inactive_threshold: INACTIVE,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|error| failed(error.into()))?;
        consumer
            .stream()
            .max_messages_per_batch(self.batch)
            .expires(EXPIRES)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(|error| failed(error.into()))
    }

    /// A stream that holds something else where this reading has been is another one, or was put back.
    async fn confirm_same(&self) -> Result<(), Error> {
        let Some((sequence, stored_at)) = self.last else { return Ok(()) };
        let is_same = match load::stored_at(&self.nats, &self.stream, sequence).await? {
            Some(found) => found == stored_at,
            None => !self.gapless,
        };
        if is_same {
            return Ok(());
        }
        let detail = format!("{} does not hold the message at {sequence} that was read there", self.stream);
        Err(Error::LogLost { detail })
    }

    /// A log shorter than the reader's position was replaced or lost its tail; asked a second time, since a
    /// leader that is just elected may not know its end yet.
    async fn confirm_shorter(&self, first: u64) -> Result<(), Error> {
        tokio::time::sleep(RETRY_DELAY_MAX).await;
        let failed = |source| Error::Nats { request: format!("info of {}", self.stream), source };
        let stream =
            self.nats.jetstream.get_stream(&self.stream).await.map_err(|error| failed(error.into()))?;
        let second = stream.cached_info().state.last_sequence;
        if second + 1 >= self.next {
            return Ok(());
        }
        let detail = format!(
            "{} ends at {} (then {first}), but a reader has already read up to {}",
            self.stream,
            second,
            self.next - 1
        );
        Err(Error::LogLost { detail })
    }
}
