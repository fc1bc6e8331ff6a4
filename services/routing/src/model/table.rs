//! Rows of threads to and from the database, many at a time.

use super::row::{ThreadRow, owner_of, owner_word};
use conversation::Owner;
use events::Micros;
use spine::Error;
use spine::address::part_of;
use spine::db::{AnyQuery, Bulk};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::BTreeMap;
use uuid::Uuid;

static FIND: Bulk = Bulk::new(
    "SELECT thread, tenant, account, channel, n, owner, agent, tenure, since, queue, reason, language,
     last_agent, gave_back, active_at, awaiting FROM threads WHERE thread IN (",
    1,
    ")",
);
static PUT: Bulk = Bulk::new(
    "INSERT INTO threads (thread, tenant, account, channel, n, owner, agent, tenure, since, queue, reason,
     language, last_agent, gave_back, active_at, awaiting, answer_message, answer_at, idle_at, part)",
    20,
    "ON CONFLICT (thread) DO UPDATE SET n = excluded.n, owner = excluded.owner, agent = excluded.agent,
     tenure = excluded.tenure, since = excluded.since, queue = excluded.queue, reason = excluded.reason,
     language = excluded.language, last_agent = excluded.last_agent, gave_back = excluded.gave_back,
     active_at = excluded.active_at, awaiting = excluded.awaiting,
     answer_message = excluded.answer_message, answer_at = excluded.answer_at, idle_at = excluded.idle_at",
);
static DELETE: Bulk = Bulk::new("DELETE FROM threads WHERE thread IN (", 1, ")");

/// The rows of `threads` that exist.
pub(crate) async fn find(
    connection: &mut AnyConnection,
    threads: &[Uuid],
) -> Result<BTreeMap<Uuid, ThreadRow>, Error> {
    let rows = FIND.fetch(connection, threads, |query, thread| query.bind(thread.to_string())).await?;
    rows.iter().map(|row| Ok((uuid(row, 0)?, read(row)?))).collect()
}

/// Writes the rows as they are now.
pub(crate) async fn put(tx: &mut AnyConnection, rows: &[ThreadRow]) -> Result<(), Error> {
    let mut bound = Vec::with_capacity(rows.len());
    for row in rows {
        bound.push((row, serde_json::to_string(&row.awaiting).map_err(Error::Unwritable)?));
    }
    PUT.write(tx, &bound, |query, (row, awaiting)| bind(query, row, awaiting)).await?;
    Ok(())
}

/// Forgets threads.
pub(crate) async fn delete(tx: &mut AnyConnection, threads: &[Uuid]) -> Result<(), Error> {
    DELETE.write(tx, threads, |query, thread| query.bind(thread.to_string())).await?;
    Ok(())
}

fn bind(query: AnyQuery, row: &ThreadRow, awaiting: &str) -> AnyQuery {
    let agent = match row.owner {
        Some(Owner::Agent(agent)) => Some(agent.to_string()),
        _ => None,
    };
    let (message, answer_at) = row.answer_due().unzip();
    query
        .bind(row.thread.to_string())
        .bind(row.tenant.to_string())
        .bind(row.account.to_string())
        .bind(row.channel.clone())
        .bind(i64::from(row.n))
        .bind(owner_word(row.owner))
        .bind(agent)
        .bind(i64::from(row.tenure))
        .bind(row.since)
        .bind(row.queue.clone())
        .bind(row.reason.map(|reason| reason.as_ref().to_owned()))
        .bind(row.language.clone())
        .bind(row.last_agent.map(|agent| agent.to_string()))
        .bind(row.gave_back.map(|agent| agent.to_string()))
        .bind(row.active_at)
        .bind(awaiting.to_owned())
        .bind(message.map(|message: Uuid| message.to_string()))
        .bind(answer_at)
        .bind(row.idle_at())
        .bind(i64::from(part_of(&row.tenant, &row.thread.to_string())))
}

fn read(row: &AnyRow) -> Result<ThreadRow, Error> {
    let agent = maybe_uuid(row, 6)?;
    let reason: Option<String> = row.get(10);
    Ok(ThreadRow {
        thread: uuid(row, 0)?,
        tenant: row.get::<String, _>(1).into(),
        account: uuid(row, 2)?,
        channel: row.get(3),
        n: number(row, 4),
        owner: owner_of(&row.get::<String, _>(5), agent),
        tenure: number(row, 7),
        since: row.get::<Micros, _>(8),
        queue: row.get(9),
        reason: reason.and_then(|reason| reason.parse().ok()),
        language: row.get(11),
        last_agent: maybe_uuid(row, 12)?,
        gave_back: maybe_uuid(row, 13)?,
        active_at: row.get(14),
        awaiting: serde_json::from_str(&row.get::<String, _>(15)).map_err(broken)?,
    })
}

/// A count of a `BIGINT` column.
pub(crate) fn number(row: &AnyRow, place: usize) -> u32 {
    u32::try_from(row.get::<i64, _>(place)).unwrap_or(0)
}

/// An id of a `TEXT` column.
pub(crate) fn uuid(row: &AnyRow, place: usize) -> Result<Uuid, Error> {
    Uuid::try_parse(&row.get::<String, _>(place)).map_err(broken)
}

/// An id that may be missing.
pub(crate) fn maybe_uuid(row: &AnyRow, place: usize) -> Result<Option<Uuid>, Error> {
    let text: Option<String> = row.get(place);
    text.map(|text| Uuid::try_parse(&text)).transpose().map_err(broken)
}

/// A list of a `TEXT` column of JSON.
pub(crate) fn list(row: &AnyRow, place: usize) -> Result<Vec<String>, Error> {
    serde_json::from_str(&row.get::<String, _>(place)).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::Other(format!("a row of the model routing is broken: {error}"))
}
