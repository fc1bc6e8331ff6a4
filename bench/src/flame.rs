//! Where the suite's process is while it answers as fast as it can: a record of perf, for a flame graph.

use crate::figure::progress;
use crate::spread::saturate;
use crate::suite::{Suite, Wanted};
use anyhow::Context;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// Until caches are warm, and for how long it is looked at.
const WARM: Duration = Duration::from_secs(10);
const RECORDED: Duration = Duration::from_secs(30);
/// Looks a second and core; no divisor of a timer's round number.
const FREQUENCY: u32 = 499;

/// Writes perf's record to `out`.
pub(crate) async fn record(out: &Path) -> anyhow::Result<()> {
    let suite = Suite::start(Wanted::plain(false)).await?;
    let (_, pid) = suite.pids().into_iter().next().context("the suite runs")?;
    progress("answering as fast as it can, recorded by perf");
    // One run of customers: those of a second one would repeat what the first ones said, and nobody answers that.
    let (_, ended) = tokio::join!(saturate(&suite, WARM + RECORDED + Duration::from_secs(2)), perf(pid, out));
    let ended = ended?;
    anyhow::ensure!(ended.success(), "perf failed; may this user look at processes (perf_event_paranoid)?");
    Ok(())
}

/// Looks at the process for a while, once it is warm.
async fn perf(pid: u32, out: &Path) -> anyhow::Result<ExitStatus> {
    tokio::time::sleep(WARM).await;
    let mut perf = Command::new("perf")
        .args(["record", "--call-graph", "fp", "-F", &FREQUENCY.to_string(), "-p", &pid.to_string(), "-o"])
        .arg(out)
        .args(["--", "sleep", &RECORDED.as_secs().to_string()])
        .spawn()
        .context("perf is not installed")?;
    Ok(tokio::task::spawn_blocking(move || perf.wait()).await??)
}
