//! Items that can be taken once a send under way is settled, and what came behind them: they rest in quarantine, in
//! their order, and are taken again without an operator.
//!
//! An echo that names no message of ours may be that of the send, or a person's who answered past us; only its outcome
//! tells. What comes after it in its thread waits for that, except for what the platform says of messages of ours,
//! which may be the very word that settles the send.

use crate::early::{PATIENCE_US, next_try};
use crate::part::{LET_GO, Part};
use crate::quarantine::{self, Held, Until};
use crate::reingest::Again;
use crate::state::StateStore;
use channels::contract::{Item, Kind};
use spine::Error;
use sqlx::{AnyConnection, Row};
use std::collections::HashSet;
use uuid::Uuid;

/// When the item is tried again by itself; 0 for never.
pub(crate) const SCHEMA: &str = "ALTER TABLE quarantine ADD COLUMN again_at BIGINT NOT NULL DEFAULT 0";

/// Items and threads that are tried between two batches of new requests.
const SOME: usize = 32;

/// Whether the item tells of a message of ours, so that it need not wait for the customer's own order.
pub(crate) fn tells_of_ours(kind: &Kind) -> bool {
    matches!(kind, Kind::Receipt { .. } | Kind::Echo { of: Some(_) })
}

/// Threads in which something waits in quarantine, so that what follows may have to wait behind it.
#[derive(Clone, Copy)]
pub(crate) struct Waits<'a> {
    pub(crate) all: &'a HashSet<Uuid>,
    /// Those of them in which it waits for a send under way.
    pub(crate) resting: &'a HashSet<Uuid>,
}

impl Waits<'_> {
    /// What the item has to wait for; none when it may be decided.
    pub(crate) fn holds(&self, thread: Uuid, item: &Item) -> Option<Until> {
        match (self.all.contains(&thread), self.resting.contains(&thread)) {
            (false, _) => None,
            (true, false) => Some(Until::Operator),
            (true, true) => (!tells_of_ours(&item.kind)).then_some(Until::Before),
        }
    }
}

/// What a look at a thread's items found.
#[derive(Default)]
struct Found {
    gone: Vec<Uuid>,
    /// Waited in vain, or are refused alone: an operator's, and nothing waits behind them any more.
    alone: Vec<Held>,
    /// The thread cannot go on: what it stops at, and what waits behind that, is an operator's.
    stuck: Vec<Held>,
    /// Where to go on, and when.
    next: Option<(Uuid, i64)>,
}

impl Part<'_> {
    /// Takes what rests again where it is time.
    pub(crate) async fn try_resting(&mut self) -> Result<(), Error> {
        let state = &self.normaliser.state;
        let now = self.normaliser.log.clock().now();
        for thread in state.resting_due(self.part, now).await? {
            let found = self.look_at(thread, now).await?;
            let mut tx = state.store.begin().await?;
            self.guard(&mut tx).await?;
            found.write(&mut tx, thread).await?;
            tx.commit().await.map_err(Error::database("take what rested"))?;
            self.normaliser.counters.early.add(found.gone.len() as u64, &["applied"]);
            let given_up = (found.alone.len() + found.stuck.len()) as u64;
            self.normaliser.counters.early.add(given_up, &["expired"]);
            self.normaliser.counters.quarantined.add(given_up, &[]);
            found.alone.iter().chain(&found.stuck).for_each(Held::warn);
        }
        self.waiting = state.waiting(self.part).await?;
        self.resting = state.resting(self.part).await?;
        Ok(())
    }

    /// Takes the thread's items in their order, up to the first that has to wait.
    async fn look_at(&self, thread: Uuid, now: i64) -> Result<Found, Error> {
        let mut found = Found::default();
        let mut waiting = self.normaliser.state.held_of(thread, SOME + 1).await?.into_iter().enumerate();
        while let Some((place, held)) = waiting.next() {
            if place == SOME {
                found.next = Some((held.id, now));
                break;
            }
            match self.again(&held, false).await? {
                Again::Taken => found.gone.push(held.id),
                Again::Early { .. } if now - held.received_at < PATIENCE_US => {
                    found.next = Some((held.id, next_try(held.received_at, now)));
                    break;
                }
                // Nothing new comes in by it meanwhile, and all of it goes on when the account does.
                Again::Away => {
                    found.next = Some((held.id, next_try(held.received_at, now)));
                    break;
                }
                Again::Early { why } | Again::Stays { why, blocks: false, .. } => {
                    found.alone.push(Held { error: why, ..held });
                }
                Again::Stays { why, blocks: true, .. } => {
                    found.stuck.push(Held { error: why, ..held });
                    found.stuck.extend(waiting.map(|(_, behind)| behind));
                    break;
                }
            }
        }
        Ok(found)
    }
}

impl Found {
    async fn write(&self, tx: &mut AnyConnection, thread: Uuid) -> Result<(), Error> {
        LET_GO.write(tx, &self.gone, |query, id| query.bind(id.to_string())).await?;
        let thread = thread.to_string();
        run(tx, sqlx::query("UPDATE quarantine SET again_at = 0 WHERE thread = $1").bind(thread)).await?;
        quarantine::set_alone(tx, &self.alone).await?;
        if let Some((id, at)) = self.next {
            let query = sqlx::query("UPDATE quarantine SET again_at = $1 WHERE id = $2");
            run(tx, query.bind(at).bind(id.to_string())).await?;
        }
        Ok(())
    }
}

async fn run(tx: &mut AnyConnection, query: spine::db::AnyQuery) -> Result<(), Error> {
    query.execute(tx).await.map_err(Error::database("take what rested"))?;
    Ok(())
}

impl StateStore {
    /// The threads of the part in which something rests.
    pub(crate) async fn resting(&self, part: u8) -> Result<HashSet<Uuid>, Error> {
        let query = sqlx::query(
            "SELECT DISTINCT thread FROM quarantine WHERE part = $1 AND again_at > 0 AND thread <> ''",
        );
        let rows = query
            .bind(i32::from(part))
            .fetch_all(self.store.reads())
            .await
            .map_err(Error::database("read what rests"))?;
        Ok(rows.iter().filter_map(|row| row.get::<String, _>(0).parse().ok()).collect())
    }

    async fn resting_due(&self, part: u8, now: i64) -> Result<Vec<Uuid>, Error> {
        let rows = sqlx::query(
            "SELECT thread, MIN(again_at) FROM quarantine WHERE part = $1 AND again_at > 0 AND again_at <= $2
             AND thread <> '' GROUP BY thread ORDER BY MIN(again_at) LIMIT $3",
        )
        .bind(i32::from(part))
        .bind(now)
        .bind(i64::try_from(SOME).unwrap_or(i64::MAX))
        .fetch_all(self.store.reads())
        .await
        .map_err(Error::database("read what rests"))?;
        Ok(rows.iter().filter_map(|row| row.get::<String, _>(0).parse().ok()).collect())
    }

    /// The first items of a thread in their order, without those that are refused alone: they wait for an operator.
    async fn held_of(&self, thread: Uuid, max: usize) -> Result<Vec<Held>, Error> {
        let rows = sqlx::query(
            "SELECT id, tenant, account, thread, place, number, received_at, error, blocks FROM quarantine
             WHERE thread = $1 AND blocks = 1 ORDER BY sequence, number LIMIT $2",
        )
        .bind(thread.to_string())
        .bind(i64::try_from(max).unwrap_or(i64::MAX))
        .fetch_all(self.store.reads())
        .await
        .map_err(Error::database("read what rests"))?;
        Ok(rows.iter().filter_map(quarantine::read).collect())
    }
}
