//! The one tail of a process: each part is read once, the cache is fed first, then every reader.

use crate::address::{GENERATION, PARTS, stream_name};
use crate::error::Error;
use crate::log::cache::lock;
use crate::log::consume::{Consumption, Stored};
use crate::log::{Log, codec};
use crate::position::Position;
use crate::record::Recorded;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Messages that wait for one reader; a reader that falls further behind reads on its own until it is back.
const WAITING_MAX: usize = 8_192;

/// Hands every message of the log to the readers of this process. Cheap to clone.
#[derive(Clone)]
pub struct Tail {
    parts: Arc<Vec<Mutex<Part>>>,
}

struct Part {
    /// The sequence that is delivered next; 0 until the tail knows it.
    next: u64,
    readers: Vec<mpsc::Sender<Arc<Recorded>>>,
}

/// A place at the tail: what it delivers, and from which sequence on, per part asked for.
pub struct TailStart {
    pub messages: mpsc::Receiver<Arc<Recorded>>,
    /// For each part asked for, the first sequence that `messages` will hold.
    pub first: Vec<(u8, u64)>,
}

impl Tail {
    /// A tail that starts at the log's end as it is now: what is before is for readers to catch up with.
    ///
    /// # Errors
    /// When the server does not say where the log ends.
    pub async fn at_end(log: &Log) -> Result<Self, Error> {
        let ends = log.ends().await?;
        let part = |end: u64| Mutex::new(Part { next: end + 1, readers: Vec::new() });
        Ok(Self { parts: Arc::new(ends.into_iter().map(part).collect()) })
    }

    /// Runs until `shutdown` or until the log is found to have lost messages.
    ///
    /// # Errors
    /// [`Error::LogLost`] stops the process.
    pub async fn run(&self, log: &Log, shutdown: &CancellationToken) -> Result<(), Error> {
        let mut parts = JoinSet::new();
        for part in 0..PARTS {
            let (tail, log, shutdown) = (self.clone(), log.clone(), shutdown.clone());
            parts.spawn(async move {
                tokio::select! {
                    () = shutdown.cancelled() => Ok(()),
                    ended = tail.follow(&log, part) => ended,
                }
            });
        }
        while let Some(ended) = parts.join_next().await {
            ended.map_err(|error| Error::Other(format!("the tail of a part panicked: {error}")))??;
        }
        Ok(())
    }

    /// Joins the tail for `parts`. If the reader falls too far behind, its channel ends.
    pub fn join(&self, parts: &[u8]) -> TailStart {
        let (sender, messages) = mpsc::channel(WAITING_MAX);
        let first = parts
            .iter()
            .map(|part| {
                let mut state = lock(&self.parts[usize::from(*part)]);
                state.readers.push(sender.clone());
                (*part, state.next)
            })
            .collect();
        TailStart { messages, first }
    }

    async fn follow(&self, log: &Log, part: u8) -> Result<(), Error> {
        let next = lock(&self.parts[usize::from(part)]).next;
        let mut consumption = Consumption::of_log(log.nats(), stream_name(GENERATION, part), next);
        loop {
            let record = Arc::new(decode(part, consumption.next().await?));
            log.feed(&record);
            self.deliver(part, &record);
        }
    }

    fn deliver(&self, part: u8, record: &Arc<Recorded>) {
        let mut state = lock(&self.parts[usize::from(part)]);
        state.next = record.position.sequence + 1;
        state.readers.retain(|reader| reader.try_send(record.clone()).is_ok());
    }
}

/// Decodes a message of the log; what cannot be read becomes a record that nobody can decode.
pub(crate) fn decode(part: u8, stored: Stored) -> Recorded {
    let place = Position { generation: GENERATION, part, sequence: stored.sequence };
    codec::decode_or_blank(place, &stored.subject, stored.stored_at, &stored.headers, stored.payload)
}
