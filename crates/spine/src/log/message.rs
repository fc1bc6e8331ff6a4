//! What stands in the log as the server hands it out: a decision, or something that no decision wrote.

use crate::address::Address;
use crate::error::Error;
use crate::log::codec::{Found, decode};
use crate::position::Position;
use crate::record::{Meta, Recorded};
use async_nats::HeaderMap;
use bytes::Bytes;

/// A header that the server puts on its answers to direct reads.
const COPIED: &str = "Nats-Stream";

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::codec::headers;
    use crate::record::{Cause, SCHEMA};
    use uuid::Uuid;

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
        headers.insert("ce-time", "yesterday");
        let subject = "log.1.0.demo.thread.x";
        let message = || Message { subject, headers: &headers, payload: Bytes::new(), is_direct: false };
        let refused = read(at(1), 0, message()).unwrap_err();
        assert!(matches!(refused, Error::Unreadable { .. }));
        assert!(std::error::Error::source(&refused).unwrap().to_string().contains("ce-time"));
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
}
