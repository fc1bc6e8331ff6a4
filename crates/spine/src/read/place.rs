//! The order of the rows of a lane.

use super::work::Work;

/// Where a row stands in its lane: by time, then by message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) at: i64,
    pub(super) sequence: u64,
    pub(super) entity: String,
    pub(super) key: String,
}

impl Place {
    /// Before every row that is due at `at` or later.
    pub(super) fn before(at: i64) -> Self {
        Self { at, sequence: 0, entity: String::new(), key: String::new() }
    }

    pub(super) fn of(row: &Work) -> Self {
        Self { at: row.at, sequence: row.sequence, entity: row.entity.clone(), key: row.key.clone() }
    }

    pub(super) fn is_before(&self, row: &Work) -> bool {
        (self.at, self.sequence, &self.entity, &self.key) < (row.at, row.sequence, &row.entity, &row.key)
    }
}
