//! What routing tells about itself in figures.

use runtime::Metrics;
use runtime::metrics::{Counter, Gauge, Histogram, Label};

const TIMERS: &[&str] = &["answer_deadline", "idle_close", "agent_gone"];

/// The role's instruments. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Telling {
    waited: Histogram,
    timers: Counter,
    waiting: Gauge,
    late: Gauge,
    oldest: Gauge,
}

impl Telling {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let scope = metrics.scope("routing");
        Self {
            waited: scope.seconds("assigned_after", "How long the assigned had waited", vec![]),
            timers: scope.counter(
                "timers",
                "Timers that changed a conversation",
                vec![Label::of("kind", TIMERS)],
            ),
            waiting: scope.gauge("waiting", "Conversations that wait for an agent", vec![]),
            late: scope.gauge("waiting_late", "Of these, longer than their tenant's wait deadline", vec![]),
            oldest: scope.gauge("waiting_oldest_seconds", "How long the first of them has waited", vec![]),
        }
    }

    /// A conversation got its agent after so long.
    pub(crate) fn assigned(&self, waited_us: i64) {
        self.waited.record(waited_us as f64 / 1e6, &[]);
    }

    /// A timer changed a conversation.
    pub(crate) fn timer(&self, kind: &'static str) {
        self.timers.add(1, &[kind]);
    }

    /// How the queues stand.
    pub(crate) fn queues(&self, waiting: u64, late: u64, oldest_us: i64) {
        self.waiting.set(waiting as f64, &[]);
        self.late.set(late as f64, &[]);
        self.oldest.set(oldest_us as f64 / 1e6, &[]);
    }
}
