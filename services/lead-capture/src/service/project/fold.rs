//! A batch gathered: what happened to which lead, and which threads were erased.

use super::super::address::parse;
use conversation::Thread;
use events::{LeadEvent, ThreadEvent};
use laws::lead::Lead;
use spine::{Entity, Error, Recorded};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// One message of a lead.
pub(super) struct Step<'a> {
    pub(super) record: &'a Recorded,
    pub(super) events: &'a [LeadEvent],
}

/// What a batch says of leads.
#[derive(Default)]
pub(super) struct Fold<'a> {
    /// By lead, in the log's order.
    pub(super) leads: BTreeMap<&'a str, Vec<Step<'a>>>,
    /// The tenant, and where the thread was erased.
    pub(super) erased_threads: BTreeMap<Uuid, (&'a str, u64)>,
}

impl<'a> Fold<'a> {
    /// # Errors
    /// When a message cannot be decoded.
    pub(super) fn gather(batch: &'a [Arc<Recorded>]) -> Result<Self, Error> {
        let mut fold = Self::default();
        for record in batch {
            if &*record.address.kind == Lead::KIND {
                let (lead, events) = (&*record.address.id, record.events::<Lead>()?);
                if parse(lead).is_none() {
                    return Err(Error::Name { field: "lead", value: lead.into() });
                }
                fold.leads.entry(lead).or_default().push(Step { record, events });
            } else if &*record.address.kind == Thread::KIND {
                let erased = record
                    .events::<Thread>()?
                    .iter()
                    .any(|event| matches!(event, ThreadEvent::Erased { .. }));
                if let Some(thread) = record.address.uuid().filter(|_| erased) {
                    let place = (&*record.address.tenant, record.position.sequence);
                    fold.erased_threads.entry(thread).or_insert(place);
                }
            }
        }
        Ok(fold)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.leads.is_empty() && self.erased_threads.is_empty()
    }
}
