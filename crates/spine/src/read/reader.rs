//! A reader: one read model of one role, kept current from the log, rebuilt and switched without a pause.

use super::Projector;
use super::backlog::{self, Backlog};
use super::parked;
use super::shared::{InHand, Shared, Status};
use super::start::{Started, Wishes};
use crate::address::PARTS;
use crate::db::{Backend, Database, Liveness, Model, SlotState, patiently};
use crate::error::Error;
use crate::lease::Leases;
use crate::log::{Log, Tail};
use crate::position::Position;
use arc_swap::ArcSwap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, mpsc, oneshot, watch};

/// How long whoever asks waits until a parked entity is read again.
const UNPARK_MAX: Duration = Duration::from_secs(60);

pub(crate) enum Command {
    Unpark { entity: String, answer: oneshot::Sender<Result<(), Error>> },
}

/// One read model with its reader. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) log: Log,
    pub(crate) tail: Tail,
    pub(crate) database: Database,
    pub(crate) leases: Option<Leases>,
    pub(crate) projector: Arc<dyn Projector>,
    pub(crate) current: ArcSwap<Model>,
    pub(crate) shared: Shared,
    /// Wakes the running lanes when the current model changed.
    pub(super) switched: watch::Sender<u64>,
    pub(super) commands: ArcSwap<BTreeMap<u8, mpsc::Sender<Command>>>,
    /// Set once all parts were as far as the log was after the start, whoever reads them.
    pub(super) caught_up: OnceCell<()>,
}

impl Reader {
    /// Opens the read model of `projector`: the live one, or the slot that a new version fills. Its effects begin
    /// where they began before, new ones where `wishes` or else [`super::start`] say.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(
        log: &Log,
        tail: &Tail,
        database: &Database,
        projector: Arc<dyn Projector>,
        wishes: &Wishes,
    ) -> Result<Self, Error> {
        let projector = Arc::new(Started::of(projector, log, database, wishes).await?);
        let spec = projector.spec();
        let model = patiently(|| async {
            let model = database.live(&spec).await?;
            drop_leftovers(database, &model).await?;
            Ok(model)
        })
        .await?;
        let leases = match database.backend() {
            Backend::Sqlite => None,
            Backend::Postgres => Some(Leases::open(database, log.clock()).await?),
        };
        let inner = Inner {
            log: log.clone(),
            tail: tail.clone(),
            database: database.clone(),
            leases,
            projector,
            current: ArcSwap::from_pointee(model),
            shared: Shared::new(0..PARTS),
            switched: watch::Sender::new(0),
            commands: ArcSwap::default(),
            caught_up: OnceCell::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The model that answers queries now. Ask for it at each query, since a rebuild switches it.
    pub fn model(&self) -> Arc<Model> {
        self.inner.current.load_full()
    }

    /// The model's name, such as `routing`.
    pub fn name(&self) -> &'static str {
        self.model().spec.name
    }

    /// How far each part is, for health checks.
    pub fn statuses(&self) -> watch::Receiver<BTreeMap<u8, Status>> {
        self.inner.shared.statuses.subscribe()
    }

    /// The positions in the tables, as this process moved them.
    pub fn positions(&self) -> BTreeMap<u8, u64> {
        self.inner.shared.positions.borrow().clone()
    }

    /// Whether this replica works on what is due in `part`: it reads the part, has caught up, and no other release
    /// works on it.
    pub fn is_live(&self, part: u8) -> bool {
        self.inner.shared.works_in(part) && self.reads(part)
    }

    /// What this replica is at work on now.
    pub fn in_hand(&self) -> InHand {
        self.inner.shared.in_hand()
    }

    /// What waits in the tables: parked entities, and when the first row of each kind of work is due.
    ///
    /// # Errors
    /// Database errors.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        backlog::read(&self.model().store, self.inner.projector.effects()).await
    }

    /// The parts that this replica works on now.
    pub fn live_parts(&self) -> Vec<u8> {
        (0..PARTS).filter(|part| self.is_live(*part)).collect()
    }

    /// Waits until the tables hold everything up to the given positions, to read one's own write. On Postgres
    /// the position may be another replica's, so the table is asked.
    ///
    /// # Errors
    /// [`Error::Timeout`] after `patience`, also when the database did not tell in that time.
    pub async fn wait_for(&self, at_least: &[Position], patience: Duration) -> Result<(), Error> {
        let reached = async {
            loop {
                let changed = self.inner.shared.committed.notified();
                match self.has_reached(at_least).await {
                    Ok(true) => return Ok(()),
                    // The next connection, or the database a moment later, may tell.
                    Err(error) if !error.is_passing() => return Err(error),
                    Ok(false) | Err(_) => {}
                }
                let _ = tokio::time::timeout(Duration::from_millis(50), changed).await;
            }
        };
        let late = || Error::Timeout { request: format!("wait for the reader {}", self.name()) };
        tokio::time::timeout(patience, reached).await.map_err(|_| late())?
    }

    async fn has_reached(&self, at_least: &[Position]) -> Result<bool, Error> {
        let known = self.positions();
        let covered =
            |position: &Position| known.get(&position.part).is_some_and(|at| *at >= position.sequence);
        if at_least.iter().all(covered) {
            return Ok(true);
        }
        if self.inner.leases.is_none() {
            return Ok(false);
        }
        let model = self.model();
        for position in at_least {
            let at: Option<i64> = sqlx::query_scalar("SELECT sequence FROM positions WHERE part = $1")
                .bind(i32::from(position.part))
                .fetch_optional(model.store.reads())
                .await
                .map_err(Error::database("read a position"))?;
            if at.and_then(|at| u64::try_from(at).ok()).unwrap_or(0) < position.sequence {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Replays a parked entity up to its part's position and lets it go on.
    ///
    /// # Errors
    /// When the entity still cannot be applied, or its part is not read by this process. [`Error::Timeout`] after a
    /// minute.
    pub async fn unpark(&self, entity: &str) -> Result<(), Error> {
        let part = crate::address::Address::parse(entity)?.part;
        let sender = self.inner.commands.load().get(&part).cloned().filter(|_| self.reads(part));
        let sender = sender.ok_or_else(|| {
            Error::Other(format!(
                "part {part} of {} is not read by this process now: ask the process that reads it, or again when it has \
                 caught up",
                self.name()
            ))
        })?;
        let (answer, answered) = oneshot::channel();
        let asked = async {
            let gone = |_| Error::Other("the reader stopped before it could unpark".into());
            sender.send(Command::Unpark { entity: entity.into(), answer }).await.map_err(|_| gone(()))?;
            answered.await.map_err(|_| gone(()))?
        };
        let late = || Error::Timeout { request: format!("unpark {entity} in {}", self.name()) };
        tokio::time::timeout(UNPARK_MAX, asked).await.map_err(|_| late())?
    }

    /// Whether this process reads the part at the tail.
    fn reads(&self, part: u8) -> bool {
        matches!(self.inner.shared.statuses.borrow().get(&part), Some(Status::Live))
    }

    /// One of these entities that is parked here, if any is.
    ///
    /// # Errors
    /// Database errors.
    pub async fn parked_of(&self, subjects: &BTreeSet<String>) -> Result<Option<String>, Error> {
        let parked = parked::list(&self.model().store).await?;
        Ok(parked.into_iter().find(|entity| subjects.contains(entity)))
    }

    /// Resolves after the next commit or change of status.
    pub(crate) fn committed(&self) -> tokio::sync::futures::Notified<'_> {
        self.inner.shared.committed.notified()
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// Gives the reader's parts to whoever asks next, who need not wait for the leases to expire. For a clean end,
    /// after [`Reader::run`] and all workers ended.
    ///
    /// # Errors
    /// Database errors; the leases expire by themselves then.
    pub async fn let_go(&self) -> Result<(), Error> {
        match &self.inner.leases {
            Some(leases) => leases.release_all().await,
            None => Ok(()),
        }
    }

    /// Makes `model` the one that is read and queried from now on.
    pub(crate) fn adopt(&self, model: Model) {
        for part in 0..PARTS {
            self.inner.shared.set_status(part, Status::Starting);
        }
        self.inner.shared.positions.send_modify(BTreeMap::clear);
        self.now_live(model);
        self.inner.switched.send_modify(|count| *count += 1);
    }

    /// Knows the model that is read as the one which the pointer names.
    pub(super) fn now_live(&self, model: Model) {
        self.inner.current.store(Arc::new(Model { liveness: Liveness::Live, ..model }));
    }
}

/// Drops the slots of this version that a rebuild or a verification left when its process died: they hold texts
/// that an erasure would wait for. Where several processes share the database, one of them may be at work on such
/// a slot, so there it is left to the next rebuild's end.
async fn drop_leftovers(database: &Database, model: &Model) -> Result<(), Error> {
    if database.backend() != Backend::Sqlite || model.liveness != Liveness::Live {
        return Ok(());
    }
    for place in database.models().await? {
        let is_ours = place.name == model.spec.name && place.slot.version == model.slot.version;
        if is_ours && place.state == SlotState::Beside {
            tracing::info!(reader.name = model.spec.name, model.slot = %place.slot, "dropping a slot that was left half filled");
            database.drop_model(model.spec.name, place.slot).await?;
        }
    }
    Ok(())
}
