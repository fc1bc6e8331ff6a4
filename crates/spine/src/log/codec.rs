//! The stored form of a decision: CloudEvents attributes as headers, JSON as payload.

use crate::address::Address;
use crate::error::Error;
use crate::log::message::Message;
use crate::position::Position;
use crate::record::{Meta, Payload, Recorded, SCHEMA};
use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use bytes::Bytes;
use serde::Serialize;

/// Bytes of one decision at most; a message of a person is far below, media lies elsewhere.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;

const SPEC_VERSION: &str = "ce-specversion";
const ID: &str = "ce-id";
const TYPE: &str = "ce-type";
const SOURCE: &str = "ce-source";
const TIME: &str = "ce-time";
const SUBJECT: &str = "ce-subject";
const CONTENT_TYPE: &str = "content-type";
const TRACEPARENT: &str = "traceparent";
const CAUSE: &str = "tributary-cause";
const CORRELATION: &str = "tributary-correlation";
const ACTOR: &str = "tributary-actor";
const JOURNAL: &str = "tributary-journal";
const VERSION: &str = "tributary-version";
const SCHEMA_VERSION: &str = "tributary-schema";
pub(crate) fn encode<E: Serialize>(subject: &str, events: Vec<E>) -> Result<Bytes, Error> {
    let payload = serde_json::to_vec(&Payload { events }).map_err(Error::Unwritable)?;
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Error::TooLarge {
            subject: subject.into(),
            bytes: payload.len(),
            bytes_max: PAYLOAD_BYTES_MAX,
        });
    }
    Ok(payload.into())
}

pub(crate) fn headers(address: &Address, meta: &Meta) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(SPEC_VERSION, "1.0");
    headers.insert(ID, meta.id.to_string());
    headers.insert(TYPE, &*meta.decision);
    headers.insert(SOURCE, format!("/tenants/{}", address.tenant));
    headers.insert(TIME, rfc3339(meta.at));
    headers.insert(SUBJECT, &*address.id);
    headers.insert(CONTENT_TYPE, "application/json");
    headers.insert(CAUSE, meta.cause.to_string());
    headers.insert(CORRELATION, meta.correlation.to_string());
    headers.insert(ACTOR, &*meta.actor);
    headers.insert(VERSION, meta.version.to_string());
    headers.insert(SCHEMA_VERSION, SCHEMA.to_string());
    headers.insert(NATS_MESSAGE_ID, meta.id.to_string());
    if let Some(traceparent) = &meta.traceparent {
        headers.insert(TRACEPARENT, traceparent.as_str());
    }
    if let Some(journal) = &meta.journal {
        headers.insert(JOURNAL, &**journal);
    }
    headers
}

/// The headers of a stored decision, found in one pass: a look-up by name would hash each name once for every message.
#[derive(Default)]
pub(super) struct Found<'h> {
    pub(super) id: Option<&'h str>,
    decision: Option<&'h str>,
    time: Option<&'h str>,
    pub(super) subject: Option<&'h str>,
    traceparent: Option<&'h str>,
    cause: Option<&'h str>,
    correlation: Option<&'h str>,
    actor: Option<&'h str>,
    journal: Option<&'h str>,
    pub(super) version: Option<&'h str>,
    schema: Option<&'h str>,
}

impl<'h> Found<'h> {
    pub(super) fn among(headers: &'h HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, values) in headers.iter() {
            let place = match name.as_ref() {
                ID => &mut found.id,
                TYPE => &mut found.decision,
                TIME => &mut found.time,
                SUBJECT => &mut found.subject,
                TRACEPARENT => &mut found.traceparent,
                CAUSE => &mut found.cause,
                CORRELATION => &mut found.correlation,
                ACTOR => &mut found.actor,
                JOURNAL => &mut found.journal,
                VERSION => &mut found.version,
                SCHEMA_VERSION => &mut found.schema,
                _ => continue,
            };
            *place = values.first().map(async_nats::HeaderValue::as_str);
        }
        found
    }
}

fn parsed<T: std::str::FromStr>(value: Option<&str>) -> Option<T> {
    value?.parse().ok()
}

/// Reads a stored message back.
pub(super) fn decode(
    place: Position,
    stored_at: i64,
    found: &Found<'_>,
    message: Message<'_>,
) -> Result<Recorded, Error> {
    let address = Address::parse(message.subject)?;
    let lacks = |name: &str| missing(message.subject, place, name);
    let meta = Meta {
        id: parsed(found.id).ok_or_else(|| lacks(ID))?,
        decision: found.decision.ok_or_else(|| lacks(TYPE))?.into(),
        at: found.time.and_then(micros).ok_or_else(|| lacks(TIME))?,
        cause: parsed(found.cause).ok_or_else(|| lacks(CAUSE))?,
        correlation: parsed(found.correlation).ok_or_else(|| lacks(CORRELATION))?,
        actor: found.actor.ok_or_else(|| lacks(ACTOR))?.into(),
        traceparent: found.traceparent.map(str::to_owned),
        journal: found.journal.map(Into::into),
        version: parsed(found.version).ok_or_else(|| lacks(VERSION))?,
        schema: parsed(found.schema).ok_or_else(|| lacks(SCHEMA_VERSION))?,
    };
    Ok(Recorded::new(place, address, meta, stored_at, message.payload))
}

fn missing(subject: &str, position: Position, header: &str) -> Error {
    use serde::de::Error as _;
    let source = serde_json::Error::custom(format!("header {header} is missing or malformed"));
    Error::Unreadable { subject: subject.into(), position, source }
}

/// A time in microseconds as RFC 3339, UTC.
pub fn rfc3339(at: i64) -> String {
    jiff::Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |time| time.to_string())
}

/// RFC 3339 as microseconds.
pub fn micros(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Cause;
    use uuid::Uuid;

    #[test]
    fn a_stored_decision_reads_back() {
        let address = Address::of("demo", "thread", Uuid::from_u128(7)).unwrap();
        let cause = Cause::new(Uuid::from_u128(1), "receive", "channel-ingest");
        let meta = Meta {
            id: cause.message_id(&address.subject()),
            decision: "thread.receive".into(),
            at: 1_795_000_000_123_456,
            cause: cause.id,
            correlation: cause.correlation,
            actor: cause.actor.clone(),
            traceparent: Some("00-1-2-01".into()),
            journal: Some("INBOUND_3:42".into()),
            version: 3,
            schema: SCHEMA,
        };
        let headers = headers(&address, &meta);
        let payload = encode(&address.subject(), vec!["x"]).unwrap();
        let subject = address.subject();
        let message = Message { subject: &subject, headers: &headers, payload, is_direct: false };
        let place = Position { generation: 1, part: address.part, sequence: 9 };
        let back = decode(place, 5, &Found::among(&headers), message).unwrap();
        assert_eq!(back.meta, meta);
        assert_eq!((back.address, back.position.sequence, back.stored_at), (address, 9, 5));
    }

    #[test]
    fn an_oversized_decision_is_refused() {
        let text = "x".repeat(PAYLOAD_BYTES_MAX);
        assert!(matches!(encode("s", vec![text]), Err(Error::TooLarge { .. })));
    }
}
