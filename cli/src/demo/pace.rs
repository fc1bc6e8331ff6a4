//! So many messages a second, whoever writes them.

use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Hands out the moments at which messages leave.
pub(crate) struct Pace {
    apart: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// At most `per_second` from now on; 0 counts as 1.
    pub(crate) fn of(per_second: u32) -> Self {
        Self { apart: Duration::from_secs(1) / per_second.max(1), next: Mutex::new(Instant::now()) }
    }

    /// Waits until `count` messages may leave.
    pub(crate) async fn turn(&self, count: usize) {
        let begins = {
            let mut next = self.next.lock().await;
            let begins = (*next).max(Instant::now());
            *next = begins + self.apart * u32::try_from(count).unwrap_or(u32::MAX);
            begins
        };
        sleep_until(begins).await;
    }
}
