//! The simulators' clock: the world's, monotonic within a run, and movable to cross windows in tests.

use crate::Micros;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Times that never go back. Copies share what was skipped.
#[derive(Clone, Debug)]
pub struct Clock {
    began: Instant,
    epoch: Micros,
    skipped: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that shows `epoch` now.
    pub fn at(epoch: Micros) -> Self {
        Self { began: Instant::now(), epoch, skipped: Arc::default() }
    }

    /// A clock that shows the world's time.
    #[expect(clippy::disallowed_methods, reason = "the simulators are the world outside the suite")]
    pub fn world() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::at(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    /// The time, in microseconds since the Unix epoch.
    pub fn now(&self) -> Micros {
        let ran = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.epoch.saturating_add(ran).saturating_add(self.skipped.load(Ordering::Relaxed))
    }

    /// The time in whole seconds.
    pub fn now_s(&self) -> i64 {
        self.now().div_euclid(1_000_000)
    }

    /// Moves the time on, for all copies.
    pub fn skip_s(&self, seconds: u32) {
        self.skipped.fetch_add(i64::from(seconds) * 1_000_000, Ordering::Relaxed);
    }
}
