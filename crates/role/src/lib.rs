//! The frame of a role: its reader, its workers and its gRPC server run together and stop together.
//!
//! A service consists of a projector (what it sees), workers (what it does) and queries (what it is asked).
//! This crate is the part that is the same for all of them.

mod figures;
mod trace;

pub use trace::traced;

use runtime::grpc::{Services, serve};
use runtime::{Host, State, Tasks};
use spine::lease::Leases;
use spine::read::{Done, Status, Work, WorkLimits, work};
use spine::{Error, Position, Projector, Reader, Spine};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long a query that names a position waits for the reader to get there.
pub const AT_LEAST_PATIENCE: Duration = Duration::from_secs(5);
/// How long a role's tasks may take to finish what is in flight at shutdown.
const GRACE: Duration = Duration::from_secs(20);
/// How long giving leases back at a stop may take: they expire after ten seconds by themselves.
const GIVE_BACK_WAIT: Duration = Duration::from_secs(3);

/// A role that is being put together.
pub struct Frame {
    pub spine: Spine,
    pub host: Host,
    /// The reader of the role's read model.
    pub reader: Reader,
    tasks: Tasks,
    leases: Vec<Leases>,
}

impl Frame {
    /// Opens the role's read model and starts to read it; health says how far it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(spine: Spine, host: Host, projector: Arc<dyn Projector>) -> anyhow::Result<Self> {
        let reader = spine.reader(projector).await?;
        let mut tasks = Tasks::new(host.shutdown.clone());
        let name = format!("reader {}", reader.name());
        {
            let (reader, shutdown) = (reader.clone(), host.shutdown.clone());
            tasks.spawn(name.clone(), async move { Ok(reader.run(&shutdown).await?) });
        }
        {
            let (reader, host) = (reader.clone(), host.clone());
            tasks.spawn(format!("health of {name}"), async move {
                tell_health(&reader, &host).await;
                Ok(())
            });
        }
        figures::show(&mut tasks, &reader, &host, spine.log.clock());
        Ok(Self { spine, host, reader, tasks, leases: Vec::new() })
    }

    /// Adds a task that runs until shutdown; one that ends earlier is a crash of the process.
    pub fn spawn<F>(&mut self, name: &str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.tasks.spawn(name, task);
    }

    /// Leases of the role's own, to be given back at a clean end so that nobody waits for them to expire.
    pub fn hold(&mut self, leases: &Leases) {
        self.leases.push(leases.clone());
    }

    /// Adds a worker for what is due of `kind`.
    pub fn work<F, Fut>(&mut self, kind: &'static str, limits: WorkLimits, handle: F)
    where
        F: Fn(Work) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Done, Error>> + Send + 'static,
    {
        let (reader, shutdown) = (self.reader.clone(), self.host.shutdown.clone());
        let handle = move |work: Work| {
            let parent = work.traceparent.clone();
            let handled = Box::pin(handle(work));
            async move { traced(kind, parent.as_deref(), handled).await }
        };
        self.tasks.spawn(format!("worker {kind}"), async move {
            Ok(work(&reader, kind, limits, &shutdown, handle).await?)
        });
    }

    /// Answers gRPC queries on `listener`.
    pub fn serve(&mut self, listener: TcpListener, services: Services) {
        let (health, shutdown) = (self.host.health.clone(), self.host.shutdown.clone());
        self.tasks.spawn("grpc", async move { Ok(serve(listener, services, health, shutdown).await?) });
    }

    /// Runs until shutdown.
    ///
    /// # Errors
    /// The first task that crashed.
    pub async fn run(self) -> anyhow::Result<()> {
        let ended = self.tasks.supervise(GRACE).await;
        // Only now, since a worker's last call is still ours to settle.
        let why = match tokio::time::timeout(GIVE_BACK_WAIT, give_back(&self.reader, &self.leases)).await {
            Ok(Ok(())) => return Ok(ended?),
            Ok(Err(error)) => spine::error::chain(&error),
            Err(_) => format!("the database did not answer within {} s", GIVE_BACK_WAIT.as_secs()),
        };
        tracing::warn!(
            reader.name = self.reader.name(),
            error = why,
            "what this process held is free only when its leases expire"
        );
        Ok(ended?)
    }
}

async fn give_back(reader: &Reader, leases: &[Leases]) -> Result<(), Error> {
    let mut given_back = reader.let_go().await;
    for leases in leases {
        given_back = given_back.and(leases.release_all().await);
    }
    given_back
}

/// Waits until `reader` has reached the positions that a query names, written `1.3:4711,1.4:12`; an empty text
/// waits for nothing.
///
/// # Errors
/// [`Error::Name`] when the text holds no positions, [`Error::Timeout`] when the reader does not get there.
pub async fn at_least(reader: &Reader, positions: &str) -> Result<(), Error> {
    let parsed = positions.split(',').map(str::trim).filter(|position| !position.is_empty());
    let wrong = |_| Error::Name { field: "at_least", value: positions.to_owned() };
    let parsed = parsed.map(str::parse::<Position>).collect::<Result<Vec<_>, Error>>().map_err(wrong)?;
    if parsed.is_empty() {
        return Ok(());
    }
    reader.wait_for(&parsed, AT_LEAST_PATIENCE).await
}

/// Waits until the reader is live in every part, here or with another replica, or until shutdown.
pub async fn until_live(reader: &Reader, shutdown: &tokio_util::sync::CancellationToken) {
    let mut statuses = reader.statuses();
    let settled = |statuses: &BTreeMap<u8, Status>| {
        statuses
            .values()
            .all(|status| matches!(status, Status::Live | Status::Elsewhere | Status::Standing { .. }))
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        // The sender lives as long as the reader.
        _ = statuses.wait_for(settled) => {}
    }
}

/// A reader that is not ready yet keeps the process from being ready. Once it was, an outage that takes it back (of
/// NATS, of the database, the end of a lease) is only noted: it takes all replicas down together, and if all became
/// unready, a short outage would become a long one of everything in front of them.
async fn tell_health(reader: &Reader, host: &Host) {
    let check = format!("reader.{}", reader.name());
    let mut statuses = reader.statuses();
    let mut was_ready = false;
    loop {
        let (gate, note) = readiness(&statuses.borrow_and_update(), was_ready);
        was_ready |= gate == State::Ready;
        host.health.set(&check, gate);
        host.health.note(&check, note);
        tokio::select! {
            () = host.shutdown.cancelled() => return,
            changed = statuses.changed() => if changed.is_err() { return },
        }
    }
}

/// What decides about readiness, and what is only shown. Ready once every part is live here or with another replica;
/// a part that stands or has stopped is no outage, and decides at any time.
fn readiness(statuses: &BTreeMap<u8, Status>, was_ready: bool) -> (State, State) {
    let (mut deciding, mut shown) = (Vec::new(), Vec::new());
    for (part, status) in statuses {
        match status {
            Status::Live | Status::Elsewhere => {}
            Status::Starting => shown.push(format!("part {part} starts")),
            Status::CatchingUp => shown.push(format!("part {part} catches up")),
            Status::Standing { reason } => deciding.push(format!("part {part} stands: {reason}")),
            Status::Stopped { reason } => deciding.push(format!("part {part} stopped: {reason}")),
        }
    }
    if !was_ready {
        deciding.append(&mut shown);
    }
    let state = |words: Vec<String>| match words.is_empty() {
        true => State::Ready,
        false => State::not_ready(words.join("; ")),
    };
    (state(deciding), state(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_ready_when_each_part_is_somewhere() {
        let with = |status| BTreeMap::from([(0, Status::Live), (1, status)]);
        assert_eq!(readiness(&with(Status::Elsewhere), false), (State::Ready, State::Ready));
        assert!(matches!(readiness(&with(Status::CatchingUp), false).0, State::NotReady { .. }));
        let standing = Status::Standing { reason: "newer".into() };
        for was_ready in [false, true] {
            let (gate, _) = readiness(&with(standing.clone()), was_ready);
            assert!(matches!(gate, State::NotReady { reason } if reason.contains("newer")));
        }
    }

    #[test]
    fn a_reader_that_was_ready_and_catches_up_after_an_outage_is_shown_and_stays_ready() {
        for status in [Status::Starting, Status::CatchingUp] {
            let statuses = BTreeMap::from([(0, Status::Live), (1, status)]);
            let (gate, note) = readiness(&statuses, true);
            assert_eq!(gate, State::Ready);
            assert!(matches!(note, State::NotReady { reason } if reason.contains("part 1")));
        }
    }
}
