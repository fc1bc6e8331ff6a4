//! Following the log from known positions on, for who keeps its own place: apart until caught up, then at the tail.

use super::Positions;
use crate::error::Error;
use crate::log::tail::{self, TailMessages};
use crate::log::{Log, Tail};
use crate::record::Recorded;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Messages that wait between the consumers of a catch-up and the follower.
const WAITING_MAX: usize = 2_000;

/// Reads some parts of the log in order, each message once, from the positions that it is given.
pub struct Follower {
    log: Log,
    tail: Tail,
    parts: Vec<u8>,
    reached: Positions,
    source: Source,
}

enum Source {
    Unopened,
    CatchingUp {
        messages: mpsc::Receiver<Arc<Recorded>>,
        readers: JoinSet<Result<(), Error>>,
        tail: TailMessages,
    },
    Tail(TailMessages),
}

impl Follower {
    /// Reads `parts` from the message after `reached` on.
    pub fn new(log: &Log, tail: &Tail, parts: &[u8], reached: Positions) -> Self {
        Self {
            log: log.clone(),
            tail: tail.clone(),
            parts: parts.to_vec(),
            reached,
            source: Source::Unopened,
        }
    }

    /// The last messages that were handed out.
    pub fn reached(&self) -> &Positions {
        &self.reached
    }

    /// Adds the next messages to `batch`, at least one and at most `max`, waiting for them as long as it takes.
    /// Who stops waiting loses nothing.
    ///
    /// # Errors
    /// [`Error::LogLost`], and when the server does not say where the log ends.
    pub async fn next(&mut self, batch: &mut Vec<Arc<Recorded>>, max: usize) -> Result<(), Error> {
        let mut fresh = Vec::new();
        loop {
            match &mut self.source {
                Source::Unopened => self.source = self.open().await?,
                Source::CatchingUp { messages, readers, .. } => {
                    if messages.recv_many(&mut fresh, max).await == 0 {
                        while let Some(ended) = readers.join_next().await {
                            let panicked = |error| Error::Other(format!("a catch-up panicked: {error}"));
                            ended.map_err(panicked)??;
                        }
                        self.go_to_tail();
                    }
                }
                Source::Tail(messages) => {
                    if messages.recv_many(&mut fresh, max).await == 0 {
                        // It fell too far behind for the tail.
                        self.source = Source::Unopened;
                    }
                }
            }
            self.take(&mut fresh, batch)?;
            if !batch.is_empty() {
                return Ok(());
            }
        }
    }

    async fn open(&self) -> Result<Source, Error> {
        let start = self.tail.join(&self.parts);
        let (sender, messages) = mpsc::channel(WAITING_MAX);
        let mut readers = JoinSet::new();
        for (part, first) in start.first {
            let (from, until) = (self.reached.of(part) + 1, first.saturating_sub(1));
            if from > until {
                self.check_end(part, from, until).await?;
                continue;
            }
            let (log, sender) = (self.log.clone(), sender.clone());
            readers.spawn(async move { tail::forward(&log, part, (from, until), (&sender, &|_| ())).await });
        }
        Ok(Source::CatchingUp { messages, readers, tail: start.messages })
    }

    fn go_to_tail(&mut self) {
        self.source = match std::mem::replace(&mut self.source, Source::Unopened) {
            Source::CatchingUp { tail, .. } => Source::Tail(tail),
            other => other,
        };
    }

    /// A place beyond what the tail knows is fine if the log holds it, and means a log that lost its end if not.
    async fn check_end(&self, part: u8, from: u64, until: u64) -> Result<(), Error> {
        let read = from - 1;
        if read <= until {
            return Ok(());
        }
        let end = self.log.ends().await?[usize::from(part)];
        if end >= read {
            return Ok(());
        }
        Err(Error::LogLost { detail: format!("part {part} ends at {end}, but was read up to {read}") })
    }

    fn take(&mut self, fresh: &mut Vec<Arc<Recorded>>, batch: &mut Vec<Arc<Recorded>>) -> Result<(), Error> {
        for record in fresh.drain(..) {
            let (part, sequence) = (record.position.part, record.position.sequence);
            let reached = self.reached.of(part);
            if sequence <= reached {
                continue;
            }
            if sequence != reached + 1 {
                let detail = format!("part {part} goes from {reached} to {sequence}");
                return Err(Error::LogLost { detail });
            }
            self.reached.reach(record.position);
            batch.push(record);
        }
        Ok(())
    }
}
