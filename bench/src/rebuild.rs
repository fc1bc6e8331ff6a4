//! Rebuilding a read model from the log, against a bulk load of the same rows into the same schema.

use crate::bulk::{Order, load};
use crate::exchange::Customer;
use crate::figure::{Figure, percentile, progress};
use crate::places::Places;
use crate::scan;
use crate::schedule::Schedule;
use conversation::Thread;
use integration::World;
use rand::Rng;
use runtime::Role;
use spine::{Address, Entity, Reader};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use uuid::Uuid;

/// The read model whose rows are the conversations and their transcripts.
pub(crate) const MODEL: &str = "console";
/// Writers that fill the log, and customers who talk to each of them at the same time.
const WRITERS: u64 = 128;
const TALKING: usize = 20;
/// A question, its answer, the start of the delivery and its end.
const MESSAGES_OF_EXCHANGE: u64 = 4;
/// After so many questions a customer is gone.
const EXCHANGES_MAX: u32 = 10;
/// Appends a second beside a running rebuild, and their p99 over that without one.
const BESIDE_PER_SECOND: f64 = 200.0;
const BESIDE_RATIO_MAX: f64 = 1.5;
/// What a rebuild must reach of the bulk load of the same rows.
const OF_LOAD_SQLITE: f64 = 0.6;
const OF_LOAD_POSTGRES: f64 = 0.7;

/// Fills a log with customers' exchanges, rebuilds the console's model from it, then loads the same rows in bulk.
pub(crate) async fn measure(messages: u64, database: Option<&str>) -> anyhow::Result<Vec<Figure>> {
    let places = Places::new()?;
    let place = places.place(database).await;
    let (backend, goal) = match place.is_sqlite() {
        true => ("SQLite", OF_LOAD_SQLITE),
        false => ("Postgres", OF_LOAD_POSTGRES),
    };
    let world = Arc::new(World::start(&place, &[Role::Console]).await);
    progress(&format!("filling a log with {messages} messages, {backend}"));
    fill(&world, messages).await?;
    world.settle().await;
    let events: u64 = world.spine.log.ends().await?.iter().sum();
    let reader = world.spine.readers.find(MODEL).ok_or_else(|| anyhow::anyhow!("no model {MODEL}"))?;
    progress("reading it");
    let scanned = scan::measure(&world).await?;
    progress("rebuilding");
    let started = Instant::now();
    reader.rebuild(|_, _| {}).await?;
    let rebuilt = started.elapsed();
    progress("loading the same rows in bulk");
    let loaded = load(&world, &reader, Order::Arrival).await?;
    let sorted = load(&world, &reader, Order::Key).await?;
    let Appends { alone, beside, filled } = appends(&world, &reader, rebuilt).await?;
    let world = Arc::into_inner(world).ok_or_else(|| anyhow::anyhow!("somebody still appends"))?;
    world.stop().await;
    let per_second = |seconds: f64| events as f64 / seconds;
    let name = format!("rebuild of {MODEL}, {events} messages, {backend}, sealing on");
    let rate = per_second(rebuilt.as_secs_f64());
    Ok(vec![
        Figure::of_limit(&name, rate, per_second(loaded), "/s", goal),
        Figure::stated(&format!("raw read of the same log, {backend}"), scanned, "/s"),
        Figure::stated(&format!("bulk load sorted by keys, {backend}"), per_second(sorted), "/s"),
        Figure::stated(&format!("rebuild meanwhile beside appends, {backend}"), filled, "/s"),
        Figure::ceiling(
            &format!("append beside a running rebuild, p99 against without, {backend}"),
            beside,
            alone,
            "ms",
            BESIDE_RATIO_MAX,
        ),
    ])
}

/// Appends without and beside a rebuild, and the rebuild beside them.
struct Appends {
    /// p99 in milliseconds.
    alone: f64,
    beside: f64,
    /// Messages a second that the rebuild took in meanwhile.
    filled: f64,
}

/// Appends while nothing else runs, and while the model is rebuilt, which takes `rebuild` alone and many times that beside
/// them.
async fn appends(world: &Arc<World>, reader: &Reader, rebuild: Duration) -> anyhow::Result<Appends> {
    let held = rebuild.mul_f64(0.8).clamp(Duration::from_secs(1), Duration::from_secs(20));
    let schedule = Schedule::new(BESIDE_PER_SECOND, held);
    progress(&format!("appending for {} s, then beside a rebuild", held.as_secs()));
    let alone = first_messages(world, schedule).await?;
    let done = AtomicU64::new(0);
    let rebuilding = async { reader.rebuild(|now, _| done.store(now, Ordering::Relaxed)).await };
    let appending = async {
        let started = Instant::now();
        let beside = first_messages(world, schedule).await?;
        anyhow::Ok((beside, done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()))
    };
    let (rebuilt, appended) = tokio::join!(rebuilding, appending);
    rebuilt?;
    let (beside, filled) = appended?;
    Ok(Appends { alone, beside, filled })
}

/// New customers who write once each; the p99 in milliseconds from the scheduled moment to the acknowledgement.
async fn first_messages(world: &Arc<World>, schedule: Schedule) -> anyhow::Result<f64> {
    let appended = schedule.run(|turn| {
        let world = world.clone();
        async move {
            let (log, keys, thread) = (&world.spine.log, &world.spine.keys, spine::new_id());
            let address = &Address::of(world.tenant(), Thread::KIND, thread)?;
            log.assume_new::<Thread>(address);
            Customer { log, keys, address, thread }.writes(true).await?;
            anyhow::Ok(turn.waited_ms())
        }
    });
    let mut waits = appended.await.into_iter().collect::<anyhow::Result<Vec<f64>>>()?;
    waits.sort_by(f64::total_cmp);
    Ok(percentile(&waits, 0.99))
}

/// Customers who write in turns, as they do who come and go: some thousand talk at the same time.
pub(crate) async fn fill(world: &World, messages: u64) -> anyhow::Result<()> {
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (log, keys) = (world.spine.log.clone(), world.spine.keys.clone());
        let (tenant, share) = (world.tenant(), messages / WRITERS);
        writers.spawn(async move {
            let mut talking: Vec<(Uuid, Address, u32)> = Vec::new();
            for _ in 0..share / MESSAGES_OF_EXCHANGE {
                if talking.len() < TALKING {
                    let thread = spine::new_id();
                    let address = Address::of(tenant, Thread::KIND, thread)?;
                    log.assume_new::<Thread>(&address);
                    talking.push((thread, address, 0));
                }
                let place = rand::rng().random_range(0..talking.len());
                let (thread, address, exchanges) = &mut talking[place];
                let customer = Customer { log: &log, keys: &keys, address, thread: *thread };
                let message = customer.writes(*exchanges == 0).await?;
                customer.is_answered(message).await?;
                *exchanges += 1;
                if *exchanges == EXCHANGES_MAX {
                    talking.swap_remove(place);
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    Ok(())
}
