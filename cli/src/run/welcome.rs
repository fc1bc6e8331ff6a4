//! What a person sees when the suite is ready: addresses, and with the demo three things to try.

use super::trial;
use crate::suite::RunFile;
use anyhow::Context;
use runtime::{Common, Health, Role};
use spine::Clock;
use std::time::Duration;

/// A start that takes longer says so, and again at this interval.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits until the suite is ready, then says where it is.
pub(super) async fn when_ready(
    common: &Common,
    file: &RunFile,
    health: &Health,
    (demo, returning): (bool, bool),
    clock: &Clock,
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
    // One of several processes says which it is, and only where it answers itself.
    let roles = match file.roles.len() == Role::ALL.len() {
        true => String::new(),
        false => format!(" {}", file.roles.join(", ")),
    };
    eprintln!("tributary{roles} is ready on {}{again}", common.data.display());
    if file.roles.iter().any(|role| role == Role::ChannelIngest.as_str()) {
        eprintln!("  webhooks and widget  {}", file.http);
    }
    if !file.api.is_empty() {
        eprintln!("  REST                 {}", file.api);
    }
    eprintln!("  probes, metrics      {}", file.admin);
    eprintln!("  nats                 {}", file.nats);
    if demo {
        let trial = trial::apply(common).await.context("apply the demo")?;
        let [ask, write, list] = trial.commands(&file.api, &file.http, clock.now() / 1_000_000)?;
        eprintln!("the demo shop 溪流优选 is in place. Three things to try:");
        eprintln!("  1. ask what the AI would answer\n     {ask}");
        eprintln!("  2. write as a customer (this signature is good for five minutes)\n     {write}");
        eprintln!("  3. see the conversations\n     {list}");
        if let Some(remedy) = trial.remedy() {
            eprintln!("{remedy}");
        }
        eprintln!(
            "`tributary demo` plays whole dialogues. Ctrl-C stops; the next start goes on where it was."
        );
    }
    Ok(())
}
