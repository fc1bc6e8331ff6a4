//! The one tail of a process: each part is read once, the cache is fed first, then every reader.

use crate::address::{GENERATION, PARTS, stream_name};
use crate::error::Error;
use crate::log::Log;
use crate::log::cache::lock;
use crate::log::consume::{Consumption, Stored};
use crate::log::message::{self, Message};
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
    readers: Vec<Place>,
}

/// A reader's place at one part.
struct Place {
    messages: mpsc::Sender<Arc<Recorded>>,
    fell_behind: CancellationToken,
}

impl Place {
    /// Whether the reader still has its place: one that missed a message of one part has lost all of them, since
    /// the other parts alone would let it wait for ever for what it missed.
    fn deliver(&self, record: &Arc<Recorded>) -> bool {
        if self.fell_behind.is_cancelled() {
            return false;
        }
        let is_taken = self.messages.try_send(record.clone()).is_ok();
        if !is_taken {
            self.fell_behind.cancel();
        }
        is_taken
    }
}

/// A place at the tail: what it delivers, and from which sequence on, per part asked for.
pub struct TailStart {
    pub messages: TailMessages,
    /// For each part asked for, the first sequence that `messages` will hold.
    pub first: Vec<(u8, u64)>,
}

/// What the tail delivers to one reader.
pub struct TailMessages {
    receiver: mpsc::Receiver<Arc<Recorded>>,
    fell_behind: CancellationToken,
}

impl TailMessages {
    /// Adds what waits to `batch`, at least one message and at most `max`, and says how many: none means that the
    /// reader was too slow and has lost its place. Who stops waiting loses nothing.
    pub async fn recv_many(&mut self, batch: &mut Vec<Arc<Recorded>>, max: usize) -> usize {
        tokio::select! {
            biased;
            () = self.fell_behind.cancelled() => 0,
            count = self.receiver.recv_many(batch, max) => count,
        }
    }

    /// The next message; none when the reader was too slow and has lost its place.
    pub async fn recv(&mut self) -> Option<Arc<Recorded>> {
        tokio::select! {
            biased;
            () = self.fell_behind.cancelled() => None,
            next = self.receiver.recv() => next,
        }
    }

    /// Adds what waits already, so that `batch` holds at most `max`.
    pub fn take_waiting(&mut self, batch: &mut Vec<Arc<Recorded>>, max: usize) {
        while batch.len() < max
            && let Ok(record) = self.receiver.try_recv()
        {
            batch.push(record);
        }
    }
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

    /// How many messages the tail has seen, in all parts.
    pub(crate) fn seen(&self) -> u64 {
        self.parts.iter().map(|part| lock(part).next).sum()
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

    /// Joins the tail for `parts`. A reader that falls too far behind loses its place.
    pub fn join(&self, parts: &[u8]) -> TailStart {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let fell_behind = CancellationToken::new();
        let first = parts
            .iter()
            .map(|part| {
                let mut state = lock(&self.parts[usize::from(*part)]);
                let place = Place { messages: sender.clone(), fell_behind: fell_behind.clone() };
                state.readers.push(place);
                (*part, state.next)
            })
            .collect();
        TailStart { messages: TailMessages { receiver, fell_behind }, first }
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
        state.readers.retain(|place| place.deliver(record));
    }
}

/// Decodes a message of the log; what cannot be read becomes a record that nobody can decode.
pub(crate) fn decode(part: u8, stored: Stored) -> Recorded {
    let place = Position { generation: GENERATION, part, sequence: stored.sequence };
    let Stored { subject, headers, payload, stored_at, .. } = &stored;
    let message = Message { subject, headers, payload: payload.clone(), is_direct: false };
    message::read_or_blank(place, *stored_at, message)
}

/// What is done with a message before it is sent on.
pub(crate) type Prepare<'a> = &'a (dyn Fn(&Recorded) + Send + Sync);

/// Reads a part from the message `from` to the message `until`, for a reader that is behind the tail: prepares each one,
/// then sends it. Ends early when nobody receives any more.
///
/// # Errors
/// Only [`Error::LogLost`].
pub(crate) async fn forward(
    log: &Log,
    part: u8,
    (from, until): (u64, u64),
    (sender, prepare): (&mpsc::Sender<Arc<Recorded>>, Prepare<'_>),
) -> Result<(), Error> {
    let mut consumption = Consumption::of_log(log.nats(), stream_name(GENERATION, part), from);
    loop {
        let record = decode(part, consumption.next().await?);
        prepare(&record);
        let sequence = record.position.sequence;
        if sender.send(Arc::new(record)).await.is_err() || sequence >= until {
            return Ok(());
        }
    }
}

#[cfg(test)]
impl Tail {
    /// A tail to which nothing comes but by `move_on`.
    pub(crate) fn standing() -> Self {
        let part = || Mutex::new(Part { next: 1, readers: Vec::new() });
        Self { parts: Arc::new((0..PARTS).map(|_| part()).collect()) }
    }

    pub(crate) fn move_on(&self) {
        lock(&self.parts[0]).next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(part: u8, sequence: u64) -> Arc<Recorded> {
        let stored = Stored {
            sequence,
            subject: format!("log.1.{part}.t.thread.a"),
            pending: 0,
            stored_at: 0,
            headers: Default::default(),
            payload: Default::default(),
        };
        Arc::new(decode(part, stored))
    }

    #[tokio::test]
    async fn a_reader_that_misses_a_message_of_one_part_loses_its_place_at_all_parts() {
        let tail = Tail::standing();
        let mut start = tail.join(&[0, 1]);
        let (mut batch, all) = (Vec::new(), WAITING_MAX as u64);
        (1..=all).for_each(|sequence| tail.deliver(0, &record(0, sequence)));
        assert_eq!(start.messages.recv_many(&mut batch, 1).await, 1);
        (1..=2).for_each(|next| tail.deliver(0, &record(0, all + next)));
        tail.deliver(1, &record(1, 1));
        assert_eq!(start.messages.recv_many(&mut batch, 1).await, 0);
        assert!(lock(&tail.parts[1]).readers.is_empty());
    }
}
