//! The feeder: one in the installation reads what happened to leads and publishes it on LEADS, in order, once.
//!
//! Where to go on is the last message of the stream itself, so a death at any point leaves neither a gap nor a
//! double. The note in the state store only spares reading again what holds no lead.

mod notice;

use super::capture::acquire;
use super::state::{State, unread};
use runtime::metrics::Counter;
use spine::feed::publish::{End, Halt, Publisher};
use spine::feed::read::Follower;
use spine::feed::{Positions, STREAM, Source};
use spine::keys::Keys;
use spine::lease::Leases;
use spine::{Error, Log, PARTS, Tail};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Messages of the log that are looked at together; their leads are in flight together.
const BATCH_MAX: usize = 1_000;
/// How often the place in the log is noted.
const NOTE_EVERY: Duration = Duration::from_secs(5);
const RETRY_DELAY: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);
const LEASE: &str = "leads_feed";

/// What the feeder works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Feeder {
    pub(crate) log: Log,
    pub(crate) tail: Tail,
    pub(crate) keys: Keys,
    pub(crate) state: State,
    pub(crate) leases: Option<Leases>,
    pub(crate) published: Counter,
}

impl Feeder {
    /// Feeds until `shutdown`, under the lease where there are several processes. A feeder that lost it without
    /// knowing is refused by the stream.
    ///
    /// # Errors
    /// [`Error::LogLost`]; everything else is tried again.
    pub(crate) async fn run(&self, shutdown: &CancellationToken) -> Result<(), Error> {
        let mut delay = RETRY_DELAY;
        loop {
            let lease = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                lease = acquire(LEASE, self.leases.as_ref()) => lease,
            };
            let began = Instant::now();
            let halt = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = spine::lease::until_lost(lease.as_ref()) => Halt::Failed(Error::Fenced { lease: LEASE.into() }),
                halt = self.feed() => halt,
            };
            if let Halt::Failed(error @ Error::LogLost { .. }) = halt {
                return Err(error);
            }
            tracing::warn!(
                feed.stream = STREAM,
                error = &halt as &dyn std::error::Error,
                "the feed is opened again"
            );
            delay = if began.elapsed() > RETRY_DELAY_MAX {
                RETRY_DELAY
            } else {
                (delay * 2).min(RETRY_DELAY_MAX)
            };
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(delay) => {}
            }
        }
    }

    async fn feed(&self) -> Halt {
        let opened = async {
            let (publisher, end) = Publisher::open(self.log.nats()).await?;
            let positions = self.begin(&end).await?;
            Ok::<_, Error>((publisher, end, positions))
        };
        match opened.await {
            Err(error) => Halt::Failed(error),
            Ok((publisher, end, positions)) => {
                let Err(halt) = self.follow(publisher, &end, positions).await;
                halt
            }
        }
    }

    /// Up to where the log is in the feed.
    async fn begin(&self, end: &End) -> Result<Positions, Error> {
        let noted = self.state.feed_at(end).await?;
        let positions = noted.or_else(|| end.positions.clone()).unwrap_or_else(unread);
        // What was noted of a stream that was restored since must not be believed when it grows to that length.
        self.state.note_feed(end, end.sequence, &positions).await?;
        Ok(positions)
    }

    async fn follow(
        &self,
        mut publisher: Publisher,
        end: &End,
        positions: Positions,
    ) -> Result<std::convert::Infallible, Halt> {
        let parts: Vec<u8> = (0..PARTS).collect();
        let mut noted = positions.clone();
        let mut follower = Follower::new(&self.log, &self.tail, &parts, positions.clone());
        let mut done = Done { positions, source: end.source };
        let mut note_at = Instant::now() + NOTE_EVERY;
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                fresh = follower.next(&mut batch, BATCH_MAX) => {
                    fresh?;
                    let notices = notice::of(&self.log, &self.keys, &batch, &mut done).await?;
                    publisher.publish(&notices).await?;
                    self.published.add(notices.len() as u64, &[]);
                    batch.clear();
                }
                () = tokio::time::sleep_until(note_at), if done.positions != noted => {}
            }
            if done.positions != noted && Instant::now() >= note_at {
                self.state.note_feed(end, publisher.last(), &done.positions).await?;
                noted = done.positions.clone();
                note_at = Instant::now() + NOTE_EVERY;
            }
        }
    }
}

/// What is in the feed already.
struct Done {
    positions: Positions,
    /// The last message's source: of a log message that makes several, these are in up to here.
    source: Option<Source>,
}
