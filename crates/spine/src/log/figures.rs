//! What appending costs, for the metrics that the process installed; without any, nothing.

use opentelemetry::metrics::{Counter, Histogram};
use std::sync::LazyLock;
use std::time::Duration;

struct Figures {
    seconds: Histogram<f64>,
    conflicts: Counter<u64>,
}

/// Seconds; an append that waits for the disk takes some milliseconds.
const BOUNDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// Made at the first append: the process has installed its metrics by then.
static FIGURES: LazyLock<Figures> = LazyLock::new(|| {
    let meter = opentelemetry::global::meter("tributary");
    Figures {
        seconds: meter
            .f64_histogram("tributary_log_append_seconds")
            .with_description("From a decision to its place in the log, with all retries.")
            .with_boundaries(BOUNDS.to_vec())
            .build(),
        conflicts: meter
            .u64_counter("tributary_log_conflicts")
            .with_description("Appends that came too late and were decided anew.")
            .build(),
    }
});

pub(super) fn appended(took: Duration, too_late: bool) {
    FIGURES.seconds.record(took.as_secs_f64(), &[]);
    if too_late {
        FIGURES.conflicts.add(1, &[]);
    }
}
