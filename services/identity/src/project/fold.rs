//! What a batch says, gathered in memory before the database is asked anything.

use crate::ids::thread_of_lead;
use conversation::Thread;
use events::customer::EvidenceKind;
use events::thread::Touch;
use events::{CustomerEvent, LeadEvent, Micros, Sealed, ThreadEvent};
use laws::customer::Customer;
use laws::lead::Lead;
use spine::{Entity, Error, Recorded};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// One batch. Maps are by id, so that rows are written in the order of their keys.
#[derive(Default)]
pub(super) struct Fold<'r> {
    /// Every thread that is named, with its tenant.
    pub(super) threads: BTreeMap<Uuid, Arc<str>>,
    pub(super) began: BTreeMap<Uuid, Began<'r>>,
    /// Where the customer came from, as the thread says; the first of a conversation.
    pub(super) asked: BTreeMap<(Uuid, u32), Asked<'r>>,
    pub(super) identified: Vec<Identified<'r>>,
    pub(super) erased_threads: BTreeSet<Uuid>,
    pub(super) customers: BTreeMap<Uuid, Change>,
    pub(super) touched: BTreeMap<(Uuid, u32), (&'r Touch, Micros)>,
    pub(super) evidenced: BTreeSet<(Uuid, String)>,
    pub(super) merges: BTreeMap<(Uuid, Uuid), Claim>,
    pub(super) leads: BTreeMap<String, LeadLine>,
    pub(super) erasures: Vec<Erasure<'r>>,
}

pub(super) struct Began<'r> {
    pub(super) account: Uuid,
    pub(super) channel: &'r str,
    pub(super) at: Micros,
    pub(super) record: &'r Recorded,
}

pub(super) struct Asked<'r> {
    pub(super) touch: &'r Touch,
    pub(super) at: Micros,
    pub(super) record: &'r Recorded,
}

pub(super) struct Identified<'r> {
    pub(super) thread: Uuid,
    pub(super) kind: EvidenceKind,
    pub(super) value: &'r Sealed,
    pub(super) at: Micros,
    pub(super) record: &'r Recorded,
}

/// What a customer's own events say of it.
pub(super) struct Change {
    pub(super) tenant: Arc<str>,
    pub(super) appeared: bool,
    pub(super) erased: bool,
    /// The last word on what it goes on as.
    pub(super) absorbed_into: Option<Option<Uuid>>,
}

/// What a customer says of another: that it is the same person, or not any more.
pub(super) struct Claim {
    pub(super) tenant: Arc<str>,
    pub(super) claimed: bool,
    pub(super) kind: Option<EvidenceKind>,
    pub(super) splits: i64,
    pub(super) at: Micros,
}

pub(super) struct LeadLine {
    pub(super) thread: Uuid,
    pub(super) tenant: Arc<str>,
    /// The last word on which lead it goes on as; none when the batch says nothing of that.
    pub(super) joined_into: Option<Option<String>>,
    pub(super) erased: bool,
}

pub(super) struct Erasure<'r> {
    pub(super) erasure: Uuid,
    pub(super) at: Micros,
    pub(super) record: &'r Recorded,
}

impl<'r> Fold<'r> {
    pub(super) fn of(batch: &'r [Arc<Recorded>]) -> Result<Self, Error> {
        let mut fold = Self::default();
        for record in batch {
            match &*record.address.kind {
                Thread::KIND => fold.take_in_thread(record)?,
                Customer::KIND => fold.take_in_customer(record)?,
                Lead::KIND => fold.take_in_lead(record)?,
                _ => {}
            }
        }
        Ok(fold)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.threads.is_empty() && self.customers.is_empty() && self.leads.is_empty()
    }

    fn take_in_thread(&mut self, record: &'r Recorded) -> Result<(), Error> {
        let Some(thread) = record.address.uuid() else { return Ok(()) };
        for event in record.events::<Thread>()? {
            match event {
                ThreadEvent::Began { account, channel, at, .. } => {
                    self.began.insert(thread, Began { account: *account, channel, at: *at, record });
                }
                ThreadEvent::Opened { n, touch: Some(touch), at, .. }
                | ThreadEvent::Touched { n, touch, at, .. }
                    if *touch != Touch::default() =>
                {
                    self.asked.entry((thread, *n)).or_insert(Asked { touch, at: *at, record });
                }
                ThreadEvent::Identified { kind, value, at, .. } => {
                    self.identified.push(Identified { thread, kind: *kind, value, at: *at, record });
                }
                ThreadEvent::Erased { erasure, at } => {
                    self.erased_threads.insert(thread);
                    self.erasures.push(Erasure { erasure: *erasure, at: *at, record });
                }
                _ => continue,
            }
            self.threads.insert(thread, record.address.tenant.clone());
        }
        Ok(())
    }

    fn take_in_customer(&mut self, record: &'r Recorded) -> Result<(), Error> {
        let Some(customer) = record.address.uuid() else { return Ok(()) };
        let tenant = &record.address.tenant;
        for event in record.events::<Customer>()? {
            let change = self.customers.entry(customer).or_insert_with(|| Change::of(tenant));
            match event {
                CustomerEvent::Appeared { thread, .. } => {
                    change.appeared = true;
                    self.threads.insert(*thread, tenant.clone());
                }
                CustomerEvent::Touched { thread, conversation, touch, at } => {
                    self.touched.entry((*thread, *conversation)).or_insert((touch, *at));
                    self.threads.insert(*thread, tenant.clone());
                }
                CustomerEvent::Evidenced { thread, kind, .. } => {
                    self.evidenced.insert((*thread, kind.as_ref().to_owned()));
                    self.threads.insert(*thread, tenant.clone());
                }
                CustomerEvent::Merged { from, kind, at, .. } => {
                    let claim = self.claim(customer, *from, tenant);
                    (claim.claimed, claim.kind, claim.at) = (true, Some(*kind), *at);
                }
                CustomerEvent::Split { to, at, .. } => {
                    let claim = self.claim(customer, *to, tenant);
                    (claim.claimed, claim.at) = (false, *at);
                    claim.splits += 1;
                }
                CustomerEvent::Absorbed { into, .. } => change.absorbed_into = Some(Some(*into)),
                CustomerEvent::Restored { .. } => change.absorbed_into = Some(None),
                CustomerEvent::Erased { erasure, at } => {
                    change.erased = true;
                    self.erasures.push(Erasure { erasure: *erasure, at: *at, record });
                }
            }
        }
        Ok(())
    }

    fn claim(&mut self, customer: Uuid, other: Uuid, tenant: &Arc<str>) -> &mut Claim {
        self.merges.entry((customer, other)).or_insert_with(|| Claim {
            tenant: tenant.clone(),
            claimed: false,
            kind: None,
            splits: 0,
            at: 0,
        })
    }

    fn take_in_lead(&mut self, record: &'r Recorded) -> Result<(), Error> {
        let lead = &*record.address.id;
        let Some(thread) = thread_of_lead(lead) else { return Ok(()) };
        let tenant = record.address.tenant.clone();
        let fresh = LeadLine { thread, tenant, joined_into: None, erased: false };
        let line = self.leads.entry(lead.into()).or_insert(fresh);
        for event in record.events::<Lead>()? {
            match event {
                LeadEvent::Joined { into, .. } => line.joined_into = Some(Some(into.clone())),
                LeadEvent::Parted { .. } => line.joined_into = Some(None),
                LeadEvent::Erased { erasure, at } => {
                    line.erased = true;
                    self.erasures.push(Erasure { erasure: *erasure, at: *at, record });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Change {
    fn of(tenant: &Arc<str>) -> Self {
        Self { tenant: tenant.clone(), appeared: false, erased: false, absorbed_into: None }
    }
}
