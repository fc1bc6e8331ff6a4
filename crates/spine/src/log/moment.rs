//! Where the log stood at a time, where an entity is whose tenant is not known, and reading a part on from a place.

use crate::address::{Address, GENERATION, PARTS, stream_name};
use crate::error::Error;
use crate::log::consume::Consumption;
use crate::log::load::micros_of;
use crate::log::{Log, tail};
use crate::record::Recorded;
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use futures::TryStreamExt;
use futures::future::try_join_all;

/// A reading of one part of the log, through a consumer of its own.
pub struct Reading {
    part: u8,
    consumption: Consumption,
}

impl Reading {
    /// The next message, waiting for it as long as it takes; one that cannot be read comes as a record that no
    /// state can decode. Cancel-safe.
    ///
    /// # Errors
    /// Only [`Error::LogLost`].
    pub async fn next(&mut self) -> Result<Recorded, Error> {
        Ok(tail::decode(self.part, self.consumption.next().await?))
    }
}

impl Log {
    /// Reads one part from sequence `next` on, for as long as it is asked.
    pub fn reading(&self, part: u8, next: u64) -> Reading {
        let consumption = Consumption::of_log(&self.nats, stream_name(GENERATION, part), next.max(1));
        Reading { part, consumption }
    }

    /// For each part the sequence of the last message that was stored at or before `time`, in microseconds since
    /// the Unix epoch; 0 when there was none yet. Asked from the leaders, by halving. Should the server's clock
    /// have been set back, one of the messages at which it passed `time`.
    ///
    /// # Errors
    /// When the server does not answer; [`Error::LogLost`] when a message is missing.
    pub async fn sequences_at(&self, time: i64) -> Result<[u64; PARTS as usize], Error> {
        let ends = self.ends().await?;
        let parts = (0..PARTS).zip(ends).map(|(part, end)| self.sequence_at(part, end, time));
        let found = try_join_all(parts).await?;
        let mut sequences = [0; PARTS as usize];
        sequences.copy_from_slice(&found);
        Ok(sequences)
    }

    async fn sequence_at(&self, part: u8, end: u64, time: i64) -> Result<u64, Error> {
        let name = stream_name(GENERATION, part);
        let failed = |source| Error::Nats { request: format!("read {name}"), source };
        let stream =
            self.nats.jetstream.get_stream_no_info(&name).await.map_err(|error| failed(error.into()))?;
        // What is at `low` was stored in time, what is above `high` later.
        let (mut low, mut high) = (0, end);
        while low < high {
            // The end is looked at first, since most ask for a time that is just past.
            let middle = if high == end { end } else { low + (high - low).div_ceil(2) };
            match stored_at(&stream, &name, middle).await? <= time {
                true => low = middle,
                false => high = middle - 1,
            }
        }
        Ok(low)
    }

    /// Every address at which something of this kind and id stands, whatever its tenant.
    ///
    /// # Errors
    /// [`Error::Name`] when kind or id would not be one token of a subject; when the server does not answer.
    pub async fn addresses_of(&self, kind: &str, id: &str) -> Result<Vec<Address>, Error> {
        // The check of what is to stand in a subject; the tenant is any.
        Address::new("any", kind, id, id)?;
        let found = try_join_all((0..PARTS).map(|part| self.addresses_in(part, kind, id))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn addresses_in(&self, part: u8, kind: &str, id: &str) -> Result<Vec<Address>, Error> {
        let name = stream_name(GENERATION, part);
        let failed = |source| Error::Nats { request: format!("find a subject in {name}"), source };
        let stream =
            self.nats.jetstream.get_stream_no_info(&name).await.map_err(|error| failed(error.into()))?;
        let filter = format!("log.{GENERATION}.{part}.*.{kind}.{id}");
        let subjects: Vec<(String, usize)> = stream
            .info_with_subjects(filter)
            .await
            .map_err(|error| failed(error.into()))?
            .try_collect()
            .await
            .map_err(|error| failed(error.into()))?;
        subjects.iter().map(|(subject, _)| Address::parse(subject)).collect()
    }
}

async fn stored_at(stream: &Stream<()>, name: &str, sequence: u64) -> Result<i64, Error> {
    match stream.get_raw_message(sequence).await {
        Ok(message) => Ok(micros_of(message.time.unix_timestamp_nanos())),
        Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => {
            Err(Error::LogLost { detail: format!("{name} holds nothing at {sequence}") })
        }
        Err(error) => {
            let request = format!("read {name} at {sequence}");
            Err(Error::Nats { request, source: Box::new(error) })
        }
    }
}
