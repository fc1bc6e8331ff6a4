//! What a person sees when the suite is ready: addresses, and with the demo three things to try.

use crate::suite::RunFile;
use runtime::Health;
use std::path::Path;
use std::time::Duration;

/// A start that takes longer says so, and again at this interval.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits until the suite is ready, then says where it is.
pub(super) async fn when_ready(
    data: &Path,
    file: &RunFile,
    health: &Health,
    demo: bool,
    returning: bool,
) -> anyhow::Result<()> {
    while tokio::time::timeout(PATIENCE, health.until_ready()).await.is_err() {
        let waiting: Vec<String> = health
            .report()
            .not_ready
            .into_iter()
            .map(|missing| format!("{}: {}", missing.check, missing.reason))
            .collect();
        eprintln!("waiting for {}", waiting.join("; "));
    }
    let again = if returning { ", going on where it was" } else { "" };
    eprintln!("tributary is ready on {}{again}", data.display());
    eprintln!("  webhooks and widget  {}", file.http);
    eprintln!("  REST                 {}", file.api);
    eprintln!("  probes, metrics      {}", file.admin);
    eprintln!("  nats                 {}", file.nats);
    if demo {
        eprintln!("Ctrl-C stops it; `make run` goes on where it was.");
    }
    Ok(())
}
