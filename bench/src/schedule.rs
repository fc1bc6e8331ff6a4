//! The open-loop generator: what happens when is fixed before it begins, whatever becomes of what happened before.
//!
//! A caller who waits for an answer before it asks again measures a slow system kindly, since it asks less of it. Here
//! latency counts from the time at which something was to happen, so that waiting for a turn counts.

use std::future::Future;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// So many a second for so long, evenly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) per_second: f64,
    pub(crate) held: Duration,
}

/// One turn of a schedule: its number and when it was to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) number: usize,
    pub(crate) at: Instant,
}

impl Turn {
    /// How long ago it was to be, in milliseconds.
    pub(crate) fn waited_ms(self) -> f64 {
        self.at.elapsed().as_secs_f64() * 1_000.0
    }
}

impl Schedule {
    pub(crate) fn new(per_second: f64, held: Duration) -> Self {
        Self { per_second, held }
    }

    /// So many within one second, or so.
    pub(crate) fn burst(count: usize) -> Self {
        Self::new(count as f64, Duration::from_secs(1))
    }

    pub(crate) fn count(self) -> usize {
        (self.per_second * self.held.as_secs_f64()).round() as usize
    }

    /// Begins `act` at each turn, not waiting for those before, and answers what all of them answered once all ended.
    pub(crate) async fn run<T, F>(self, act: impl Fn(Turn) -> F) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (count, step) = (self.count(), 1.0 / self.per_second);
        let (turns, mut due) = mpsc::channel(count.max(1));
        let began = Instant::now();
        // A thread of its own: the runtime's timer is exact to a millisecond, which is a fifth of a goal.
        let clock = std::thread::spawn(move || {
            for number in 0..count {
                let at = began + Duration::from_secs_f64(step * number as f64);
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                if turns.blocking_send(Turn { number, at }).is_err() {
                    return;
                }
            }
        });
        let mut acting = JoinSet::new();
        while let Some(turn) = due.recv().await {
            acting.spawn(act(turn));
        }
        let answers = acting.join_all().await;
        // It ended when the channel did.
        let _ended = clock.join();
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_answer_delays_no_turn_and_waiting_counts() {
        let schedule = Schedule::new(100.0, Duration::from_millis(200));
        let began = Instant::now();
        let waits = schedule
            .run(|turn| async move {
                tokio::time::sleep(Duration::from_millis(300)).await;
                turn.waited_ms()
            })
            .await;
        assert_eq!(waits.len(), 20);
        assert!(waits.iter().all(|waited| *waited >= 299.0));
        assert!(began.elapsed() < Duration::from_secs(3), "one after the other takes six seconds");
    }
}
