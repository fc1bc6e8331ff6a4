//! What the lanes of a reader tell the rest of the process: positions, statuses, what became of due rows.

use super::due::Told;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};

/// How far one part of a reader is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has not begun.
    Starting,
    /// It reads what was before it joined the tail.
    CatchingUp,
    /// It follows the tail.
    Live,
    /// Another replica has this part.
    Elsewhere,
    /// It met an event of a newer release and waits for one.
    Standing { reason: String },
    /// It stopped for good.
    Stopped { reason: String },
}

/// What a reader is at work on, for metrics that outlive it: whoever keeps this keeps no reader and no database open.
#[derive(Clone, Debug, Default)]
pub struct InHand(Arc<Mutex<BTreeMap<u8, i64>>>);

impl InHand {
    /// When the oldest message was stored that the reader has received and not committed, in microseconds; none when it
    /// has committed all.
    pub fn oldest(&self) -> Option<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().min().copied()
    }
}

/// What lanes tell the rest of the process.
pub(crate) struct Shared {
    pub(super) positions: watch::Sender<BTreeMap<u8, u64>>,
    pub(super) statuses: watch::Sender<BTreeMap<u8, Status>>,
    pub(crate) committed: Notify,
    /// Of each lane, by its first part: when the oldest message that it works on was stored.
    in_hand: InHand,
    /// The parts whose due rows are this process's to work on, and how often some ceased to be.
    worked: Mutex<(BTreeSet<u8>, u64)>,
    /// What became of due rows, and no worker has heard yet, by kind.
    told: Mutex<HashMap<&'static str, Vec<Told>>>,
}

/// What became of so many rows of one kind waits for its worker; beyond that it reads the table.
const TOLD_MAX: usize = 8_192;

impl Shared {
    pub(crate) fn new(parts: impl IntoIterator<Item = u8>) -> Self {
        Self {
            positions: watch::Sender::new(BTreeMap::new()),
            statuses: watch::Sender::new(parts.into_iter().map(|part| (part, Status::Starting)).collect()),
            committed: Notify::new(),
            in_hand: InHand::default(),
            worked: Mutex::default(),
            told: Mutex::default(),
        }
    }

    pub(crate) fn positions(&self) -> watch::Receiver<BTreeMap<u8, u64>> {
        self.positions.subscribe()
    }

    pub(crate) fn set_status(&self, part: u8, status: Status) {
        self.statuses.send_modify(|statuses| {
            statuses.insert(part, status);
        });
        self.committed.notify_waiters();
    }

    /// From now on the parts' due rows are this process's to work on, or another's.
    pub(super) fn set_worked(&self, parts: &[u8], is_ours: bool) {
        let mut worked = self.worked.lock().unwrap_or_else(PoisonError::into_inner);
        match is_ours {
            true => worked.0.extend(parts),
            false => {
                let before = worked.0.len();
                worked.0.retain(|part| !parts.contains(part));
                worked.1 += u64::from(worked.0.len() < before);
            }
        }
        drop(worked);
        self.committed.notify_waiters();
    }

    pub(super) fn works_in(&self, part: u8) -> bool {
        self.worked.lock().unwrap_or_else(PoisonError::into_inner).0.contains(&part)
    }

    /// How often some parts ceased to be this process's to work on.
    pub(super) fn ends(&self) -> u64 {
        self.worked.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Waits until the part has caught up.
    pub(super) async fn until_live(&self, part: u8) {
        let mut statuses = self.statuses.subscribe();
        // The sender lives as long as this.
        let _ = statuses.wait_for(|statuses| statuses.get(&part) == Some(&Status::Live)).await;
    }

    pub(crate) fn committed(&self, positions: &BTreeMap<u8, u64>, told: Vec<(&'static str, Told)>) {
        // Before the positions: whoever knows that a result is projected finds that its row was handed over.
        {
            let mut waiting = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            for (kind, told) in told {
                let rows = waiting.entry(kind).or_default();
                // A kind without a worker, or one that is behind, finds its rows in the table.
                if rows.len() < TOLD_MAX {
                    rows.push(told);
                }
            }
        }
        self.positions.send_modify(|known| known.extend(positions));
        self.committed.notify_waiters();
    }

    /// A lane works on messages of which the oldest was stored then; none when it is done with them.
    pub(super) fn works_on(&self, lane: u8, oldest: Option<i64>) {
        let mut in_hand = self.in_hand.0.lock().unwrap_or_else(PoisonError::into_inner);
        match oldest {
            Some(at) => in_hand.insert(lane, at),
            None => in_hand.remove(&lane),
        };
    }

    pub(super) fn in_hand(&self) -> InHand {
        self.in_hand.clone()
    }

    /// What became of rows of a kind since the last call, and whether something may be missing.
    pub(crate) fn take_told(&self, kind: &str) -> (Vec<Told>, bool) {
        let mut waiting = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = waiting.get_mut(kind).map(std::mem::take).unwrap_or_default();
        let full = rows.len() >= TOLD_MAX;
        (rows, full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_end_once_and_those_that_another_replica_has_never_began() {
        let shared = Shared::new(0..4);
        shared.set_worked(&[0, 1], true);
        assert_eq!(shared.ends(), 0);
        shared.set_worked(&[2, 3], false);
        assert_eq!(shared.ends(), 0);
        shared.set_worked(&[1, 2], false);
        shared.set_worked(&[1, 2], false);
        assert_eq!((shared.ends(), shared.works_in(0), shared.works_in(1)), (1, true, false));
    }
}
