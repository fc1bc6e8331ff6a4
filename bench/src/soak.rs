//! Hours under an even load: whether memory, open files and waits stay what they were.

use crate::audit::audit;
use crate::figure::{Figure, percentile, progress};
use crate::process::{handles, resident_mb};
use crate::schedule::Schedule;
use crate::suite::{Suite, Wanted};
use crate::webhook::acknowledged;
use std::time::Duration;

const PER_SECOND: f64 = 100.0;
/// What is measured at the end against what it was once the suite had warmed up.
const GROWTH_MAX: f64 = 1.1;
const QUIET_WITHIN: Duration = Duration::from_secs(240);

/// What one turn saw: of the suite and of nats-server megabytes and open files, and the waits for acknowledgements.
struct Look {
    resident: [f64; 2],
    handles: [f64; 2],
    p99_ms: f64,
    refused: usize,
}

/// So many turns, one after the other, each of so long.
pub(crate) async fn measure(turns: u32, each: Duration) -> anyhow::Result<Vec<Figure>> {
    let suite = Suite::start(Wanted::plain(false)).await?;
    let (schedule, mut looks, mut first) = (Schedule::new(PER_SECOND, each), Vec::new(), 0);
    for turn in 1..=turns {
        let run = acknowledged(&suite.outside, schedule, ("soak", first)).await;
        first += schedule.count();
        let look = look(&suite, percentile(&run.waits, 0.99), run.refused);
        let [suite_mb, nats_mb] = look.resident;
        progress(&format!(
            "turn {turn} of {turns}: suite {suite_mb:.0} MB and {} files, nats-server {nats_mb:.0} MB and {} files, \
             acknowledged within {:.1} ms (p99), refused {}",
            look.handles[0], look.handles[1], look.p99_ms, look.refused
        ));
        looks.push(look);
    }
    suite.until_quiet(QUIET_WITHIN).await?;
    let audit = audit(&suite).await?;
    let mut figures = figures(&looks, each * turns);
    figures.push(Figure::at_most(
        &format!("soak: lost, doubled, out of order or unanswered of {}", audit.taken),
        audit.faults() as f64,
        "messages",
        0.0,
    ));
    Ok(figures)
}

fn look(suite: &Suite, p99_ms: f64, refused: usize) -> Look {
    let mut look = Look { resident: [f64::NAN; 2], handles: [f64::NAN; 2], p99_ms, refused };
    for (at, (_, pid)) in suite.pids().into_iter().enumerate().take(2) {
        (look.resident[at], look.handles[at]) = (resident_mb(pid), handles(pid));
    }
    look
}

/// The last quarter of the turns against the second: the first one warms up.
fn figures(looks: &[Look], held: Duration) -> Vec<Figure> {
    let name = format!("soak, {:.1} h at {PER_SECOND}/s", held.as_secs_f64() / 3_600.0);
    let quarter = looks.len().div_ceil(4);
    let (second, last) = (&looks[quarter.min(looks.len() - 1)..], &looks[looks.len() - quarter..]);
    let second = &second[..quarter.min(second.len())];
    let grown = |what: &str, unit, read: fn(&Look) -> f64| {
        let middle = |looks: &[Look]| {
            let mut values: Vec<f64> = looks.iter().map(read).collect();
            values.sort_by(f64::total_cmp);
            percentile(&values, 0.5)
        };
        let name = format!("{name}: {what}, last quarter against the second");
        Figure::ceiling(&name, middle(last), middle(second), unit, GROWTH_MAX)
    };
    let refused: usize = looks.iter().map(|look| look.refused).sum();
    vec![
        grown("resident", "MB", |look| look.resident[0]),
        grown("files", "files", |look| look.handles[0]),
        grown("nats-server resident", "MB", |look| look.resident[1]),
        grown("nats-server files", "files", |look| look.handles[1]),
        grown("webhook to acknowledgement, p99", "ms", |look| look.p99_ms),
        Figure::at_most(&format!("{name}: refused"), refused as f64, "requests", 0.0),
    ]
}

#[test]
fn what_grows_is_seen_and_what_warms_up_is_not() {
    let look = |mb| Look { resident: [mb, 1.0], handles: [9.0, 9.0], p99_ms: 1.0, refused: 0 };
    let of = |values: [f64; 8]| figures(&values.map(look), Duration::from_secs(8))[0].clone();
    let warm = of([10.0, 50.0, 80.0, 80.0, 81.0, 80.0, 82.0, 81.0]);
    assert!(warm.met && warm.ratio == Some(82.0 / 80.0), "{warm:?}");
    let leaking = of([80.0, 81.0, 82.0, 84.0, 88.0, 90.0, 95.0, 99.0]);
    assert!(!leaking.met, "{leaking:?}");
    let short: Vec<Look> = [80.0, 80.0].map(look).into();
    assert!(figures(&short, Duration::from_secs(2)).iter().all(|figure| figure.met));
}
