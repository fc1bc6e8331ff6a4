//! Workers: take what is due, in order per entity, paced per lane, bounded, until its result is in the log.

use super::claims::Claims;
use super::look::{Lanes, Place, Wanted, next_due, oldest, stretch};
use super::reader::Reader;
use super::waiting::{LANE_ROWS_MAX, Waiting};
use crate::error::Error;
use crate::position::Position;
use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A worker wakes so often, also when nothing was committed, and looks into the table if anything may be due: for timers
/// and a moved clock.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Rows that a look passes over at most beside lanes that it leaves out; the next one goes on behind them.
const PASSED_MAX: usize = 5_000;
/// Before the first row.
const BEGINNING: (i64, i64) = (i64::MIN + 1, 0);
/// It looks so often whatever it knows.
const LOOK_LATEST: Duration = Duration::from_secs(5);

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
    /// When the first row is due, as far as is known.
    next: i64,
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
    let mut worker = Worker::new(reader, kind, limits);
    let mut running: JoinSet<(Work, Result<Done, Error>)> = JoinSet::new();
    loop {
        let committed = reader.committed();
        tokio::pin!(committed);
        // Registered before the look, so that a commit during it is not missed.
        committed.as_mut().enable();
        worker.take_stock();
        worker.look(running.len() < limits.in_flight_max).await;
        while running.len() < limits.in_flight_max {
            let Some(row) = worker.next().await else { break };
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
            () = tokio::time::sleep_until(worker.look_at) => {}
            Some(ended) = running.join_next() => {
                let (row, result) = ended.map_err(|error| Error::Other(format!("work of kind {kind} panicked: {error}")))?;
                worker.claims.give_back(kind, &row, result, worker.now());
            }
        }
    }
    while running.join_next().await.is_some() {}
    Ok(())
}

/// What a worker knows of its rows.
struct Worker<'r> {
    reader: &'r Reader,
    kind: &'static str,
    limits: WorkLimits,
    claims: Claims,
    waiting: Waiting,
    place: Place,
    look_at: Instant,
    /// Behind which row the next look beside other lanes begins.
    looked_at: (i64, i64),
    seen: Option<Seen>,
}

impl<'r> Worker<'r> {
    fn new(reader: &'r Reader, kind: &'static str, limits: WorkLimits) -> Self {
        let (claims, waiting, place) = (Claims::default(), Waiting::default(), place_of(reader));
        let (look_at, looked_at) = (Instant::now(), BEGINNING);
        Self { reader, kind, limits, claims, waiting, place, look_at, looked_at, seen: None }
    }

    fn now(&self) -> i64 {
        self.reader.inner().log.clock().now()
    }

    /// Lets go of what is done, and takes over what was put since the last time.
    fn take_stock(&mut self) {
        self.claims.settle(&self.reader.positions(), self.now());
        let place = place_of(self.reader);
        if place != self.place {
            (self.place, self.look_at, self.seen) = (place, Instant::now(), None);
            self.waiting.clear();
        }
        let (fresh, some_missing) = self.reader.inner().shared.take_fresh(self.kind);
        if some_missing {
            (self.look_at, self.seen) = (Instant::now(), None);
            self.waiting.missed();
        }
        fresh.into_iter().for_each(|row| self.waiting.add(row));
    }

    /// Looks into the table when it is time to and something may be due that nobody told of, and may begin.
    async fn look(&mut self, has_room: bool) {
        if Instant::now() < self.look_at {
            return;
        }
        self.look_at = Instant::now() + LOOK_EVERY;
        let is_idle = self.waiting.is_empty() && self.claims.is_empty();
        let nothing_is_due = |seen: &Seen| seen.at.elapsed() < LOOK_LATEST && self.now() < seen.next;
        if !has_room || (is_idle && self.seen.as_ref().is_some_and(nothing_is_due)) {
            return;
        }
        let busy = self.claims.without_room(self.limits.per_lane_max);
        let left_out: BTreeSet<String> = busy.chain(self.waiting.in_table()).cloned().collect();
        let read =
            if left_out.is_empty() { self.read_all().await } else { self.read_beside(&left_out).await };
        if let Err(error) = read {
            self.cannot_read(&error);
        }
    }

    async fn read_all(&mut self) -> Result<(), Error> {
        let mut seen = Seen { at: Instant::now(), next: self.now() };
        // Held rows stay in the table until their result is projected, so the look must reach past them.
        let count = LANE_ROWS_MAX + self.claims.held.len();
        let (model, wanted) = (self.reader.model(), self.wanted());
        let rows = oldest(&model, &wanted, Lanes::All, count).await?;
        if rows.is_empty() {
            seen.next = next_due(&model, &wanted).await?;
        }
        self.seen = Some(seen);
        let has_more = rows.len() == count;
        let rows = self.free(rows);
        self.waiting.read(rows, has_more);
        if has_more {
            // Of lanes that are not among these.
            self.look_at = Instant::now();
        }
        Ok(())
    }

    /// Reads rows of other lanes than those that take nothing now, or whose rows are read lane by lane: a stretch of the
    /// table each time.
    async fn read_beside(&mut self, left_out: &BTreeSet<String>) -> Result<(), Error> {
        let (model, wanted) = (self.reader.model(), self.wanted());
        let stretch = stretch(&model, &wanted, self.looked_at, PASSED_MAX).await?;
        let count = LANE_ROWS_MAX + self.claims.held.len();
        let rows = oldest(&model, &wanted, Lanes::AllBut(left_out, &stretch), count).await?;
        if rows.len() < count {
            self.looked_at = stretch.end.unwrap_or(BEGINNING);
        }
        let rows = self.free(rows);
        self.waiting.read_beside(rows);
        Ok(())
    }

    /// The next row to begin.
    async fn next(&mut self) -> Option<Work> {
        let per_lane_max = self.limits.per_lane_max;
        while let Some((lane, count)) = self.waiting.wants(&self.claims, per_lane_max) {
            let count = count + self.claims.held.len();
            match oldest(&self.reader.model(), &self.wanted(), Lanes::One(&lane), count).await {
                Ok(rows) => {
                    let has_more = rows.len() == count;
                    let rows = self.free(rows);
                    self.waiting.read_lane(&lane, rows, has_more);
                }
                Err(error) => {
                    self.cannot_read(&error);
                    self.waiting.put_off(&lane);
                }
            }
        }
        let (now, seen) = (self.now(), &mut self.seen);
        let later = |at: i64| {
            // It is found in the table when its time has come, if it is due still.
            if let Some(seen) = seen {
                seen.next = seen.next.min(at);
            }
        };
        let row = self.waiting.next(&mut self.claims, per_lane_max, (&self.place.parts, now), later)?;
        // It may be due again without another message.
        self.seen = None;
        Some(row)
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted { kind: self.kind, parts: &self.place.parts, now: self.now() }
    }

    /// Those whose entity is free.
    fn free(&self, rows: Vec<Work>) -> Vec<Work> {
        rows.into_iter().filter(|row| !self.claims.held.contains_key(&row.entity)).collect()
    }

    fn cannot_read(&self, error: &Error) {
        tracing::warn!(work.kind = self.kind, error = %super::batch::chain(error), "what is due cannot be read; trying again");
    }
}

fn place_of(reader: &Reader) -> Place {
    Place { slot: reader.model().slot, parts: reader.live_parts() }
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
