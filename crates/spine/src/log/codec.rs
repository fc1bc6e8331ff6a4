//! The stored form of a decision: CloudEvents attributes as headers, JSON as payload.

use crate::address::Address;
use crate::error::Error;
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
/// A header that the server puts on its answers to direct reads.
const COPIED: &str = "Nats-Stream";

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
struct Found<'h> {
    id: Option<&'h str>,
    decision: Option<&'h str>,
    time: Option<&'h str>,
    subject: Option<&'h str>,
    traceparent: Option<&'h str>,
    cause: Option<&'h str>,
    correlation: Option<&'h str>,
    actor: Option<&'h str>,
    journal: Option<&'h str>,
    version: Option<&'h str>,
    schema: Option<&'h str>,
}

impl<'h> Found<'h> {
    fn among(headers: &'h HeaderMap) -> Self {
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
fn decode(
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

/// A message of the log as the server hands it out.
pub(crate) struct Message<'m> {
    pub(crate) subject: &'m str,
    pub(crate) headers: &'m HeaderMap,
    pub(crate) payload: Bytes,
    /// Whether it came as an answer to a direct read, on which the server puts headers of its own.
    pub(crate) is_direct: bool,
}

impl Message<'_> {
    /// Whether no decision wrote it. Whoever may ask the server anything can name a subject of the log as the place for
    /// the answer, and the server's permissions do not look at it: its words and copies of other messages land there.
    fn is_foreign(&self, found: &Found<'_>) -> bool {
        let own = usize::from(self.is_direct);
        let is_copy = self.headers.get_all(COPIED).count() > own;
        let id = self.subject.rsplit('.').next();
        is_copy || found.id.is_none() || found.version.is_none() || found.subject != id
    }
}

/// Reads a stored message back. What no decision wrote becomes a record that belongs to nobody
/// ([`Recorded::is_foreign`]), and everybody passes over it.
///
/// # Errors
/// When a decision wrote it and it cannot be read.
pub(crate) fn read(place: Position, stored_at: i64, message: Message<'_>) -> Result<Recorded, Error> {
    let found = Found::among(message.headers);
    if message.is_foreign(&found) {
        tracing::error!(log.position = %place, log.subject = message.subject, "a message that no decision wrote stands in the log and is passed over: somebody who holds a key of NATS had it sent there");
        return Ok(blank(place, None, stored_at));
    }
    decode(place, stored_at, &found, message)
}

/// As [`read`], but what cannot be read becomes a record that no state can decode, so that its entity is parked by
/// whoever projects it and the position moves on for all others.
pub(crate) fn read_or_blank(place: Position, stored_at: i64, message: Message<'_>) -> Recorded {
    let subject = message.subject;
    read(place, stored_at, message).unwrap_or_else(|error| {
        tracing::error!(log.position = %place, log.subject = subject, %error, "a message of the log cannot be read");
        blank(place, Address::parse(subject).ok(), stored_at)
    })
}

fn blank(place: Position, address: Option<Address>, stored_at: i64) -> Recorded {
    let nobody = || Address {
        generation: place.generation,
        part: place.part,
        tenant: "".into(),
        kind: "".into(),
        id: "".into(),
    };
    let meta = Meta {
        id: uuid::Uuid::nil(),
        decision: "unreadable".into(),
        at: stored_at,
        cause: uuid::Uuid::nil(),
        correlation: uuid::Uuid::nil(),
        actor: "".into(),
        traceparent: None,
        journal: None,
        version: 0,
        schema: 0,
    };
    Recorded::new(place, address.unwrap_or_else(nobody), meta, stored_at, Bytes::new())
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
        let back = read(at(9), 5, message).unwrap();
        assert_eq!(back.meta, meta);
        assert_eq!((back.address, back.position.sequence, back.stored_at), (address, 9, 5));
    }

    #[test]
    fn what_no_decision_wrote_belongs_to_nobody() {
        let (mut copy, headers) = some_decision();
        copy.insert(COPIED, "LOG_1_3");
        let of_nobody = |headers: &HeaderMap, subject, is_direct| {
            let message = Message { subject, headers, payload: Bytes::new(), is_direct };
            read(at(1), 0, message).unwrap().is_foreign()
        };
        assert!(
            of_nobody(&HeaderMap::new(), "log.1.0.demo.thread.x", false),
            "the server's words have no headers"
        );
        assert!(of_nobody(&copy, "log.1.0.demo.thread.x", false), "a copy");
        assert!(
            !of_nobody(&copy, "log.1.0.demo.thread.x", true),
            "an answer to a direct read is one decision's"
        );
        assert!(of_nobody(&headers, "log.1.0.demo.thread.y", false), "another's decision");
        assert!(!of_nobody(&headers, "log.1.0.demo.thread.x", false));
    }

    #[test]
    fn a_decision_that_cannot_be_read_is_refused_by_name_and_parks_its_entity() {
        let (_, mut headers) = some_decision();
        headers.insert(TIME, "yesterday");
        let subject = "log.1.0.demo.thread.x";
        let message = || Message { subject, headers: &headers, payload: Bytes::new(), is_direct: false };
        let refused = read(at(1), 0, message()).unwrap_err();
        assert!(matches!(refused, Error::Unreadable { .. }));
        assert!(std::error::Error::source(&refused).unwrap().to_string().contains(TIME));
        assert_eq!(&*read_or_blank(at(1), 0, message()).address.id, "x");
    }

    fn at(sequence: u64) -> Position {
        Position { generation: 1, part: 0, sequence }
    }

    /// The headers of a decision on `thread.x`, twice.
    fn some_decision() -> (HeaderMap, HeaderMap) {
        let address = Address::parse("log.1.0.demo.thread.x").unwrap();
        let cause = Cause::new(Uuid::from_u128(1), "receive", "channel-ingest");
        let meta = Meta {
            id: cause.message_id(&address.subject()),
            decision: "thread.receive".into(),
            at: 1_795_000_000_123_456,
            cause: cause.id,
            correlation: cause.correlation,
            actor: cause.actor,
            traceparent: None,
            journal: None,
            version: 1,
            schema: SCHEMA,
        };
        (headers(&address, &meta), headers(&address, &meta))
    }

    #[test]
    fn an_oversized_decision_is_refused() {
        let text = "x".repeat(PAYLOAD_BYTES_MAX);
        assert!(matches!(encode("s", vec![text]), Err(Error::TooLarge { .. })));
    }
}
