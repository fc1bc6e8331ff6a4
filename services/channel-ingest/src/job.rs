//! One item of one request on its way to a decision, and what a batch of them leaves to be written.

use crate::accounts::Ready;
use crate::profiles::Met;
use crate::quarantine::{Entry, Held, Until};
use channels::contract::{Item, ItemFault, RawRequest, Verified};
use spine::Error;
use spine::journal::Journalled;
use spine::keys::{HeldRequest, Request};
use std::sync::Arc;
use uuid::Uuid;

/// What of a batch is written together with the part's position.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) held: Vec<Entry>,
    /// Receipts of messages that are still on their way.
    pub(crate) early: Vec<Entry>,
    pub(crate) met: Vec<Met>,
    /// Requests that no message of the log names, for erasures; what is held names its own.
    pub(crate) unnamed: Vec<HeldRequest>,
    /// Something is left to a replica of a newer release, and with it the whole batch.
    pub(crate) newer: Option<Error>,
}

impl Outcome {
    pub(crate) fn held(entry: Entry) -> Self {
        Self { held: vec![entry], ..Self::default() }
    }

    /// What was sent by somebody who was erased since: nothing is made of it, and its request is to be overwritten.
    pub(crate) fn erased(job: &Job, thread: Uuid) -> Self {
        Self { unnamed: vec![job.of(thread)], ..Self::default() }
    }

    /// Whether nothing is to be written but the place.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.early.is_empty() && self.met.is_empty()
    }

    pub(crate) fn join(mut self, other: Self) -> Self {
        self.held.extend(other.held);
        self.early.extend(other.early);
        self.met.extend(other.met);
        self.unnamed.extend(other.unnamed);
        self.newer = self.newer.or(other.newer);
        self
    }

    /// An item that waits in quarantine for something else than an operator.
    pub(crate) fn held_until(until: Until, entry: Entry) -> Self {
        Self::held(Entry { until, ..entry })
    }

    /// Whether what it holds goes on by itself.
    pub(crate) fn rests(&self) -> bool {
        self.held.iter().any(|entry| entry.until != Until::Operator)
    }

    /// The thread in which what follows has to wait.
    pub(crate) fn blocked(&self) -> Option<Uuid> {
        self.held.iter().find(|entry| entry.held.blocks).and_then(|entry| entry.held.thread)
    }
}

/// One item of one request, ready to be decided.
pub(crate) struct Job {
    pub(crate) ready: Option<Ready>,
    pub(crate) journalled: Arc<Journalled>,
    pub(crate) number: usize,
    pub(crate) what: Result<Item, ItemFault>,
    pub(crate) request: Arc<RawRequest>,
}

impl Job {
    /// What the platform calls the person, as far as that could be read.
    pub(crate) fn user(&self) -> String {
        match &self.what {
            Ok(item) => item.external_user.clone(),
            Err(fault) => fault.external_user.clone().unwrap_or_default(),
        }
    }

    /// Where the key register looks whether its person was erased since.
    pub(crate) fn sent(&self) -> Request {
        Request { sequence: self.journalled.place.sequence, received_at: self.journalled.received_at }
    }

    /// The request as one that holds something of the thread.
    pub(crate) fn of(&self, thread: Uuid) -> HeldRequest {
        let Journalled { place, tenant, .. } = &*self.journalled;
        HeldRequest { tenant: tenant.clone(), thread, place: *place }
    }

    /// The item as a row, with a request that holds it alone: others of the same request are nobody's business here,
    /// and are erased with their own customers.
    pub(crate) fn hold(&self, (thread, blocks): (Option<Uuid>, bool), error: String) -> Entry {
        let Journalled { place, tenant, account, received_at, .. } = &*self.journalled;
        let held = Held {
            id: Held::id_of(*place, self.number),
            tenant: tenant.clone(),
            account: *account,
            thread,
            place: *place,
            number: self.number,
            received_at: *received_at,
            error,
            blocks,
        };
        let alone = match &self.what {
            Err(fault) => Some(fault.raw.clone()),
            Ok(_) => self
                .ready
                .as_ref()
                .and_then(|ready| ready.channel.webhook)
                .and_then(|webhook| webhook.alone(Verified::journalled(&self.request), self.number)),
        };
        let body = alone.unwrap_or_else(|| self.request.body.clone());
        Entry { held, request: RawRequest { body, ..(*self.request).clone() }, until: Until::Operator }
    }
}
