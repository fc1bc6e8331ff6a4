//! What a worker knows of its rows: those that wait in memory, those that it took, and when to look into the table.

use super::claims::Claims;
use super::look::{Lanes, Place, Stretch, Wanted, next_due, of_entity, oldest, stretch};
use super::reader::Reader;
use super::waiting::{LANE_ROWS_MAX, Waiting};
use super::work::{Done, Work, WorkLimits};
use crate::error::Error;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// A worker wakes so often, also when nothing was committed, and looks into the table if anything may be due: for timers
/// and a moved clock.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Rows that a look passes over at most beside lanes that it leaves out; the next one goes on behind them.
const PASSED_MAX: usize = 2_500;
/// Where a look found more than it takes, the next one comes so soon.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// Lanes that are read between two beginnings, and entities of which something is tried again.
const LANES_READ_MAX: usize = 8;
const TRIED_AGAIN_MAX: usize = 32;
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
    /// Up to when a look found what had become due.
    looked_until: i64,
    /// What is to be tried again, with what else its entity has by now.
    again: VecDeque<Work>,
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
            looked_until: 0,
            again: VecDeque::new(),
            seen: None,
        }
    }

    /// When to wake at the latest.
    pub(super) fn wake_at(&self, has_room: bool) -> Instant {
        if !has_room {
            return Instant::now() + LOOK_EVERY;
        }
        let wanted = self.waiting.wants_at(&self.claims, self.limits.per_lane_max);
        let again = (!self.again.is_empty()).then(|| Instant::now() + LOOK_AGAIN_AFTER);
        wanted.into_iter().chain(again).fold(self.look_at, Instant::min)
    }

    /// What became of a row.
    pub(super) fn give_back(&mut self, row: &Work, result: Result<Done, Error>) {
        self.again.extend(self.claims.give_back(self.kind, row, result, self.now()));
    }

    fn now(&self) -> i64 {
        self.reader.inner().log.clock().now()
    }

    /// Lets go of what is done, and takes over what was put since the last time.
    pub(super) fn take_stock(&mut self) {
        self.again.extend(self.claims.settle(&self.reader.positions(), self.now()));
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
        for row in self.free(fresh) {
            if !self.waiting.add(row) {
                self.seen = None;
            }
        }
    }

    fn look_anew(&mut self) {
        (self.look_at, self.seen) = (Instant::now(), None);
        (self.looked_at, self.looked_at_all) = (BEGINNING, false);
    }

    /// Reads what may begin: what is tried again, what nobody told of when it is time to look, and lanes that run out.
    pub(super) async fn read(&mut self) {
        let read = match self.read_again().await {
            Ok(()) => self.look().await,
            failed => failed,
        };
        let read = match read {
            Ok(()) => self.read_lanes().await,
            failed => failed,
        };
        if let Err(error) = read {
            tracing::warn!(work.kind = self.kind, error = %super::batch::chain(&error), "what is due cannot be read; trying again");
        }
    }

    /// Entities of which something is tried again, as the table has them by now.
    async fn read_again(&mut self) -> Result<(), Error> {
        for _ in 0..TRIED_AGAIN_MAX {
            let Some(row) = self.again.front() else { return Ok(()) };
            let rows = of_entity(&self.reader.model(), &self.wanted(), &row.entity, LANE_ROWS_MAX).await?;
            let Some(row) = self.again.pop_front() else { return Ok(()) };
            self.claims.release(&row.entity);
            self.waiting.replace(&row.lane, &row.entity, rows);
        }
        Ok(())
    }

    async fn look(&mut self) -> Result<(), Error> {
        if Instant::now() < self.look_at {
            return Ok(());
        }
        self.look_at = Instant::now() + LOOK_EVERY;
        let is_idle = self.waiting.is_empty() && self.claims.is_empty();
        let nothing_is_due = |seen: &Seen| seen.at.elapsed() < LOOK_LATEST && self.now() < seen.next;
        if is_idle && self.seen.as_ref().is_some_and(nothing_is_due) {
            return Ok(());
        }
        let busy: BTreeSet<String> = self.claims.without_room(self.limits.per_lane_max).cloned().collect();
        if !self.waiting.is_complete() {
            busy.iter().for_each(|lane| self.waiting.doubt(lane));
        }
        let deep: BTreeSet<String> = self.waiting.in_table().cloned().collect();
        match deep.is_empty() && busy.is_empty() {
            true => self.read_all().await,
            false => self.read_beside(busy, deep).await,
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
            self.look_at = Instant::now() + LOOK_AGAIN_AFTER;
        }
        Ok(())
    }

    /// Reads rows of other lanes than those that take nothing now, or whose rows are read lane by lane: what became due since
    /// the last look, and a stretch of the table each time.
    async fn read_beside(&mut self, busy: BTreeSet<String>, deep: BTreeSet<String>) -> Result<(), Error> {
        let (model, wanted) = (self.reader.model(), self.wanted());
        let count = LANE_ROWS_MAX + self.claims.held.len();
        let (now, behind) = (wanted.now, (self.looked_until, i64::MAX));
        let newest = Stretch { behind, end: None };
        let mut rows = oldest(&model, &wanted, Lanes::AllBut(&deep, &newest), count).await?;
        let left_out: BTreeSet<String> = busy.into_iter().chain(deep).collect();
        let stretch = stretch(&model, &wanted, self.looked_at, PASSED_MAX).await?;
        let older = oldest(&model, &wanted, Lanes::AllBut(&left_out, &stretch), count).await?;
        let begins = self.looked_at == BEGINNING;
        let last = older.last().filter(|_| older.len() == count);
        self.looked_at_all = last.is_none() && (begins || self.looked_at_all);
        self.looked_at = last
            .map(|row| (row.at, i64::try_from(row.sequence).unwrap_or(i64::MAX)))
            .or(stretch.end)
            .unwrap_or(BEGINNING);
        self.looked_until = now;
        rows.extend(older);
        let rows = self.free(rows);
        self.waiting.read_beside(rows);
        if self.looked_at == BEGINNING && self.looked_at_all {
            self.waiting.looked_at_all();
        }
        Ok(())
    }

    /// Reads lanes that have few rows left while the table holds more.
    async fn read_lanes(&mut self) -> Result<(), Error> {
        for _ in 0..LANES_READ_MAX {
            let wanted = self.waiting.wants(&self.claims, self.limits.per_lane_max);
            let Some((lane, count)) = wanted else { return Ok(()) };
            // If it fails it is not asked again at once.
            self.waiting.put_off(&lane);
            let count = count + self.claims.held.len();
            let rows = oldest(&self.reader.model(), &self.wanted(), Lanes::One(&lane), count).await?;
            let has_more = rows.len() == count;
            let rows = self.free(rows);
            self.waiting.read_lane(&lane, rows, has_more);
        }
        Ok(())
    }

    /// The next row to begin.
    pub(super) fn next(&mut self) -> Option<Work> {
        let (now, seen) = (self.now(), &mut self.seen);
        let later = |at: i64| {
            // It is found in the table when its time has come, if it is due still.
            if let Some(seen) = seen {
                seen.next = seen.next.min(at);
            }
        };
        let per_lane_max = self.limits.per_lane_max;
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
}

fn place_of(reader: &Reader) -> Place {
    Place { slot: reader.model().slot, parts: reader.live_parts() }
}
