//! What a worker knows of its rows: those that wait in memory, those that it took, and when to look into the table.

use super::claims::Claims;
use super::look::{Lanes, Place, Wanted, next_due, oldest, stretch};
use super::reader::Reader;
use super::waiting::{LANE_ROWS_MAX, Waiting};
use super::work::{Done, Work, WorkLimits};
use crate::error::Error;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// A worker wakes so often, also when nothing was committed, and looks into the table if anything may be due: for timers
/// and a moved clock.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Rows that a look passes over at most beside lanes that it leaves out; the next one goes on behind them.
const PASSED_MAX: usize = 2_500;
/// Before the first row.
const BEGINNING: (i64, i64) = (i64::MIN + 1, 0);
/// It looks so often whatever it knows.
const LOOK_LATEST: Duration = Duration::from_secs(5);

/// What the last look at the table told, so that where nothing happens it need not be asked again.
struct Seen {
    at: Instant,
    /// When the first row is due, as far as is known.
    next: i64,
}

/// What a worker knows of its rows.
pub(super) struct Worker<'r> {
    reader: &'r Reader,
    kind: &'static str,
    limits: WorkLimits,
    claims: Claims,
    waiting: Waiting,
    place: Place,
    look_at: Instant,
    /// Behind which row the next look beside other lanes begins.
    looked_at: (i64, i64),
    /// Whether these looks began before the first row and have left out none since.
    looked_at_all: bool,
    seen: Option<Seen>,
}

impl<'r> Worker<'r> {
    pub(super) fn new(reader: &'r Reader, kind: &'static str, limits: WorkLimits) -> Self {
        let (claims, waiting, place) = (Claims::default(), Waiting::default(), place_of(reader));
        let (look_at, looked_at) = (Instant::now(), BEGINNING);
        Self {
            reader,
            kind,
            limits,
            claims,
            waiting,
            place,
            look_at,
            looked_at,
            looked_at_all: false,
            seen: None,
        }
    }

    /// When to look, and to wake, at the latest.
    pub(super) fn look_at(&self) -> Instant {
        self.look_at
    }

    /// What became of a row.
    pub(super) fn give_back(&mut self, row: &Work, result: Result<Done, Error>) {
        if let Some(row) = self.claims.give_back(self.kind, row, result, self.now()) {
            self.waiting.put_back(row);
        }
    }

    fn now(&self) -> i64 {
        self.reader.inner().log.clock().now()
    }

    /// Lets go of what is done, and takes over what was put since the last time.
    pub(super) fn take_stock(&mut self) {
        let again = self.claims.settle(&self.reader.positions(), self.now());
        again.into_iter().for_each(|row| self.waiting.put_back(row));
        let (place, (fresh, some_missing)) =
            (place_of(self.reader), self.reader.inner().shared.take_fresh(self.kind));
        if place != self.place {
            self.place = place;
            self.waiting.clear();
            self.look_anew();
        }
        if some_missing {
            self.waiting.missed();
            self.look_anew();
        }
        self.free(fresh).into_iter().for_each(|row| self.waiting.add(row));
    }

    fn look_anew(&mut self) {
        (self.look_at, self.seen) = (Instant::now(), None);
        (self.looked_at, self.looked_at_all) = (BEGINNING, false);
    }

    /// Looks into the table when it is time to and something may be due that nobody told of, and may begin.
    pub(super) async fn look(&mut self, has_room: bool) {
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
        let begins = self.looked_at == BEGINNING;
        let last = rows.last().filter(|_| rows.len() == count);
        self.looked_at_all = last.is_none() && (begins || self.looked_at_all);
        self.looked_at = last
            .map(|row| (row.at, i64::try_from(row.sequence).unwrap_or(i64::MAX)))
            .or(stretch.end)
            .unwrap_or(BEGINNING);
        if self.looked_at == BEGINNING && self.looked_at_all {
            self.waiting.looked_at_all();
        }
        let rows = self.free(rows);
        self.waiting.read_beside(rows);
        Ok(())
    }

    /// The next row to begin.
    pub(super) async fn next(&mut self) -> Option<Work> {
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

    /// Those that are not taken.
    fn free(&self, rows: Vec<Work>) -> Vec<Work> {
        rows.into_iter().filter(|row| !self.claims.has(row)).collect()
    }

    fn cannot_read(&self, error: &Error) {
        tracing::warn!(work.kind = self.kind, error = %super::batch::chain(error), "what is due cannot be read; trying again");
    }
}

fn place_of(reader: &Reader) -> Place {
    Place { slot: reader.model().slot, parts: reader.live_parts() }
}
