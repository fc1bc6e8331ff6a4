//! How old the oldest event is that some reader has not processed.

use integration::World;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How often it is looked at, which is also how exact it is.
const EVERY: Duration = Duration::from_millis(100);

/// The highest age during `run`, in seconds: of what the log held at an earlier look, the oldest that is not in every
/// read model yet.
pub(crate) async fn oldest(world: &World, run: Duration) -> anyhow::Result<f64> {
    let started = Instant::now();
    let mut looks: VecDeque<(Instant, [u64; spine::PARTS as usize])> = VecDeque::new();
    let mut oldest = Duration::ZERO;
    while started.elapsed() < run {
        let now = Instant::now();
        looks.push_back((now, world.spine.log.ends().await?));
        let reached: Vec<_> = world.spine.readers.all().iter().map(|reader| reader.positions()).collect();
        let is_processed = |ends: &[u64; spine::PARTS as usize]| {
            (0..spine::PARTS).zip(ends).all(|(part, end)| {
                reached.iter().all(|positions| positions.get(&part).is_some_and(|at| at >= end))
            })
        };
        while looks.front().is_some_and(|(_, ends)| is_processed(ends)) {
            looks.pop_front();
        }
        if let Some((at, _)) = looks.front() {
            oldest = oldest.max(now - *at);
        }
        tokio::time::sleep_until((now + EVERY).into()).await;
    }
    Ok(oldest.as_secs_f64())
}
