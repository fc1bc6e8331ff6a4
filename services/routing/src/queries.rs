//! What is asked of the tables: queues with their places, agents with their loads, who serves a queue.

use crate::model::history::HOUR_US;
use crate::model::table::{list, number, uuid};
use crate::wait::Service;
use events::Micros;
use events::agent::Presence;
use events::tenant::Settings;
use spine::Error;
use spine::db::Store;
use sqlx::Row;
use sqlx::any::AnyRow;
use std::sync::Arc;
use uuid::Uuid;

/// The hours before this one whose history counts for an estimate.
const HISTORY_HOURS: i64 = 24;

/// A place in the order of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) since: Micros,
    pub(crate) thread: Uuid,
}

/// A waiting conversation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) n: u32,
    pub(crate) queue: String,
}

/// An agent with their load.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AgentRow {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) presence: Presence,
    pub(crate) capacity: u32,
    pub(crate) load: u32,
    pub(crate) skills: Vec<String>,
    pub(crate) channels: Vec<String>,
    pub(crate) queues: Vec<String>,
}

/// The queue from `after` on, in order.
pub(crate) async fn queue(
    store: &Store,
    (tenant, queue): (&str, &str),
    after: Option<Place>,
    count: i64,
) -> Result<Vec<Entry>, Error> {
    let (since, thread) = after.map_or((Micros::MIN, String::new()), |at| (at.since, at.thread.to_string()));
    let rows = sqlx::query(
        "SELECT thread, n, since, queue FROM threads WHERE tenant = $1 AND owner = 'queue' AND queue = $2
         AND (since > $3 OR (since = $3 AND thread > $4)) ORDER BY since, thread LIMIT $5",
    )
    .bind(tenant.to_owned())
    .bind(queue.to_owned())
    .bind(since)
    .bind(thread)
    .bind(count)
    .fetch_all(store.reads())
    .await
    .map_err(Error::database("read a queue"))?;
    rows.iter().map(entry).collect()
}

/// Where the thread waits, if it does.
pub(crate) async fn waiting_of(store: &Store, tenant: &str, thread: Uuid) -> Result<Option<Entry>, Error> {
    let row = sqlx::query(
        "SELECT thread, n, since, queue FROM threads WHERE thread = $1 AND tenant = $2 AND owner = 'queue'",
    )
    .bind(thread.to_string())
    .bind(tenant.to_owned())
    .fetch_optional(store.reads())
    .await
    .map_err(Error::database("read a place"))?;
    row.as_ref().map(entry).transpose()
}

/// How many wait in the queue, and how many of them up to and including `until`.
pub(crate) async fn counts(
    store: &Store,
    (tenant, queue): (&str, &str),
    until: Option<Place>,
) -> Result<(u32, u32), Error> {
    let (since, thread) = until.map_or((Micros::MIN, String::new()), |at| (at.since, at.thread.to_string()));
    let row = sqlx::query(
        "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN since < $3 OR (since = $3 AND thread <= $4)
         THEN 1 ELSE 0 END), 0) AS BIGINT) FROM threads WHERE tenant = $1 AND owner = 'queue' AND queue = $2",
    )
    .bind(tenant.to_owned())
    .bind(queue.to_owned())
    .bind(since)
    .bind(thread)
    .fetch_one(store.reads())
    .await
    .map_err(Error::database("count a queue"))?;
    Ok((number(&row, 0), number(&row, 1)))
}

/// The tenant's agents after `after` by id, without those who left.
pub(crate) async fn agents(
    store: &Store,
    tenant: &str,
    after: &str,
    count: i64,
) -> Result<Vec<AgentRow>, Error> {
    let rows = sqlx::query(
        "SELECT a.agent, a.name, a.presence, a.capacity, (SELECT COUNT(*) FROM threads t
             WHERE t.tenant = a.tenant AND t.agent = a.agent AND t.owner = 'agent'),
         a.skills, a.channels, a.queues
         FROM agents a WHERE a.tenant = $1 AND a.gone = 0 AND a.agent > $2 ORDER BY a.agent LIMIT $3",
    )
    .bind(tenant.to_owned())
    .bind(after.to_owned())
    .bind(count)
    .fetch_all(store.reads())
    .await
    .map_err(Error::database("read agents"))?;
    let read = |row: &AnyRow| {
        let presence: String = row.get(2);
        Ok(AgentRow {
            id: uuid(row, 0)?,
            name: row.get(1),
            presence: presence.parse().unwrap_or_default(),
            capacity: number(row, 3),
            load: number(row, 4),
            skills: list(row, 5)?,
            channels: list(row, 6)?,
            queues: list(row, 7)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Who serves the queue at `now`, and for how long conversations of it were held in the last day.
pub(crate) async fn service(
    store: &Store,
    (tenant, queue): (&str, &str),
    now: Micros,
) -> Result<Service, Error> {
    let mut service = Service::default();
    for agent in agents(store, tenant, "", i64::from(u32::MAX)).await? {
        let serves = agent.queues.is_empty() || agent.queues.iter().any(|served| served == queue);
        if serves && agent.presence == Presence::Online {
            service.capacity += agent.capacity;
            service.free += agent.capacity.saturating_sub(agent.load);
        }
    }
    let row = sqlx::query(
        "SELECT CAST(COALESCE(SUM(freed), 0) AS BIGINT), CAST(COALESCE(SUM(held_us), 0) AS BIGINT)
         FROM history WHERE tenant = $1 AND queue = $2 AND hour >= $3",
    )
    .bind(tenant.to_owned())
    .bind(queue.to_owned())
    .bind(now.div_euclid(HOUR_US) - HISTORY_HOURS)
    .fetch_one(store.reads())
    .await
    .map_err(Error::database("read a queue's history"))?;
    let (freed, held_us): (i64, i64) = (row.get(0), row.get(1));
    Ok(Service { freed: u64::try_from(freed).unwrap_or(0), held_us, ..service })
}

/// The tenants of which somebody waits.
pub(crate) async fn waiting_tenants(store: &Store) -> Result<Vec<Arc<str>>, Error> {
    let rows = sqlx::query("SELECT DISTINCT tenant FROM threads WHERE owner = 'queue'")
        .fetch_all(store.reads())
        .await
        .map_err(Error::database("read who waits"))?;
    Ok(rows.iter().map(|row| row.get::<String, _>(0).into()).collect())
}

/// All that wait, those of them who wait for longer than their tenant's deadline, and since when the first does.
pub(crate) async fn lateness(store: &Store, now: Micros) -> Result<(u64, u64, Option<Micros>), Error> {
    let failed = || Error::database("read how queues stand");
    let rows = sqlx::query(
        "SELECT t.tenant, COUNT(*), MIN(t.since), c.settings FROM threads t
         LEFT JOIN tenants c ON c.tenant = t.tenant WHERE t.owner = 'queue' GROUP BY t.tenant, c.settings",
    )
    .fetch_all(store.reads())
    .await
    .map_err(failed())?;
    let (mut waiting, mut late, mut first) = (0, 0, None::<Micros>);
    for row in rows {
        let (tenant, count, since): (String, i64, Micros) = (row.get(0), row.get(1), row.get(2));
        let settings: Option<String> = row.get(3);
        let settings: Settings =
            settings.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let deadline_us = Micros::try_from(settings.wait_deadline_ms).unwrap_or(0).saturating_mul(1_000);
        waiting += u64::try_from(count).unwrap_or(0);
        first = Some(first.map_or(since, |first| first.min(since)));
        if since < now - deadline_us {
            let count: i64 = sqlx::query_scalar(
                "SELECT COUNT(*) FROM threads WHERE tenant = $1 AND owner = 'queue' AND since < $2",
            )
            .bind(tenant)
            .bind(now - deadline_us)
            .fetch_one(store.reads())
            .await
            .map_err(failed())?;
            late += u64::try_from(count).unwrap_or(0);
        }
    }
    Ok((waiting, late, first))
}

fn entry(row: &AnyRow) -> Result<Entry, Error> {
    let place = Place { since: row.get(2), thread: uuid(row, 0)? };
    Ok(Entry { place, n: number(row, 1), queue: row.get(3) })
}
