//! INBOUND: every raw request of an outside platform, sealed and durable before it is acknowledged.

mod ends;

use crate::address::{PARTS, part_of};
use crate::clock::Clock;
use crate::erase::erase_message;
use crate::error::Error;
use crate::keys::{Keys, Owner, Period, SealKey};
use crate::log::consume::{Consumption, Stored};
use crate::nats::Nats;
use crate::record::Cause;
use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::message::PublishMessage;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

pub use ends::JournalEnds;

/// The retention class of raw requests: one key per tenant and day.
pub const CLASS: &str = "inbound";
const FIELD: &str = "request";
const TRACEPARENT: &str = "traceparent";
const RECEIVED_AT: &str = "tributary-received-at";
const ATTEMPTS_MAX: u32 = 3;
/// A request whose key the register lost is tried again after this.
const KEY_LOST_DELAY: Duration = Duration::from_secs(5);
const RETRY_DELAY: Duration = Duration::from_millis(50);
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Platforms hang up after five seconds and come again; what they are told later they do not hear.
const KEPT_WITHIN: Duration = Duration::from_secs(4);

/// A raw request as it was journalled.
#[derive(Debug)]
pub struct Journalled {
    /// Where it stands: `INBOUND_<part>:<sequence>`; the causation of what follows from it.
    pub place: Place,
    pub id: Uuid,
    pub tenant: Arc<str>,
    pub account: Uuid,
    pub received_at: i64,
    pub traceparent: Option<String>,
    /// The request in the form that the writer gave it; none when its key is destroyed.
    pub request: Option<Vec<u8>>,
}

/// A place in the journal, written `INBOUND_3:42`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub part: u8,
    pub sequence: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", stream(self.part), self.sequence)
    }
}

impl std::str::FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let (part, sequence) = text.strip_prefix("INBOUND_")?.split_once(':')?;
            Some(Self { part: part.parse().ok()?, sequence: sequence.parse().ok()? })
        };
        parse().ok_or_else(|| Error::Name { field: "place in the journal", value: text.into() })
    }
}

/// The journal. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    nats: Nats,
    keys: Keys,
    clock: Clock,
}

impl Journal {
    pub fn new(nats: Nats, keys: Keys, clock: Clock) -> Self {
        Self { nats, keys, clock }
    }

    /// Stores a request of an account durably; after this it may be acknowledged. The requests of one account
    /// keep their order.
    ///
    /// # Errors
    /// When it could not be stored within three attempts and four seconds: then it must not be acknowledged. It may be
    /// stored all the same, which is harmless: what it says is decided once.
    pub async fn append(
        &self,
        tenant: &str,
        account: Uuid,
        request: &[u8],
        traceparent: Option<&str>,
    ) -> Result<Place, Error> {
        let received_at = self.clock.now();
        let part = part_of(tenant, &account.to_string());
        let subject = format!("inbound.{part}.{tenant}.{account}");
        let key = SealKey {
            tenant: tenant.into(),
            owner: Owner::tenant(tenant),
            class: CLASS.into(),
            period: Period::day(received_at),
        };
        let sealed = self.keys.seal_bytes(&key, &subject, FIELD, request).await?;
        let id = crate::new_id();
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id.to_string());
        headers.insert(RECEIVED_AT, received_at.to_string());
        if let Some(traceparent) = traceparent {
            headers.insert(TRACEPARENT, traceparent);
        }
        let kept = tokio::time::timeout(KEPT_WITHIN, self.publish(&subject, headers, sealed.into())).await;
        let sequence = kept.map_err(|_| Error::Timeout { request: format!("journal to {subject}") })??;
        Ok(Place { part, sequence })
    }

    /// A refused request, kept for diagnosis in a ring and never processed.
    ///
    /// # Errors
    /// When the server does not take it; nobody needs to care.
    pub async fn refuse(&self, slug: &str, why: &str) -> Result<(), Error> {
        let slug: String = slug.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
        let subject = format!("refused.{}", if slug.is_empty() { "unknown" } else { &slug });
        let mut headers = HeaderMap::new();
        headers.insert(RECEIVED_AT, self.clock.now().to_string());
        self.publish(&subject, headers, why.to_owned().into()).await.map(|_| ())
    }

    async fn publish(&self, subject: &str, headers: HeaderMap, payload: bytes::Bytes) -> Result<u64, Error> {
        let mut attempt = 1;
        loop {
            let message = PublishMessage::build().headers(headers.clone()).payload(payload.clone());
            let acknowledged = async {
                let pending = self.nats.jetstream.send_publish(subject.to_owned(), message).await?;
                pending.await
            };
            match self.nats.denials.unless(subject, acknowledged).await? {
                Ok(stored) => return Ok(stored.sequence),
                Err(error) if attempt >= ATTEMPTS_MAX => {
                    return Err(Error::Nats {
                        request: format!("journal to {subject}"),
                        source: Box::new(error),
                    });
                }
                Err(_) => {
                    attempt += 1;
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    /// Reads a part of the journal from `next` on. Messages age out of it, so a gap is no loss.
    pub fn read(&self, part: u8, next: u64) -> JournalReading {
        JournalReading {
            consumption: Consumption::with_gaps(&self.nats, stream(part), next.max(1)),
            keys: self.keys.clone(),
            part,
            pending: None,
        }
    }

    /// The last sequence of a part.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn end(&self, part: u8) -> Result<u64, Error> {
        let name = stream(part);
        let failed = |source| Error::Nats { request: format!("info of {name}"), source };
        let stream = self.nats.jetstream.get_stream(&name).await.map_err(|error| failed(error.into()))?;
        Ok(stream.cached_info().state.last_sequence)
    }

    /// Where each part ends.
    ///
    /// # Errors
    /// As [`Journal::end`].
    pub async fn ends(&self) -> Result<JournalEnds, Error> {
        let ends = futures::future::try_join_all((0..PARTS).map(|part| self.end(part))).await?;
        Ok(JournalEnds(ends.try_into().expect("there is one end for each part")))
    }

    /// Where a part ends if that is before `position`, which was read once: then it lost its end or is another one. Asked
    /// twice, since a leader that is just elected may not know its end yet.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn ends_before(&self, part: u8, position: u64) -> Result<Option<u64>, Error> {
        if self.end(part).await? >= position {
            return Ok(None);
        }
        tokio::time::sleep(ASK_AGAIN_AFTER).await;
        let end = self.end(part).await?;
        Ok((end < position).then_some(end))
    }

    /// Overwrites a journalled request on disk; for an erasure. Again changes nothing.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn erase(&self, place: Place) -> Result<(), Error> {
        erase_message(&self.nats, &stream(place.part), place.sequence).await
    }
}

/// One part of the journal, being read.
pub struct JournalReading {
    consumption: Consumption,
    keys: Keys,
    part: u8,
    /// Read and not yet opened: kept here so that a caller who stops waiting loses nothing.
    pending: Option<Stored>,
}

impl JournalReading {
    /// The next request, waiting for it as long as it takes. Whoever stops waiting gets it the next time.
    ///
    /// # Errors
    /// When the key register cannot be read. A message that is not ours comes out without a request.
    pub async fn next(&mut self) -> Result<Journalled, Error> {
        let stored = match self.pending.take() {
            Some(stored) => stored,
            None => self.consumption.next().await?,
        };
        let stored = self.pending.insert(stored);
        let opened = loop {
            match open(&self.keys, self.part, stored).await {
                // Passed over it would be lost; it is whole again when the register is.
                Err(error @ Error::KeyLost { .. }) => {
                    tracing::error!(inbound.part = self.part, inbound.sequence = stored.sequence, %error, "a journalled request waits");
                    tokio::time::sleep(KEY_LOST_DELAY).await;
                }
                Err(error) if error.is_passing() => tokio::time::sleep(RETRY_DELAY).await,
                other => break other,
            }
        };
        self.pending = None;
        opened
    }
}

async fn open(keys: &Keys, part: u8, stored: &Stored) -> Result<Journalled, Error> {
    let mut tokens = stored.subject.split('.').skip(2);
    let tenant = tokens.next().unwrap_or_default();
    let account = tokens.next().and_then(|token| token.parse().ok()).unwrap_or_default();
    let header = |name: &str| stored.headers.get(name).map(|value| value.as_str().to_owned());
    let sealed = std::str::from_utf8(&stored.payload).unwrap_or_default();
    let request = match keys.open_bytes(sealed, &stored.subject, FIELD).await {
        Ok(request) => request.map(|plain| plain.to_vec()),
        Err(error) if error.is_passing() => return Err(error),
        Err(_) => None,
    };
    Ok(Journalled {
        place: Place { part, sequence: stored.sequence },
        id: header("Nats-Msg-Id").and_then(|id| id.parse().ok()).unwrap_or_default(),
        tenant: tenant.into(),
        account,
        received_at: header(RECEIVED_AT).and_then(|at| at.parse().ok()).unwrap_or(stored.stored_at),
        traceparent: header(TRACEPARENT),
        request,
    })
}

impl Journalled {
    /// The cause that the item `number` of this request is for what follows from it.
    pub fn cause(&self, number: usize, purpose: &'static str) -> Cause {
        let id = Uuid::new_v5(&self.id, &number.to_be_bytes());
        Cause {
            id,
            purpose,
            correlation: self.id,
            actor: "channel-ingest".into(),
            traceparent: self.traceparent.clone(),
            journal: Some(self.place.to_string().into()),
        }
    }
}

pub(crate) fn stream(part: u8) -> String {
    format!("INBOUND_{part}")
}
