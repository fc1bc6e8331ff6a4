//! What a worker holds of the due rows: one piece of work of an entity at a time, bounded per lane.

use super::work::{Done, Work};
use crate::error::Error;
use crate::position::Position;
use std::collections::{BTreeMap, HashMap};

const RETRY_DELAY_MIN_US: i64 = 50_000;
const RETRY_DELAY_MAX_US: i64 = 30_000_000;
/// A result is projected within this time; if not, its row is taken again, and its work finds itself done.
const PROJECTED_WITHIN_US: i64 = 10_000_000;
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
    pub(super) held: HashMap<String, Held>,
    pub(super) running_by_lane: HashMap<String, usize>,
    /// Until when a lane takes nothing.
    pub(super) paused: HashMap<String, i64>,
    failures: HashMap<String, u32>,
    /// The clock at the last look.
    seen_at: i64,
}

impl Claims {
    pub(super) fn take(&mut self, row: &Work, per_lane_max: usize, now: i64) -> bool {
        if self.paused.get(&row.lane).is_some_and(|until| *until > now) {
            return false;
        }
        let running = self.running_by_lane.get(&row.lane).copied().unwrap_or(0);
        if self.held.contains_key(&row.entity) || running >= per_lane_max {
            return false;
        }
        *self.running_by_lane.entry(row.lane.clone()).or_default() += 1;
        self.hold(row, Claim::Running);
        true
    }

    /// Whether nothing is taken and no lane is paused.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.paused.is_empty()
    }

    /// Whether this very row is taken. Another copy of it, from the table or of those that were put a moment ago, is not
    /// to be kept for later: by then its work is done.
    pub(super) fn has(&self, row: &Work) -> bool {
        self.held.get(&row.entity).is_some_and(|held| held.key == row.key && held.sequence == row.sequence)
    }

    fn hold(&mut self, row: &Work, claim: Claim) {
        self.held.insert(row.entity.clone(), Held { claim, key: row.key.clone(), sequence: row.sequence });
    }

    /// Lets go of what is projected or has waited long enough.
    pub(super) fn settle(&mut self, positions: &BTreeMap<u8, u64>, now: i64) {
        self.follow_clock(now);
        self.held.retain(|_, held| match &held.claim {
            Claim::Running => true,
            Claim::Until { position, latest } => {
                now < *latest && positions.get(&position.part).is_none_or(|at| *at < position.sequence)
            }
            Claim::After(at) => *at > now,
        });
        self.paused.retain(|_, until| *until > now);
    }

    pub(super) fn give_back(&mut self, kind: &str, row: &Work, result: Result<Done, Error>, now: i64) {
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
                        return;
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
        self.hold(row, claim);
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
                Claim::Running => {}
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
        assert!(claims.take(&row, 1, 0) && claims.has(&row));
        let position = Position { generation: 1, part: 0, sequence: 5 };
        claims.give_back("send", &row, Ok(Done::At(position)), 0);
        claims.settle(&BTreeMap::new(), 1);
        assert!(claims.has(&row), "its result is not projected yet");
        assert!(
            !claims.has(&Work { sequence: 2, ..row.clone() })
                && !claims.has(&Work { key: "k".into(), ..row.clone() })
        );
        claims.settle(&BTreeMap::from([(0, 5)]), 1);
        assert!(!claims.has(&row));
        claims.give_back("send", &row, Ok(Done::At(position)), 1);
        claims.settle(&BTreeMap::new(), PROJECTED_WITHIN_US + 1);
        assert!(!claims.has(&row), "its result is in a part that another replica reads");
    }

    #[test]
    fn a_clock_that_goes_back_an_hour_makes_nothing_wait_for_an_hour() {
        let (mut claims, nowhere) = (Claims::default(), BTreeMap::new());
        let (again, lane) = (work("a", "one"), work("b", "two"));
        let now = 10 * HOUR_US;
        claims.settle(&nowhere, now);
        assert!(claims.take(&again, 1, now) && claims.take(&lane, 1, now));
        claims.give_back("send", &again, Ok(Done::Again { after_ms: 2_000 }), now);
        claims.give_back("send", &lane, Ok(Done::LanePaused { after_ms: 2_000 }), now);
        let back = now - HOUR_US;
        claims.settle(&nowhere, back + 1_000_000);
        assert!(!claims.take(&again, 1, back) && !claims.take(&lane, 1, back), "they wait as long as before");
        claims.settle(&nowhere, back + 3_100_000);
        assert!(claims.take(&again, 1, back + 3_100_000) && claims.take(&lane, 1, back + 3_100_000));
    }
}
