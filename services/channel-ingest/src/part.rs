//! One part of the journal under its lease: its position, and the threads in which something waits in quarantine.
//!
//! Both belong to the holder of the lease alone and change together, in one guarded transaction. Whatever an operator
//! wants of quarantine is asked of the holder (`orders.rs`) and done between two batches, so that no later item of a
//! thread passes an earlier one. All threads of an account are of one part.

use crate::discarded::Discarded;
use crate::early;
use crate::job::Outcome;
use crate::normalise::Normaliser;
use crate::orders::Ordered;
use crate::profiles;
use crate::quarantine::{self, Entry, Held, Until};
use crate::reingest::Going;
use crate::rest::Waits;
use spine::Error;
use spine::cursor::{Cursor, Cursors};
use spine::db::{Backend, Bulk};
use spine::journal::{JournalReading, Journalled};
use spine::keys::HeldRequest;
use sqlx::AnyConnection;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Requests that are worked on together; their items run side by side, in order per customer.
const BATCH_MAX: usize = 256;
/// How often the holder looks for what another process asked of it, and for what is to be tried again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A place in the journal that nothing else is written with is noted so often: what is taken in again after a crash changes
/// nothing, and a commit for each message would be dear.
const NOTE_EVERY: Duration = Duration::from_millis(200);

/// How far each part of the journal is taken in.
const TAKEN_IN: Cursors = Cursors { table: "inbound", lease: "inbound" };

pub(crate) static LET_GO: Bulk = Bulk::new("DELETE FROM quarantine WHERE (id) IN (", 1, ")");

/// A part that this process holds.
pub(crate) struct Part<'n> {
    pub(crate) normaliser: &'n Normaliser,
    pub(crate) part: u8,
    cursor: Cursor,
    /// Up to where it is taken in; the cursor follows.
    reached: u64,
    note_at: Instant,
    /// Requests to be noted for erasures before the cursor follows.
    unnamed: Vec<HeldRequest>,
    /// Threads in which what follows waits behind something in quarantine.
    pub(crate) waiting: HashSet<Uuid>,
    /// Those of them in which it is taken again by itself.
    pub(crate) resting: HashSet<Uuid>,
    /// Receipts that came too early.
    pub(crate) early: usize,
    /// What an operator asked for and is not done yet.
    going: Option<Going>,
    /// Something may have been asked since the last look: by whoever rang, or before this process held the part.
    was_asked: bool,
}

impl<'n> Part<'n> {
    /// Takes the part over under the fence, with everything that its predecessor committed.
    pub(crate) async fn open(normaliser: &'n Normaliser, part: u8, fence: i64) -> Result<Self, Error> {
        let state = &normaliser.state;
        let mut cursor = TAKEN_IN.take_over(&state.store, part, fence).await?;
        if let Some(end) = normaliser.journal.ends_before(part, cursor.sequence()).await? {
            tracing::error!(
                inbound.part = part,
                inbound.end = end,
                inbound.position = cursor.sequence(),
                "the journal lost its end or is another one: it is read from its beginning, and what was taken in already \
                 changes nothing"
            );
            cursor.move_to(&state.store, 0).await?;
        }
        let (waiting, early) = (state.waiting(part).await?, state.early(part).await?);
        let resting = state.resting(part).await?;
        let (reached, note_at) = (cursor.sequence(), Instant::now());
        Ok(Self {
            normaliser,
            part,
            cursor,
            reached,
            note_at,
            unnamed: Vec::new(),
            waiting,
            resting,
            early,
            going: None,
            was_asked: true,
        })
    }

    /// Works until something fails, or between two batches until `shutdown`, when how far it came is noted.
    pub(crate) async fn work(mut self, shutdown: &CancellationToken) -> Result<(), Error> {
        let mut reading = self.normaliser.journal.read(self.part, self.reached + 1);
        let asked = self.normaliser.state.asked(self.part);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let first = {
                // Kept alive over the looks: asking a slow server for a consumer would otherwise begin anew each time.
                let next = reading.next();
                tokio::pin!(next);
                loop {
                    tokio::select! {
                        () = shutdown.cancelled() => break None,
                        first = &mut next => break Some(first?),
                        () = tokio::time::sleep_until(self.note_at), if self.is_behind() => {
                            self.note_place().await?;
                            continue;
                        }
                        () = asked.notified() => self.was_asked = true,
                        _ = look.tick() => {}
                    }
                    self.look().await?;
                }
            };
            let Some(first) = first else { return self.leave().await };
            let batch = gather(first, &mut reading).await?;
            self.take(&batch).await?;
        }
    }

    /// The successor goes on from here.
    async fn leave(&mut self) -> Result<(), Error> {
        if self.is_behind() { self.note_place().await } else { Ok(()) }
    }

    async fn take(&mut self, batch: &[Arc<Journalled>]) -> Result<(), Error> {
        let mut outcome =
            self.normaliser.decide(batch, &Waits { all: &self.waiting, resting: &self.resting }).await?;
        let to = batch.last().map_or(self.reached, |journalled| journalled.place.sequence);
        self.unnamed.append(&mut outcome.unnamed);
        // Those of early ones for which there is no room, too.
        self.unnamed.extend(requests(&outcome));
        if outcome.is_empty() {
            self.reached = to;
            if Instant::now() >= self.note_at {
                self.note_place().await?;
            }
            return Ok(());
        }
        let room = early::EARLY_MAX.saturating_sub(self.early);
        let too_many = outcome.early.len().saturating_sub(room) as u64;
        outcome.early.truncate(room);
        self.commit(to, &outcome).await?;
        self.normaliser.counters.early.add(outcome.early.len() as u64, &["held"]);
        self.normaliser.counters.early.add(too_many, &["too_many"]);
        let rest = outcome.held.iter().filter(|entry| entry.until != Until::Operator).count() as u64;
        self.normaliser.counters.early.add(rest, &["held"]);
        self.normaliser.counters.quarantined.add(outcome.held.len() as u64 - rest, &[]);
        self.normaliser.note(&outcome.met);
        Ok(())
    }

    fn is_behind(&self) -> bool {
        self.reached != self.position()
    }

    /// Before the place moves, so that none is missed.
    async fn note_requests(&mut self) -> Result<(), Error> {
        self.normaliser.keys.note_requests(&self.unnamed).await?;
        self.unnamed.clear();
        Ok(())
    }

    /// Has the cursor follow.
    async fn note_place(&mut self) -> Result<(), Error> {
        self.note_requests().await?;
        self.cursor.move_to(&self.normaliser.state.store, self.reached).await?;
        self.note_at = Instant::now() + NOTE_EVERY;
        Ok(())
    }

    /// Moves the position and writes what is held, together; only then does it count here.
    async fn commit(&mut self, to: u64, outcome: &Outcome) -> Result<(), Error> {
        let keys = &self.normaliser.keys;
        let held = quarantine::seal_all(keys, &outcome.held).await?;
        let early = quarantine::seal_all(keys, &outcome.early).await?;
        self.note_requests().await?;
        let mut tx = self.normaliser.state.store.begin().await?;
        self.cursor.guard(&mut tx, to).await?;
        for (entry, sealed) in &held {
            quarantine::put(&mut tx, entry, sealed).await?;
            if entry.until == Until::Operator {
                entry.held.warn();
            }
        }
        for (entry, sealed) in &early {
            early::put(&mut tx, &entry.held, sealed).await?;
        }
        profiles::wish(&mut tx, &outcome.met).await?;
        tx.commit().await.map_err(Error::database("commit a position of the journal"))?;
        self.cursor.moved(to);
        (self.reached, self.note_at) = (to, Instant::now() + NOTE_EVERY);
        self.early += early.len();
        let blocking = held.iter().filter(|(entry, _)| entry.held.blocks);
        self.waiting.extend(blocking.filter_map(|(entry, _)| entry.held.thread));
        let rest = held.iter().filter(|(entry, _)| entry.until == Until::Outcome);
        self.resting.extend(rest.filter_map(|(entry, _)| entry.held.thread));
        Ok(())
    }

    fn position(&self) -> u64 {
        self.cursor.sequence()
    }

    /// Makes a transaction the holder's, at the same position, or fails.
    pub(crate) async fn guard(&self, tx: &mut AnyConnection) -> Result<(), Error> {
        self.cursor.guard(tx, self.position()).await
    }

    /// Does some of what was asked, and tries again what came too early.
    async fn look(&mut self) -> Result<(), Error> {
        // Another process can ask on Postgres alone, and cannot ring.
        let state = &self.normaliser.state;
        if self.going.is_none() && (self.was_asked || state.store.backend() == Backend::Postgres) {
            self.going = state.next_order(self.part).await?.map(Going::of);
            self.was_asked = false;
        }
        if let Some(mut going) = self.going.take() {
            if self.go_on(&mut going).await? {
                // The next batch of new requests may come first.
                self.going = Some(going);
            }
            self.normaliser.state.asked(self.part).notify_one();
        }
        if self.early > 0 {
            self.try_early().await?;
        }
        if !self.resting.is_empty() {
            self.try_resting().await?;
        }
        Ok(())
    }

    /// Removes rows that are `gone`, settled or thrown away, lets nothing wait behind those that stay `alone`, and
    /// finishes the order if it is done; then what waits is read anew.
    pub(crate) async fn let_go(
        &mut self,
        (gone, alone): (&[Uuid], &[Held]),
        discarded: Option<&Discarded>,
        done: Option<(&Ordered, String)>,
    ) -> Result<(), Error> {
        let state = &self.normaliser.state;
        let mut tx = state.store.begin().await?;
        self.guard(&mut tx).await?;
        LET_GO.write(&mut tx, gone, |query, id| query.bind(id.to_string())).await?;
        quarantine::set_alone(&mut tx, alone).await?;
        if let Some(discarded) = discarded {
            discarded.note(&mut tx).await?;
        }
        if let Some((order, answer)) = done {
            order.finish(&mut tx, &answer).await?;
        }
        tx.commit().await.map_err(Error::database("let items out of quarantine"))?;
        self.waiting = state.waiting(self.part).await?;
        self.resting = state.resting(self.part).await?;
        Ok(())
    }
}

/// The requests of what is held, which an erasure of their threads has to find without the log.
fn requests(outcome: &Outcome) -> Vec<HeldRequest> {
    outcome.held.iter().chain(&outcome.early).filter_map(|Entry { held, .. }| held.request()).collect()
}

async fn gather(first: Journalled, reading: &mut JournalReading) -> Result<Vec<Arc<Journalled>>, Error> {
    let mut batch = vec![Arc::new(first)];
    while batch.len() < BATCH_MAX {
        // Only what is already here; nobody waits for a fuller batch.
        match tokio::time::timeout(Duration::ZERO, reading.next()).await {
            Ok(next) => batch.push(Arc::new(next?)),
            Err(_) => break,
        }
    }
    Ok(batch)
}
