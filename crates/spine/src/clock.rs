//! The one clock that every role takes its time from, so that tests can move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Microseconds since the Unix epoch, from the system or from a test. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Added to the system's time; moved by tests only.
    shift_us: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// The time now, in microseconds since the Unix epoch, UTC.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let micros = since.map_or(0, |elapsed| i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX));
        micros + self.shift_us.load(Ordering::Relaxed)
    }

    /// Moves this clock and all its clones by `micros`, forwards or back.
    pub fn shift(&self, micros: i64) {
        self.shift_us.fetch_add(micros, Ordering::Relaxed);
    }
}

/// A new random id; the only place where one is drawn.
#[expect(clippy::disallowed_methods, reason = "the one place that draws ids")]
pub fn new_id() -> uuid::Uuid {
    uuid::Uuid::now_v7()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shifted_clock_moves_all_its_clones() {
        let clock = Clock::system();
        let clone = clock.clone();
        let before = clone.now();
        clock.shift(3_600_000_000);
        assert!(clone.now() - before >= 3_600_000_000);
    }
}
