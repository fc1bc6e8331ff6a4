//! Due rows that wait in memory for a free place, by lane: a lane that is full costs nobody else a look at its rows.

use super::claims::Claims;
use super::work::Work;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Rows of one lane in memory; what is beyond waits in the table.
pub(super) const LANE_ROWS_MAX: usize = 512;
/// Rows in memory from which on lanes get only as many as they can begin.
pub(super) const ROWS_MAX: usize = 8_192;
/// A lane that waits in the table, too, is read again when it has fewer rows left than this.
const FEW: usize = LANE_ROWS_MAX / 8;
/// It is read again after this at the earliest: what was read may all be of entities that are taken.
pub(super) const READ_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The rows of one lane, oldest first.
#[derive(Default)]
struct Lane {
    rows: VecDeque<Work>,
    /// Younger rows wait in the table, and are read when these run out. Without one, these are all that are due.
    rest: Option<Rest>,
}

struct Rest {
    not_before: Instant,
}

impl Lane {
    /// Puts a row of the table before what of its entity came later.
    fn insert(&mut self, row: Work) {
        let is_later =
            |known: &Work| known.entity == row.entity && (known.at, known.sequence) > (row.at, row.sequence);
        let place = self.rows.iter().position(is_later).unwrap_or(self.rows.len());
        self.rows.insert(place, row);
    }

    fn is_done(&self) -> bool {
        self.rows.is_empty() && self.rest.is_none()
    }
}

/// What waits.
#[derive(Default)]
pub(super) struct Waiting {
    lanes: HashMap<String, Lane>,
    /// Whose turn it is, first in front.
    turns: VecDeque<String>,
    rows: usize,
    /// Of a lane that is not among these nothing is due. Before that is known, a lane's first rows are those of the table:
    /// what was put a moment ago may have others of its entity before it.
    is_complete: bool,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Forgets everything: it stands in the table.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Lanes of which the table holds more.
    pub(super) fn in_table(&self) -> impl Iterator<Item = &String> {
        self.lanes.iter().filter(|(_, lane)| lane.rest.is_some()).map(|(name, _)| name)
    }

    /// A row that was put a moment ago. Behind rows that wait in the table it waits there, too.
    /// Whether it is known here, or to wait for its lane to be read.
    pub(super) fn add(&mut self, row: Work) -> bool {
        let (name, has_room) = (row.lane.clone(), self.rows < ROWS_MAX);
        let lane = self.lane(&name);
        // A look may have found it already.
        if lane.rows.iter().any(|known| known.is_same(&row)) {
            return true;
        }
        if lane.rest.is_none() && has_room && lane.rows.len() < LANE_ROWS_MAX {
            lane.rows.push_back(row);
            self.rows += 1;
            return true;
        }
        lane.rest.get_or_insert_with(|| Rest { not_before: Instant::now() });
        false
    }

    /// Rows were put that nobody handed over: they may be of any lane.
    pub(super) fn missed(&mut self) {
        let rest = || Rest { not_before: Instant::now() };
        self.is_complete = false;
        self.lanes.values_mut().for_each(|lane| lane.rest = Some(lane.rest.take().unwrap_or_else(rest)));
    }

    /// The oldest rows of the table; `has_more` when it holds more of them. What waited is among them.
    pub(super) fn read(&mut self, rows: Vec<Work>, has_more: bool) {
        self.clear();
        self.is_complete = true;
        self.read_beside(rows);
        if has_more {
            self.missed();
        }
    }

    /// Rows of lanes whose rows are not read lane by lane. Those that wait already are among them.
    pub(super) fn read_beside(&mut self, rows: Vec<Work>) {
        for row in rows {
            let has_room = self.rows < ROWS_MAX;
            let name = row.lane.clone();
            let lane = self.lane(&name);
            if lane.rest.is_some() || lane.rows.iter().any(|known| known.is_same(&row)) {
                continue;
            }
            if has_room && lane.rows.len() < LANE_ROWS_MAX {
                lane.insert(row);
                self.rows += 1;
            } else {
                lane.rest = Some(Rest { not_before: Instant::now() });
            }
        }
    }

    /// All of the table was looked at: a lane that is not among these has nothing there.
    pub(super) fn looked_at_all(&mut self) {
        self.is_complete = true;
    }

    /// Whether the table may hold something of lanes that are not among these.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Of a lane nothing is known; it is read when it has room.
    pub(super) fn doubt(&mut self, name: &str) {
        self.lane(name);
    }

    /// The rows of an entity as the table has them now, oldest first, before all others: something of it is to be tried
    /// again.
    pub(super) fn replace(&mut self, lane: &str, entity: &str, rows: Vec<Work>) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            let before = lane.rows.len();
            lane.rows.retain(|row| row.entity != entity);
            self.rows -= before - lane.rows.len();
        }
        for row in rows.into_iter().rev() {
            let name = row.lane.clone();
            self.lane(&name).rows.push_front(row);
            self.rows += 1;
        }
    }

    /// A lane that has few rows left while the table holds more, and how many to read. None while nothing of it
    /// may begin.
    pub(super) fn wants(&self, claims: &Claims, per_lane_max: usize) -> Option<(String, usize)> {
        let now = Instant::now();
        let (name, _) = self.want(claims, per_lane_max).find(|(_, at)| *at <= now)?;
        let count = if self.rows < ROWS_MAX { LANE_ROWS_MAX } else { per_lane_max };
        Some((name.clone(), count))
    }

    /// When the next lane is to be read.
    pub(super) fn wants_at(&self, claims: &Claims, per_lane_max: usize) -> Option<Instant> {
        self.want(claims, per_lane_max).map(|(_, at)| at).min()
    }

    fn want(&self, claims: &Claims, per_lane_max: usize) -> impl Iterator<Item = (&String, Instant)> {
        self.lanes.iter().filter_map(move |(name, lane)| {
            let rest = lane.rest.as_ref().filter(|_| lane.rows.len() < FEW)?;
            claims.has_room(name, per_lane_max).then_some((name, rest.not_before))
        })
    }

    /// The oldest rows of a lane in the table that are not taken; `has_more` when it holds more.
    pub(super) fn read_lane(&mut self, name: &str, rows: Vec<Work>, has_more: bool) {
        let count = rows.len();
        let lane = self.lane(name);
        let before = std::mem::replace(&mut lane.rows, rows.into()).len();
        lane.rest = has_more.then(|| Rest { not_before: Instant::now() + READ_AGAIN_AFTER });
        let is_done = lane.is_done();
        self.rows = self.rows + count - before;
        if is_done {
            self.lanes.remove(name);
            self.turns.retain(|known| known != name);
        }
    }

    /// A lane could not be read.
    pub(super) fn put_off(&mut self, name: &str) {
        if let Some(rest) = self.lanes.get_mut(name).and_then(|lane| lane.rest.as_mut()) {
            rest.not_before = Instant::now() + READ_AGAIN_AFTER;
        }
    }

    /// The next row to begin, lanes in turns, and of a lane the oldest whose entity is free. Rows that are taken already or
    /// are none of ours go; of those that are not due yet, the first one's time is told to `later`.
    pub(super) fn next(
        &mut self,
        claims: &mut Claims,
        per_lane_max: usize,
        (live, now): (&[u8], i64),
        mut later: impl FnMut(i64),
    ) -> Option<Work> {
        for _ in 0..self.turns.len() {
            let name = self.turns.pop_front()?;
            let Some(lane) = self.lanes.get_mut(&name) else { continue };
            let (before, mut index, mut found) = (lane.rows.len(), 0, None);
            while claims.has_room(&name, per_lane_max)
                && let Some(row) = lane.rows.get(index)
            {
                let is_later = row.at > now;
                if is_later {
                    later(row.at);
                }
                if is_later || !live.contains(&row.part) || claims.has(row) {
                    lane.rows.remove(index);
                } else if claims.take(row, per_lane_max, now) {
                    found = lane.rows.remove(index);
                    break;
                } else {
                    index += 1;
                }
            }
            self.rows -= before - lane.rows.len();
            if lane.is_done() {
                self.lanes.remove(&name);
            } else {
                self.turns.push_back(name);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn lane(&mut self, name: &str) -> &mut Lane {
        let rest = (!self.is_complete).then(|| Rest { not_before: Instant::now() });
        self.lanes.entry(name.to_owned()).or_insert_with(|| {
            self.turns.push_back(name.to_owned());
            Lane { rows: VecDeque::new(), rest }
        })
    }
}
