//! What the last look at the tables told, so that where nothing happens they need not be asked again.

use events::Micros;
use spine::Reader;
use spine::db::Slot;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The tables are looked at so often whatever is known: another replica may have changed a tenant's settings.
const LOOK_LATEST: Duration = Duration::from_secs(5);

/// How the tables stood at a look, and until when nothing in them is late.
#[derive(Debug)]
pub(super) struct Seen {
    at: Instant,
    slot: Slot,
    parts: Vec<u8>,
    positions: BTreeMap<u8, u64>,
    next: Micros,
}

impl Seen {
    pub(super) fn now(reader: &Reader) -> Self {
        Self {
            at: Instant::now(),
            slot: reader.model().slot,
            parts: reader.live_parts(),
            positions: reader.positions(),
            next: Micros::MIN,
        }
    }

    /// The same, with nothing late before `next`.
    pub(super) fn until(self, next: Micros) -> Self {
        Self { next, ..self }
    }

    pub(super) fn says_that_nothing_is_late(&self, reader: &Reader, now: Micros) -> bool {
        let is_fresh = self.at.elapsed() < LOOK_LATEST && now < self.next;
        is_fresh
            && self.slot == reader.model().slot
            && self.parts == reader.live_parts()
            && self.positions == reader.positions()
    }
}
