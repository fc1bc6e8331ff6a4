//! Keys that the register lost: what a failover of its database, or the copy of another moment, took from it.
//!
//! A key is committed before anything sealed with it is appended, and its id is kept when it is destroyed. So a sealed
//! text whose key is neither there nor destroyed tells that the register is not what it was.

use super::cipher::{self, Sealed};
use super::register::{self, Change};
use super::{Inner, Keys};
use crate::address::{GENERATION, PARTS, stream_name};
use crate::db::Bulk;
use crate::error::Error;
use crate::journal;
use crate::log::Consumption;
use crate::log::consume::Stored;
use crate::nats::Nats;
use async_nats::jetstream::stream::RawMessageErrorKind;
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// How many of the last messages of each stream a start looks at: what was committed last is what is lost, and it
/// was sealed with last.
const LOOKED_AT: u64 = 256;
/// The next message of a stream that holds more comes within this.
const NEXT_WITHIN: Duration = Duration::from_secs(30);
/// Messages whose keys are looked up together.
const PAGE: u64 = 512;

/// The id of no key: keys of a register that holds it may have been destroyed before destroyed ids were kept.
const BEFORE: &str = "";

static DESTROYED_FIND: Bulk = Bulk::new("SELECT id FROM destroyed WHERE id IN (", 1, ")");
static DESTROYED_ADD: Bulk = Bulk::new("INSERT INTO destroyed (id)", 1, "ON CONFLICT (id) DO NOTHING");
/// A row of an erased owner that came back with older rows is not there.
static THERE_FIND: Bulk = Bulk::new(
    "SELECT k.id FROM keys k WHERE k.id IN (",
    1,
    ") AND NOT EXISTS (SELECT 1 FROM erased e WHERE e.tenant = k.tenant AND e.kind = k.kind AND e.owner = k.owner)",
);

/// A message that nobody can open, since the register lost its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lost {
    pub stream: String,
    pub sequence: u64,
    pub subject: String,
    pub key: String,
}

/// Keeps the ids of destroyed keys.
pub(super) async fn remember(connection: &mut AnyConnection, ids: &[String]) -> Result<(), Error> {
    DESTROYED_ADD.write(connection, ids, |query, id| query.bind(id.clone())).await.map(|_| ())
}

/// Of these keys, which the register does not hold, those that it did not destroy either.
pub(super) async fn among(connection: &mut AnyConnection, ids: &[&str]) -> Result<HashSet<String>, Error> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let asked: Vec<&str> = ids.iter().copied().chain([BEFORE]).collect();
    let destroyed = found(&DESTROYED_FIND, connection, &asked).await?;
    if destroyed.contains(BEFORE) {
        return Ok(HashSet::new());
    }
    Ok(ids.iter().filter(|id| !destroyed.contains(**id)).map(|id| (*id).to_owned()).collect())
}

async fn found(bulk: &Bulk, connection: &mut AnyConnection, ids: &[&str]) -> Result<HashSet<String>, Error> {
    let rows = bulk.fetch(connection, ids, |query, id| query.bind((*id).to_owned())).await?;
    rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(Error::database("look for keys"))
}

impl Keys {
    /// Makes sure that the register knows the keys of what was sealed last, by the ends of these streams: those of
    /// [`streams`] that the connection may read.
    ///
    /// # Errors
    /// [`Error::RegisterBehind`] names the first message that it cannot open; when a server does not answer.
    pub async fn check_against(
        &self,
        nats: &Nats,
        streams: impl Iterator<Item = String>,
    ) -> Result<(), Error> {
        let ends = streams.map(|stream| async move {
            let end = end_of(nats, &stream).await?;
            self.lost_in(nats, &stream, (end.saturating_sub(LOOKED_AT) + 1, end)).await
        });
        match futures::future::try_join_all(ends).await?.into_iter().flatten().next() {
            None => Ok(()),
            Some(Lost { stream, sequence, subject, key }) => Err(Error::RegisterBehind {
                told: format!("message {sequence} of {stream} on {subject} is sealed with key {key}"),
            }),
        }
    }

    /// Every message of a stream that nobody can open because the register lost its key, up to its end as it is now.
    ///
    /// # Errors
    /// When a server does not answer.
    pub async fn lost_of(&self, nats: &Nats, stream: &str) -> Result<Vec<Lost>, Error> {
        let end = end_of(nats, stream).await?;
        self.lost_in(nats, stream, (1, end)).await
    }

    /// Gives lost keys up: from now on what was sealed with them is gone, as if they had been destroyed.
    ///
    /// # Errors
    /// Database errors.
    pub async fn give_up(&self, keys: &[String]) -> Result<(), Error> {
        let mut tx = register::begin(&self.inner.store, Change::Destroy).await?;
        let ids: Vec<&str> = keys.iter().map(String::as_str).collect();
        let there = found(&THERE_FIND, &mut tx, &ids).await?;
        let gone: Vec<String> = keys.iter().filter(|key| !there.contains(*key)).cloned().collect();
        remember(&mut tx, &gone).await?;
        tx.commit().await.map_err(Error::database("give keys up"))
    }

    async fn lost_in(&self, nats: &Nats, stream: &str, (from, end): (u64, u64)) -> Result<Vec<Lost>, Error> {
        let mut lost = Vec::new();
        // All of them may be erased, and then there is nothing to wait for.
        if from > end || !holds_any_from(nats, stream, from).await? {
            return Ok(lost);
        }
        let mut consumption = Consumption::with_gaps(nats, stream.to_owned(), from.max(1));
        let (mut page, mut read) = (Vec::new(), 0);
        loop {
            let next = tokio::time::timeout(NEXT_WITHIN, consumption.next()).await;
            let stored = next.map_err(|_| Error::Timeout { request: format!("read {stream}") })??;
            let is_last = stored.sequence >= end || stored.pending == 0;
            read += 1;
            // The payload is let go: a raw request may be megabytes.
            page.extend(self.inner.sealed_in(stream, &stored));
            if is_last || read % PAGE == 0 {
                lost.extend(self.inner.lost_among(std::mem::take(&mut page)).await?);
            }
            if is_last {
                return Ok(lost);
            }
        }
    }
}

impl Inner {
    /// What a message is sealed with, as if it were lost. Clear texts of strangers stand in it too, so only ids count
    /// that this register gave out.
    fn sealed_in(&self, stream: &str, stored: &Stored) -> Vec<Lost> {
        let keys = keys_in(&stored.payload).into_iter();
        let own = keys.filter(|key| cipher::is_own_key_id(&self.master, key));
        let of = |key| Lost {
            stream: stream.to_owned(),
            sequence: stored.sequence,
            subject: stored.subject.clone(),
            key,
        };
        own.map(of).collect()
    }

    async fn lost_among(&self, sealed: Vec<Lost>) -> Result<Vec<Lost>, Error> {
        let ids: BTreeSet<&str> = sealed.iter().map(|sealed| sealed.key.as_str()).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut connection =
            self.store.reads().acquire().await.map_err(Error::database("open the key register"))?;
        let there = found(&THERE_FIND, &mut connection, &ids).await?;
        let missing: Vec<&str> = ids.into_iter().filter(|id| !there.contains(*id)).collect();
        let lost = among(&mut connection, &missing).await?;
        Ok(sealed.into_iter().filter(|sealed| lost.contains(&sealed.key)).collect())
    }

    /// Makes sure that what this process committed last is still there, or was destroyed: else the register went back
    /// in time, and whoever goes on would give a person a second thread.
    pub(super) async fn check_not_behind(&self, connection: &mut AnyConnection) -> Result<(), Error> {
        let Some(last) = self.last_committed() else { return Ok(()) };
        let ids = [&*last];
        if found(&THERE_FIND, connection, &ids).await?.is_empty()
            && !among(connection, &ids).await?.is_empty()
        {
            self.cache.forget_all();
            let told = format!("key {last}, which this process made, is not there any more");
            return Err(Error::RegisterBehind { told });
        }
        Ok(())
    }

    /// The key that this process made last.
    fn last_committed(&self) -> Option<Arc<str>> {
        self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub(super) fn committed(&self, key: Arc<str>) {
        *self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(key);
    }
}

/// The streams that hold sealed texts: the log's, which everybody reads, and the journal's.
pub fn streams() -> impl Iterator<Item = String> {
    streams_of_log().chain((0..PARTS).map(journal::stream))
}

/// Those of them that everybody reads.
pub fn streams_of_log() -> impl Iterator<Item = String> {
    (0..PARTS).map(|part| stream_name(GENERATION, part))
}

async fn end_of(nats: &Nats, stream: &str) -> Result<u64, Error> {
    let failed = |source| Error::Nats { request: format!("info of {stream}"), source };
    let found = nats.jetstream.get_stream(stream).await.map_err(|error| failed(error.into()))?;
    let state = &found.cached_info().state;
    Ok(if state.messages == 0 { 0 } else { state.last_sequence })
}

async fn holds_any_from(nats: &Nats, stream: &str, from: u64) -> Result<bool, Error> {
    let failed = |source| Error::Nats { request: format!("read {stream} from {from}"), source };
    let found = nats.jetstream.get_stream_no_info(stream).await.map_err(|error| failed(error.into()))?;
    match found.raw_message_builder().sequence(from).next_by_subject(">").send().await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => Ok(false),
        Err(error) => Err(failed(error.into())),
    }
}

/// The ids of the keys that anything in a payload is sealed with: sealed values have no character that JSON escapes.
fn keys_in(payload: &[u8]) -> BTreeSet<String> {
    let text = std::str::from_utf8(payload).unwrap_or_default();
    text.split('"').filter_map(|word| Sealed::parse(word).ok()).map(|sealed| sealed.key.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_values_are_found_in_events_and_in_raw_requests() {
        let sealed = "v1.a256gcm.k1.AAAAAAAAAAAAAAAA.AAAA";
        let event = format!(r#"{{"events":[{{"type":"Received","text":"{sealed}","id":"v1.x"}}]}}"#);
        assert_eq!(keys_in(event.as_bytes()), BTreeSet::from(["k1".to_owned()]));
        assert_eq!(keys_in(sealed.as_bytes()), BTreeSet::from(["k1".to_owned()]));
        assert!(keys_in(b"{\"text\":\"v1.a.b\"}").is_empty() && keys_in(&[0xff]).is_empty());
    }
}
