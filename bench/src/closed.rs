//! A fixed number of customers who always wait for an answer: how many a second are answered when more is not asked.

use rand::Rng;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Customers who wait at the same time.
const WAITING: usize = 256;
/// One message in so many is a new customer's first.
const FRESH: u32 = 5;
/// Each of those who wait knows so many customers before it takes up a known one.
const KNOWN_MIN: usize = 10;

/// What was answered.
pub(crate) struct Answered {
    pub(crate) per_second: f64,
    pub(crate) count: usize,
    /// Milliseconds, sorted.
    pub(crate) waits: Vec<f64>,
}

/// Lets them write for `run`. `ask` sends a message of a customer under an id and ends with its answer; false when none
/// came. Names begin with `prefix`, so that several runs meet different customers.
pub(crate) async fn hold<F>(
    run: Duration,
    prefix: &str,
    ask: impl Fn(String, String) -> F + Send + Sync + 'static,
) -> Answered
where
    F: Future<Output = bool> + Send + 'static,
{
    let (started, ask) = (Instant::now(), Arc::new(ask));
    let mut customers = JoinSet::new();
    for lane in 0..WAITING {
        let (ask, prefix) = (ask.clone(), format!("{prefix}-{lane}"));
        customers.spawn(async move {
            let (mut waits, mut known): (Vec<f64>, Vec<String>) = (Vec::new(), Vec::new());
            for number in 0_u64.. {
                if started.elapsed() >= run {
                    break;
                }
                let is_fresh = known.len() < KNOWN_MIN || rand::rng().random_ratio(1, FRESH);
                let user = match is_fresh {
                    true => format!("u-{prefix}-{number}"),
                    false => known[rand::rng().random_range(0..known.len())].clone(),
                };
                let asked = Instant::now();
                if ask(user.clone(), format!("m-{prefix}-{number}")).await {
                    waits.push(asked.elapsed().as_secs_f64() * 1_000.0);
                }
                if is_fresh {
                    known.push(user);
                }
            }
            waits
        });
    }
    let mut waits = customers.join_all().await.concat();
    waits.sort_by(f64::total_cmp);
    Answered { per_second: waits.len() as f64 / started.elapsed().as_secs_f64(), count: waits.len(), waits }
}
