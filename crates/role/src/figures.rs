//! What operators watch of every reader: how far behind it is, and what waits in its tables.

use runtime::metrics::Label;
use runtime::{Host, Tasks};
use spine::{Clock, Reader};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often the tables are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Kinds of due work of one reader that are told apart.
const KINDS_MAX: usize = 16;
const READERS_MAX: usize = 8;
const MICROS: f64 = 1e6;

pub(crate) fn show(tasks: &mut Tasks, reader: &Reader, host: &Host, clock: &Clock) {
    let scope = host.metrics.scope("reader");
    let name = || Label::up_to("reader", READERS_MAX);
    {
        // Metrics outlive the role, and must not keep its database open.
        let (in_hand, model, clock) = (reader.in_hand(), reader.name(), clock.clone());
        scope.observe(
            "oldest_unprocessed_seconds",
            "Age of the oldest message that the reader received and did not commit; 0 when there is none.",
            vec![name()],
            move || {
                let age = in_hand.oldest().map_or(0.0, |at| since(&clock, at));
                vec![(vec![model.to_owned()], age)]
            },
        );
    }
    let parked = scope.gauge("parked", "Entities that wait for `tributary unpark`.", vec![name()]);
    let oldest = scope.gauge(
        "oldest_overdue_seconds",
        "For how long the oldest row of work is due; 0 when none is.",
        vec![name(), Label::up_to("kind", KINDS_MAX)],
    );
    let (reader, clock, shutdown) = (reader.clone(), clock.clone(), host.shutdown.clone());
    tasks.spawn(format!("figures of {}", reader.name()), async move {
        let mut seen: BTreeSet<&'static str> = BTreeSet::new();
        loop {
            match reader.backlog().await {
                Ok(backlog) => {
                    parked.set(backlog.parked as f64, &[reader.name()]);
                    // A kind of which nothing waits any more has no row and stands at 0.
                    seen.extend(backlog.first_due.iter().map(|(kind, _)| kind));
                    for kind in &seen {
                        let first = backlog.first_due.iter().find(|(known, _)| known == kind);
                        let age = first.map_or(0.0, |(_, at)| since(&clock, *at));
                        oldest.set(age, &[reader.name(), kind]);
                    }
                }
                Err(error) => {
                    tracing::debug!(
                        reader.name = reader.name(),
                        error = spine::error::chain(&error),
                        "what waits cannot be told"
                    );
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    });
}

fn since(clock: &Clock, at: i64) -> f64 {
    clock.now().saturating_sub(at).max(0) as f64 / MICROS
}
