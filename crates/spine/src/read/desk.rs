//! What one worker knows: what it has taken, what waits, and when it has to ask the table.

use super::claims::Claims;
use super::due::Told;
use super::look::{self, Asked};
use super::place::Place;
use super::reader::Reader;
use super::waiting::{Pass, Read, Waiting};
use super::work::{Done, Work, WorkLimits};
use crate::db::Slot;
use crate::error::Error;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// A worker wakes so often, also when nothing was committed: for what comes due, and what is tried again.
const TICK: Duration = Duration::from_millis(250);
/// It looks over all lanes of the table so often, whatever it knows: for what nobody hands over, such as a row that another
/// replica put in a part of this one.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Rows that are due so soon wait in memory, so that a server whose clock is ahead by a little delays nothing.
const SOON_US: i64 = 250_000;
/// After the table could not be asked, it is not asked for so long.
const REST: Duration = Duration::from_millis(250);

/// The slot and the parts that a memory is of, and how often parts had ended by then: what was told last before an end may
/// be missing.
type View = (Slot, Vec<u8>, u64);

pub(super) struct Desk<'a> {
    reader: &'a Reader,
    kind: &'static str,
    limits: WorkLimits,
    claims: Claims,
    waiting: Waiting,
    /// What the memory is of; none when all lanes must be looked at before anything begins.
    view: Option<View>,
    live: Vec<u8>,
    /// Up to where it is known of each part what became of rows.
    heard: BTreeMap<u8, u64>,
    tick_at: Instant,
    look_at: Instant,
    /// The table is not asked before.
    asks_from: Instant,
}

impl<'a> Desk<'a> {
    pub(super) fn new(reader: &'a Reader, kind: &'static str, limits: WorkLimits) -> Self {
        let now = Instant::now();
        Self {
            reader,
            kind,
            limits,
            claims: Claims::default(),
            waiting: Waiting::default(),
            view: None,
            live: Vec::new(),
            heard: BTreeMap::new(),
            tick_at: now,
            look_at: now,
            asks_from: now,
        }
    }

    fn now(&self) -> i64 {
        self.reader.inner().log.clock().now()
    }

    /// The parts last: those of another slot are none before its lanes have begun.
    fn view_now(&self) -> View {
        let (slot, ends) = (self.reader.model().slot, self.reader.inner().shared.ends());
        (slot, self.reader.live_parts(), ends)
    }

    /// Hears what was committed: which rows were put, and what is projected.
    pub(super) fn hear(&mut self) {
        let (now, shared) = (self.now(), &self.reader.inner().shared);
        let view = self.view_now();
        self.live.clone_from(&view.1);
        // Before the rows: what is projected by now was handed over, and its row is known to be taken still.
        self.heard = self.reader.positions();
        let (told, some_missing) = shared.take_told(self.kind);
        if some_missing || self.view.as_ref() != Some(&view) {
            self.view = None;
            self.waiting.clear();
            self.claims.forget_others();
        }
        for told in told {
            match told {
                Told::Put(row) => {
                    self.claims.put(&row);
                    self.wait(row);
                }
                Told::Gone { entity, key } => self.claims.gone(&entity, key.as_deref()),
            }
        }
        self.claims.settle(&self.heard, now);
        if Instant::now() >= self.tick_at {
            self.tick_at = Instant::now() + TICK;
            self.waiting.come_due(now + SOON_US);
        }
    }

    /// Asks the table for the rows whose claims are over and that are not known to be gone: what is there still waits again,
    /// before what came later of its entity.
    pub(super) async fn ask(&mut self) {
        if self.claims.asked().is_empty() || Instant::now() < self.asks_from {
            return;
        }
        let model = self.reader.model();
        // Another slot than that of the memory may not be as far, and does not tell what is gone.
        if self.view.as_ref().is_some_and(|(slot, ..)| *slot != model.slot) {
            return;
        }
        match look::standing(&model, self.kind, self.claims.asked()).await {
            Ok(rows) => {
                let now = self.now();
                self.claims.answered(rows, now).into_iter().for_each(|row| self.wait(row));
            }
            Err(error) => self.rests(&error),
        }
    }

    /// Before all lanes were looked at, nobody knows whether there is an older row; the look finds those that there are.
    fn wait(&mut self, row: Work) {
        if self.view.is_some() && self.live.contains(&row.part) && !self.claims.has(&row) {
            let until = self.now() + SOON_US;
            self.waiting.put(row, until);
        }
    }

    /// Looks over all lanes of the table where the memory is of nothing, or has not been compared for a while.
    pub(super) async fn look_for_lanes(&mut self) {
        let now = Instant::now();
        if now < self.asks_from || (self.view.is_some() && now < self.look_at) {
            return;
        }
        let (model, until) = (self.reader.model(), self.now() + SOON_US);
        // The slot or the parts may have changed since, and are not what the memory is of then.
        let view = self.view_now();
        if self.view.as_ref().is_some_and(|known| *known != view)
            || model.slot != view.0
            || self.live != view.1
        {
            return;
        }
        let found = match self.live.is_empty() {
            true => Ok(Vec::new()),
            false => look::lanes(&model, self.kind, until).await,
        };
        match found {
            Ok(found) => {
                self.waiting.found(found, until);
                (self.view, self.look_at) = (Some(view), now + LOOK_EVERY);
            }
            Err(error) => self.rests(&error),
        }
    }

    /// Takes what may begin beside so many that run.
    pub(super) fn begin(&mut self, running: usize) -> Pass {
        let room = self.limits.in_flight_max.saturating_sub(running);
        let now = self.now();
        self.waiting.pass(&mut self.claims, self.limits, now, room)
    }

    /// Reads a lane on from where it is known. False when the table could not be asked, or is ahead of what was heard.
    pub(super) async fn read_on(&mut self, (lane, place): &(String, Place)) -> bool {
        let (model, until) = (self.reader.model(), self.now() + SOON_US);
        let is_of_this = self.view.as_ref().is_some_and(|(slot, ..)| *slot == model.slot);
        if Instant::now() < self.asks_from || !is_of_this {
            return false;
        }
        let (asked, limit) = (Asked { kind: self.kind, lane, parts: &self.live }, self.waiting.read_rows());
        let read = async {
            let rows = asked.oldest(&model, place, until, limit).await?;
            let next = if rows.len() < limit { asked.next(&model, until).await? } else { i64::MAX };
            Ok((rows, next))
        };
        match read.await {
            Ok((rows, next)) => {
                self.waiting.read(lane, Read { rows, limit, next, heard: &self.heard }, &self.claims)
            }
            Err(error) => {
                self.rests(&error);
                false
            }
        }
    }

    fn rests(&mut self, error: &Error) {
        let error = super::batch::chain(error);
        tracing::warn!(work.kind = self.kind, error = %error, "what is due cannot be read; trying again");
        self.asks_from = Instant::now() + REST;
    }

    /// When the worker wakes at the latest; `known` is when the first known row is due.
    pub(super) fn wakes_at(&self, known: Option<i64>) -> Instant {
        let soonest = [known, self.claims.first_unpaused()].into_iter().flatten().min();
        let wait_us = soonest.map(|at| u64::try_from(at - self.now()).unwrap_or(0));
        match wait_us {
            Some(wait_us) => self.tick_at.min(Instant::now() + Duration::from_micros(wait_us)),
            None => self.tick_at,
        }
    }

    /// What a piece of work came to.
    pub(super) fn give_back(&mut self, row: Work, result: Result<Done, Error>) {
        let now = self.now();
        if let Some(waits) = self.claims.give_back(self.kind, row, result, now) {
            self.wait(waits);
        }
    }
}
