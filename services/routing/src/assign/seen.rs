//! What an assigner reads before it chooses: one consistent look at positions, agents, loads and the oldest
//! of those who wait.

use super::choose::{Agent, Class, Waiting};
use crate::model::table::{list, maybe_uuid, number, uuid};
use events::agent::Presence;
use spine::Error;
use spine::db::Store;
use sqlx::any::AnyRow;
use sqlx::{Any, Row, Transaction};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Waiting conversations read of one class at a time; the rest follows once these are on their way.
const WAITING_MAX: usize = 256;

/// Rows read beyond what agents are free for, since some may be left out by who gave them back.
const MARGIN: usize = 64;

/// The oldest of those who wait.
pub(crate) struct Oldest {
    pub(crate) waiting: Vec<Waiting>,
    /// Whether there may be more of them.
    pub(crate) more: bool,
}

/// One look at the tables, all of the same moment.
pub(crate) struct Look {
    tx: Transaction<'static, Any>,
    tenant: String,
}

impl Look {
    /// Begins a look.
    pub(crate) async fn begin(store: &Store, tenant: &str) -> Result<Self, Error> {
        Ok(Self { tx: store.begin_reading().await?, tenant: tenant.into() })
    }

    /// Up to where the tables know the log.
    pub(crate) async fn positions(&mut self) -> Result<BTreeMap<u8, u64>, Error> {
        let rows = sqlx::query("SELECT part, sequence FROM positions")
            .fetch_all(&mut *self.tx)
            .await
            .map_err(Error::database("read positions"))?;
        let read = |row: &AnyRow| {
            let (part, sequence): (i32, i64) = (row.get(0), row.get(1));
            (u8::try_from(part).unwrap_or(0), u64::try_from(sequence).unwrap_or(0))
        };
        Ok(rows.iter().map(read).collect())
    }

    /// The tenant's agents with what they hold; empty when none of them is online, since nothing can be
    /// assigned then.
    pub(crate) async fn agents(&mut self) -> Result<Vec<Agent>, Error> {
        let rows = sqlx::query(
            "SELECT a.agent, a.capacity, a.presence, COALESCE(t.last_at, 0), a.skills, a.channels, a.queues
             FROM agents a LEFT JOIN turns t ON t.agent = a.agent WHERE a.tenant = $1 AND a.gone = 0",
        )
        .bind(self.tenant.clone())
        .fetch_all(&mut *self.tx)
        .await
        .map_err(Error::database("read agents"))?;
        let mut agents = rows.iter().map(agent).collect::<Result<Vec<_>, Error>>()?;
        if agents.iter().all(|agent| agent.presence != Presence::Online) {
            return Ok(Vec::new());
        }
        let loads = self.loads().await?;
        for agent in &mut agents {
            agent.load = loads.get(&agent.id).copied().unwrap_or(0);
        }
        Ok(agents)
    }

    async fn loads(&mut self) -> Result<HashMap<Uuid, u32>, Error> {
        let rows = sqlx::query(
            "SELECT agent, COUNT(*) FROM threads WHERE tenant = $1 AND owner = 'agent' GROUP BY agent",
        )
        .bind(self.tenant.clone())
        .fetch_all(&mut *self.tx)
        .await
        .map_err(Error::database("read loads"))?;
        rows.iter().map(|row| Ok((uuid(row, 0)?, number(row, 1)))).collect()
    }

    /// Those who wait and could be served by one of the agents, oldest first. `held` of them are on their way
    /// already, so the look reaches past as many.
    pub(crate) async fn waiting(&mut self, agents: &[Agent], held: usize) -> Result<Oldest, Error> {
        let rows = sqlx::query(
            "SELECT DISTINCT queue, channel, language FROM threads WHERE tenant = $1 AND owner = 'queue'",
        )
        .bind(self.tenant.clone())
        .fetch_all(&mut *self.tx)
        .await
        .map_err(Error::database("read who waits"))?;
        let (mut waiting, mut more) = (Vec::new(), false);
        for row in rows {
            let class = Class { queue: row.get(0), channel: row.get(1), language: row.get(2) };
            let fit = agents.iter().filter(|agent| agent.unfit(&class).is_none());
            let free: usize = fit.map(|agent| agent.free() as usize).sum();
            if free > 0 {
                let count = (free + MARGIN).min(WAITING_MAX) + held;
                let oldest = self.oldest(&class, count).await?;
                more |= oldest.len() == count;
                waiting.extend(oldest);
            }
        }
        waiting.sort_by_key(|waiting| (waiting.since, waiting.thread));
        Ok(Oldest { waiting, more })
    }

    async fn oldest(&mut self, class: &Class, count: usize) -> Result<Vec<Waiting>, Error> {
        let rows = sqlx::query(
            "SELECT thread, tenure, n, since, last_agent, gave_back FROM threads WHERE tenant = $1
             AND owner = 'queue' AND queue = $2 AND channel = $3 AND language = $4
             ORDER BY since, thread LIMIT $5",
        )
        .bind(self.tenant.clone())
        .bind(class.queue.clone())
        .bind(class.channel.clone())
        .bind(class.language.clone())
        .bind(i64::try_from(count).unwrap_or(i64::MAX))
        .fetch_all(&mut *self.tx)
        .await
        .map_err(Error::database("read who waits"))?;
        let read = |row: &AnyRow| {
            Ok(Waiting {
                thread: uuid(row, 0)?,
                tenure: number(row, 1),
                n: number(row, 2),
                since: row.get(3),
                class: class.clone(),
                last_agent: maybe_uuid(row, 4)?,
                gave_back: maybe_uuid(row, 5)?,
            })
        };
        rows.iter().map(read).collect()
    }
}

fn agent(row: &AnyRow) -> Result<Agent, Error> {
    let presence: String = row.get(2);
    Ok(Agent {
        id: uuid(row, 0)?,
        capacity: number(row, 1),
        presence: presence.parse().unwrap_or_default(),
        load: 0,
        last_at: row.get(3),
        skills: list(row, 4)?,
        channels: list(row, 5)?,
        queues: list(row, 6)?,
    })
}
