//! `tributary provision`: the streams and the tables that the roles find at their start, made or waited for.

use crate::nats;
use crate::output;
use crate::run::{self, Foundation, Setup};
use crate::suite::Suite;
use anyhow::{Context, bail};
use runtime::Common;
use spine::db::{self, DatabaseSettings, Wanted};
use spine::{Nats, streams};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Make nothing: wait until everything is there
    #[arg(long)]
    check: bool,
    /// With --check: how long to wait, in seconds; 0 looks once
    #[arg(long, value_name = "SECONDS", default_value_t = 300, requires = "check")]
    timeout: u64,
    #[command(flatten)]
    setup: Setup,
}

impl Args {
    /// What is wrong beyond what the parser sees.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.setup.problems()
    }
}

/// What all seven roles and the spine keep in the database, beside the key register.
pub(crate) fn stores() -> Vec<Wanted> {
    db::own().into_iter().chain(of_roles().concat()).collect()
}

/// What each role keeps there: its read model, and state of its own if it has any.
pub(crate) fn of_roles() -> [&'static [Wanted]; 7] {
    [
        channel_ingest::STORES,
        identity::STORES,
        routing::STORES,
        ai_agent::service::STORES,
        lead_capture::service::STORES,
        analytics::STORES,
        console::STORES,
    ]
}

/// Carries the command out.
///
/// # Errors
/// Why something could not be made.
pub(crate) async fn run(common: Common, args: Args) -> anyhow::Result<ExitCode> {
    if args.check {
        return check(&common, &args).await;
    }
    // What the suite has to itself, files or a nats-server, it made.
    let own = common.database_url.is_none() || common.nats.is_none();
    if own && Suite::running(&common).await?.is_some() {
        output::line(format_args!("a suite runs on {}: everything is there", common.data.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let setup = args.setup;
    run::with_foundation(common, setup, async |base: &Foundation| {
        if !base.nats.may_provision() {
            bail!("--nats-credentials (TRIBUTARY_NATS_CREDENTIALS) has no seed of the operator, who makes streams");
        }
        base.spine.database.prepare(&stores()).await.context("make the tables")?;
        base.spine.database.close().await;
        Ok(())
    })
    .await?;
    output::line("streams, key register, state and read models are there")?;
    Ok(ExitCode::SUCCESS)
}

/// Waits until nothing is missing; exit code 1 with what is, when the time is over.
async fn check(common: &Common, args: &Args) -> anyhow::Result<ExitCode> {
    let (began, mut told) = (Instant::now(), String::new());
    loop {
        let missing = missing(common, &args.setup).await;
        if missing.is_empty() {
            output::line("streams, key register, state and read models are there")?;
            return Ok(ExitCode::SUCCESS);
        }
        let words = missing.join("; ");
        if began.elapsed() >= Duration::from_secs(args.timeout) {
            eprintln!(
                "error: after {} s: {words}; `tributary provision` makes it",
                began.elapsed().as_secs()
            );
            return Ok(ExitCode::FAILURE);
        }
        if words != told {
            eprintln!("waiting for: {words}");
            told = words;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// What is not there, in words.
async fn missing(common: &Common, setup: &Setup) -> Vec<String> {
    let mut missing = Vec::new();
    match look_at_streams(common, setup).await {
        Ok(found) if found.is_empty() => {}
        Ok(found) => missing.push(run::told(&found)),
        Err(error) => missing.push(output::chain(&error)),
    }
    let url = common.database_url.as_ref().map(|url| url.expose().to_owned());
    match db::lacking(&DatabaseSettings::new(url, &common.data), &stores()).await {
        Ok(found) => missing.extend(found),
        Err(error) => missing.push(spine::error::chain(&error)),
    }
    missing
}

async fn look_at_streams(common: &Common, setup: &Setup) -> anyhow::Result<Vec<spine::Error>> {
    let credentials = setup.nats_credentials.as_deref();
    // Any role may ask what a stream is set to; a pod has the seed of its own alone.
    let has = |role: &nats::Role| credentials.is_none_or(|folder| folder.join(role.name()).is_file());
    let role = nats::Role::ALL.into_iter().find(has);
    let role = role.context("--nats-credentials (TRIBUTARY_NATS_CREDENTIALS) has no seed of any role")?;
    let nats = Nats::connect(&run::access(common, credentials, role)?).await?;
    Ok(streams::differences(&nats, &setup.streams()).await?)
}
