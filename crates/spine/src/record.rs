//! One stored decision: its events, and the headers that say what, why, when and by whom.

use crate::address::Address;
use crate::entity::Entity;
use crate::error::Error;
use crate::position::Position;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// Schema of the payloads that this build writes. Raised when an event is added that older releases must
/// not pass over.
pub const SCHEMA: u32 = 1;

/// The purpose of the decision that erases its entity.
pub const ERASE: &str = "erase";

/// What caused a decision and who takes it. The cause makes the message id, so the same cause decides once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The id of what is acted on: a message's id, a request's id.
    pub id: Uuid,
    /// What is done with it, such as `answer`: two purposes of one cause are two decisions.
    pub purpose: &'static str,
    /// The whole conversation or request that this belongs to.
    pub correlation: Uuid,
    /// The role or the signed-in person, such as `ai-agent` or `agent:<id>`. Never a name.
    pub actor: Arc<str>,
    /// W3C trace context; untrusted metadata.
    pub traceparent: Option<String>,
    /// The journalled request that it came from, written `INBOUND_3:42`: an erasure deletes it.
    pub journal: Option<Arc<str>>,
}

impl Cause {
    /// A cause that starts its own correlation.
    pub fn new(id: Uuid, purpose: &'static str, actor: &str) -> Self {
        Self { id, purpose, correlation: id, actor: actor.into(), traceparent: None, journal: None }
    }

    /// The cause that a stored decision is for what follows from it.
    pub fn after(record: &Recorded, purpose: &'static str, actor: &str) -> Self {
        Self {
            id: record.meta.id,
            purpose,
            correlation: record.meta.correlation,
            actor: actor.into(),
            traceparent: record.meta.traceparent.clone(),
            journal: None,
        }
    }

    /// The message id on `subject`: UUIDv5 over subject, cause and purpose. The subject is in it because the
    /// server takes a second message with the same id on another subject for a duplicate.
    pub fn message_id(&self, subject: &str) -> Uuid {
        let name = format!("{subject}\0{}\0{}", self.id, self.purpose);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
    }
}

/// The headers of a stored decision, as CloudEvents attributes and our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// `ce-id`, also the message id of the append.
    pub id: Uuid,
    /// `ce-type`: the entity and the purpose of the cause, such as `thread.answer`.
    pub decision: Arc<str>,
    /// `ce-time`: when it was decided, microseconds.
    pub at: i64,
    pub cause: Uuid,
    pub correlation: Uuid,
    pub actor: Arc<str>,
    pub traceparent: Option<String>,
    /// The journalled request that it came from.
    pub journal: Option<Arc<str>>,
    /// Decisions of this entity so far, from 1.
    pub version: u64,
    pub schema: u32,
}

/// A decision as it was stored.
#[derive(Debug)]
pub struct Recorded {
    pub position: Position,
    pub address: Address,
    pub meta: Meta,
    /// When the server stored it, microseconds.
    pub stored_at: i64,
    pub payload: Bytes,
    decoded: OnceLock<Box<dyn Any + Send + Sync>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Payload<E> {
    pub(crate) events: Vec<E>,
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

impl Recorded {
    pub(crate) fn new(
        position: Position,
        address: Address,
        meta: Meta,
        stored_at: i64,
        payload: Bytes,
    ) -> Self {
        Self { position, address, meta, stored_at, payload, decoded: OnceLock::new() }
    }

    /// Whether no decision wrote it, so that it is about nobody: its position counts, and everybody passes over it.
    pub fn is_foreign(&self) -> bool {
        self.address.kind.is_empty()
    }

    /// Whether the decision erases its entity: what was told of it must go, whatever else stands in the way.
    pub fn is_erasure(&self) -> bool {
        self.meta.decision.rsplit('.').next() == Some(ERASE)
    }

    /// The typed events. Decoded once per process, however many readers ask.
    ///
    /// # Errors
    /// [`Error::UnknownEvent`] when a newer release wrote one, [`Error::Unreadable`] when the payload is broken.
    pub fn events<S: Entity>(&self) -> Result<&[S::Event], Error> {
        if let Some(events) = self.decoded.get().and_then(|any| any.downcast_ref::<Vec<S::Event>>()) {
            return Ok(events);
        }
        let payload: Payload<S::Event> =
            serde_json::from_slice(&self.payload).map_err(|source| self.explain::<S>(source))?;
        let decoded = self.decoded.get_or_init(|| Box::new(payload.events));
        // A kind has one event type, so the downcast fails only if two states disagree about it.
        decoded
            .downcast_ref::<Vec<S::Event>>()
            .map(Vec::as_slice)
            .ok_or_else(|| Error::Other(format!("two event types are used for the kind {}", S::KIND)))
    }

    fn explain<S: Entity>(&self, source: serde_json::Error) -> Error {
        let subject = self.address.subject();
        let tags = serde_json::from_slice::<Payload<Tag<'_>>>(&self.payload).map(|payload| payload.events);
        let unknown = tags.ok().and_then(|tags| {
            tags.into_iter().map(|tag| tag.kind.into_owned()).find(|kind| !S::EVENTS.contains(&kind.as_str()))
        });
        match unknown {
            Some(event) => {
                Error::UnknownEvent { subject, position: self.position, event, schema: self.meta.schema }
            }
            None => Error::Unreadable { subject, position: self.position, source },
        }
    }
}
