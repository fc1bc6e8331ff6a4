//! Many new customers within one second, over three channels, until each has an answer.

use crate::audit::audit;
use crate::figure::{Figure, percentile, progress};
use crate::outside::Outside;
use crate::schedule::Schedule;
use crate::suite::{Suite, Wanted};
use std::time::Duration;

/// Customers, and within how many milliseconds of their arrival the last of them must have an answer.
const BURSTS: [(usize, f64); 2] = [(500, 200.0), (5_000, 5_000.0)];
const BURSTS_OF_SMOKE: [(usize, f64); 2] = [(30, 200.0), (90, 5_000.0)];
const QUIET_WITHIN: Duration = Duration::from_secs(120);

pub(crate) async fn measure(smoke: bool) -> anyhow::Result<Vec<Figure>> {
    let suite = Suite::start(Wanted::plain(smoke)).await?;
    let mut figures = Vec::new();
    for (count, goal) in if smoke { BURSTS_OF_SMOKE } else { BURSTS } {
        progress(&format!("{count} new customers in one second"));
        let mut waits = burst(&suite.outside, count).await;
        let unanswered = waits.iter().filter(|waited| waited.is_none()).count();
        let mut answered: Vec<f64> = waits.drain(..).flatten().collect();
        answered.sort_by(f64::total_cmp);
        let name = format!("{count} new customers in a second, three channels");
        let last = percentile(&answered, 1.0);
        figures.extend([
            Figure::at_most(&format!("{name}, without an answer"), unanswered as f64, "customers", 0.0),
            Figure::at_most(&format!("{name}, longest wait"), last, "ms", goal),
            Figure::stated(&format!("{name}, p50"), percentile(&answered, 0.5), "ms"),
        ]);
        suite.until_quiet(QUIET_WITHIN).await?;
    }
    let audit = audit(&suite).await?;
    if audit.faults() > 0 {
        progress(&format!("{audit:?}"));
    }
    let name = format!("bursts: lost, doubled, out of order or unanswered of {}", audit.taken);
    figures.push(Figure::at_most(&name, audit.faults() as f64, "messages", 0.0));
    Ok(figures)
}

/// Each customer's wait in milliseconds from the scheduled arrival; none for who got no answer.
async fn burst(outside: &Outside, count: usize) -> Vec<Option<f64>> {
    let arrivals = Schedule::burst(count).run(|turn| {
        let outside = outside.clone();
        async move {
            let user = format!("burst-{count}-{}", turn.number);
            match turn.number % 3 {
                0 => outside.asks_on_wechat(&user, turn.at).await,
                1 => outside.asks(&user, &user, turn.at).await,
                _ => outside.asks_on_site(&user, turn.at).await,
            }
        }
    });
    arrivals.await
}
