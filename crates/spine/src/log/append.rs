//! One durable append with its whole retry table.

use crate::error::Error;
use crate::nats::Nats;
use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_EXPECTED_STREAM};
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

/// Another append to the subject is in flight on the leader (cluster only); the same append again succeeds.
const IN_FLIGHT: u64 = 10164;
/// The same message id is being stored at this moment.
const DUPLICATE_IN_PROCESS: u64 = 10158;
/// The server asks for a pause.
const TOO_MANY_REQUESTS: u64 = 10167;
/// JetStream is electing a leader or starting.
const UNAVAILABLE: u64 = 10008;

const RETRY_DELAY_MIN: Duration = Duration::from_millis(2);
const RETRY_DELAY_MAX: Duration = Duration::from_millis(250);

/// What one append came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Stored at this sequence, as it was given.
    Stored(u64),
    /// A message with this id stands at this sequence already: of an earlier attempt, or of another process that was asked
    /// the same and may have decided otherwise. A cluster knows the id before it looks at the condition, so what stands
    /// there need not follow what was expected.
    Known(u64),
    /// The subject's last sequence is not the expected one (10071).
    Moved,
}

/// What is appended, and on which condition.
pub(crate) struct Append<'a> {
    pub(crate) stream: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) expected: u64,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

/// Appends, and repeats the same append while its outcome is ambiguous, until `deadline`.
///
/// # Errors
/// [`Error::Timeout`] at the deadline: nobody knows whether it is stored, and the same cause may be decided
/// again safely. [`Error::Denied`] when the user may not
/// publish there. [`Error::Refused`] when the server says no for another reason.
pub(crate) async fn append(nats: &Nats, append: Append<'_>, deadline: Duration) -> Result<Outcome, Error> {
    let started = Instant::now();
    let mut headers = append.headers;
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, append.expected.to_string());
    headers.insert(NATS_EXPECTED_STREAM, append.stream);
    let mut delay = RETRY_DELAY_MIN;
    loop {
        let message = PublishMessage::build().headers(headers.clone()).payload(append.payload.clone());
        let refusal = match publish(nats, append.subject, message).await {
            Ok(outcome) => return Ok(outcome),
            Err(refusal) => refusal,
        };
        match refusal {
            Refusal::Moved => return Ok(Outcome::Moved),
            Refusal::Final(error) => return Err(error),
            Refusal::Again => {}
        }
        if started.elapsed() + delay > deadline {
            return Err(Error::Timeout { request: format!("append to {}", append.subject) });
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(RETRY_DELAY_MAX);
    }
}

enum Refusal {
    Moved,
    Again,
    Final(Error),
}

async fn publish(nats: &Nats, subject: &str, message: PublishMessage) -> Result<Outcome, Refusal> {
    let acknowledged = async {
        let pending = nats.jetstream.send_publish(subject.to_owned(), message).await?;
        pending.await
    };
    let result = nats.denials.unless(subject, acknowledged).await.map_err(Refusal::Final)?;
    match result {
        Ok(ack) if ack.duplicate => Ok(Outcome::Known(ack.sequence)),
        Ok(ack) => Ok(Outcome::Stored(ack.sequence)),
        Err(error) => Err(classify(subject, error)),
    }
}

fn classify(subject: &str, error: PublishError) -> Refusal {
    let request = || format!("append to {subject}");
    match error.kind() {
        PublishErrorKind::WrongLastSequence => Refusal::Moved,
        PublishErrorKind::TimedOut
        | PublishErrorKind::StreamNotFound
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending => Refusal::Again,
        PublishErrorKind::MaxPayloadExceeded | PublishErrorKind::WrongLastMessageId => {
            Refusal::Final(Error::Nats { request: request(), source: Box::new(error) })
        }
        PublishErrorKind::Other => match server_code(&error) {
            Some((IN_FLIGHT | DUPLICATE_IN_PROCESS | TOO_MANY_REQUESTS | UNAVAILABLE, _)) | None => {
                Refusal::Again
            }
            Some((code, description)) => {
                Refusal::Final(Error::Refused { request: request(), code, description })
            }
        },
    }
}

/// The code that the server gave; the client maps only a few of them to kinds.
fn server_code(error: &PublishError) -> Option<(u64, String)> {
    let source = std::error::Error::source(error)?;
    let reason = source.downcast_ref::<async_nats::jetstream::Error>()?;
    Some((reason.error_code().0, reason.to_string()))
}
