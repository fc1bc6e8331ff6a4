//! Timers: what is late is looked for in the tables, and the law is asked once it is time.
//!
//! The rows hold from when a time counts, and how long it is comes from the tenant's settings when the row is
//! looked for: so applying stays pure, and a changed setting holds at once, or within five seconds where another replica reads
//! the tenant. Rows that are not late yet are never
//! read, however many there are.

mod ask;
mod late;
mod seen;

use crate::outcome::Leave;
use crate::telling::Telling;
use late::{Found, Late, Look};
use seen::Seen;
use spine::error::chain;
use spine::{Error, Reader, Spine};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use strum::{AsRefStr, IntoStaticStr};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Questions to the law under way at the same time, of one kind.
const IN_FLIGHT_MAX: usize = 64;
/// An agent who went offline keeps their conversations for so long: a broken connection comes back.
pub const OFFLINE_GRACE_US: i64 = 60_000_000;
/// An agent who is away keeps their conversations for so long.
pub const AWAY_GRACE_US: i64 = 5 * 60_000_000;

/// What a timer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsRefStr, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Kind {
    /// A message that the AI, or whoever answers outside, leaves unanswered goes to people.
    AnswerDeadline,
    /// A conversation in which nothing happens is closed.
    IdleClose,
    /// The conversations of an agent who is gone go back to the queue.
    AgentGone,
}

impl Kind {
    /// How often the tables are asked.
    fn every(self) -> Duration {
        match self {
            Self::AnswerDeadline => Duration::from_millis(250),
            Self::AgentGone | Self::IdleClose => Duration::from_secs(1),
        }
    }
}

/// Threads that are asked about, or left alone for a while.
type Held = HashMap<Uuid, Option<Leave>>;

/// The timers of one kind.
pub(crate) struct Timer {
    pub(crate) kind: Kind,
    pub(crate) spine: Spine,
    pub(crate) reader: Reader,
    pub(crate) telling: Telling,
}

impl Timer {
    /// Asks the law about what is late until `shutdown`, then waits for what is under way.
    ///
    /// # Errors
    /// When a question panicked.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let (mut held, mut seen) = (Held::new(), None);
        let mut running: JoinSet<(Late, Leave)> = JoinSet::new();
        let mut tick = tokio::time::interval(self.kind.every());
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = tick.tick() => {}
                Some(ended) = running.join_next() => {
                    let (late, leave) = ended?;
                    held.insert(late.thread, Some(leave));
                    // Many who are late are asked about as fast as answers come; a few wait for the tick.
                    if running.len() != IN_FLIGHT_MAX / 2 {
                        continue;
                    }
                }
            }
            self.let_go(&mut held);
            let now = self.spine.log.clock().now();
            let is_known = |seen: &Seen| seen.says_that_nothing_is_late(&self.reader, now);
            if held.is_empty() && seen.as_ref().is_some_and(is_known) {
                continue;
            }
            seen = None;
            if let Err(error) = self.start(&mut held, &mut running, &mut seen).await {
                tracing::warn!(timer.kind = self.kind.as_ref(), error = %chain(&error), "what is late cannot be read; trying again");
            }
        }
        while running.join_next().await.is_some() {}
        Ok(())
    }

    /// Starts questions about what is late, as far as there is room.
    async fn start(
        &self,
        held: &mut Held,
        running: &mut JoinSet<(Late, Leave)>,
        seen: &mut Option<Seen>,
    ) -> Result<(), Error> {
        // How it stood before the look: what is committed during it is looked at again.
        let before = Seen::now(&self.reader);
        let found = self.find(held.len()).await?;
        *seen = found.next.map(|next| before.until(next));
        for late in found.late {
            if running.len() >= IN_FLIGHT_MAX {
                break;
            }
            if held.contains_key(&late.thread) {
                continue;
            }
            held.insert(late.thread, None);
            let (kind, spine, telling) = (self.kind, self.spine.clone(), self.telling.clone());
            let store = self.reader.model().store.clone();
            running.spawn(async move {
                let leave = ask::ask(kind, &spine, &store, &late).await;
                if matches!(leave, Leave::Projected(_)) {
                    telling.timer(kind.into());
                }
                (late, leave)
            });
        }
        Ok(())
    }

    /// Late rows of the parts that are ours, reaching past those that are held.
    async fn find(&self, held: usize) -> Result<Found, Error> {
        let model = self.reader.model();
        // Of several replicas the one that works on a part asks about its threads.
        let (parts, now) = (self.reader.live_parts(), self.spine.log.clock().now());
        let look = Look { store: &model.store, parts: &parts, now, count: IN_FLIGHT_MAX + held };
        match self.kind {
            Kind::AnswerDeadline => late::answers(look).await,
            Kind::IdleClose => late::idle(look).await,
            Kind::AgentGone => late::gone(look).await,
        }
    }

    /// Lets go of what the tables know by now.
    fn let_go(&self, held: &mut Held) {
        let (now, positions): (i64, BTreeMap<u8, u64>) =
            (self.spine.log.clock().now(), self.reader.positions());
        held.retain(|_, leave| match leave {
            None => true,
            Some(Leave::Until(at)) => now < *at,
            Some(Leave::Projected(position)) => {
                positions.get(&position.part).is_none_or(|known| *known < position.sequence)
            }
        });
    }
}
