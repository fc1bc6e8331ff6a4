//! The commands and where each is carried out.

use crate::run::{self, RunArgs};
use runtime::{Common, telemetry};
use std::process::ExitCode;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Run the suite: all roles in one process, or the ones that are named
    ///
    /// Without --nats a nats-server of its own is started and supervised; without --database-url everything is
    /// SQLite in the data folder. Examples:
    ///   tributary run --demo
    ///   tributary run --without routing
    ///   tributary run routing --nats nats://nats:4222 --database-url postgres://…
    #[command(verbatim_doc_comment)]
    Run(RunArgs),
    /// Run and supervise only the nats-server of the data folder, for roles in processes of their own
    Nats,
}

/// Carries the command out.
///
/// # Errors
/// Whatever kept it from being done, with its causes.
pub(crate) async fn run(common: Common, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => {
            let guard = telemetry::init("tributary", &common.telemetry)?;
            let ended = run::run(common, args).await;
            // Flushing waits for the network, so it is kept off the threads that serve.
            tokio::task::spawn_blocking(move || drop(guard)).await?;
            ended.map(|()| ExitCode::SUCCESS)
        }
        Command::Nats => {
            let _guard = telemetry::init("tributary", &common.telemetry)?;
            run::nats_only(common).await.map(|()| ExitCode::SUCCESS)
        }
    }
}
