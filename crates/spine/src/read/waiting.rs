//! What waits in a worker's memory: of each lane the oldest due rows, as the table has them.

use super::claims::Claims;
use super::look::Found;
use super::place::Place;
use super::work::{Work, WorkLimits};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

/// What is kept in memory; the rest is read from the table when it is its turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Rows of one lane that are put or, once half of memory is taken, read.
    pub(super) lane_rows_max: usize,
    /// Rows of all lanes. Beyond that what is put is left to the table, and of each lane it is read from only what comes next.
    pub(super) rows_max: usize,
    /// Rows of one lane that are read at once, and while memory is full.
    pub(super) read_rows: usize,
    pub(super) read_rows_full: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { lane_rows_max: 2_048, rows_max: 16_384, read_rows: 256, read_rows_full: 16 }
    }
}

impl Bounds {
    /// Up to how many known rows a lane is read on, where `count` rows of all lanes are known. Rows that may not begin leave
    /// room for those behind them while half of memory is free.
    fn rows_of_lane(&self, count: usize) -> usize {
        match count {
            _ if count < self.rows_max / 2 => self.rows_max,
            _ if count < self.rows_max => self.lane_rows_max,
            _ => self.read_rows,
        }
    }
}

/// The rows of a lane that are known. There is none beyond `reach`: an older one may be missing there.
struct Lane {
    rows: VecDeque<Work>,
    /// Up to where all rows of the table are here or taken; none where this goes for all that are due.
    reach: Option<Place>,
    /// When the first row is due that is not yet, as far as is known.
    next: i64,
}

impl Default for Lane {
    fn default() -> Self {
        Self { rows: VecDeque::new(), reach: None, next: i64::MAX }
    }
}

impl Lane {
    /// Where the row is, or belongs.
    fn index_of(&self, row: &Work) -> Result<usize, usize> {
        let place = |row: &Work| (row.at, row.sequence);
        self.rows.binary_search_by(|known| {
            place(known)
                .cmp(&place(row))
                .then_with(|| (&known.entity, &known.key).cmp(&(&row.entity, &row.key)))
        })
    }

    /// What comes after `place` is read from the table again. Returns how many rows are forgotten.
    fn forget_after(&mut self, place: Place) -> usize {
        let (count, known) = (self.rows.len(), self.rows.partition_point(|row| !place.is_before(row)));
        self.rows.truncate(known);
        if self.reach.as_ref().is_none_or(|reach| place < *reach) {
            self.reach = Some(place);
        }
        count - known
    }

    /// What was not due has come due.
    fn read_from_next(&mut self) -> usize {
        let next = std::mem::replace(&mut self.next, i64::MAX);
        self.forget_after(Place::before(next))
    }

    fn is_behind(&self, row: &Work) -> bool {
        self.reach.as_ref().is_some_and(|reach| reach.is_before(row))
    }

    fn is_over(&self) -> bool {
        self.rows.is_empty() && self.reach.is_none() && self.next == i64::MAX
    }
}

/// What the table holds of a lane behind its known rows.
pub(super) struct Read<'a> {
    /// Oldest first; fewer than the limit are all that are due.
    pub(super) rows: Vec<Work>,
    pub(super) limit: usize,
    /// When the first one behind all that are due is due, where those are all.
    pub(super) next: i64,
    /// Up to where it is known of each part what became of rows.
    pub(super) heard: &'a BTreeMap<u8, u64>,
}

/// What one pass over the lanes found.
#[derive(Default)]
pub(super) struct Pass {
    /// What is taken, and begins.
    pub(super) taken: Vec<Work>,
    /// A lane that could begin more than is known of it, and up to where it is known.
    pub(super) wants: Option<(String, Place)>,
    /// When the first known row is due that is not yet.
    pub(super) wake: Option<i64>,
}

/// All lanes of a worker that have rows, or may have.
#[derive(Default)]
pub(super) struct Waiting {
    lanes: BTreeMap<String, Lane>,
    /// The lane at which the last pass ended; the next one begins behind it.
    turn: String,
    /// The lane that was to be read on last.
    wanted: String,
    /// Rows of all lanes.
    count: usize,
    bounds: Bounds,
}

impl Waiting {
    #[cfg(test)]
    fn bounded(bounds: Bounds) -> Self {
        Self { bounds, ..Self::default() }
    }

    pub(super) fn clear(&mut self) {
        (self.lanes, self.count) = (BTreeMap::new(), 0);
    }

    /// A row that was put a moment ago, or that is to be tried again. One that is due after `until`, or behind what is known of
    /// its lane, is found in the table when its turn comes.
    pub(super) fn put(&mut self, mut row: Work, until: i64) {
        let lane = self.lanes.entry(row.lane.clone()).or_default();
        if row.at > until {
            lane.next = lane.next.min(row.at);
            return;
        }
        if lane.next <= row.at {
            self.count -= lane.read_from_next();
        }
        if lane.is_behind(&row) {
            return;
        }
        match lane.index_of(&row) {
            // One of them was read from the table, and only the other knows its trace.
            Ok(index) => {
                row.traceparent = row.traceparent.or_else(|| lane.rows[index].traceparent.take());
                lane.rows[index] = row;
            }
            Err(index) => {
                lane.rows.insert(index, row);
                self.count += 1;
                if self.count > self.bounds.rows_max || lane.rows.len() > self.bounds.lane_rows_max {
                    // The last one is left to the table.
                    let last = lane.rows.len().checked_sub(2).map(|last| Place::of(&lane.rows[last]));
                    self.count -= lane.forget_after(last.unwrap_or_else(|| Place::before(i64::MIN)));
                }
            }
        }
    }

    /// What the table's lanes hold, as a look over all of them found. They are read anew, whatever is known of them: a
    /// row may also be put by another process, or be gone.
    pub(super) fn found(&mut self, found: Vec<Found>, until: i64) {
        self.clear();
        for Found { lane, first, next } in found {
            let reach = (first <= until).then(|| Place::before(i64::MIN));
            self.lanes.insert(lane, Lane { rows: VecDeque::new(), reach, next });
        }
    }

    /// What has come due since it was put is read from the table.
    pub(super) fn come_due(&mut self, until: i64) {
        for lane in self.lanes.values_mut().filter(|lane| lane.next <= until) {
            self.count -= lane.read_from_next();
        }
    }

    /// How many rows of a lane are to be read at once.
    pub(super) fn read_rows(&self) -> usize {
        match self.count < self.bounds.rows_max {
            true => self.bounds.read_rows,
            false => self.bounds.read_rows_full,
        }
    }

    /// Takes over what was read of a lane, up to the first row of a message that was not heard of: an older row of its entity
    /// may have been put with it, before what is known. False when there is one.
    pub(super) fn read(&mut self, lane: &str, read: Read<'_>, claims: &Claims) -> bool {
        let Read { mut rows, limit, next, heard } = read;
        let found = rows.len();
        let is_heard = |row: &Work| heard.get(&row.part).is_none_or(|at| row.sequence <= *at);
        rows.truncate(rows.iter().position(|row| !is_heard(row)).unwrap_or(found));
        let is_whole = rows.len() == found;
        let Some(lane) = self.lanes.get_mut(lane) else { return is_whole };
        match rows.last() {
            _ if is_whole && found < limit => lane.reach = None,
            Some(last) => lane.reach = Some(Place::of(last)),
            None => {}
        }
        lane.next = lane.next.min(next);
        let before = lane.rows.len();
        lane.rows.extend(rows.into_iter().filter(|row| !claims.has(row)));
        self.count += lane.rows.len() - before;
        is_whole
    }

    /// Takes what may begin, of each lane its oldest rows, at most `room`, up to the first lane that must be read on before.
    /// The one that was read last waits until the others have had their turn.
    pub(super) fn pass(&mut self, claims: &mut Claims, limits: WorkLimits, now: i64, room: usize) -> Pass {
        let mut pass = Pass::default();
        let after = (Bound::Excluded(self.turn.clone()), Bound::Unbounded);
        let up_to = (Bound::Unbounded, Bound::Included(self.turn.clone()));
        let (mut done, mut again) = (Vec::new(), None);
        'lanes: for range in [after, up_to] {
            for (name, lane) in self.lanes.range_mut(range) {
                if pass.taken.len() >= room {
                    break 'lanes;
                }
                let is_hungry = take(lane, name, claims, (limits.per_lane_max, now, room), &mut pass);
                match &lane.reach {
                    Some(reach) if is_hungry && lane.rows.len() < self.bounds.rows_of_lane(self.count) => {
                        let wants = Some((name.clone(), reach.clone()));
                        if *name != self.wanted {
                            // Its turn goes on once it is read on.
                            pass.wants = wants;
                            break 'lanes;
                        }
                        again = wants;
                    }
                    _ => {}
                }
                self.turn.clone_from(name);
                if lane.is_over() {
                    done.push(name.clone());
                }
            }
        }
        self.count -= pass.taken.len();
        pass.wants = pass.wants.or(again);
        if let Some((lane, _)) = &pass.wants {
            self.wanted.clone_from(lane);
        }
        done.iter().for_each(|name| drop(self.lanes.remove(name)));
        pass
    }
}

/// Takes of one lane what may begin. True where it could begin more than is known of it.
fn take(
    lane: &mut Lane,
    name: &str,
    claims: &mut Claims,
    (per_lane_max, now, room): (usize, i64, usize),
    pass: &mut Pass,
) -> bool {
    let mut index = 0;
    while claims.has_room(name, per_lane_max, now) && pass.taken.len() < room {
        let Some(row) = lane.rows.get(index) else { return true };
        if row.at > now {
            pass.wake = Some(pass.wake.map_or(row.at, |wake| wake.min(row.at)));
            return false;
        }
        match claims.take(row) {
            true => pass.taken.extend(lane.rows.remove(index)),
            false => index += 1,
        }
    }
    false
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "turns_tests.rs"]
mod turns;
