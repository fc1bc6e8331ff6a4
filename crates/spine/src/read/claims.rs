//! What a worker holds of the due rows: one piece of work of an entity at a time, bounded per lane.

use super::work::{Done, Work};
use crate::error::Error;
use crate::position::Position;
use std::collections::{BTreeMap, HashMap};

const RETRY_DELAY_MIN_US: i64 = 50_000;
const RETRY_DELAY_MAX_US: i64 = 30_000_000;
/// A result is projected within this time; if not, its row is taken again, and its work finds itself done.
const PROJECTED_WITHIN_US: i64 = 10_000_000;
/// A row that stays although its work had a result, such as an attempt that failed for now, is taken again so much later.
const STANDS_FOR_US: i64 = 100_000;
/// A clock that is set back by less than this delays nothing that anybody would notice.
const WENT_BACK_US: i64 = 1_000_000;

pub(super) enum Claim {
    Running,
    /// At the latest so long: whoever reads the part of the result may be another replica.
    Until {
        position: Position,
        latest: i64,
    },
    After(i64),
    /// It has waited, and whether the row is still to be worked on only the table knows. Of one that had a result it is
    /// not expected.
    Asked {
        had_result: bool,
    },
}

/// The row of an entity that is taken, and until when.
pub(super) struct Held {
    claim: Claim,
    key: String,
    sequence: u64,
}

/// What a worker has taken, and what it leaves alone for a while.
#[derive(Default)]
pub(super) struct Claims {
    /// By entity: one piece of work of an entity at a time, in order.
    held: HashMap<String, Held>,
    running_by_lane: HashMap<String, usize>,
    /// Until when a lane takes nothing.
    paused: HashMap<String, i64>,
    failures: HashMap<String, u32>,
    /// Entity and key of the rows that the table is to be asked for.
    asked: Vec<(String, String)>,
    /// The clock at the last look.
    seen_at: i64,
}

impl Claims {
    /// Whether the lane takes one more.
    pub(super) fn has_room(&self, lane: &str, per_lane_max: usize, now: i64) -> bool {
        self.paused.get(lane).is_none_or(|until| *until <= now)
            && self.running_by_lane.get(lane).is_none_or(|running| *running < per_lane_max)
    }

    /// Takes the row unless another one of its entity is taken.
    pub(super) fn take(&mut self, row: &Work) -> bool {
        if self.held.contains_key(&row.entity) {
            return false;
        }
        *self.running_by_lane.entry(row.lane.clone()).or_default() += 1;
        self.hold(row, Claim::Running);
        true
    }

    /// Whether this very row is taken. Another copy of it, from the table or of those that were put a moment ago, is not
    /// to be kept for later: by then its work is done.
    pub(super) fn has(&self, row: &Work) -> bool {
        self.held.get(&row.entity).is_some_and(|held| held.key == row.key && held.sequence == row.sequence)
    }

    fn hold(&mut self, row: &Work, claim: Claim) {
        self.held.insert(row.entity.clone(), Held { claim, key: row.key.clone(), sequence: row.sequence });
    }

    /// What is projected, or has waited long enough, is to be asked for: a result may leave its row, such as that of an attempt
    /// that failed for now, and one that another replica reads may have taken it away.
    pub(super) fn settle(&mut self, positions: &BTreeMap<u8, u64>, now: i64) {
        self.follow_clock(now);
        for (entity, held) in &mut self.held {
            let is_over = match &held.claim {
                Claim::Running | Claim::Asked { .. } => false,
                Claim::After(at) => *at <= now,
                Claim::Until { position, latest } => {
                    *latest <= now || positions.get(&position.part).is_some_and(|at| *at >= position.sequence)
                }
            };
            if is_over {
                held.claim = Claim::Asked { had_result: matches!(held.claim, Claim::Until { .. }) };
                self.asked.push((entity.clone(), held.key.clone()));
            }
        }
        self.paused.retain(|_, until| *until > now);
    }

    /// Entity and key of the rows that the table is to be asked for.
    pub(super) fn asked(&self) -> &[(String, String)] {
        &self.asked
    }

    /// The table was asked and holds these of the rows. Returns those that may begin.
    pub(super) fn answered(&mut self, rows: Vec<Work>, now: i64) -> Vec<Work> {
        let mut had_result = HashMap::new();
        for (entity, _) in self.asked.drain(..) {
            if let Some(Held { claim: Claim::Asked { had_result: true }, sequence, .. }) =
                self.held.remove(&entity)
            {
                had_result.insert(entity, sequence);
            }
        }
        let (unmoved, others) =
            rows.into_iter().partition(|row| had_result.get(&row.entity) == Some(&row.sequence));
        let unmoved: Vec<Work> = unmoved;
        unmoved.iter().for_each(|row| self.hold(row, Claim::After(now + STANDS_FOR_US)));
        others
    }

    /// When the first paused lane goes on.
    pub(super) fn first_unpaused(&self) -> Option<i64> {
        self.paused.values().min().copied()
    }

    /// What a piece of work came to. Returns the row where it waits as before, since its lane is paused.
    pub(super) fn give_back(
        &mut self,
        kind: &str,
        row: Work,
        result: Result<Done, Error>,
        now: i64,
    ) -> Option<Work> {
        if let Some(count) = self.running_by_lane.get_mut(&row.lane) {
            *count -= 1;
            if *count == 0 {
                self.running_by_lane.remove(&row.lane);
            }
        }
        let claim = match result {
            Ok(done) => {
                self.failures.remove(&row.entity);
                match done {
                    Done::At(position) => Claim::Until { position, latest: now + PROJECTED_WITHIN_US },
                    Done::Nothing => Claim::After(now),
                    Done::LanePaused { after_ms } => {
                        let until = now + i64::try_from(after_ms).unwrap_or(i64::MAX / 2_000) * 1_000;
                        self.paused.insert(row.lane.clone(), until);
                        self.held.remove(&row.entity);
                        return Some(row);
                    }
                    Done::Again { after_ms } => {
                        Claim::After(now + i64::try_from(after_ms).unwrap_or(i64::MAX / 2_000) * 1_000)
                    }
                }
            }
            Err(error) => {
                let failures = self.failures.entry(row.entity.clone()).or_default();
                *failures += 1;
                let delay = (RETRY_DELAY_MIN_US << (*failures).min(10)).min(RETRY_DELAY_MAX_US);
                tracing::warn!(
                    work.kind = kind, entity.subject = row.entity, work.failures = *failures, error = %super::batch::chain(&error),
                    "work failed and is tried again"
                );
                Claim::After(now + delay)
            }
        };
        self.hold(&row, claim);
        None
    }

    /// What waits waits for a while, not for a time of day: where the clock goes back, its end goes back with it.
    fn follow_clock(&mut self, now: i64) {
        let back = self.seen_at.saturating_sub(now);
        self.seen_at = now;
        if back < WENT_BACK_US {
            return;
        }
        for held in self.held.values_mut() {
            match &mut held.claim {
                Claim::After(at) | Claim::Until { latest: at, .. } => *at -= back,
                Claim::Running | Claim::Asked { .. } => {}
            }
        }
        self.paused.values_mut().for_each(|until| *until -= back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;

    fn work(entity: &str, lane: &str) -> Work {
        let (entity, lane) = (entity.to_owned(), lane.to_owned());
        let (key, body) = (String::new(), String::new());
        Work { entity, key, lane, at: 0, body, part: 0, sequence: 1, traceparent: None }
    }

    #[test]
    fn another_copy_of_a_row_that_is_taken_is_known_and_what_was_put_anew_is_not_it() {
        let (mut claims, row) = (Claims::default(), work("a", "one"));
        assert!(!claims.has(&row));
        assert!(claims.take(&row) && claims.has(&row));
        let position = Position { generation: 1, part: 0, sequence: 5 };
        claims.give_back("send", row.clone(), Ok(Done::At(position)), 0);
        claims.settle(&BTreeMap::new(), 1);
        assert!(claims.has(&row) && claims.asked().is_empty(), "its result is not projected yet");
        assert!(
            !claims.has(&Work { sequence: 2, ..row.clone() })
                && !claims.has(&Work { key: "k".into(), ..row.clone() })
        );
        claims.settle(&BTreeMap::from([(0, 5)]), 1);
        let asked = [(row.entity.clone(), row.key.clone())];
        assert_eq!(claims.asked(), asked, "a result may leave its row");
        claims.settle(&BTreeMap::from([(0, 5)]), 2);
        assert!(
            claims.has(&row) && claims.asked() == asked,
            "nothing of its entity begins before the table answers"
        );
        assert!(claims.answered(vec![row.clone()], 2).is_empty() && claims.has(&row), "it is no use at once");
        claims.settle(&BTreeMap::from([(0, 5)]), 2 + STANDS_FOR_US);
        assert_eq!(claims.answered(vec![row.clone()], 2 + STANDS_FOR_US).len(), 1);
        assert!(!claims.has(&row) && claims.asked().is_empty() && claims.take(&row));
        claims.give_back("send", row.clone(), Ok(Done::At(position)), 1);
        claims.settle(&BTreeMap::new(), PROJECTED_WITHIN_US + 1);
        assert_eq!(claims.asked(), asked, "its result is in a part that another replica reads");
    }

    #[test]
    fn a_clock_that_goes_back_an_hour_makes_nothing_wait_for_an_hour() {
        let (mut claims, nowhere) = (Claims::default(), BTreeMap::new());
        let (again, lane) = (work("a", "one"), work("b", "two"));
        let now = 10 * HOUR_US;
        claims.settle(&nowhere, now);
        assert!(claims.take(&again) && claims.take(&lane));
        claims.give_back("send", again.clone(), Ok(Done::Again { after_ms: 2_000 }), now);
        let waits = claims.give_back("send", lane.clone(), Ok(Done::LanePaused { after_ms: 2_000 }), now);
        assert_eq!(waits.map(|row| row.entity), Some(lane.entity.clone()));
        let back = now - HOUR_US;
        claims.settle(&nowhere, back + 1_000_000);
        assert!(
            claims.asked().is_empty() && !claims.take(&again) && !claims.has_room("two", 1, back),
            "they wait as long as before"
        );
        assert_eq!(claims.first_unpaused(), Some(back + 2_000_000 + 1_000_000));
        claims.settle(&nowhere, back + 3_100_000);
        assert_eq!(claims.asked().len(), 1);
        assert_eq!(claims.answered(vec![again.clone()], back + 3_100_000).len(), 1);
        assert!(claims.take(&again) && claims.has_room("two", 1, back + 3_100_000) && claims.take(&lane));
    }
}
