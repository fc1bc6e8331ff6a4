//! One lane of a reader: the parts that commit together, first caught up, then at the tail.

use super::Projector;
use super::batch::{self, Progress, chain};
use super::parked;
use super::reader::Command;
use super::shared::{Shared, Status};
use super::source::Source;
use super::throttle::Throttle;
use crate::address::Address;
use crate::db::Model;
use crate::error::Error;
use crate::log::tail::TailMessages;
use crate::log::{Log, Tail};
use crate::record::Recorded;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Messages of one transaction at most.
const BATCH_MAX: usize = 1_000;
/// Messages of one transaction while catching up, for each part of the lane: nobody waits for a single one.
const CATCH_UP_BATCH_MAX: usize = 2_000;
/// How long a catching-up reader waits for a batch to fill.
const CATCH_UP_GATHER: Duration = Duration::from_millis(20);
/// Messages that wait between the consumers of a catch-up and the database, for each part of the lane.
const CATCH_UP_WAITING_MAX: usize = 1_000;
const RETRY_DELAY_MIN: Duration = Duration::from_millis(20);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(2);

/// A batch of so many messages says that more follow.
const BUSY_FROM: usize = 8;
/// A reader whose last transaction ended longer ago is idle and takes the next message at once.
const BUSY_FOR: Duration = Duration::from_millis(50);

/// How the last batch went, which tells whether the next should gather.
#[derive(Default)]
struct Pace {
    taken: usize,
    ended: Option<Instant>,
}

impl Pace {
    fn is_busy(&self) -> bool {
        self.taken >= BUSY_FROM && self.ended.is_some_and(|ended| ended.elapsed() < BUSY_FOR)
    }
}

/// What a lane works with.
pub(crate) struct Lane<'a> {
    pub(crate) log: &'a Log,
    pub(crate) model: &'a Model,
    pub(crate) projector: &'a Arc<dyn Projector>,
    pub(crate) shared: &'a Shared,
    pub(crate) progress: Progress,
    /// Parts that met an event of a newer release, and at which sequence: they stand until a newer release reads on.
    pub(crate) standing: BTreeMap<u8, u64>,
    /// Whether the lane ends instead, so that a newer release may take its part over.
    pub(crate) gives_way: bool,
    /// What holds a slot back that fills beside one that is worked on.
    pub(crate) throttle: Option<Arc<Throttle>>,
}

impl Lane<'_> {
    /// Follows the tail for ever, catching up first and whenever it fell behind.
    ///
    /// # Errors
    /// [`Error::Fenced`] when the lease was lost, [`Error::UnknownEvent`] when the lane gives way, [`Error::LogLost`],
    /// [`Error::Limit`].
    pub(crate) async fn follow(
        &mut self,
        tail: &Tail,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Result<(), Error> {
        loop {
            let parts: Vec<u8> = self.progress.positions.keys().copied().collect();
            let mut start = tail.join(&parts);
            let until = start.first.iter().map(|(part, first)| (*part, first - 1)).collect();
            self.catch_up(&until).await?;
            for part in parts.iter().filter(|part| !self.standing.contains_key(part)) {
                self.shared.set_status(*part, Status::Live);
            }
            let mut waiting = Vec::with_capacity(BATCH_MAX);
            let mut pace = Pace::default();
            loop {
                tokio::select! {
                    biased;
                    count = start.messages.recv_many(&mut waiting, BATCH_MAX) => {
                        if count == 0 {
                            tracing::info!(reader.name = self.model.spec.name, "the reader fell behind and catches up on its own");
                            break;
                        }
                        if pace.is_busy() {
                            self.gather(&mut start.messages, &mut waiting).await;
                        }
                        pace = Pace { taken: waiting.len(), ended: None };
                        self.take_in(&mut waiting).await?;
                        pace.ended = Some(Instant::now());
                        // Under load there is always another batch, and an operator waits.
                        while let Ok(command) = commands.try_recv() {
                            self.obey(command).await?;
                        }
                    }
                    Some(command) = commands.recv() => self.obey(command).await?,
                }
            }
        }
    }

    /// Waits for more before the next transaction, since under load a transaction costs more than its rows.
    async fn gather(&self, messages: &mut TailMessages, waiting: &mut Vec<Arc<Recorded>>) {
        tokio::time::sleep(self.projector.gathers_for()).await;
        messages.take_waiting(waiting, BATCH_MAX);
    }

    /// Reads each part on its own up to the given sequence, inclusive.
    pub(crate) async fn catch_up(&mut self, until: &BTreeMap<u8, u64>) -> Result<(), Error> {
        let (sender, mut messages) = mpsc::channel(CATCH_UP_WAITING_MAX * until.len().max(1));
        let source = Source {
            log: self.log.clone(),
            projector: self.projector.clone(),
            sender,
            throttle: self.throttle.clone(),
        };
        let mut sources = JoinSet::new();
        for (part, until) in until.clone() {
            let from = self.progress.positions.get(&part).copied().unwrap_or(0) + 1;
            if from > until || self.standing.contains_key(&part) {
                if from > until + 1 {
                    self.check_end(part, from).await?;
                }
                continue;
            }
            let source = source.clone();
            sources.spawn(async move { source.forward(part, (from, until)).await });
        }
        drop(source);
        let (mut waiting, batch_max) = (Vec::new(), CATCH_UP_BATCH_MAX * until.len().max(1));
        loop {
            let throttle = self.throttle.clone();
            let batch_max = throttle.as_ref().map_or(batch_max, |throttle| throttle.batch_max(batch_max));
            if messages.recv_many(&mut waiting, batch_max).await == 0 {
                break;
            }
            fill_up(&mut messages, &mut waiting, batch_max).await;
            match throttle {
                None => self.take_in(&mut waiting).await?,
                Some(throttle) => throttle.bite(self.take_in(&mut waiting)).await?,
            }
        }
        while let Some(ended) = sources.join_next().await {
            ended.map_err(|error| Error::Other(format!("a catch-up panicked: {error}")))??;
        }
        Ok(())
    }

    /// A position beyond what the tail has seen is fine if another process read on, and a lost log if the
    /// leader says that the part ends before it.
    async fn check_end(&self, part: u8, from: u64) -> Result<(), Error> {
        let end = self.log.ends().await?[usize::from(part)];
        if end + 1 >= from {
            return Ok(());
        }
        let read = from - 1;
        let detail = format!("part {part} ends at {end}, but {} has read up to {read}", self.model.spec.name);
        Err(Error::LogLost { detail })
    }

    /// Commits what waits, again and again until the database takes it.
    async fn take_in(&mut self, waiting: &mut Vec<Arc<Recorded>>) -> Result<(), Error> {
        let lane = self.progress.positions.keys().next().copied().unwrap_or_default();
        self.shared.works_on(lane, waiting.iter().map(|record| record.stored_at).min());
        let ended = self.commit(waiting).await;
        self.shared.works_on(lane, None);
        ended
    }

    async fn commit(&mut self, waiting: &mut Vec<Arc<Recorded>>) -> Result<(), Error> {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            self.drop_known(waiting)?;
            if waiting.is_empty() {
                return Ok(());
            }
            let ended = batch::commit(self.model, &**self.projector, &mut self.progress, waiting).await;
            match ended {
                Ok(()) => {
                    let told = std::mem::take(&mut self.progress.told);
                    self.shared.committed(&self.progress.positions, told);
                    waiting.clear();
                    return Ok(());
                }
                Err(error @ Error::UnknownEvent { .. }) => {
                    self.stand(&error);
                    if self.gives_way {
                        return Err(error);
                    }
                }
                Err(error) if error.is_passing() && !matches!(error, Error::Fenced { .. }) => {
                    tracing::warn!(reader.name = self.model.spec.name, error = %chain(&error), "a batch is tried again");
                    tokio::time::sleep(delay).await;
                    delay = (delay * 2).min(RETRY_DELAY_MAX);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Leaves out what is in the tables already and what belongs to a part that stands.
    fn drop_known(&self, waiting: &mut Vec<Arc<Recorded>>) -> Result<(), Error> {
        let mut next: BTreeMap<u8, u64> = self.progress.positions.clone();
        let mut lost = None;
        waiting.retain(|record| {
            let (part, sequence) = (record.position.part, record.position.sequence);
            let Some(last) = next.get_mut(&part) else { return false };
            let stands = self.standing.get(&part).is_some_and(|at| sequence >= *at);
            if stands || sequence <= *last {
                return false;
            }
            if sequence != *last + 1 {
                lost.get_or_insert((part, *last, sequence));
            }
            *last = sequence;
            true
        });
        match lost {
            None => Ok(()),
            Some((part, last, found)) => {
                let detail = format!("part {part} goes from {last} to {found}");
                Err(Error::LogLost { detail })
            }
        }
    }

    /// The part that holds an event of a newer release stands; the others go on.
    fn stand(&mut self, error: &Error) {
        let Error::UnknownEvent { position, .. } = error else { return };
        tracing::error!(reader.name = self.model.spec.name, error = %error, "a part stands until a newer release reads on");
        let at = self.standing.entry(position.part).or_insert(position.sequence);
        *at = position.sequence.min(*at);
        self.shared.set_status(position.part, Status::Standing { reason: error.to_string() });
    }

    /// # Errors
    /// The database's: nobody knows then whether it was done, so the lane begins anew from the tables.
    async fn obey(&mut self, command: Command) -> Result<(), Error> {
        let Command::Unpark { entity, answer } = command;
        let (answered, ended) = match self.unpark(&entity).await {
            Err(error @ Error::Database { .. }) if !batch::blames_content(&error) => {
                let (action, source) = ("unpark an entity", Arc::new(error));
                let shared = || Err(Error::Shared { action, source: source.clone() });
                (shared(), shared())
            }
            other => (other, Ok(())),
        };
        // Whoever asked may have gone away meanwhile.
        let _ = answer.send(answered);
        ended
    }

    async fn unpark(&mut self, entity: &str) -> Result<(), Error> {
        let address = Address::parse(entity)?;
        // To its very end: what is missing here is applied by nobody.
        let records = self.log.whole_history(&address).await?.into_iter().map(Arc::new).collect();
        parked::unpark(self.model, &**self.projector, &mut self.progress, entity, records).await?;
        let told = std::mem::take(&mut self.progress.told);
        self.shared.committed(&self.progress.positions, told);
        Ok(())
    }
}

/// Adds to a batch what comes within a moment.
async fn fill_up(
    messages: &mut mpsc::Receiver<Arc<Recorded>>,
    waiting: &mut Vec<Arc<Recorded>>,
    batch_max: usize,
) {
    let moment = tokio::time::sleep(CATCH_UP_GATHER);
    tokio::pin!(moment);
    while waiting.len() < batch_max {
        let room = batch_max - waiting.len();
        tokio::select! {
            count = messages.recv_many(waiting, room) => if count == 0 { return },
            () = &mut moment => return,
        }
    }
}
