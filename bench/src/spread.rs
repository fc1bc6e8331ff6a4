//! Answered messages a second on Postgres, with all roles in one process and with seven processes, and what each of them
//! takes of a core for one message.

use crate::closed::{self, Answered};
use crate::figure::{Figure, percentile, progress};
use crate::suite::{Suite, Wanted};
use crate::told;
use sqlx::{AnyConnection, Connection};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Answered messages a second.
const GOAL: f64 = 700.0;
const QUIET_WITHIN: Duration = Duration::from_secs(240);

/// In one process and in seven. `server` is where databases can be made.
pub(crate) async fn measure(smoke: bool, held_s: u64, server: &str) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (split, name) in [(false, "one process"), (true, "seven processes")] {
        let (_, database) = ground::fresh_database(server).await;
        let wanted = Wanted { database: Some(&database), split, ..Wanted::plain(smoke) };
        let suite = Suite::start(wanted).await?;
        let held = Duration::from_secs(if smoke { 1 } else { held_s });
        progress(&format!("{name} on Postgres, answering as fast as it can for {} s", held.as_secs()));
        let before = database_bytes(&database).await?;
        let (answered, found) = hold(&suite, &format!("{name}, Postgres"), held).await?;
        suite.until_quiet(QUIET_WITHIN).await?;
        let grown = (database_bytes(&database).await? - before) / answered.count as f64;
        figures.extend(found);
        let name = format!("bytes for one answered message: read models and keys, {name}, Postgres");
        figures.push(Figure::stated(&name, grown, "B"));
    }
    Ok(figures)
}

async fn database_bytes(database: &str) -> anyhow::Result<f64> {
    let mut connection = AnyConnection::connect(database).await?;
    let size = "SELECT pg_database_size(current_database())";
    let size: i64 = sqlx::query_scalar(size).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(size as f64)
}

async fn hold(suite: &Suite, name: &str, held: Duration) -> anyhow::Result<(Answered, Vec<Figure>)> {
    let (before, stages) = (suite.on_core(), told::stages(&suite.metrics().await));
    let (answered, oldest) = tokio::join!(saturate(suite, held), suite.oldest_unprocessed(held));
    let after = suite.on_core();
    let waits = &answered.waits;
    let mut figures = vec![
        Figure::at_least(&format!("answered messages, {name}"), answered.per_second, "/s", GOAL),
        Figure::at_most(&format!("oldest unprocessed event meanwhile, {name}"), oldest?, "s", 1.0),
        Figure::stated(&format!("wait for an answer meanwhile, {name}, p50"), percentile(waits, 0.5), "ms"),
        Figure::stated(&format!("wait for an answer meanwhile, {name}, p99"), percentile(waits, 0.99), "ms"),
    ];
    figures.extend(costs(name, &answered, &before, &after));
    figures.extend(told::table(name, &stages, &told::stages(&suite.metrics().await)));
    Ok((answered, figures))
}

/// Keeps customers of the partner waiting for `held`.
pub(crate) async fn saturate(suite: &Suite, held: Duration) -> Answered {
    let outside = suite.outside.clone();
    closed::hold(held, "saturated", move |user, id| {
        let outside = outside.clone();
        async move { outside.asks(&user, &id, Instant::now()).await.is_some() }
    })
    .await
}

/// Microseconds on a core for one answered message, by process.
pub(crate) fn costs(
    name: &str,
    answered: &Answered,
    before: &BTreeMap<String, Duration>,
    after: &BTreeMap<String, Duration>,
) -> Vec<Figure> {
    let each = |(process, now): (&String, &Duration)| {
        let used = now.saturating_sub(before.get(process).copied().unwrap_or_default());
        let cost = used.as_secs_f64() * 1e6 / answered.count as f64;
        Figure::stated(&format!("core for one answered message, {name}: {process}"), cost, "us")
    };
    after.iter().map(each).collect()
}
