//! Erasing a person: every step can be done again, and what was done is remembered before the next begins.
//!
//! A raw request may hold items of several customers. It is overwritten whole all the same: an item is in the log
//! only once it was settled, and an item that is not settled stands in quarantine, in a row of its own that is
//! sealed under its own customer's key.

pub mod certificate;
mod collect;
mod files;
mod plan;
mod restore;
mod steps;

pub use certificate::{Certificate, Signed, verify};
pub use plan::{Erasure, Plan, Step, Subject};

pub(crate) use plan::MIGRATIONS;
use plan::Shelf;
use spine::journal::{Journal, Place};
use spine::{Error, Position, Reader, Spine};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often an erasure that waits is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked for raw requests that were noted of erased people too late for their erasures, and how many are
/// overwritten then.
const SWEEP_EVERY: Duration = Duration::from_secs(300);
const SWEEP_MAX: u32 = 1_000;
/// How long the read model may take to know everybody whom the log knows.
const CATCH_UP_MAX: Duration = Duration::from_secs(5);
const REASON_LENGTH_MAX: usize = 80;

/// Why an erasure was not begun.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such person")]
    Unknown,
    /// It would end up in the certificate, where nothing of the person may be.
    #[error("a reason is a reference of at most 80 letters, digits and -_./#: signs")]
    Reason,
    #[error(transparent)]
    Failed(#[from] Error),
}

/// All erasures of this installation. Cheap to clone.
#[derive(Clone)]
pub struct Erasures {
    spine: Spine,
    reader: Reader,
    journal: Journal,
    shelf: Shelf,
    /// One step at a time.
    turn: Arc<Mutex<()>>,
    asked: Arc<Notify>,
}

impl Erasures {
    /// Opens the state store.
    ///
    /// # Errors
    /// Database errors.
    pub async fn open(spine: &Spine, reader: &Reader) -> Result<Self, Error> {
        let (log, keys) = (&spine.log, spine.keys.clone());
        let journal = Journal::new(log.nats().clone(), keys, log.clock().clone());
        let shelf = Shelf::open(&spine.database).await?;
        let (turn, asked) = (Arc::default(), Arc::default());
        Ok(Self { spine: spine.clone(), reader: reader.clone(), journal, shelf, turn, asked })
    }

    /// Begins to erase the person: all threads, leads and customers that are one with the subject. Under a legal
    /// hold nothing is touched, and the erasure waits until the hold ends. Asked again, it is the same erasure, unless
    /// something of the person was found that it did not reach.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] when nobody is known under the id.
    pub async fn ask(&self, tenant: &str, subject: Subject, reason: &str) -> Result<Erasure, Refusal> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./#:".contains(c);
        if reason.len() > REASON_LENGTH_MAX || !reason.chars().all(allowed) {
            return Err(Refusal::Reason);
        }
        self.catch_up().await?;
        if collect::find(&self.reader, tenant, subject).await?.is_none() {
            return Err(Refusal::Unknown);
        }
        if let Some(earlier) = self.earlier(tenant, subject).await? {
            return Ok(earlier);
        }
        let erasure = self.fresh(tenant, subject, reason);
        self.shelf.add(&erasure).await?;
        // The first step says whether a hold forbids it.
        let erasure = self.advance(erasure.id).await?.unwrap_or(erasure);
        self.asked.notify_one();
        Ok(erasure)
    }

    /// The newest erasure that reached the subject, while it is at work or nothing is known beyond it.
    async fn earlier(&self, tenant: &str, subject: Subject) -> Result<Option<Erasure>, Refusal> {
        let Some(earlier) = self.shelf.newest_of(tenant, subject).await? else { return Ok(None) };
        if earlier.step != Step::Done {
            return Ok(self.advance(earlier.id).await?);
        }
        let now = self.look(tenant, subject).await?;
        let is_all = earlier.plan.covers(&now.plan) && self.parked(&earlier).await?.is_none();
        Ok(is_all.then_some(earlier))
    }

    /// What an erasure would reach, and what it would wait for; nothing is done and nothing is kept.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] when nobody is known under the id.
    pub async fn look(&self, tenant: &str, subject: Subject) -> Result<Erasure, Refusal> {
        self.catch_up().await?;
        if collect::find(&self.reader, tenant, subject).await?.is_none() {
            return Err(Refusal::Unknown);
        }
        let mut erasure = self.fresh(tenant, subject, "");
        let waits = self.step(&mut erasure).await?;
        Ok(Erasure { step: Step::Collect, waits: waits.unwrap_or_default(), ..erasure })
    }

    /// The erasure as it stands.
    ///
    /// # Errors
    /// Database errors.
    pub async fn get(&self, id: Uuid) -> Result<Option<Erasure>, Error> {
        self.shelf.get(id).await
    }

    /// Does the next step of the erasure and remembers what it came to. None when there is no such erasure.
    ///
    /// # Errors
    /// What made the step fail; it is done again at the next call.
    pub async fn advance(&self, id: Uuid) -> Result<Option<Erasure>, Error> {
        let _turn = self.turn.lock().await;
        let Some(mut erasure) = self.shelf.get(id).await? else { return Ok(None) };
        let from = erasure.step;
        if from == Step::Done {
            return Ok(Some(erasure));
        }
        let waits = self.step(&mut erasure).await?;
        erasure.waits = waits.unwrap_or_default();
        let done_at = (erasure.step == Step::Done).then(|| self.spine.log.clock().now());
        self.shelf.put(&erasure, from, done_at).await?;
        Ok(Some(erasure))
    }

    /// Goes on with everything that is not done, until shutdown. Begins with what a restore brought back.
    pub async fn run(&self, shutdown: &CancellationToken) {
        role::until_live(&self.reader, shutdown).await;
        self.repeat_restored(shutdown).await;
        let mut swept = None::<Instant>;
        loop {
            if let Err(error) = self.go_on(shutdown).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "erasures cannot be read; trying again"
                );
            }
            if swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
                swept = Some(Instant::now());
                if let Err(error) = self.sweep().await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "raw requests of erased people are looked for again later");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.asked.notified() => {}
                () = tokio::time::sleep(RETRY_EVERY) => {}
            }
        }
    }

    /// Until it is known, erased people may be back, so this is asked until it is answered.
    async fn repeat_restored(&self, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            match self.apply_again().await {
                Ok(0) => return,
                Ok(count) => {
                    tracing::warn!(erasure.count = count, "erasures are applied again after a restore");
                    return;
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "whether a restore brought erased people back is asked again");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(RETRY_EVERY) => {}
            }
        }
    }

    async fn go_on(&self, shutdown: &CancellationToken) -> Result<(), Error> {
        for id in self.shelf.open_ones().await? {
            while !shutdown.is_cancelled() {
                match self.advance(id).await {
                    Ok(Some(erasure)) if erasure.waits.is_empty() && erasure.step != Step::Done => {}
                    Ok(_) => break,
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(erasure.id = %id, error, "a step of an erasure is tried again");
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Overwrites raw requests of erased people that nobody knew of when they were erased, such as a redelivery that was
    /// decided before and noted after. Not beside an erasure under way, whose certificate is to list them.
    ///
    /// # Errors
    /// What failed; the next call does it again.
    pub async fn sweep(&self) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        if self.shelf.is_any_under_way().await? {
            return Ok(());
        }
        let left = self.spine.keys.requests_left(SWEEP_MAX).await?;
        for place in left.iter().filter_map(|place| place.parse::<Place>().ok()) {
            self.journal.erase(place).await?;
        }
        self.spine.keys.forget_requests(&left).await
    }

    /// The read model knows everybody whom the log knows by now.
    async fn catch_up(&self) -> Result<(), Error> {
        let ends = Position::of_ends(self.spine.log.ends().await?);
        self.reader.wait_for(&ends, CATCH_UP_MAX).await
    }
}
