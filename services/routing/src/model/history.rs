//! What threads tell about agents and queues, gathered over a batch: sums and maxima, so that the order of
//! parts does not matter.

use events::Micros;
use spine::Error;
use spine::db::Bulk;
use sqlx::AnyConnection;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// One slot of the history, in microseconds.
pub(crate) const HOUR_US: Micros = 3_600_000_000;

static HISTORY: Bulk = Bulk::new(
    "INSERT INTO history (tenant, queue, hour, freed, held_us)",
    5,
    "ON CONFLICT (tenant, queue, hour) DO UPDATE SET freed = history.freed + excluded.freed,
     held_us = history.held_us + excluded.held_us",
);
static TURNS: Bulk = Bulk::new(
    "INSERT INTO turns (agent, last_at)",
    2,
    "ON CONFLICT (agent) DO UPDATE SET last_at =
     CASE WHEN excluded.last_at > turns.last_at THEN excluded.last_at ELSE turns.last_at END",
);

/// The facts of a batch.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Facts {
    /// By tenant, queue and hour: conversations let go by agents, and for how long they were held together.
    history: BTreeMap<(Arc<str>, String, i64), (i64, i64)>,
    /// When an agent last got a conversation.
    turns: BTreeMap<Uuid, Micros>,
}

impl Facts {
    /// The agent got a conversation.
    pub(crate) fn got(&mut self, agent: Uuid, at: Micros) {
        let last = self.turns.entry(agent).or_insert(at);
        *last = (*last).max(at);
    }

    /// An agent let go of a conversation of the queue after `held_us`.
    pub(crate) fn freed(&mut self, tenant: &Arc<str>, queue: &str, at: Micros, held_us: Micros) {
        let slot = (tenant.clone(), queue.to_owned(), at.div_euclid(HOUR_US));
        let (count, sum) = self.history.entry(slot).or_default();
        *count += 1;
        *sum += held_us.max(0);
    }

    /// Writes them in the order of their keys, so that two parts wait for each other and never in a circle.
    pub(crate) async fn write(self, tx: &mut AnyConnection) -> Result<(), Error> {
        let rows: Vec<_> = self.history.into_iter().collect();
        HISTORY
            .write(tx, &rows, |query, ((tenant, queue, hour), (freed, held))| {
                query.bind(tenant.to_string()).bind(queue.clone()).bind(*hour).bind(*freed).bind(*held)
            })
            .await?;
        let rows: Vec<_> = self.turns.into_iter().collect();
        TURNS.write(tx, &rows, |query, (agent, at)| query.bind(agent.to_string()).bind(*at)).await?;
        Ok(())
    }
}
