//! A running reader: its lanes, each under its lease on Postgres, over switches of the model.

use super::batch::{self, chain};
use super::lane::Lane;
use super::reader::{Command, Reader};
use super::shared::Status;
use crate::address::PARTS;
use crate::db::{Liveness, Model};
use crate::error::Error;
use crate::lease::Lease;
use crate::log::Log;
use sqlx::Row;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const COMMANDS_WAITING_MAX: usize = 16;
/// How often a replica asks whether another has switched the model.
const POINTER_POLL: Duration = Duration::from_secs(2);
/// How long a replica without the lease of a part waits before it asks for it again.
const LEASE_POLL: Duration = Duration::from_secs(2);
/// How long a part that met what only a newer release knows is free for it: every replica asks for it meanwhile.
const GIVES_WAY_FOR: Duration = Duration::from_secs(6);
/// How often a replica that reads a part asks whether another release has left the part's work to it.
const WORK_POLL: Duration = Duration::from_millis(500);
/// After a start, work waits so long for the parts that are behind: one may stand, or its reader be away.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(10);
const CAUGHT_UP_POLL: Duration = Duration::from_millis(100);

impl Reader {
    /// Reads until `shutdown`, over switches of the model.
    ///
    /// # Errors
    /// [`Error::LogLost`] and [`Error::Limit`]; the process must stop, since its tables would be wrong.
    pub async fn run(&self, shutdown: &CancellationToken) -> Result<(), Error> {
        self.fill_new_version(shutdown).await?;
        loop {
            let mut switched = self.inner().switched.subscribe();
            let model = self.model();
            let ended = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                changed = switched.changed() => { changed.ok(); continue }
                () = self.switched_elsewhere(&model) => Ok(()),
                () = self.go_live_once_close(&model) => Ok(()),
                ended = self.read(&model) => ended,
            };
            if let Err(error) = ended {
                let reason = chain(&error);
                for part in 0..PARTS {
                    self.inner().shared.set_status(part, Status::Stopped { reason: reason.clone() });
                }
                return Err(error);
            }
        }
    }

    /// On Postgres another replica may have switched; this one follows within its version. Another version's pointer is
    /// left to it for as long as anybody reads that version.
    async fn switched_elsewhere(&self, model: &Model) {
        let Some(leases) = &self.inner().leases else { return std::future::pending().await };
        loop {
            tokio::time::sleep(POINTER_POLL).await;
            let pointer = self.inner().database.pointer(model.spec.name).await;
            let Ok(Some(pointer)) = pointer else { continue };
            if pointer.live.version != model.spec.version {
                let is_ours = self.model().liveness == Liveness::Live;
                let others = format!("{}@{}.", model.spec.name, pointer.live.version);
                if is_ours && matches!(leases.is_any_held(&others).await, Ok(false)) {
                    tracing::info!(reader.name = model.spec.name, model.slot = %pointer.live, "nobody reads the live version any more: switching back");
                    let _tried_again_soon = self.inner().database.switch(model).await;
                }
                continue;
            }
            if pointer.live != model.slot
                && let Ok(fresh) = self.inner().database.live(&model.spec).await
                && fresh.slot != model.slot
            {
                self.adopt(fresh);
                return;
            }
        }
    }

    async fn read(&self, model: &Model) -> Result<(), Error> {
        let groups: Vec<Vec<u8>> = match self.inner().leases {
            // One writer: the parts share a lane. With leases they commit in parallel.
            None => vec![(0..PARTS).collect()],
            Some(_) => (0..PARTS).map(|part| vec![part]).collect(),
        };
        let mut lanes = JoinSet::new();
        let mut senders = BTreeMap::new();
        for parts in groups {
            let (sender, commands) = mpsc::channel(COMMANDS_WAITING_MAX);
            senders.extend(parts.iter().map(|part| (*part, sender.clone())));
            let (reader, model) = (self.clone(), model.clone());
            lanes.spawn(async move { reader.run_lane(&model, &parts, commands).await });
        }
        self.inner().commands.store(Arc::new(senders));
        while let Some(ended) = lanes.join_next().await {
            ended.map_err(|error| Error::Other(format!("a lane of {} panicked: {error}", self.name())))??;
        }
        Ok(())
    }

    /// Runs one lane for as long as it may: under its lease on Postgres, at once on SQLite.
    ///
    /// Each version of a model has leases of its own for reading, so that an old release and a new one read side by side,
    /// and both share those for working: who has them works until it ends, or meets what only the other one knows.
    async fn run_lane(
        &self,
        model: &Model,
        parts: &[u8],
        mut commands: mpsc::Receiver<Command>,
    ) -> Result<(), Error> {
        let mut work = None;
        // A switch ends lanes wherever they are.
        self.inner().shared.set_worked(parts, false);
        loop {
            let Some(lease) = self.lease_to_read(model, parts).await else {
                self.stop_work(parts, &mut work).await;
                tokio::time::sleep(LEASE_POLL).await;
                continue;
            };
            let fence = lease.as_ref().map_or(0, |lease| lease.fence());
            let ended = tokio::select! {
                ended = self.follow(model, parts, fence, &mut commands) => ended,
                () = crate::lease::until_lost(lease.as_ref()) => Err(Error::Fenced { lease: model.spec.name.into() }),
                () = self.hold_work(parts, &mut work) => Ok(()),
            };
            self.inner().shared.set_worked(parts, false);
            match ended {
                Err(Error::UnknownEvent { .. }) => {
                    self.stop_work(parts, &mut work).await;
                    self.leave(lease.as_ref()).await;
                    tokio::time::sleep(GIVES_WAY_FOR).await;
                }
                Err(error) if error.is_passing() => {
                    tracing::warn!(reader.name = model.spec.name, error = %chain(&error), "a lane starts again");
                    self.mark(parts, &Status::Starting);
                    tokio::time::sleep(LEASE_POLL / 4).await;
                }
                other => return other,
            }
        }
    }

    /// The lease to read the lane's parts: none of them while another replica has it, and no need of one on SQLite.
    async fn lease_to_read(&self, model: &Model, parts: &[u8]) -> Option<Option<Lease>> {
        let Some(leases) = &self.inner().leases else { return Some(None) };
        let name = format!("{}@{}.{}", model.spec.name, model.spec.version, parts[0]);
        let taken = async {
            let floor = batch::fence(model, parts[0]).await?;
            leases.acquire_above(&name, floor).await
        };
        match taken.await {
            Ok(Some(lease)) => Some(Some(lease)),
            Ok(None) | Err(_) => {
                let is_live = self.model().liveness == Liveness::Live;
                self.mark(parts, if is_live { &Status::Elsewhere } else { &Status::CatchingUp });
                None
            }
        }
    }

    /// Has the lane's parts worked on by this process whenever it has caught up and no other release works on them.
    /// Never resolves. `held` outlives it, since a lane that starts again keeps its work.
    async fn hold_work(&self, parts: &[u8], held: &mut Option<Lease>) {
        let (inner, name) = (self.inner(), format!("{}.{}", self.name(), parts[0]));
        let Some(leases) = &inner.leases else {
            inner.shared.set_worked(parts, true);
            return std::future::pending().await;
        };
        loop {
            inner.shared.until_live(parts[0]).await;
            // What another part tells may still be missing while a version fills.
            if self.model().liveness != Liveness::Live {
                tokio::time::sleep(WORK_POLL).await;
                continue;
            }
            inner.caught_up.get_or_init(|| self.until_caught_up(&inner.log)).await;
            if let Ok(Some(lease)) = leases.acquire(&name).await {
                *held = Some(lease);
                inner.shared.set_worked(parts, true);
                crate::lease::until_lost(held.as_ref()).await;
                inner.shared.set_worked(parts, false);
            }
            tokio::time::sleep(WORK_POLL).await;
        }
    }

    /// Waits until the tables hold what the log holds now, of all parts: an answer must not be decided before the knowledge
    /// that was written beside its question, in another part, is known.
    async fn until_caught_up(&self, log: &Log) {
        let waiting = async {
            let mut ends = None;
            while !matches!(self.is_caught_up(log, &mut ends).await, Ok(true)) {
                tokio::time::sleep(CAUGHT_UP_POLL).await;
            }
        };
        if tokio::time::timeout(CAUGHT_UP_WITHIN, waiting).await.is_err() {
            tracing::warn!(
                reader.name = self.name(),
                "some parts are behind; work begins with what is known"
            );
        }
    }

    async fn is_caught_up(&self, log: &Log, ends: &mut Option<[u64; PARTS as usize]>) -> Result<bool, Error> {
        let ends = match ends {
            Some(ends) => ends,
            None => ends.insert(log.ends().await?),
        };
        let rows =
            sqlx::query("SELECT part, sequence FROM positions").fetch_all(self.model().store.reads()).await;
        let rows = rows.map_err(Error::database("read positions"))?;
        let reached: BTreeMap<i32, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        Ok((0_i32..).zip(ends.iter()).all(|(part, end)| {
            reached.get(&part).is_some_and(|at| u64::try_from(*at).is_ok_and(|at| at >= *end)) || *end == 0
        }))
    }

    /// Leaves the work on the parts to whoever asks next.
    async fn stop_work(&self, parts: &[u8], held: &mut Option<Lease>) {
        self.inner().shared.set_worked(parts, false);
        self.leave(held.take().as_ref()).await;
    }

    async fn leave(&self, lease: Option<&Lease>) {
        if let (Some(leases), Some(lease)) = (&self.inner().leases, lease)
            && let Err(error) = leases.release(lease).await
        {
            tracing::warn!(reader.name = self.name(), error = %chain(&error), "a part is free only when its lease expires");
        }
    }

    async fn follow(
        &self,
        model: &Model,
        parts: &[u8],
        fence: i64,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Result<(), Error> {
        let inner = self.inner();
        let progress = batch::Progress { is_live: true, ..batch::open(model, parts, fence).await? };
        for (part, stored_at) in &progress.seen {
            let sequence = progress.positions.get(part).copied().unwrap_or(0);
            inner.log.check_read(*part, (sequence, *stored_at)).await?;
        }
        inner.shared.committed(&progress.positions, Vec::new());
        self.mark(parts, &Status::CatchingUp);
        let mut lane = Lane {
            log: &inner.log,
            model,
            projector: &inner.projector,
            shared: &inner.shared,
            progress,
            standing: BTreeMap::new(),
            gives_way: inner.leases.is_some(),
            throttle: None,
        };
        lane.follow(&inner.tail, commands).await
    }

    fn mark(&self, parts: &[u8], status: &Status) {
        for part in parts {
            self.inner().shared.set_status(*part, status.clone());
        }
    }
}
