//! What the suite as a process takes of the machine: memory under load and idle, and the core while nobody writes.

use crate::figure::{Figure, progress};
use crate::process::resident_mb;
use crate::schedule::Schedule;
use crate::suite::{Suite, Wanted};
use crate::webhook::customer;
use std::time::{Duration, Instant};

const PER_SECOND: f64 = 500.0;
const WEIGHED_EVERY: Duration = Duration::from_millis(250);
/// Megabytes under load, and per cent of a core idle.
const RESIDENT_MB_MAX: f64 = 150.0;
const IDLE_PER_CENT_MAX: f64 = 2.0;
const QUIET_WITHIN: Duration = Duration::from_secs(240);

pub(crate) async fn measure(smoke: bool) -> anyhow::Result<Vec<Figure>> {
    let suite = Suite::start(Wanted::plain(smoke)).await?;
    let [idle_for, held] = if smoke { [1_000, 400] } else { [60_000, 30_000] }.map(Duration::from_millis);
    progress(&format!("nobody writes for {} s", idle_for.as_secs_f64()));
    let cores = idle(&suite, idle_for).await;
    let before = weigh(&suite);
    progress(&format!("{PER_SECOND} messages a second for {} s", held.as_secs_f64()));
    let (_, most) = tokio::join!(write(&suite, held), heaviest(&suite, held));
    suite.until_quiet(QUIET_WITHIN).await?;
    let name = format!("resident at {PER_SECOND} messages/s, all roles in one process");
    Ok(vec![
        Figure::at_most("core while idle, suite and nats-server", cores * 100.0, "%", IDLE_PER_CENT_MAX),
        Figure::stated("resident while idle, after a few customers", before[0], "MB"),
        Figure::at_most(&name, most[0], "MB", RESIDENT_MB_MAX),
        Figure::stated("resident meanwhile, nats-server", most[1], "MB"),
    ])
}

/// The share of a core that all processes took together.
async fn idle(suite: &Suite, held: Duration) -> f64 {
    let (before, began) = (suite.on_core(), Instant::now());
    tokio::time::sleep(held).await;
    let used: Duration = suite.on_core().iter().map(|(name, now)| now.saturating_sub(before[name])).sum();
    used.as_secs_f64() / began.elapsed().as_secs_f64()
}

/// Megabytes of the suite and of nats-server.
fn weigh(suite: &Suite) -> [f64; 2] {
    let mut found = [f64::NAN; 2];
    for ((_, pid), place) in suite.pids().into_iter().zip(&mut found) {
        *place = resident_mb(pid);
    }
    found
}

async fn heaviest(suite: &Suite, held: Duration) -> [f64; 2] {
    let (began, mut most) = (Instant::now(), [0.0_f64; 2]);
    while began.elapsed() < held {
        for (now, most) in weigh(suite).into_iter().zip(&mut most) {
            *most = most.max(now);
        }
        tokio::time::sleep(WEIGHED_EVERY).await;
    }
    most
}

async fn write(suite: &Suite, held: Duration) {
    let outside = &suite.outside;
    Schedule::new(PER_SECOND, held)
        .run(|turn| {
            let outside = outside.clone();
            async move {
                outside.writes(&format!("u-{}", customer(turn.number)), &format!("m-{}", turn.number)).await
            }
        })
        .await;
}
