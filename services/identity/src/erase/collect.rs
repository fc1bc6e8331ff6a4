//! Finding everything of a person: threads, customers that go on as one, leads; requests and keys by the log.

use super::plan::{Erasure, Plan, Subject};
use crate::ids::{customer_address, customer_of, lead_address, thread_address};
use crate::query;
use conversation::Thread;
use events::ThreadEvent;
use spine::keys::Owner;
use spine::{Address, Error, Reader, Recorded, Spine};
use sqlx::Row;
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// Whether anybody is known under this id.
pub(super) async fn find(reader: &Reader, tenant: &str, subject: Subject) -> Result<Option<Uuid>, Error> {
    let model = reader.model();
    let reads = model.store.reads();
    match subject {
        Subject::Customer(id) => query::root_of_customer(reads, tenant, id).await,
        Subject::Thread(id) => query::root_of_thread(reads, tenant, id).await,
    }
}

/// Adds what the read model knows of the person to the plan. Whether anything was new.
pub(super) async fn collect(reader: &Reader, erasure: &mut Erasure) -> Result<bool, Error> {
    let before = (erasure.plan.threads.len(), erasure.plan.customers.len(), erasure.plan.leads.len());
    let root = find(reader, &erasure.tenant, erasure.subject).await?;
    let mut roots: BTreeSet<Uuid> = root.into_iter().collect();
    roots.extend(&erasure.plan.customers);
    for root in roots {
        let group = list(reader, "SELECT customer FROM customers WHERE root = $1", root).await?;
        let threads = list(reader, "SELECT thread FROM customer_threads WHERE customer = $1", root).await?;
        let parse = |ids: Vec<String>| ids.into_iter().filter_map(|id| Uuid::try_parse(&id).ok());
        erasure.plan.customers.extend(parse(group));
        erasure.plan.threads.extend(parse(threads));
    }
    if let Subject::Thread(thread) = erasure.subject {
        erasure.plan.threads.insert(thread);
    }
    for thread in erasure.plan.threads.clone() {
        // Also one that is only about to appear: it must not after this.
        erasure.plan.customers.insert(customer_of(thread));
        let leads = list(reader, "SELECT lead FROM leads_of_thread WHERE thread = $1", thread).await?;
        erasure.plan.leads.extend(leads);
    }
    let after = (erasure.plan.threads.len(), erasure.plan.customers.len(), erasure.plan.leads.len());
    Ok(before != after)
}

async fn list(reader: &Reader, text: &'static str, id: Uuid) -> Result<Vec<String>, Error> {
    let rows = sqlx::query(text)
        .bind(id.to_string())
        .fetch_all(reader.model().store.reads())
        .await
        .map_err(Error::database("collect a person"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Whose keys are destroyed.
pub(super) fn owners(plan: &Plan) -> Vec<Owner> {
    let threads = plan.threads.iter().map(|id| Owner::thread(*id));
    threads.chain(plan.customers.iter().map(|id| Owner::customer(*id))).collect()
}

/// Where everything of the person stands in the log.
pub(super) fn addresses(erasure: &Erasure) -> Result<Vec<Address>, Error> {
    let tenant = &erasure.tenant;
    let threads = erasure.plan.threads.iter().map(|id| thread_address(tenant, *id));
    let leads = erasure.plan.leads.iter().map(|id| lead_address(tenant, id));
    let customers = erasure.plan.customers.iter().map(|id| customer_address(tenant, *id));
    threads.chain(leads).chain(customers).collect()
}

/// What the log says about where else the person's texts are: the raw requests that they came in, and the keys
/// that they are sealed with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Traces {
    pub(super) places: BTreeSet<String>,
    pub(super) keys: BTreeSet<String>,
}

/// Reads everything of the person in the log. Everything ends with `Erased` by now, so nothing is missed.
///
/// # Errors
/// [`Error::Other`] when a replica does not have the end yet; the caller tries again.
pub(super) async fn traces(spine: &Spine, erasure: &Erasure) -> Result<Traces, Error> {
    let mut traces = Traces::default();
    for address in addresses(erasure)? {
        let history = spine.log.history(&address, None).await?;
        let end = erasure.plan.erased.get(&address.subject()).map(|position| position.sequence);
        if history.last().map(|record| record.position.sequence) < end {
            return Err(Error::Timeout { request: format!("the end of {address}") });
        }
        for record in history {
            traces.take_in(&record);
        }
    }
    Ok(traces)
}

impl Traces {
    fn take_in(&mut self, record: &Recorded) {
        if let Ok(payload) = serde_json::from_slice(&record.payload) {
            sealed_in(&payload, &mut self.keys);
        }
        if &*record.address.kind != "thread" {
            return;
        }
        // Whatever was decided names its request: messages, edits, receipts, visits, whatever a newer release adds.
        self.places.extend(record.meta.journal.iter().map(|place| place.to_string()));
        // What a newer release wrote has no place that this one knows of; its keys are found all the same.
        for event in record.events::<Thread>().unwrap_or_default() {
            if let ThreadEvent::Received { raw: Some(raw), .. }
            | ThreadEvent::AnsweredOutside { raw: Some(raw), .. } = event
            {
                self.places.insert(raw.clone());
            }
        }
    }
}

/// The key ids of all sealed values in a payload, whatever its events are.
fn sealed_in(value: &serde_json::Value, keys: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::String(text) => {
            let parts: Vec<&str> = text.split('.').collect();
            if let ["v1", _, key, _, _] = parts[..] {
                keys.insert(key.to_owned());
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| sealed_in(value, keys)),
        serde_json::Value::Object(fields) => fields.values().for_each(|value| sealed_in(value, keys)),
        _ => {}
    }
}

/// The hold that forbids the erasure, in words.
pub(super) async fn held(spine: &Spine, erasure: &Erasure) -> Result<Option<Arc<str>>, Error> {
    let owners: BTreeSet<Owner> = owners(&erasure.plan).into_iter().collect();
    let holds = spine.keys.holds(&erasure.tenant).await?;
    let tenant = Owner::tenant(&erasure.tenant);
    let found = holds.into_iter().find(|hold| hold.owner == tenant || owners.contains(&hold.owner));
    Ok(found.map(|hold| format!("{} is under legal hold ({})", hold.owner, hold.reason).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_wherever_a_value_is_sealed() {
        let payload = serde_json::json!({"events": [
            {"type": "X", "value": "v1.a256gcm.KEY1.nonce.text"},
            {"deep": {"list": ["v1.sm4gcm.KEY2.nonce.text", "v1.x", "1.2.3.4.5"]}}
        ]});
        let mut keys = BTreeSet::new();
        sealed_in(&payload, &mut keys);
        assert_eq!(keys.into_iter().collect::<Vec<_>>(), ["KEY1", "KEY2"]);
    }
}
