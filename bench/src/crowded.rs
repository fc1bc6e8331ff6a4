//! Whether an account with thousands of answers that wait for its platform delays the customers of another one.

use crate::figure::{Figure, percentile, progress};
use crate::outside::Outside;
use crate::schedule::Schedule;
use crate::suite::{QUESTION, Suite, Wanted};
use simulators::http::Item;
use std::time::{Duration, Instant};

/// Answers that wait; the account's platform takes a few a second.
const QUEUED: usize = 10_000;
/// Items of one request.
const TOGETHER: usize = 200;
/// Of the other account: enough for a p99, far below what is answered.
const PER_SECOND: f64 = 50.0;
/// The p99 during, over the p99 before.
const RATIO_MAX: f64 = 1.1;
const QUEUED_WITHIN: Duration = Duration::from_secs(180);

pub(crate) async fn measure(smoke: bool) -> anyhow::Result<Vec<Figure>> {
    // All of the other account's answers are to be the AI's, however long it takes to decide them.
    let suite = Suite::start(Wanted { is_patient: true, ..Wanted::plain(smoke) }).await?;
    let held = Duration::from_secs(if smoke { 1 } else { 40 });
    let queued = if smoke { TOGETHER } else { QUEUED };
    progress("one account alone");
    let before = asked(&suite.outside, held, "before").await;
    progress(&format!("queueing {queued} answers of another account"));
    for first in (0..queued).step_by(TOGETHER) {
        let items = (first..first + TOGETHER).map(|number| {
            let name = format!("queued-{number}");
            Item { id: name.clone(), user: name, text: QUESTION.into() }
        });
        suite.outside.slow.post(&items.collect::<Vec<_>>()).await;
    }
    until_queued(&suite, before.len() + queued).await?;
    progress("the first account beside it");
    let during = asked(&suite.outside, held, "during").await;
    let left = waiting(&suite).await?;
    let (name, p99) = ("webhook to platform beside a crowded account", |waits| percentile(waits, 0.99));
    Ok(vec![
        Figure::stated("answers of the crowded account that waited, at the least", left as f64, "answers"),
        Figure::stated(&format!("{name}, p50"), percentile(&during, 0.5), "ms"),
        Figure::ceiling(&format!("{name}, p99 against before"), p99(&during), p99(&before), "ms", RATIO_MAX),
    ])
}

/// Milliseconds from the scheduled post to the call of the platform, sorted.
async fn asked(outside: &Outside, held: Duration, name: &'static str) -> Vec<f64> {
    let waits = Schedule::new(PER_SECOND, held).run(|turn| {
        let outside = outside.clone();
        async move {
            let name = format!("{name}-{}", turn.number);
            outside.asks(&name, &name, turn.at).await
        }
    });
    let mut waits: Vec<f64> = waits.await.into_iter().flatten().collect();
    waits.sort_by(f64::total_cmp);
    waits
}

/// Waits until the answers are decided, so that only their platform holds them back.
async fn until_queued(suite: &Suite, queued: usize) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut answered = 0;
    while began.elapsed() < QUEUED_WITHIN {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let now = decided(suite).await?;
        // Nothing more is decided and most are: a platform that takes a few a second has the rest.
        if now == answered && now >= queued {
            return Ok(());
        }
        answered = now;
    }
    anyhow::bail!("{answered} of {queued} answers were decided within {} s", QUEUED_WITHIN.as_secs())
}

/// Answers that stand in the log.
async fn decided(suite: &Suite) -> anyhow::Result<usize> {
    let mut count = 0;
    crate::audit::each_event(suite, |_, event| {
        count += usize::from(matches!(event, events::ThreadEvent::Replied { .. }));
    })
    .await?;
    Ok(count)
}

/// Answers that stand in the log and were not sent.
async fn waiting(suite: &Suite) -> anyhow::Result<usize> {
    let (mut decided, mut sent) = (0_usize, 0);
    crate::audit::each_event(suite, |_, event| match event {
        events::ThreadEvent::Replied { .. } => decided += 1,
        events::ThreadEvent::Sent { .. } => sent += 1,
        _ => {}
    })
    .await?;
    Ok(decided.saturating_sub(sent))
}
