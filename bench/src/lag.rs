//! How old the oldest event is that some reader has not processed.

use integration::World;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// How often it is looked at, which is also how exact it is.
const EVERY: Duration = Duration::from_millis(100);

/// The last sequence of each part of the log.
pub(crate) type Ends = [u64; spine::PARTS as usize];

/// What the log held at earlier looks, as far as some reader has not got there.
#[derive(Default)]
pub(crate) struct Lag {
    looks: VecDeque<(Instant, Ends)>,
    newest: Option<Ends>,
}

impl Lag {
    /// Takes one look: the log's ends at a moment, and where each reader was after it. Answers the age of the oldest end
    /// that is not in every read model; nothing is not behind.
    pub(crate) fn look(&mut self, (now, ends): (Instant, Ends), reached: &[BTreeMap<u8, u64>]) -> Duration {
        self.looks.push_back((now, ends));
        self.newest = Some(ends);
        let is_processed = |ends: &Ends| {
            (0..spine::PARTS).zip(ends).all(|(part, end)| {
                reached.iter().all(|positions| positions.get(&part).is_some_and(|at| at >= end))
            })
        };
        while self.looks.front().is_some_and(|(_, ends)| is_processed(ends)) {
            self.looks.pop_front();
        }
        // A look that is not processed at once is behind, however short ago it was.
        self.looks.front().map_or(Duration::ZERO, |(at, _)| at.elapsed().max(Duration::from_nanos(1)))
    }

    /// Where the log ended at the last look.
    pub(crate) fn newest(&self) -> Option<&Ends> {
        self.newest.as_ref()
    }
}

/// The highest age during `run`, in seconds: of what the log held at an earlier look, the oldest that is not in every
/// read model yet.
pub(crate) async fn oldest(world: &World, run: Duration) -> anyhow::Result<f64> {
    let started = Instant::now();
    let (mut lag, mut oldest) = (Lag::default(), Duration::ZERO);
    while started.elapsed() < run {
        let now = Instant::now();
        let behind = look(world, &mut lag).await?;
        oldest = oldest.max(behind);
        tokio::time::sleep_until((now + EVERY).into()).await;
    }
    Ok(oldest.as_secs_f64())
}

/// Waits until every reader of the world holds what the log holds, however long that takes.
pub(crate) async fn caught_up(world: &World) -> anyhow::Result<()> {
    let mut lag = Lag::default();
    while !look(world, &mut lag).await?.is_zero() {
        tokio::time::sleep(EVERY).await;
    }
    Ok(())
}

async fn look(world: &World, lag: &mut Lag) -> anyhow::Result<Duration> {
    let now = Instant::now();
    let ends = world.spine.log.ends().await?;
    let reached: Vec<_> = world.spine.readers.all().iter().map(|reader| reader.positions()).collect();
    Ok(lag.look((now, ends), &reached))
}

#[test]
fn what_one_reader_has_not_is_as_old_as_the_look_that_first_saw_it() {
    let (mut lag, now) = (Lag::default(), Instant::now());
    let at = |sequence: u64| (0..spine::PARTS).map(|part| (part, sequence)).collect::<BTreeMap<_, _>>();
    let early = now - Duration::from_secs(5);
    assert!(lag.look((early, [3; spine::PARTS as usize]), &[at(3), at(2)]) >= Duration::from_secs(5));
    assert!(lag.look((now, [4; spine::PARTS as usize]), &[at(3), at(3)]) < Duration::from_secs(5));
    assert!(lag.look((now, [4; spine::PARTS as usize]), &[at(4), at(4)]).is_zero());
}
