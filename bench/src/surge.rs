//! Twice as many messages as can be answered, for minutes, over a base of a fifth: what is lost, and how soon it is over.

use crate::audit::audit;
use crate::figure::{Figure, percentile, progress};
use crate::outside::Outside;
use crate::schedule::Schedule;
use crate::spread::saturate;
use crate::suite::{Suite, Wanted};
use crate::webhook::customer;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Shares of what can be answered.
const BASE: f64 = 0.2;
const SURGE: f64 = 2.0;
/// First replies of those who write later than this after the backlog is gone, over those before the surge.
const CALM_AFTER: Duration = Duration::from_secs(10);
const CALM_RATIO_MAX: f64 = 1.5;
/// The base goes on in runs of this length until it was calm for a while.
const SLICE: Duration = Duration::from_secs(10);
const OVER_WITHIN: Duration = Duration::from_secs(1_800);
const QUIET_WITHIN: Duration = Duration::from_secs(120);

/// The platform's connections: a message waits for a free one, and its time counts from when it was to be written. Without a
/// bound the generator opens thousands once the machine is busy, and the kernel's search for free ports takes what the suite
/// is to be measured with.
const CONNECTIONS_MAX: usize = 256;

/// How long each part takes.
#[derive(Clone, Copy)]
struct Lengths {
    capacity: Duration,
    before: Duration,
    surge: Duration,
    /// Calm time of which the last figure is made.
    after: Duration,
    slice: Duration,
}

impl Lengths {
    fn of(smoke: bool) -> Self {
        let [capacity, before, surge, after] = if smoke { [1, 1, 1, 1] } else { [30, 60, 300, 30] };
        let seconds = Duration::from_secs;
        Self {
            capacity: seconds(capacity),
            before: seconds(before),
            surge: seconds(surge),
            after: seconds(after),
            slice: if smoke { seconds(1) } else { SLICE },
        }
    }
}

pub(crate) async fn measure(smoke: bool) -> anyhow::Result<Vec<Figure>> {
    let lengths = Lengths::of(smoke);
    // Whoever waits longer than by default is to be answered, not handed to people who are not there.
    let suite = Suite::start(Wanted { is_patient: true, ..Wanted::plain(smoke) }).await?;
    progress("measuring what can be answered");
    let capacity = saturate(&suite, lengths.capacity).await.per_second;
    suite.until_quiet(QUIET_WITHIN).await?;
    let crowd = Crowd {
        outside: &suite.outside,
        written: AtomicUsize::new(0),
        connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
    };
    progress(&format!("a base of {:.0} messages a second", capacity * BASE));
    let mut replies = Replies::default();
    replies.asked(crowd.write(capacity * BASE, lengths.before).await);
    let surge_from = suite.outside.site.clock.now();
    progress(&format!("a surge of {:.0} messages a second", capacity * SURGE));
    replies.asked(crowd.write(capacity * SURGE, lengths.surge).await);
    let surge_to = suite.outside.site.clock.now();
    progress("the base again");
    let gone = calm(&crowd, capacity * BASE, surge_to, &mut replies, lengths).await?;
    suite.until_quiet(QUIET_WITHIN).await?;
    let audit = audit(&suite).await?;
    if audit.faults() > 0 {
        progress(&format!("{audit:?}"));
    }
    replies.look(&suite.outside);
    let calm_from = gone + micros(CALM_AFTER.min(lengths.after));
    let before = replies.p99(|at| at < surge_from);
    let after = replies.p99(|at| at >= calm_from);
    // What is left of the capacity beside the base works it off.
    let needed = (SURGE - 1.0) / (1.0 - BASE) * lengths.surge.as_secs_f64();
    let lasted = (gone - surge_to) as f64 / 1e6;
    Ok(vec![
        Figure::stated("surge: messages a second that can be answered", capacity, "/s"),
        Figure::at_most(
            &format!("surge: lost, doubled, out of order or unanswered of {}", audit.taken),
            audit.faults() as f64,
            "messages",
            0.0,
        ),
        Figure::beside("surge: backlog gone after, beside surplus / (capacity - base)", lasted, needed, "s"),
        Figure::stated("surge: first replies before it, p99", before, "ms"),
        Figure::ceiling(
            "surge: first replies after the backlog is gone, p99 against before",
            after,
            before,
            "ms",
            CALM_RATIO_MAX,
        ),
    ])
}

/// Everybody who writes in the run.
struct Crowd<'o> {
    outside: &'o Outside,
    written: AtomicUsize,
    connections: Arc<Semaphore>,
}

impl Crowd<'_> {
    /// Messages at a rate; the customers who wrote, each with the scheduled moment of the message in microseconds.
    async fn write(&self, per_second: f64, held: Duration) -> Vec<(String, i64)> {
        let schedule = Schedule::new(per_second, held);
        let base = self.written.fetch_add(schedule.count(), Ordering::Relaxed);
        schedule
            .run(|turn| {
                let (outside, connections) = (self.outside.clone(), self.connections.clone());
                async move {
                    let at = outside.site.clock.now() - micros(turn.at.elapsed());
                    // It is never closed.
                    let _connection = connections.acquire().await;
                    let number = base + turn.number;
                    let user = format!("crowd-{}", customer(number));
                    outside.writes(&user, &format!("crowd-m-{number}")).await;
                    (user, at)
                }
            })
            .await
    }
}

/// Goes on with the base until nobody waited for a first reply at some moment after `surge_to`, and for some calm time after
/// it; that moment.
async fn calm(
    crowd: &Crowd<'_>,
    per_second: f64,
    surge_to: i64,
    replies: &mut Replies,
    lengths: Lengths,
) -> anyhow::Result<i64> {
    let began = Instant::now();
    while began.elapsed() < OVER_WITHIN {
        replies.asked(crowd.write(per_second, lengths.slice).await);
        replies.look(crowd.outside);
        let gone = replies.none_waited(surge_to);
        let calm = gone.map(|gone| crowd.outside.site.clock.now() - gone);
        let (Some(gone), Some(calm)) = (gone, calm) else { continue };
        if calm >= micros(CALM_AFTER.min(lengths.after) + lengths.after) {
            return Ok(gone);
        }
    }
    anyhow::bail!("the backlog is not gone after {} s", OVER_WITHIN.as_secs())
}

/// Of each customer: when their first message was to be written, and when the first reply arrived, in microseconds. Only
/// what is new is looked at: whoever copies all of it holds up the platforms, and so the replies that it times.
#[derive(Default)]
struct Replies {
    of: HashMap<String, (i64, Option<i64>)>,
    seen: usize,
}

impl Replies {
    fn asked(&mut self, written: Vec<(String, i64)>) {
        for (user, at) in written {
            let entry = self.of.entry(user).or_insert((at, None));
            entry.0 = entry.0.min(at);
        }
    }

    fn look(&mut self, outside: &Outside) {
        let received = outside.ledger.received_after(self.seen);
        self.seen += received.len();
        for received in received {
            if let Some((_, answered)) = self.of.get_mut(received.user.as_str()) {
                *answered = Some(answered.map_or(received.at, |at| at.min(received.at)));
            }
        }
    }

    /// The first moment from `from` on when whoever had written had a reply.
    fn none_waited(&self, from: i64) -> Option<i64> {
        let asked = self.of.values().map(|(asked, _)| (*asked, 1));
        let answered = self.of.values().filter_map(|(_, answered)| Some((answered.as_ref().copied()?, -1)));
        let mut steps: Vec<(i64, i64)> = asked.chain(answered).collect();
        steps.sort_unstable();
        let mut waiting = 0;
        steps.into_iter().find_map(|(at, step)| {
            waiting += step;
            (waiting == 0 && at >= from).then_some(at)
        })
    }

    /// Milliseconds from the first message to the first reply, of those who wrote when `when` says so.
    fn p99(&self, when: impl Fn(i64) -> bool) -> f64 {
        let of = self.of.values().filter(|(asked, _)| when(*asked));
        let mut waits: Vec<f64> =
            of.filter_map(|(asked, at)| Some((at.as_ref()? - asked) as f64 / 1e3)).collect();
        waits.sort_by(f64::total_cmp);
        percentile(&waits, 0.99)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
