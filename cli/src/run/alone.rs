//! One command's suite: the running one, or its parts started in this process for as long as the command works.

use super::args::RunArgs;
use super::assemble::{self, Foundation};
use super::setup::Setup;
use crate::nats;
use crate::output::Progress;
use crate::private;
use crate::replay::Stage;
use crate::suite::{RunFile, Suite};
use anyhow::{anyhow, bail};
use clap::Parser;
use runtime::{Common, shutdown, telemetry};
use std::fs::TryLockError;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// After this long the command goes on although a part is not ready, since it may be there to mend it.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Free ports of this machine alone, since nobody outside is to be served.
const PORTS: [&str; 5] = [
    "tributary",
    "--listen-http=127.0.0.1:0",
    "--listen-api=127.0.0.1:0",
    "--listen-admin=127.0.0.1:0",
    "--listen-grpc=127.0.0.1:0",
];

/// What `run` takes, read from the environment.
#[derive(Parser)]
#[command(name = "tributary")]
struct Alone {
    #[command(flatten)]
    args: RunArgs,
}

/// Does `work` with the suite that runs on the data folder. When none runs, its parts are started in this process
/// and stopped afterwards.
///
/// # Errors
/// What `work` fails with, or why there is no suite to work with.
pub(crate) async fn with_suite<T>(
    common: Common,
    work: impl AsyncFnOnce(Suite) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    if let Some(suite) = Suite::running(&common).await? {
        return work(suite).await;
    }
    refuse_nothing_there(&common)?;
    refuse_held(&common)?;
    let _telemetry = quiet_telemetry(&common)?;
    eprintln!("no suite runs on {}: its parts are started for this command", common.data.display());
    let args = RunArgs { quiet: true, ..Alone::try_parse_from(PORTS)?.args };
    let stop = CancellationToken::new();
    let running = assemble::run(common.clone(), args, stop.clone());
    let working = async {
        let done = async { work(started(&common).await?).await }.await;
        stop.cancel();
        done
    };
    let both = async {
        tokio::pin!(running, working);
        tokio::select! {
            ended = &mut running => match ended {
                Ok(()) => Err(anyhow!("stopped before it was done")),
                Err(error) => Err(error.context("the suite's parts cannot be started")),
            },
            done = &mut working => {
                if let Err(error) = running.await {
                    tracing::warn!(error = %format!("{error:#}"), "the suite's parts did not stop well");
                }
                done
            }
        }
    };
    shutdown::until_signal(stop.clone(), both).await?
}

/// Does `work` on the log and the key register of a data folder on which no suite runs: its nats-server is started
/// for that, but no role.
///
/// # Errors
/// What `work` fails with, or why they cannot be opened.
pub(crate) async fn with_stage<T>(
    common: Common,
    work: impl AsyncFnOnce(Stage) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    refuse_nothing_there(&common)?;
    let setup = Alone::try_parse_from(PORTS)?.args.setup;
    with_foundation(common, setup, async |base| work(base.stage()).await).await
}

/// Does `work` on the log, the keys and the database, which are made where there are none; no role is started.
///
/// # Errors
/// What `work` fails with, or why they cannot be opened.
pub(crate) async fn with_foundation<T>(
    common: Common,
    setup: Setup,
    work: impl AsyncFnOnce(&Foundation) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    refuse_held(&common)?;
    let _telemetry = quiet_telemetry(&common)?;
    let args = RunArgs { setup, ..Alone::try_parse_from(PORTS)?.args };
    let (stop, nats_stop) = (CancellationToken::new(), CancellationToken::new());
    let all = async {
        private::close(&common.data)?;
        let (source, server) = assemble::source(&common, &args, (&stop, &nats_stop)).await?;
        let opened = assemble::open(&common, &args, source).await;
        let (base, server) = assemble::or_abandon(opened, server).await?;
        let done = tokio::select! {
            done = work(&base) => done,
            () = stop.cancelled() => Err(anyhow!("stopped before it was done")),
        };
        nats_stop.cancel();
        if let Some(server) = server {
            server.supervise().await;
        }
        done
    };
    shutdown::until_signal(stop.clone(), all).await?
}

/// How a command reaches the nats-server of a running suite, or the one that is named.
///
/// # Errors
/// When its credentials cannot be read, or no server was ever started on the data folder.
pub(crate) fn access(
    common: &Common,
    credentials: Option<&Path>,
    role: nats::Role,
) -> anyhow::Result<spine::NatsAccess> {
    match &common.nats {
        Some(url) => assemble::external(url.expose(), credentials, role),
        None => Ok(nats::Access::recorded(&common.data, role)?.open()?),
    }
}

/// A command makes no installation; only `run` does.
fn refuse_nothing_there(common: &Common) -> anyhow::Result<()> {
    if common.nats.is_none() && !common.data.join("nats").is_dir() {
        bail!(
            "no suite was ever started on {}: name its folder with --data, or start one with `tributary run`",
            common.data.display()
        );
    }
    Ok(())
}

/// A process that holds the folder and does not answer is starting, stopping or hanging. Its nats-server must not
/// be adopted, since it would be stopped with this command.
///
/// # Errors
/// When there is one.
pub(crate) fn refuse_held(common: &Common) -> anyhow::Result<()> {
    if let Some(holder) = held_by(common) {
        bail!(
            "{holder} has {} and does not answer: wait until it has started or stopped, then try again",
            common.data.display()
        );
    }
    Ok(())
}

/// Who holds what a command would need: the SQLite files of the folder, or its nats-server.
fn held_by(common: &Common) -> Option<String> {
    let supervisor = nats::supervisor(&common.data).filter(|_| common.nats.is_none());
    supervisor.or_else(|| {
        let lock = std::fs::File::options().write(true).open(common.data.join("lock")).ok()?;
        matches!(lock.try_lock(), Err(TryLockError::WouldBlock)).then(|| "another process".into())
    })
}

/// The usual log lines of a start and a stop would hide the answer; warnings stay.
///
/// # Errors
/// When the settings of the log are wrong.
pub(crate) fn quiet_telemetry(common: &Common) -> anyhow::Result<telemetry::Guard> {
    let mut settings = common.telemetry.clone();
    if settings.log == "info" {
        settings.log = "warn,spine::nats=error".into();
    }
    Ok(telemetry::init("tributary", &settings)?)
}

/// The suite of this process, once it is ready.
async fn started(common: &Common) -> anyhow::Result<Suite> {
    let began = Instant::now();
    let mut progress = Progress::of("starting");
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        let ours = RunFile::read(&common.data)?.is_some_and(|file| file.pid == std::process::id());
        let suite = if ours { Suite::running(common).await? } else { None };
        match suite {
            None => progress.say(""),
            Some(suite) => match suite.get("/readyz").await {
                Ok(_) => return Ok(suite),
                Err(_) if began.elapsed() < READY_WITHIN => progress.say(" and catching up"),
                Err(_) => {
                    drop(progress);
                    eprintln!("not every part is ready after {} s; going on", READY_WITHIN.as_secs());
                    return Ok(suite);
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_takes_free_ports_of_this_machine() {
        let args = Alone::try_parse_from(PORTS).unwrap().args;
        let network = &args.network;
        for address in [network.listen_http, network.listen_api, network.listen_admin, network.listen_grpc] {
            assert!(address.ip().is_loopback());
            assert_eq!(address.port(), 0);
        }
        assert_eq!(args.problems(), Vec::<String>::new());
    }

    /// What all commands take.
    #[derive(Parser)]
    struct Every {
        #[command(flatten)]
        common: Common,
    }

    #[test]
    fn a_folder_that_another_process_holds_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = format!("--data={}", folder.path().display());
        let common = Every::try_parse_from(["tributary", &data]).unwrap().common;
        refuse_held(&common).unwrap();
        let lock = std::fs::File::create(folder.path().join("lock")).unwrap();
        refuse_held(&common).unwrap();
        lock.lock().unwrap();
        assert!(refuse_held(&common).unwrap_err().to_string().contains("try again"));
    }
}
