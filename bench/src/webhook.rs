//! From a platform's webhook to its acknowledgement, with the whole pipeline at work behind it.

use crate::audit::audit;
use crate::figure::{Figure, percentile, progress};
use crate::outside::Outside;
use crate::schedule::Schedule;
use crate::suite::{Suite, Wanted};
use std::time::Duration;

/// Requests a second, seconds, and within how many milliseconds 99 of 100 must be acknowledged.
const STEADY: [(f64, u64, f64); 2] = [(100.0, 20, 5.0), (500.0, 20, 10.0)];
/// More than is answered in time: the log takes it and the rest follows.
const STORM: (f64, u64, f64) = (2_000.0, 10, 250.0);
/// After the storm the readers must be where the log is within so many seconds.
const CAUGHT_UP_WITHIN_S: f64 = 20.0;
/// One message in five is a new customer's first, after so many who are known.
const FRESH: usize = 5;
const KNOWN: usize = 500;
/// No backlog of this size takes longer on any machine on which it is worth measuring.
const QUIET_WITHIN: Duration = Duration::from_secs(240);

pub(crate) async fn measure(smoke: bool) -> anyhow::Result<Vec<Figure>> {
    // What waits longer than by default is to be answered, not handed to people who are not there.
    let suite = Suite::start(Wanted { is_patient: true, ..Wanted::plain(smoke) }).await?;
    let mut figures = Vec::new();
    for (per_second, held_s, goal) in STEADY {
        let held = Duration::from_millis(if smoke { 500 } else { held_s * 1_000 });
        progress(&format!("webhooks, {per_second} a second for {} s", held.as_secs_f64()));
        let run = acknowledged(&suite.outside, Schedule::new(per_second, held), ("steady", 0)).await;
        let name = format!("webhook to acknowledgement, {per_second}/s");
        figures.push(Figure::stated(&format!("{name}, p50"), percentile(&run.waits, 0.5), "ms"));
        figures.push(Figure::at_most(&format!("{name}, p99"), percentile(&run.waits, 0.99), "ms", goal));
        suite.until_quiet(QUIET_WITHIN).await?;
    }
    let (per_second, held_s, goal) = STORM;
    let storm = Schedule::new(per_second, Duration::from_millis(if smoke { 200 } else { held_s * 1_000 }));
    progress(&format!("webhooks, {per_second} a second for {} s", storm.held.as_secs_f64()));
    let run = acknowledged(&suite.outside, storm, ("storm", 0)).await;
    let backlog = suite.until_quiet(QUIET_WITHIN).await?;
    let audit = audit(&suite).await?;
    let name = format!("webhook to acknowledgement, {per_second}/s for {} s", storm.held.as_secs_f64());
    figures.extend([
        Figure::at_most(&format!("{name}, refused"), run.refused as f64, "requests", 0.0),
        Figure::at_most(&format!("{name}, p99"), percentile(&run.waits, 0.99), "ms", goal),
        Figure::at_most(
            &format!("{name}, backlog gone after"),
            backlog.as_secs_f64(),
            "s",
            CAUGHT_UP_WITHIN_S,
        ),
        Figure::at_most(
            &format!("webhooks: lost, doubled, out of order or unanswered of {}", audit.taken),
            audit.faults() as f64,
            "messages",
            0.0,
        ),
        Figure::stated(
            "answers called again under their own id, which the platform knows",
            audit.repeated as f64,
            "answers",
        ),
    ]);
    if audit.faults() > 0 {
        progress(&format!("{audit:?}"));
    }
    Ok(figures)
}

/// What became of a run of posts.
pub(crate) struct Run {
    /// Milliseconds from the scheduled moment to the acknowledgement, sorted.
    pub(crate) waits: Vec<f64>,
    /// Those that were not taken at the first post.
    pub(crate) refused: usize,
}

/// Posts by the schedule; the name and the number of the first post tell the run's customers from those of others.
pub(crate) async fn acknowledged(
    outside: &Outside,
    schedule: Schedule,
    (name, first): (&'static str, usize),
) -> Run {
    let rate = schedule.per_second;
    let answers = schedule.run(|turn| {
        let outside = outside.clone();
        async move {
            let number = first + turn.number;
            let user = format!("{name}-{rate}-{}", customer(number));
            let was_taken = outside.writes(&user, &format!("{name}-{rate}-{number}")).await;
            (turn.waited_ms(), was_taken)
        }
    });
    let answers = answers.await;
    let mut waits: Vec<f64> = answers.iter().map(|(waited, _)| *waited).collect();
    waits.sort_by(f64::total_cmp);
    Run { waits, refused: answers.iter().filter(|(_, was_taken)| !was_taken).count() }
}

/// Who writes the nth message: one in five somebody new; the others a round of those who are known in turns, and the next
/// round leaves as many of the oldest out as came new meanwhile. So each writes five times, and never twice in a moment.
pub(crate) fn customer(number: usize) -> usize {
    if number.is_multiple_of(FRESH) {
        return KNOWN + number / FRESH;
    }
    let turn = number - number / FRESH - 1;
    let (round, place) = (turn / KNOWN, turn % KNOWN);
    round * KNOWN / (FRESH - 1) + place
}

#[test]
fn one_message_in_five_is_a_new_customers_and_nobody_writes_twice_in_a_moment() {
    let customers: Vec<usize> = (0..10_000).map(customer).collect();
    let fresh = (0..10_000).step_by(FRESH).filter(|at| !customers[..*at].contains(&customers[*at])).count();
    assert_eq!(fresh, 2_000);
    assert!((0..10_000).all(|at| at % FRESH == 0 || customers[at] < KNOWN + at.div_ceil(FRESH)));
    assert!(customers.windows(300).all(|some| !some[1..].contains(&some[0])));
}
