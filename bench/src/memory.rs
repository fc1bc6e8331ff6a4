//! Memory: what a process with all roles and its nats-server hold resident, idle, beside many threads.

use crate::figure::{Figure, progress};
use conversation::{Beginning, Thread, Visit};
use events::Sealed;
use events::thread::OpenedBy;
use integration::{Place, Server, World};
use runtime::Role;
use spine::keys::{Owner, Period, SealKey};
use spine::{Address, Cause, Clock, Entity};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Threads beside which the process is weighed.
const THREADS: u64 = 100_000;
/// Threads that are opened at the same time.
const WRITERS: u64 = 64;
/// The process is left alone so long before it is weighed: longer than keys and connections are kept.
const IDLE: Duration = Duration::from_secs(75);

/// Opens conversations in which nobody wrote, until there are enough threads.
pub(crate) async fn fill(world: &World, account: Uuid, threads: u64, smoke: bool) -> anyhow::Result<u64> {
    let wanted = if smoke { threads + 100 } else { THREADS };
    let missing = wanted.saturating_sub(threads);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (log, keys, tenant) = (world.spine.log.clone(), world.spine.keys.clone(), world.tenant());
        writers.spawn(async move {
            for _ in (writer..missing).step_by(WRITERS as usize) {
                let (id, at) = (spine::new_id(), log.clock().now());
                let address = Address::of(tenant, Thread::KIND, id)?;
                let (owner, period) = (Owner::thread(id), Period::quarter(at));
                let key = SealKey { tenant: tenant.into(), owner, class: "message".into(), period };
                let contact = keys.seal(&key, &address.subject(), "began.contact", &id.to_string()).await?;
                let began =
                    Beginning { account, channel: "http".into(), contact: Sealed(contact), name: None };
                let visit = Visit {
                    by: OpenedBy::Widget,
                    provider: format!("open:{id}"),
                    touch: None,
                    window: None,
                    sent_at: at,
                    began: Some(began),
                };
                log.assume_new::<Thread>(&address);
                let cause = Cause::new(id, "open", "channel-ingest");
                let opened =
                    log.transact(&address, &cause, |state: &Thread| conversation::open(state, &visit, at));
                opened.await.map_err(|error| anyhow::anyhow!("open: {error}"))?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    Ok(threads + missing)
}

/// Starts this program again as nothing but the suite on the data of a stopped world, and weighs it.
pub(crate) fn measure(folder: &Path, threads: u64, smoke: bool) -> anyhow::Result<Vec<Figure>> {
    progress("starting again on them, to be weighed idle");
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--serve")
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or_else(|| anyhow::anyhow!("no output"))?).read_line(&mut line)?;
    let nats_pid: u32 = line.trim().parse()?;
    std::thread::sleep(if smoke { Duration::from_secs(1) } else { IDLE });
    let own = resident_mb(child.id()).unwrap_or(f64::NAN);
    let nats = resident_mb(nats_pid).unwrap_or(f64::NAN);
    // It stops when nobody holds its input any more.
    drop(child.stdin.take());
    child.wait()?;
    let name = format!("resident, all roles in one process, idle, {threads} threads");
    Ok(vec![
        Figure::at_most(&name, own, "MB", 60.0),
        Figure::stated("resident, nats-server beside it", nats, "MB"),
    ])
}

/// Serves until the input ends; prints the nats-server's process id once all is read.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub(crate) async fn serve(folder: &Path) -> anyhow::Result<()> {
    let place = Place { folder: folder.into(), url: None };
    let server = Server::start_in(&folder.join("nats")).await;
    let world = World::on(place, server, &Role::ALL, Clock::system()).await;
    world.settle().await;
    println!("{}", world.server.pid());
    tokio::task::spawn_blocking(|| std::io::stdin().lines().count()).await?;
    world.stop().await;
    Ok(())
}

/// Resident megabytes of a process, from `/proc`.
fn resident_mb(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kb| kb / 1024.0)
}

/// The size of the release binary beside this one; none when it is not built.
pub(crate) fn binary() -> Option<Figure> {
    let binary = std::env::current_exe().ok()?.with_file_name("tributary");
    let bytes = std::fs::metadata(binary).ok()?.len();
    Some(Figure::at_most("binary", bytes as f64 / 1_048_576.0, "MB", 50.0))
}
