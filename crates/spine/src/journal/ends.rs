//! Where the journal ends.

use crate::address::{PARTS, part_of};

/// The last sequence of each part of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalEnds(pub(super) [u64; PARTS as usize]);

impl JournalEnds {
    /// Of a journal that holds nothing.
    pub const NONE: Self = Self::all(0);

    /// Of a journal all of whose parts end at one sequence.
    pub const fn all(sequence: u64) -> Self {
        Self([sequence; PARTS as usize])
    }

    /// The end of the part that holds the account's requests.
    pub fn of(&self, tenant: &str, account: &str) -> u64 {
        self.0[usize::from(part_of(tenant, account))]
    }
}
