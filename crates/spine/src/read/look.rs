//! What is due, read from the table.

use super::work::Work;
use crate::db::{Model, Slot};
use crate::error::Error;
use sqlx::{AssertSqlSafe, Row};
use std::collections::BTreeSet;

/// Whose rows of a kind are asked for.
pub(super) struct Wanted<'a> {
    pub(super) kind: &'static str,
    /// None of others.
    pub(super) parts: &'a [u8],
    /// Not later than this.
    pub(super) now: i64,
}

/// Lanes to read.
pub(super) enum Lanes<'a> {
    All,
    One(&'a str),
    /// Of a stretch of the table: who looks past thousands of rows of others takes one stretch after the other.
    AllBut(&'a BTreeSet<String>, &'a Stretch),
}

/// Behind one row and up to another, by time and sequence. Without an end it goes to the last row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) behind: (i64, i64),
    pub(super) end: Option<(i64, i64)>,
}

/// Where rows were looked for: another slot or other parts hold others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) slot: Slot,
    pub(super) parts: Vec<u8>,
}

/// The oldest `count` rows that are due.
pub(super) async fn oldest(
    model: &Model,
    wanted: &Wanted<'_>,
    lanes: Lanes<'_>,
    count: usize,
) -> Result<Vec<Work>, Error> {
    if wanted.parts.is_empty() {
        return Ok(Vec::new());
    }
    let list = |from: usize, count: usize| {
        (from..from + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(",")
    };
    let (first, parts) = (4 + wanted.parts.len(), list(4, wanted.parts.len()));
    let of_lanes = match &lanes {
        Lanes::All => String::new(),
        Lanes::One(_) => format!(" AND lane = ${first}"),
        Lanes::AllBut(lanes, _) => format!(
            " AND (at, sequence) > (${first}, ${}) AND (at, sequence) <= (${}, ${}) AND lane NOT IN ({})",
            first + 1,
            first + 2,
            first + 3,
            list(first + 4, lanes.len())
        ),
    };
    let text = format!(
        "SELECT entity, key, lane, at, body, part, sequence FROM due
         WHERE kind = $1 AND at <= $2 AND part IN ({parts}){of_lanes} ORDER BY at, sequence LIMIT $3"
    );
    // By the time alone the index knows where a stretch ends.
    let until = match &lanes {
        Lanes::AllBut(_, Stretch { end: Some((at, _)), .. }) => *at,
        _ => wanted.now,
    };
    let mut query = sqlx::query(AssertSqlSafe(text))
        .bind(wanted.kind)
        .bind(until)
        .bind(i64::try_from(count).unwrap_or(i64::MAX));
    for part in wanted.parts {
        query = query.bind(i32::from(*part));
    }
    match lanes {
        Lanes::All => {}
        Lanes::One(lane) => query = query.bind(lane),
        Lanes::AllBut(lanes, Stretch { behind, end }) => {
            let end = end.unwrap_or((i64::MAX, i64::MAX));
            query = query.bind(behind.0).bind(behind.1).bind(end.0).bind(end.1);
            for lane in lanes {
                query = query.bind(lane);
            }
        }
    }
    let rows = query.fetch_all(model.store.reads()).await.map_err(Error::database("read what is due"))?;
    Ok(rows.iter().map(work_of).collect())
}

/// The rows of one entity that are due, oldest first.
pub(super) async fn of_entity(
    model: &Model,
    wanted: &Wanted<'_>,
    entity: &str,
    count: usize,
) -> Result<Vec<Work>, Error> {
    let text = "SELECT entity, key, lane, at, body, part, sequence FROM due
                WHERE kind = $1 AND entity = $2 AND at <= $3 ORDER BY at, sequence LIMIT $4";
    let rows = sqlx::query(text)
        .bind(wanted.kind)
        .bind(entity)
        .bind(wanted.now)
        .bind(i64::try_from(count).unwrap_or(i64::MAX))
        .fetch_all(model.store.reads())
        .await
        .map_err(Error::database("read what is due of an entity"))?;
    Ok(rows.iter().map(work_of).filter(|row| wanted.parts.contains(&row.part)).collect())
}

fn work_of(row: &sqlx::any::AnyRow) -> Work {
    Work {
        entity: row.get(0),
        key: row.get(1),
        lane: row.get(2),
        at: row.get(3),
        body: row.get(4),
        part: u8::try_from(row.get::<i32, _>(5)).unwrap_or(0),
        sequence: u64::try_from(row.get::<i64, _>(6)).unwrap_or(0),
        traceparent: None,
    }
}

/// The stretch of `count` rows that begins behind a row.
pub(super) async fn stretch(
    model: &Model,
    wanted: &Wanted<'_>,
    behind: (i64, i64),
    count: usize,
) -> Result<Stretch, Error> {
    let text = "SELECT at, sequence FROM due WHERE kind = $1 AND at <= $2 AND (at, sequence) > ($3, $4)
                ORDER BY at, sequence LIMIT 1 OFFSET $5";
    let end: Option<(i64, i64)> = sqlx::query_as(text)
        .bind(wanted.kind)
        .bind(wanted.now)
        .bind(behind.0)
        .bind(behind.1)
        .bind(i64::try_from(count).unwrap_or(i64::MAX))
        .fetch_optional(model.store.reads())
        .await
        .map_err(Error::database("read what is due"))?;
    Ok(Stretch { behind, end })
}

/// When the first row of the kind is due that is not yet.
pub(super) async fn next_due(model: &Model, wanted: &Wanted<'_>) -> Result<i64, Error> {
    let list: Vec<String> = wanted.parts.iter().map(u8::to_string).collect();
    if list.is_empty() {
        return Ok(i64::MAX);
    }
    let text =
        format!("SELECT MIN(at) FROM due WHERE kind = $1 AND at > $2 AND part IN ({})", list.join(","));
    let next: Option<i64> = sqlx::query_scalar(AssertSqlSafe(text))
        .bind(wanted.kind)
        .bind(wanted.now)
        .fetch_one(model.store.reads())
        .await
        .map_err(Error::database("read what is due next"))?;
    Ok(next.unwrap_or(i64::MAX))
}
