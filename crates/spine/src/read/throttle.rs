//! A slot that fills beside live traffic: one bite at a time with rests between them, so that customers keep their machine.

use crate::log::Tail;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Messages of one transaction while others append.
const BATCH_BESIDE_MAX: usize = 64;
/// The rest after a bite, in the time that the bite took, and at most.
const REST_FACTOR: u32 = 3;
const REST_MAX: Duration = Duration::from_millis(200);
/// Shorter rests are saved up: a timer sleeps for a millisecond at least, and waking up costs, too.
const REST_MIN: Duration = Duration::from_millis(4);
/// When nothing was appended for so long, a rebuild has the machine to itself.
const QUIET_AFTER: Duration = Duration::from_secs(1);

/// Holds back while the tail moves. Whoever reads, decodes and writes for the slot shares it, and its turns.
pub(crate) struct Throttle {
    tail: Tail,
    moved: Mutex<Moved>,
    /// Whose turn it is, and the rest that is owed.
    turn: tokio::sync::Mutex<Duration>,
}

/// How far the tail was, and when it was seen to move last.
struct Moved {
    seen: u64,
    at: Instant,
}

impl Throttle {
    /// Supposes traffic until it has seen that there is none.
    pub(super) fn new(tail: &Tail) -> Self {
        let moved = Moved { seen: tail.seen(), at: Instant::now() };
        Self { tail: tail.clone(), moved: Mutex::new(moved), turn: tokio::sync::Mutex::default() }
    }

    /// Messages of the next transaction at most, `alone` if nobody appends.
    pub(super) fn batch_max(&self, alone: usize) -> usize {
        if self.is_beside(Instant::now()) { BATCH_BESIDE_MAX.min(alone) } else { alone }
    }

    /// Does a bite of the work; if anybody appends, when nobody else is at one, and with a rest after it.
    pub(super) async fn bite<T>(&self, work: impl Future<Output = T>) -> T {
        if !self.is_beside(Instant::now()) {
            return work.await;
        }
        let mut owed = self.turn.lock().await;
        let began = Instant::now();
        let done = work.await;
        *owed += self.rest_after(began, Instant::now());
        if *owed >= REST_MIN {
            tokio::time::sleep(std::mem::take(&mut *owed)).await;
        }
        done
    }

    fn rest_after(&self, began: Instant, ended: Instant) -> Duration {
        match self.is_beside(ended) {
            true => ((ended - began) * REST_FACTOR).min(REST_MAX),
            false => Duration::ZERO,
        }
    }

    fn is_beside(&self, now: Instant) -> bool {
        let seen = self.tail.seen();
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        if seen != moved.seen {
            *moved = Moved { seen, at: now };
        }
        now.saturating_duration_since(moved.at) < QUIET_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::task::JoinSet;

    #[test]
    fn a_rebuild_rests_as_long_as_others_append_and_no_longer() {
        let tail = Tail::standing();
        let throttle = Throttle::new(&tail);
        let (took, mut now) = (Duration::from_millis(10), Instant::now());
        for _ in 0..200 {
            assert!(throttle.is_beside(now));
            let began = now;
            now += took;
            tail.move_on();
            assert_eq!(throttle.rest_after(began, now), took * REST_FACTOR);
        }
        assert_eq!(throttle.rest_after(now - QUIET_AFTER, now), REST_MAX);
        now += QUIET_AFTER;
        assert!(!throttle.is_beside(now));
        assert_eq!(throttle.rest_after(now - took, now), Duration::ZERO);
        tail.move_on();
        assert!(throttle.is_beside(now));
    }

    /// The most who were at a bite at once, of ten who take five each, the last append `since` ago.
    async fn most_at_once(since: Duration) -> usize {
        let throttle = Arc::new(Throttle::new(&Tail::standing()));
        tokio::time::sleep(since).await;
        let at_work = Arc::new(AtomicUsize::new(0));
        let mut all = JoinSet::new();
        for _ in 0..10 {
            let (throttle, at_work) = (throttle.clone(), at_work.clone());
            all.spawn(async move {
                let mut most = 0;
                for _ in 0..5 {
                    let bite = async {
                        let now = at_work.fetch_add(1, Ordering::SeqCst) + 1;
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        at_work.fetch_sub(1, Ordering::SeqCst);
                        now
                    };
                    most = most.max(throttle.bite(bite).await);
                }
                most
            });
        }
        all.join_all().await.into_iter().max().unwrap_or_default()
    }

    /// Until a hundred bites of a millisecond are taken, one after the other, the last append `since` ago.
    async fn hundred_bites(since: Duration) -> Duration {
        let throttle = Throttle::new(&Tail::standing());
        tokio::time::sleep(since).await;
        let began = Instant::now();
        for _ in 0..100 {
            throttle.bite(tokio::time::sleep(Duration::from_millis(1))).await;
        }
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn beside_others_it_rests_three_times_as_long_as_it_works_and_alone_never() {
        assert_eq!(hundred_bites(Duration::ZERO).await, Duration::from_millis(400));
        assert_eq!(hundred_bites(QUIET_AFTER).await, Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn beside_others_one_bite_is_taken_after_the_other_and_alone_all_at_once() {
        assert_eq!(most_at_once(Duration::ZERO).await, 1);
        assert_eq!(most_at_once(QUIET_AFTER).await, 10);
    }
}
