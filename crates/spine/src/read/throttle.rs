//! A slot that fills beside live traffic: small batches with rests between them, so that customers keep their machine.

use crate::log::Tail;
use std::time::Duration;
use tokio::time::Instant;

/// Messages of one transaction while others append.
const BATCH_BESIDE_MAX: usize = 200;
/// The rest after a batch, in the time that the batch took, and at most.
const REST_FACTOR: u32 = 3;
const REST_MAX: Duration = Duration::from_millis(200);
/// When nothing was appended for so long, a rebuild has the machine to itself.
const QUIET_AFTER: Duration = Duration::from_secs(1);

/// Holds back while the tail moves.
pub(crate) struct Throttle<'a> {
    tail: &'a Tail,
    seen: u64,
    moved: Instant,
    /// When the batch that is at work began.
    began: Instant,
}

impl<'a> Throttle<'a> {
    /// Supposes traffic until it has seen that there is none.
    pub(super) fn new(tail: &'a Tail) -> Self {
        let now = Instant::now();
        Self { tail, seen: tail.seen(), moved: now, began: now }
    }

    /// Messages of the next transaction at most, `alone` if nobody appends.
    pub(super) fn batch_max(&mut self, alone: usize) -> usize {
        if self.is_beside(Instant::now()) { BATCH_BESIDE_MAX.min(alone) } else { alone }
    }

    /// Rests after a batch, if anybody appends.
    pub(super) async fn rest(&mut self) {
        let rest = self.rest_after(Instant::now());
        if rest > Duration::ZERO {
            tokio::time::sleep(rest).await;
        }
        self.began = Instant::now();
    }

    fn rest_after(&mut self, ended: Instant) -> Duration {
        match self.is_beside(ended) {
            true => ((ended - self.began) * REST_FACTOR).min(REST_MAX),
            false => Duration::ZERO,
        }
    }

    fn is_beside(&mut self, now: Instant) -> bool {
        let seen = self.tail.seen();
        if seen != self.seen {
            (self.seen, self.moved) = (seen, now);
        }
        now - self.moved < QUIET_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebuild_rests_as_long_as_others_append_and_no_longer() {
        let tail = Tail::standing();
        let mut throttle = Throttle::new(&tail);
        let (took, mut now) = (Duration::from_millis(10), throttle.began);
        for _ in 0..200 {
            assert!(throttle.is_beside(now));
            (throttle.began, now) = (now, now + took);
            tail.move_on();
            assert_eq!(throttle.rest_after(now), took * REST_FACTOR);
        }
        throttle.began = now - QUIET_AFTER;
        assert_eq!(throttle.rest_after(now), REST_MAX);
        now += QUIET_AFTER;
        assert!(!throttle.is_beside(now));
        assert_eq!(throttle.rest_after(now), Duration::ZERO);
        tail.move_on();
        assert!(throttle.is_beside(now));
    }
}
