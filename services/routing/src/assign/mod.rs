//! The assigner: gives those who wait to agents, oldest first, whenever a queue or an agent changed.

mod book;
pub(crate) mod choose;
mod news;
mod seen;
mod turns;

pub(crate) use news::{Wanted, listen};

use crate::outcome::SETTLE_US;
use crate::telling::Telling;
use crate::traces::Traces;
use book::{Book, Until};
use choose::{Choice, plan};
use conversation::{Assign, Rejection, Thread, assign};
use events::agent::Presence;
use seen::Look;
use spine::error::chain;
use spine::lease::Leases;
use spine::read::Status;
use spine::{Address, Cause, Error, Reader, Refused, Spine};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use turns::Turn;
pub(crate) use turns::Turns;
use uuid::Uuid;

/// Appends under way at the same time.
const IN_FLIGHT_MAX: usize = 64;
/// Every queue in which somebody waits is looked at so often, whatever was told: what was given back may be
/// offered again, and a word that was missed does no harm.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// An agent stays reserved for so long when nobody knows whether the append was stored.
const UNSURE_US: i64 = 10_000_000;

/// One assigner for all tenants of the process.
pub(crate) struct Assigner {
    pub(crate) spine: Spine,
    pub(crate) reader: Reader,
    pub(crate) wanted: Wanted,
    pub(crate) telling: Telling,
    pub(crate) traces: Traces,
    /// None where there is one process only.
    pub(crate) leases: Option<Leases>,
}

struct Ended {
    tenant: Arc<str>,
    choice: Choice,
    result: Result<spine::Decided, Refused<Rejection>>,
}

struct Desk<'a> {
    assigner: &'a Assigner,
    book: Book,
    turns: Turns,
    appends: JoinSet<Ended>,
    /// Chosen and reserved, until there is room to append.
    chosen: VecDeque<(Arc<str>, Choice)>,
    /// Tenants to be looked at.
    next: VecDeque<Arc<str>>,
}

impl Assigner {
    /// Assigns until `shutdown`, then waits for the appends under way.
    ///
    /// # Errors
    /// When an append panicked.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let turns = Turns::new(self.leases.clone());
        let mut desk = Desk {
            assigner: &self,
            book: Book::default(),
            turns,
            appends: JoinSet::new(),
            chosen: VecDeque::new(),
            next: VecDeque::new(),
        };
        let mut statuses = self.reader.statuses();
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.wanted.changed() => {}
                Some(ended) = desk.appends.join_next() => desk.ended(ended?),
                _ = sweep.tick() => self.sweep().await,
                changed = statuses.changed() => {
                    changed?;
                    self.sweep().await;
                }
            }
            while let Some(ended) = desk.appends.try_join_next() {
                desk.ended(ended?);
            }
            desk.start();
            if self.has_caught_up() {
                desk.look().await;
            }
        }
        while desk.appends.join_next().await.is_some() {}
        Ok(())
    }

    /// Asks for a look at every queue in which somebody waits.
    async fn sweep(&self) {
        match crate::queries::waiting_tenants(&self.reader.model().store).await {
            Ok(tenants) => self.wanted.mark(tenants),
            Err(error) => tracing::warn!(error = %chain(&error), "queues cannot be read; trying again"),
        }
    }

    /// Rows that lag behind the log miss loads, so nobody is assigned while a part is being read up. A part
    /// that stands or belongs to another replica holds nobody up.
    fn has_caught_up(&self) -> bool {
        let statuses = self.reader.statuses();
        let statuses = statuses.borrow();
        !statuses.values().any(|status| matches!(status, Status::Starting | Status::CatchingUp))
    }
}

impl Desk<'_> {
    /// Looks at the queues that were asked for, once what was chosen before is on its way.
    async fn look(&mut self) {
        while self.chosen.is_empty() {
            if self.next.is_empty() {
                self.next.extend(self.assigner.wanted.take());
            }
            let Some(tenant) = self.next.pop_front() else { return };
            if let Err(error) = self.look_at(&tenant).await {
                // The sweep asks again.
                tracing::warn!(tenant.id = &*tenant, error = %chain(&error), "a queue cannot be looked at");
            }
            self.start();
        }
    }

    /// Starts appends while there is room.
    fn start(&mut self) {
        while self.appends.len() < IN_FLIGHT_MAX {
            let Some((tenant, choice)) = self.chosen.pop_front() else { return };
            let spine = self.assigner.spine.clone();
            let trace = self.assigner.traces.take(choice.waiting.thread);
            self.appends.spawn(async move {
                let appending = append(&spine, &tenant, &choice);
                let result = role::traced("assign", trace.as_deref(), Box::pin(appending)).await;
                Ended { tenant, choice, result }
            });
        }
    }

    async fn look_at(&mut self, tenant: &Arc<str>) -> Result<(), Error> {
        let Assigner { spine, reader, .. } = self.assigner;
        let mut look = Look::begin(&reader.model().store, tenant).await?;
        let mut agents = look.agents().await?;
        if agents.is_empty() {
            return Ok(());
        }
        let now = spine.log.clock().now();
        self.book.settle(&look.positions().await?, now);
        self.book.burden(&mut agents);
        if agents.iter().all(|agent| agent.presence != Presence::Online || agent.free() == 0) {
            return Ok(());
        }
        let seen::Oldest { mut waiting, more } = look.waiting(&agents, self.book.count(tenant)).await?;
        drop(look);
        waiting.retain(|waiting| !self.book.holds(waiting));
        if waiting.is_empty() {
            return Ok(());
        }
        match self.turns.of(spine, reader, tenant).await? {
            Turn::Ours => {}
            Turn::Begun => {
                self.next.push_back(tenant.clone());
                return Ok(());
            }
            Turn::Theirs => return Ok(()),
        }
        let choices = plan(waiting, &mut agents, now);
        if more && !choices.is_empty() {
            self.next.push_back(tenant.clone());
        }
        for choice in choices {
            self.book.reserve(tenant, &choice);
            self.chosen.push_back((tenant.clone(), choice));
        }
        Ok(())
    }

    /// An append ended. Whatever it came to, the thread is left alone until the tables know it.
    fn ended(&mut self, ended: Ended) {
        let Ended { tenant, choice, result } = ended;
        let Assigner { spine, wanted, telling, .. } = self.assigner;
        let now = spine.log.clock().now();
        let (taken, until) = match result {
            Ok(decided) => {
                telling.assigned(now - choice.waiting.since);
                (true, Until::Projected(decided.position()))
            }
            // It does not wait any more, or waits anew, and the tables are about to know.
            Err(Refused::Rejected(rejection)) => {
                tracing::debug!(thread.id = %choice.waiting.thread, %rejection, "an assignment came too late");
                (false, Until::Time(now + SETTLE_US))
            }
            Err(Refused::Failed(error)) => {
                tracing::warn!(thread.id = %choice.waiting.thread, error = %chain(&error), "an assignment failed and is tried again");
                (true, Until::Time(now + UNSURE_US))
            }
        };
        self.book.ended(choice.waiting.thread, taken, until);
        if !taken {
            wanted.mark([tenant]);
        }
    }
}

async fn append(spine: &Spine, tenant: &str, choice: &Choice) -> Result<spine::Decided, Refused<Rejection>> {
    let Choice { waiting, agent, candidates } = choice;
    let address = Address::of(tenant, "thread", waiting.thread)?;
    // One assignment of each wait, however often it is tried.
    let wait = format!("{} {}", waiting.n, waiting.tenure);
    let cause = Cause::new(Uuid::new_v5(&waiting.thread, wait.as_bytes()), "assign", "routing");
    let wish = Assign { tenure: waiting.tenure, agent: *agent, candidates: candidates.clone() };
    let clock = spine.log.clock();
    spine.log.transact(&address, &cause, |thread: &Thread| assign(thread, &wish, clock.now())).await
}
