//! Appending to a cluster of three nodes, each stream on all of them, against raw publishes of the same bytes there.

use crate::append;
use crate::figure::{Figure, progress};
use ground::{Cluster, Syncing};
use spine::Clock;
use spine::db::{Database, DatabaseSettings};
use spine::keys::{KeySettings, Keys};
use std::time::Duration;

/// What an append must reach of a raw publish.
const RATIO_MIN: f64 = 0.7;
const SYNCINGS: [(Syncing, &str); 2] =
    [(Syncing::Always, "each append synced"), (Syncing::ByDefault, "the default sync")];
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

pub(crate) async fn measure(smoke: bool) -> anyhow::Result<Vec<Figure>> {
    let run = Duration::from_secs(if smoke { 1 } else { 10 });
    let mut figures = Vec::new();
    // Three nodes take long to find each other, which is not what is measured.
    for (syncing, name) in SYNCINGS.into_iter().take(if smoke { 1 } else { SYNCINGS.len() }) {
        progress(&format!("appending to three nodes, {name}, in turns with raw publishes"));
        let folder = tempfile::tempdir()?;
        let cluster = Cluster::start_with(syncing).await;
        cluster.provision(DUPLICATE_WINDOW).await;
        let database = Database::open(DatabaseSettings::new(None, folder.path())).await?;
        let keys = Keys::open(&database, KeySettings::default(), Clock::system()).await?;
        let (ours, raw) = append::in_turns(&cluster.log().await, &keys, &cluster.url(), run).await?;
        let name = format!("append: three nodes, three copies, {name}");
        figures.push(Figure::of_limit(&name, ours, raw, "/s", RATIO_MIN));
    }
    Ok(figures)
}
