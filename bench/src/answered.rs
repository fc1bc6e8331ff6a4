//! Answering: customers' messages through the real webhook, all roles in one process, to the platform's call.

use crate::closed::{self, Answered};
use crate::figure::{Figure, percentile, progress};
use crate::suite::QUESTION;
use crate::{lag, memory};
use integration::{Outside, Place, World, knowledge};
use runtime::Role;
use simulators::http::Item;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ENTRIES: usize = 5_000;

pub(crate) async fn measure(smoke: bool, held_s: u64) -> anyhow::Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let place = Place { folder: folder.path().into(), url: None };
    let world = World::start(&place, &Role::ALL).await;
    let mut entries = vec![knowledge("return-freight", "退货运费谁承担", "质量问题退货，运费由我们承担。")];
    let filler = if smoke { 100 } else { ENTRIES };
    entries.extend((0..filler).map(|number| {
        knowledge(
            &format!("filler-{number}"),
            &format!("型号{number}的配件{}怎么购买", number * 7),
            "请到配件专区购买。",
        )
    }));
    let outside = Arc::new(world.furnish(&entries).await);
    progress("answering one message after the other");
    let idle = idle_latency(&outside, if smoke { 10 } else { 300 }).await;
    let held = Duration::from_secs(if smoke { 2 } else { held_s });
    progress(&format!("answering as fast as it can for {} s", held.as_secs()));
    let (sustained, oldest) = tokio::join!(sustained(&outside, held), lag::oldest(&world, held));
    let Answered { per_second: rate, waits, .. } = sustained;
    let mut figures = vec![
        Figure::at_most("idle: webhook to the call of the platform, p50", percentile(&idle, 0.5), "ms", 10.0),
        Figure::at_most(
            "idle: webhook to the call of the platform, p99",
            percentile(&idle, 0.99),
            "ms",
            20.0,
        ),
        Figure::at_least("answered messages, one process, SQLite", rate, "/s", 700.0),
        Figure::at_most("oldest event that a reader had not processed meanwhile", oldest?, "s", 1.0),
        Figure::stated("wait for an answer meanwhile, p50", percentile(&waits, 0.5), "ms"),
        Figure::stated("wait for an answer meanwhile, p99", percentile(&waits, 0.99), "ms"),
    ];
    world.settle().await;
    progress("opening threads");
    let threads = memory::fill(&world, outside.shop, threads(&world).await?, smoke).await?;
    world.settle().await;
    outside.stop.cancel();
    // The server goes with what is returned.
    drop(world.stop().await);
    figures.extend(memory::measure(folder.path(), threads, smoke)?);
    figures.extend(memory::binary());
    Ok(figures)
}

async fn threads(world: &World) -> anyhow::Result<u64> {
    let reader = world.spine.readers.find("ingest").ok_or_else(|| anyhow::anyhow!("no model ingest"))?;
    let count: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM threads").fetch_one(reader.model().store.reads()).await?;
    Ok(u64::try_from(count)?)
}

/// One message after the other; milliseconds from the post to the callback, sorted.
async fn idle_latency(outside: &Outside, count: usize) -> Vec<f64> {
    let mut times = Vec::new();
    for number in 0..count {
        let user = format!("idle-{number}");
        let mut answers = outside.ledger.follow(&user);
        let item = Item { id: format!("idle-{number}"), user, text: QUESTION.into() };
        let started = Instant::now();
        outside.partner.post(&[item]).await;
        if tokio::time::timeout(Duration::from_secs(5), answers.recv()).await.is_ok() {
            times.push(started.elapsed().as_secs_f64() * 1_000.0);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    times.sort_by(f64::total_cmp);
    times
}

/// Keeps customers waiting for `run`.
async fn sustained(outside: &Arc<Outside>, run: Duration) -> Answered {
    let outside = outside.clone();
    closed::hold(run, "answered", move |user, id| {
        let outside = outside.clone();
        async move {
            let mut answers = outside.ledger.follow(&user);
            outside.partner.post(&[Item { id, user, text: QUESTION.into() }]).await;
            tokio::time::timeout(Duration::from_secs(20), answers.recv()).await.is_ok()
        }
    })
    .await
}
