//! `tributary run`: the spine opened, the roles started, the demo applied, until a signal.

mod alone;
mod args;
mod assemble;
mod llm;
mod reach;
mod roles;
mod setup;
mod streams;
mod trial;
mod watch;
mod welcome;

pub(crate) use alone::{access, quiet_telemetry, refuse_held, with_foundation, with_stage, with_suite};
pub(crate) use args::{RunArgs, master_key_problem};
pub(crate) use assemble::Foundation;
pub(crate) use roles::Started;
pub(crate) use setup::Setup;
pub(crate) use streams::told;

use crate::nats::{self, Server};
use crate::private;
use anyhow::Context;
use runtime::{Common, shutdown};
use tokio_util::sync::CancellationToken;

/// Runs the suite until it is told to stop.
///
/// # Errors
/// The first thing that failed, with its causes.
pub(crate) async fn run(common: Common, args: RunArgs) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    shutdown::until_signal(stop.clone(), assemble::run(common, args, stop)).await?
}

/// Runs only the data folder's nats-server.
///
/// # Errors
/// When it cannot be started.
pub(crate) async fn nats_only(common: Common) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let work = async {
        private::close(&common.data)?;
        let running = Server::start(&nats::Settings::of(&common.data), stop.clone()).await?;
        tracing::info!(nats.url = running.place.url, "nats-server is ready");
        running.supervise().await;
        anyhow::Ok(())
    };
    shutdown::until_signal(stop.clone(), work).await?.context("run nats-server")
}
