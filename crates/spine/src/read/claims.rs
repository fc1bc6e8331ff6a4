//! What a worker holds of the due rows: one piece of work of an entity at a time, bounded per lane.

use super::work::{Done, Work};
use crate::error::Error;
use crate::position::Position;
use std::collections::{BTreeMap, HashMap};

const RETRY_DELAY_MIN_US: i64 = 50_000;
const RETRY_DELAY_MAX_US: i64 = 30_000_000;
/// A result is projected within this time; if not, its row is taken again, and its work finds itself done.
const PROJECTED_WITHIN_US: i64 = 10_000_000;
/// A row that stays although its work had a result, such as an attempt that failed for now, is taken again so much later, and
/// twice as late each time that it stays again, up to 64 times.
const STANDS_FOR_US: i64 = 100_000;
const STANDS_DOUBLED_MAX: u32 = 6;
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
    /// Its row is known to be in the table no more.
    is_gone: bool,
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
    /// By entity: a row that stayed although its work had a result, and how often.
    stayed: HashMap<String, (u64, u32)>,
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
        let is_gone = self.has(row) && self.held[&row.entity].is_gone;
        let (key, sequence) = (row.key.clone(), row.sequence);
        self.held.insert(row.entity.clone(), Held { claim, key, sequence, is_gone });
    }

    /// The row is in the table no more; without a key all of the entity.
    pub(super) fn gone(&mut self, entity: &str, key: Option<&str>) {
        if let Some(held) = self.held.get_mut(entity)
            && key.is_none_or(|key| key == held.key)
        {
            held.is_gone = true;
        }
    }

    /// It was put: should it be the one that is taken, it is not gone any more.
    pub(super) fn put(&mut self, row: &Work) {
        if let Some(held) = self.held.get_mut(&row.entity)
            && held.key == row.key
        {
            held.is_gone = false;
        }
    }

    /// Forgets what was counted of entities of which nothing is taken: others may work on them now.
    pub(super) fn forget_others(&mut self) {
        let Self { held, failures, stayed, .. } = self;
        failures.retain(|entity, _| held.contains_key(entity));
        stayed.retain(|entity, _| held.contains_key(entity));
    }

    /// Lets go of what is projected and gone. What else is projected, or has waited long enough, is to be asked for: a result
    /// may leave its row, such as that of an attempt that failed for now, and one that another replica reads may have taken
    /// it away.
    pub(super) fn settle(&mut self, positions: &BTreeMap<u8, u64>, now: i64) {
        self.follow_clock(now);
        let Self { held, asked, stayed, .. } = self;
        held.retain(|entity, held| {
            let is_over = match &held.claim {
                Claim::Running | Claim::Asked { .. } => false,
                Claim::After(at) => *at <= now || held.is_gone,
                Claim::Until { position, latest } => {
                    *latest <= now || positions.get(&position.part).is_some_and(|at| *at >= position.sequence)
                }
            };
            let had_result = matches!(held.claim, Claim::Until { .. });
            if is_over && had_result && held.is_gone {
                stayed.remove(entity);
                return false;
            }
            if is_over {
                held.claim = Claim::Asked { had_result };
                asked.push((entity.clone(), held.key.clone()));
            }
            true
        });
        self.paused.retain(|_, until| *until > now);
    }

    /// Entity and key of the rows that the table is to be asked for.
    pub(super) fn asked(&self) -> &[(String, String)] {
        &self.asked
    }

    /// The table was asked and holds these of the rows. Returns those that may begin. One that a newer message put anew is
    /// none of them: it waits like any other, behind what came before it.
    pub(super) fn answered(&mut self, rows: Vec<Work>, now: i64) -> Vec<Work> {
        let mut rows: HashMap<String, Work> = rows.into_iter().map(|row| (row.entity.clone(), row)).collect();
        let mut may_begin = Vec::new();
        for (entity, _) in std::mem::take(&mut self.asked) {
            let Some(held) = self.held.remove(&entity) else { continue };
            let Some(row) = rows.remove(&entity).filter(|row| row.sequence == held.sequence) else {
                self.stayed.remove(&entity);
                self.failures.remove(&entity);
                continue;
            };
            if !matches!(held.claim, Claim::Asked { had_result: true }) {
                may_begin.push(row);
                continue;
            }
            let (of, times) = self.stayed.entry(entity).or_default();
            *times = if *of == row.sequence { (*times + 1).min(STANDS_DOUBLED_MAX) } else { 0 };
            *of = row.sequence;
            let until = now + (STANDS_FOR_US << *times);
            self.hold(&row, Claim::After(until));
        }
        may_begin
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
#[path = "claims_tests.rs"]
mod tests;
