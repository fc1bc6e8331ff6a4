//! Memory: what a process with all roles and its nats-server hold resident, idle, beside many threads.

use crate::figure::{Figure, progress};
use crate::process::resident_mb;
use anyhow::Context;
use conversation::{Beginning, Thread, Visit};
use events::Sealed;
use events::thread::OpenedBy;
use integration::{Place, Server, World};
use runtime::Role;
use spine::keys::{Owner, Period, SealKey};
use spine::{Address, Cause, Clock, Entity};
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;
use tokio::io::AsyncBufReadExt;
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
    let served = Served::start(folder)?;
    std::thread::sleep(if smoke { Duration::from_secs(1) } else { IDLE });
    let (own, nats) = (resident_mb(served.pid()), resident_mb(served.nats_pid));
    served.stop()?;
    let name = format!("resident, all roles in one process, idle, {threads} threads");
    Ok(vec![
        Figure::at_most(&name, own, "MB", 60.0),
        Figure::stated("resident, nats-server beside it", nats, "MB"),
    ])
}

/// This program as nothing but the suite, in a process of its own.
pub(crate) struct Served {
    child: Child,
    /// What it is told, line by line; it stops when nobody holds this any more.
    told: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
    nats_pid: u32,
}

impl Served {
    /// Starts it on the data of a stopped world, and returns when it has read everything.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--serve")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let told = child.stdin.take().context("no input")?;
        let mut says = BufReader::new(child.stdout.take().context("no output")?).lines();
        let nats_pid = says.next().context("it ended at once")??.trim().parse()?;
        Ok(Self { child, told, says, nats_pid })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Rebuilds a model of it.
    pub(crate) fn rebuild(&mut self, model: &str) -> anyhow::Result<()> {
        writeln!(self.told, "{model}")?;
        let said = self.says.next().context("it ended")??;
        anyhow::ensure!(said == model, "{said}");
        Ok(())
    }

    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        drop(self.told);
        self.child.wait()?;
        Ok(())
    }
}

/// Serves until the input ends; prints the nats-server's process id once all is read. Each line of the input names a
/// model to be rebuilt, and is said again when that is done.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub(crate) async fn serve(folder: &Path) -> anyhow::Result<()> {
    let place = Place { folder: folder.into(), url: None };
    let server = Server::start_in(&folder.join("nats")).await;
    let world = World::on(place, server, &Role::ALL, Clock::system()).await;
    world.settle().await;
    println!("{}", world.server.pid());
    let mut told = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    while let Some(model) = told.next_line().await? {
        let reader = world.spine.readers.find(&model).with_context(|| format!("no model {model}"))?;
        reader.rebuild(|_, _| {}).await?;
        println!("{model}");
    }
    world.stop().await;
    Ok(())
}

/// The size of the release binary beside this one; none when it is not built.
pub(crate) fn binary() -> Option<Figure> {
    let binary = std::env::current_exe().ok()?.with_file_name("tributary");
    let bytes = std::fs::metadata(binary).ok()?.len();
    Some(Figure::at_most("binary", bytes as f64 / 1_048_576.0, "MB", 50.0))
}
