//! Due rows that wait in memory for a free place, by lane: a lane that is full costs nobody else a look at its rows.

use super::claims::Claims;
use super::work::Work;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Rows of one lane in memory; what is beyond waits in the table.
pub(super) const LANE_ROWS_MAX: usize = 512;
/// Rows in memory from which on lanes get only as many as they can begin.
const ROWS_MAX: usize = 8_192;
/// A lane that waits in the table, too, is read again when it has fewer rows left than this.
const FEW: usize = LANE_ROWS_MAX / 8;
/// It is read again after this at the earliest: what was read may all be of entities that are taken.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(50);

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
    pub(super) fn add(&mut self, row: Work) {
        let (name, has_room) = (row.lane.clone(), self.rows < ROWS_MAX);
        let lane = self.lane(&name);
        if lane.rest.is_some() {
            return;
        }
        if has_room && lane.rows.len() < LANE_ROWS_MAX {
            lane.rows.push_back(row);
            self.rows += 1;
        } else {
            lane.rest = Some(Rest { not_before: Instant::now() });
        }
    }

    /// Rows were put that nobody handed over: they may be of any lane.
    pub(super) fn missed(&mut self) {
        let rest = || Rest { not_before: Instant::now() };
        self.lanes.values_mut().for_each(|lane| lane.rest = Some(lane.rest.take().unwrap_or_else(rest)));
    }

    /// The oldest rows of the table; `has_more` when it holds more of them. What waited is among them.
    pub(super) fn read(&mut self, rows: Vec<Work>, has_more: bool) {
        self.clear();
        self.read_beside(rows);
        if has_more {
            self.missed();
        }
    }

    /// Rows of lanes that have none in memory; those of others are looked for when theirs are begun.
    pub(super) fn read_beside(&mut self, rows: Vec<Work>) {
        let known: HashSet<String> = self.lanes.keys().cloned().collect();
        rows.into_iter().filter(|row| !known.contains(&row.lane)).for_each(|row| self.add(row));
    }

    /// A lane that has few rows left while the table holds more, and how many to read. None while nothing of it
    /// may begin.
    pub(super) fn wants(&self, claims: &Claims, per_lane_max: usize) -> Option<(String, usize)> {
        let now = Instant::now();
        let wants = |(name, lane): &(&String, &Lane)| {
            let is_time = lane.rest.as_ref().is_some_and(|rest| rest.not_before <= now);
            is_time && lane.rows.len() < FEW && claims.has_room(name, per_lane_max)
        };
        let (name, _) = self.lanes.iter().find(wants)?;
        let count = if self.rows < ROWS_MAX { LANE_ROWS_MAX } else { per_lane_max };
        Some((name.clone(), count))
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
        if !self.lanes.contains_key(name) {
            self.turns.push_back(name.to_owned());
        }
        self.lanes.entry(name.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Position;
    use crate::read::work::Done;

    const LIVE: &[u8] = &[0];

    fn row(lane: &str, number: u64) -> Work {
        Work {
            entity: format!("{lane}-{number}"),
            key: String::new(),
            lane: lane.into(),
            at: 0,
            body: String::new(),
            part: 0,
            sequence: number,
            traceparent: None,
        }
    }

    fn rows(lane: &str, numbers: std::ops::Range<u64>) -> Vec<Work> {
        numbers.map(|number| row(lane, number)).collect()
    }

    fn next(waiting: &mut Waiting, claims: &mut Claims) -> Option<String> {
        waiting.next(claims, 2, (LIVE, 0), |_| {}).map(|row| row.entity)
    }

    fn many() -> u64 {
        LANE_ROWS_MAX as u64
    }

    #[test]
    fn lanes_take_turns_and_a_full_one_waits() {
        let (mut waiting, mut claims) = (Waiting::default(), Claims::default());
        rows("a", 0..4).into_iter().chain(rows("b", 0..1)).for_each(|row| waiting.add(row));
        let begun: Vec<String> = std::iter::from_fn(|| next(&mut waiting, &mut claims)).collect();
        assert_eq!(begun, ["a-0", "b-0", "a-1"]);
        claims.give_back("send", &row("a", 0), Ok(Done::Nothing), 0);
        assert_eq!(next(&mut waiting, &mut claims).as_deref(), Some("a-2"));
    }

    #[test]
    fn of_an_entity_that_is_taken_nothing_begins_and_the_next_one_does() {
        let (mut waiting, mut claims) = (Waiting::default(), Claims::default());
        let again = Work { sequence: 7, ..row("a", 0) };
        [row("a", 0), again.clone(), row("a", 1)].into_iter().for_each(|row| waiting.add(row));
        assert_eq!(next(&mut waiting, &mut claims).as_deref(), Some("a-0"));
        assert_eq!(next(&mut waiting, &mut claims).as_deref(), Some("a-1"));
        let done = Position { generation: 1, part: 0, sequence: 9 };
        claims.give_back("send", &row("a", 0), Ok(Done::At(done)), 0);
        claims.settle(&[(0, 9)].into(), 1);
        let taken = waiting.next(&mut claims, 2, (LIVE, 1), |_| {}).map(|row| row.sequence);
        assert_eq!((taken, waiting.is_empty()), (Some(7), true));
    }

    #[test]
    fn what_is_not_due_or_of_others_goes_and_its_time_is_told() {
        let (mut waiting, mut claims, mut told) = (Waiting::default(), Claims::default(), Vec::new());
        waiting.add(Work { at: 50, ..row("a", 0) });
        waiting.add(Work { part: 3, ..row("a", 1) });
        assert!(waiting.next(&mut claims, 2, (LIVE, 10), |at| told.push(at)).is_none());
        assert_eq!((told, waiting.is_empty()), (vec![50], true));
    }

    #[test]
    fn a_deep_lane_waits_in_the_table_and_what_is_put_later_waits_behind_it() {
        let (mut waiting, mut claims) = (Waiting::default(), Claims::default());
        rows("a", 0..many() + 1).into_iter().for_each(|row| waiting.add(row));
        assert_eq!(waiting.in_table().collect::<Vec<_>>(), ["a"]);
        assert_eq!(waiting.wants(&claims, 2), None, "it has enough");
        waiting.read_lane("a", rows("a", 1..3), true);
        waiting.add(row("a", 9_999));
        std::thread::sleep(READ_AGAIN_AFTER);
        assert_eq!(waiting.wants(&claims, 2), Some(("a".into(), LANE_ROWS_MAX)));
        let begun: Vec<String> = std::iter::from_fn(|| next(&mut waiting, &mut claims)).collect();
        assert_eq!(begun, ["a-1", "a-2"]);
        assert_eq!(waiting.wants(&claims, 2), None, "none of it may begin");
        claims.give_back("send", &row("a", 1), Ok(Done::Nothing), 0);
        claims.settle(&[].into(), 1);
        assert!(waiting.wants(&claims, 2).is_some());
        waiting.read_lane("a", rows("a", 3..4), false);
        assert_eq!(waiting.in_table().count(), 0);
        waiting.add(row("a", 4));
        assert_eq!(next(&mut waiting, &mut claims).as_deref(), Some("a-3"));
    }

    #[test]
    fn a_look_replaces_what_waited_and_one_beside_it_adds_lanes() {
        let (mut waiting, mut claims) = (Waiting::default(), Claims::default());
        waiting.add(row("a", 0));
        waiting.read_beside(rows("a", 7..8).into_iter().chain(rows("b", 5..7)).collect());
        let begun: Vec<String> = std::iter::from_fn(|| next(&mut waiting, &mut claims)).collect();
        assert_eq!(begun, ["a-0", "b-5", "b-6"]);
        waiting.add(row("a", 9));
        waiting.read(rows("c", 0..2), true);
        assert_eq!(waiting.in_table().collect::<Vec<_>>(), ["c"]);
        assert_eq!(waiting.rows, 2);
        waiting.clear();
        assert!(waiting.is_empty());
    }

    #[test]
    fn rows_that_nobody_handed_over_may_be_of_any_lane_and_memory_is_bounded() {
        let mut waiting = Waiting::default();
        waiting.add(row("a", 0));
        waiting.missed();
        assert_eq!(waiting.in_table().count(), 1);
        let lanes = ROWS_MAX / LANE_ROWS_MAX;
        for lane in 0..lanes + 3 {
            rows(&lane.to_string(), 0..many()).into_iter().for_each(|row| waiting.add(row));
        }
        assert_eq!(waiting.rows, ROWS_MAX);
        assert_eq!(waiting.wants(&Claims::default(), 2).map(|(_, count)| count), Some(2));
    }
}
