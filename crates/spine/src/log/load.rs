//! Reading one entity's own messages: quickly from any replica, exactly from the leader.

use crate::address::Address;
use crate::error::Error;
use crate::log::codec;
use crate::log::message::{self, Message};
use crate::nats::{Nats, REQUEST_TIMEOUT};
use crate::position::Position;
use crate::record::Recorded;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, RawMessageErrorKind};
use async_nats::{HeaderMap, StatusCode};
use futures::StreamExt;
use std::time::Duration;

const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Messages asked for at once; an entity rarely has more.
const BATCH: usize = 512;

/// The status that ends a batched direct get.
const END_OF_BATCH: u16 = 204;

/// All messages of the entity from `from` on, as some replica has them: possibly a little stale, which the
/// expected sequence makes harmless for whatever appends.
pub(crate) async fn load(nats: &Nats, address: &Address, from: u64) -> Result<Vec<Recorded>, Error> {
    let mut found = Vec::new();
    let mut next = from.max(1);
    loop {
        let (batch, more) = load_batch(nats, address, next).await?;
        if let Some(last) = batch.last() {
            next = last.position.sequence + 1;
        }
        let empty = batch.is_empty();
        found.extend(batch);
        if empty || !more {
            return Ok(found);
        }
    }
}

async fn load_batch(nats: &Nats, address: &Address, from: u64) -> Result<(Vec<Recorded>, bool), Error> {
    let stream = address.stream();
    let request = format!("read {address}");
    let failed =
        |source: Box<dyn std::error::Error + Send + Sync>| Error::Nats { request: request.clone(), source };
    let inbox = nats.client.new_inbox();
    let mut replies = nats.client.subscribe(inbox.clone()).await.map_err(|error| failed(error.into()))?;
    let body = serde_json::json!({ "seq": from, "next_by_subj": address.subject(), "batch": BATCH });
    let subject = format!("$JS.API.DIRECT.GET.{stream}");
    nats.client
        .publish_with_reply(subject, inbox, body.to_string().into())
        .await
        .map_err(|error| failed(error.into()))?;
    let mut found = Vec::new();
    loop {
        let reply = tokio::time::timeout(REQUEST_TIMEOUT, replies.next())
            .await
            .map_err(|_| Error::Timeout { request: request.clone() })?
            .ok_or_else(|| failed("the subscription ended".into()))?;
        if !continues(&found, reply.headers.as_ref()) {
            return Err(failed("a message was lost on the way".into()));
        }
        match reply.status {
            // The end of the batch says how many messages are left.
            Some(status) if status.as_u16() == END_OF_BATCH => {
                let left = reply.headers.as_ref().and_then(|headers| number(headers, "Nats-Num-Pending"));
                return Ok((found, left.unwrap_or(0) > 0));
            }
            Some(StatusCode::NOT_FOUND) => return Ok((found, false)),
            Some(StatusCode::OK) | None => {
                let headers = reply.headers.unwrap_or_default();
                let sequence = number(&headers, "Nats-Sequence").unwrap_or(0);
                let stored_at =
                    headers.get_last("Nats-Time-Stamp").and_then(|time| codec::micros(time.as_str()));
                let at = stored_at.unwrap_or(0);
                let (subject, headers) = (&address.subject(), &headers);
                let message = Message { subject, headers, payload: reply.payload, is_direct: true };
                found.push(message::read(place(address, sequence), at, message)?);
            }
            // No node holds the stream now, as while it recovers.
            Some(StatusCode::NO_RESPONDERS) => return Err(failed("no node answers for it".into())),
            Some(status) => {
                let description = reply.description.unwrap_or_default();
                return Err(Error::Refused { request, code: status.as_u16().into(), description });
            }
        }
    }
}

/// Whether nothing was lost between what was found and this reply: each of a batch names the message before it, and so does
/// its end.
fn continues(found: &[Recorded], headers: Option<&HeaderMap>) -> bool {
    let before = found.last().map_or(0, |record| record.position.sequence);
    headers.and_then(|headers| number(headers, "Nats-Last-Sequence")).is_none_or(|named| named == before)
}

/// The entity's messages after `after`, from the leader, one by one.
pub(crate) async fn load_from_leader(
    nats: &Nats,
    address: &Address,
    after: u64,
) -> Result<Vec<Recorded>, Error> {
    let stream = nats.jetstream.get_stream_no_info(address.stream()).await.map_err(|error| Error::Nats {
        request: format!("read {address} from the leader"),
        source: Box::new(error),
    })?;
    let mut found = Vec::new();
    let mut next = after + 1;
    loop {
        let answer =
            stream.raw_message_builder().sequence(next).next_by_subject(address.subject()).send().await;
        match answer {
            Ok(message) => {
                next = message.sequence + 1;
                let at = micros_of(message.time.unix_timestamp_nanos());
                let place = place(address, message.sequence);
                let (subject, headers) = (&message.subject, &message.headers);
                let message = Message { subject, headers, payload: message.payload, is_direct: false };
                found.push(message::read(place, at, message)?);
            }
            Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => return Ok(found),
            Err(error) => {
                let request = format!("read {address} from the leader");
                return Err(Error::Nats { request, source: Box::new(error) });
            }
        }
    }
}

/// The sequence of the entity's last message according to the leader; 0 when it has none.
pub(crate) async fn last_on_leader(nats: &Nats, address: &Address) -> Result<u64, Error> {
    let request = || format!("ask the leader for the last message of {address}");
    let stream = nats
        .jetstream
        .get_stream_no_info(address.stream())
        .await
        .map_err(|error| Error::Nats { request: request(), source: Box::new(error) })?;
    match stream.get_last_raw_message_by_subject(&address.subject()).await {
        Ok(message) => Ok(message.sequence),
        Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(0),
        Err(error) => Err(Error::Nats { request: request(), source: Box::new(error) }),
    }
}

/// When a stream's leader stored the message at `sequence`, microseconds; none when it has none, asked twice, since a leader
/// that is just elected may not know its end yet.
pub(crate) async fn stored_at(nats: &Nats, stream: &str, sequence: u64) -> Result<Option<i64>, Error> {
    let failed = |source| Error::Nats { request: format!("read message {sequence} of {stream}"), source };
    let leader = nats.jetstream.get_stream_no_info(stream).await.map_err(|error| failed(error.into()))?;
    for attempt in 0..2 {
        if attempt > 0 {
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        }
        match leader.get_raw_message(sequence).await {
            Ok(message) => return Ok(Some(micros_of(message.time.unix_timestamp_nanos()))),
            Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => {}
            Err(error) => return Err(failed(error.into())),
        }
    }
    Ok(None)
}

fn place(address: &Address, sequence: u64) -> Position {
    Position { generation: address.generation, part: address.part, sequence }
}

/// A number that the server tells of its reply. It stands behind what a stored copy of another reply brought along.
fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get_last(name)?.as_str().parse().ok()
}

pub(crate) fn micros_of(nanos: i128) -> i64 {
    i64::try_from(nanos / 1_000).unwrap_or(i64::MAX)
}
