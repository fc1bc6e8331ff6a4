//! Workers: take what is due, in order per entity, paced per lane, bounded, until its result is in the log.

use super::claims::Claims;
use super::reader::Reader;
use crate::db::{Model, Slot};
use crate::error::Error;
use crate::position::Position;
use sqlx::{AssertSqlSafe, Row};
use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A worker wakes so often, also when nothing was committed, and looks into the table if anything may be due: for timers
/// and a moved clock.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// It looks so often whatever it knows.
const LOOK_LATEST: Duration = Duration::from_secs(5);
/// Fresh rows that wait in memory for a free entity or lane; beyond that the table is read.
const BACKLOG_MAX: usize = 4_096;

/// One due row.
#[derive(Clone, Debug)]
pub struct Work {
    /// The subject of the entity.
    pub entity: String,
    pub key: String,
    pub lane: String,
    pub at: i64,
    pub body: String,
    /// The message that made it due.
    pub part: u8,
    pub sequence: u64,
    /// The trace of that message, known only to the process that projected it a moment ago.
    pub traceparent: Option<String>,
}

/// What became of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Its result stands at this position; the row goes when that is projected.
    At(Position),
    /// Nothing is to be done any more, as a state that knows the row's own message says: the row goes, unless
    /// a newer message has put it again.
    Nothing,
    /// Try again after so many milliseconds.
    Again { after_ms: u64 },
    /// The row's whole lane takes nothing for so many milliseconds: none of its rows is looked at meanwhile.
    LanePaused { after_ms: u64 },
}

/// What the last look at the table told, so that where nothing happens it need not be asked again.
struct Seen {
    at: Instant,
    /// Of which slot and parts.
    slot: Slot,
    parts: Vec<u8>,
    /// When the first row is due, as far as is known.
    next: i64,
}

impl Seen {
    fn says_that_nothing_is_due(&self, reader: &Reader, now: i64) -> bool {
        let is_fresh = self.at.elapsed() < LOOK_LATEST && now < self.next;
        is_fresh && self.slot == reader.model().slot && self.parts == reader.live_parts()
    }
}

/// Bounds of one kind of work.
#[derive(Clone, Copy, Debug)]
pub struct WorkLimits {
    pub in_flight_max: usize,
    /// At the same time in one lane, so that one slow account delays no other.
    pub per_lane_max: usize,
}

/// Works on what is due of `kind` until `shutdown`, then waits for what is in flight.
///
/// An error of `handle` is logged and the row is tried again with a growing delay: work is idempotent, since
/// its cause makes its message id and the law decides.
///
/// # Errors
/// Only when the worker itself cannot go on.
pub async fn work<F, Fut>(
    reader: &Reader,
    kind: &'static str,
    limits: WorkLimits,
    shutdown: &CancellationToken,
    handle: F,
) -> Result<(), Error>
where
    F: Fn(Work) -> Fut,
    Fut: Future<Output = Result<Done, Error>> + Send + 'static,
{
    let clock = reader.inner().log.clock().clone();
    let mut claims = Claims::default();
    let mut running: JoinSet<(Work, Result<Done, Error>)> = JoinSet::new();
    // Fresh rows that could not be taken at once, for the moment when their entity or lane is free.
    let mut backlog: VecDeque<Work> = VecDeque::new();
    let (mut look_at, mut seen) = (Instant::now(), None::<Seen>);
    loop {
        let committed = reader.committed();
        tokio::pin!(committed);
        // Registered before the look, so that a commit during it is not missed.
        committed.as_mut().enable();
        claims.settle(&reader.positions(), clock.now());
        let (fresh, some_missing) = reader.inner().shared.take_fresh(kind);
        backlog.extend(fresh);
        if some_missing || backlog.len() > BACKLOG_MAX {
            (look_at, seen) = (Instant::now(), None);
        }
        let has_nothing = backlog.is_empty() && claims.is_empty();
        let is_time = Instant::now() >= look_at;
        if is_time && running.len() < limits.in_flight_max {
            let is_known = |seen: &Seen| seen.says_that_nothing_is_due(reader, clock.now());
            if !has_nothing || !seen.as_ref().is_some_and(is_known) {
                match due(reader, kind, &claims, limits, clock.now()).await {
                    // The table holds all that the backlog holds.
                    Ok((rows, told)) => (backlog, seen) = (rows.into(), Some(told)),
                    Err(error) => {
                        tracing::warn!(work.kind = kind, error = %super::batch::chain(&error), "what is due cannot be read; trying again");
                    }
                }
            }
        }
        if is_time {
            look_at = Instant::now() + LOOK_EVERY;
        }
        let (live, now) = (reader.live_parts(), clock.now());
        for _ in 0..backlog.len() {
            let Some(row) = backlog.pop_front() else { break };
            if row.at > now || !live.contains(&row.part) || claims.has(&row) {
                // If it is due still, it is found in the table when its time has come.
                if let Some(seen) = &mut seen {
                    seen.next = seen.next.min(row.at);
                }
                continue;
            }
            if running.len() >= limits.in_flight_max || !claims.take(&row, limits.per_lane_max, now) {
                backlog.push_back(row);
                continue;
            }
            // It may be due again without another message.
            seen = None;
            let (future, reader) = (handle(row.clone()), reader.clone());
            running.spawn(async move {
                let result = match future.await {
                    Ok(Done::Nothing) => forget(&reader, kind, &row).await,
                    other => other,
                };
                (row, result)
            });
        }
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = &mut committed => {}
            () = tokio::time::sleep_until(look_at) => {}
            Some(ended) = running.join_next() => {
                let (row, result) = ended.map_err(|error| Error::Other(format!("work of kind {kind} panicked: {error}")))?;
                claims.give_back(kind, &row, result, clock.now());
            }
        }
    }
    while running.join_next().await.is_some() {}
    Ok(())
}

async fn due(
    reader: &Reader,
    kind: &str,
    claims: &Claims,
    limits: WorkLimits,
    now: i64,
) -> Result<(Vec<Work>, Seen), Error> {
    let (parts, model) = (reader.live_parts(), reader.model());
    let mut seen = Seen { at: Instant::now(), slot: model.slot, parts: parts.clone(), next: now };
    if parts.is_empty() {
        seen.next = i64::MAX;
        return Ok((Vec::new(), seen));
    }
    let busy = claims.running_by_lane.iter().filter(|(_, count)| **count >= limits.per_lane_max);
    let full: BTreeSet<&String> = busy.map(|(lane, _)| lane).chain(claims.paused.keys()).collect();
    let list = |from: usize, count: usize| {
        (from..from + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(",")
    };
    let mut text = format!(
        "SELECT entity, key, lane, at, body, part, sequence FROM due WHERE kind = $1 AND at <= $2 AND part IN ({})",
        list(4, parts.len())
    );
    if !full.is_empty() {
        text.push_str(&format!(" AND lane NOT IN ({})", list(4 + parts.len(), full.len())));
    }
    text.push_str(" ORDER BY at, sequence LIMIT $3");
    // Held rows stay in the table until their result is projected, so the look must reach past them.
    let count = limits.in_flight_max + claims.held.len();
    let mut query =
        sqlx::query(AssertSqlSafe(text)).bind(kind).bind(now).bind(i64::try_from(count).unwrap_or(i64::MAX));
    for part in &parts {
        query = query.bind(i32::from(*part));
    }
    for lane in &full {
        query = query.bind(*lane);
    }
    let rows = query.fetch_all(model.store.reads()).await.map_err(Error::database("read what is due"))?;
    let found = rows.iter().map(|row| Work {
        entity: row.get(0),
        key: row.get(1),
        lane: row.get(2),
        at: row.get(3),
        body: row.get(4),
        part: u8::try_from(row.get::<i32, _>(5)).unwrap_or(0),
        sequence: u64::try_from(row.get::<i64, _>(6)).unwrap_or(0),
        traceparent: None,
    });
    if rows.is_empty() && full.is_empty() {
        seen.next = next_due(&model, kind, &parts, now).await?;
    }
    Ok((found.filter(|row| !claims.held.contains_key(&row.entity)).collect(), seen))
}

/// When the first row of the kind is due that is not yet.
async fn next_due(model: &Model, kind: &str, parts: &[u8], now: i64) -> Result<i64, Error> {
    let list: Vec<String> = parts.iter().map(u8::to_string).collect();
    let text =
        format!("SELECT MIN(at) FROM due WHERE kind = $1 AND at > $2 AND part IN ({})", list.join(","));
    let next: Option<i64> = sqlx::query_scalar(AssertSqlSafe(text))
        .bind(kind)
        .bind(now)
        .fetch_one(model.store.reads())
        .await
        .map_err(Error::database("read what is due next"))?;
    Ok(next.unwrap_or(i64::MAX))
}

/// Removes a row whose work is moot. A rebuild brings it back and it is found moot again.
async fn forget(reader: &Reader, kind: &str, row: &Work) -> Result<Done, Error> {
    let model = reader.model();
    sqlx::query(
        "DELETE FROM due WHERE kind = $1 AND entity = $2 AND key = $3 AND part = $4 AND sequence = $5",
    )
    .bind(kind)
    .bind(&row.entity)
    .bind(&row.key)
    .bind(i32::from(row.part))
    .bind(i64::try_from(row.sequence).unwrap_or(i64::MAX))
    .execute(model.store.write())
    .await
    .map_err(Error::database("remove a moot due row"))?;
    Ok(Done::Nothing)
}
