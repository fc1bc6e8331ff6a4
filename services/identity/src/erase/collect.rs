//! Finding everything of a person: threads, customers that go on as one, leads; requests and keys by the log.

use super::plan::{Erasure, Plan, Subject};
use crate::ids::{customer_address, customer_of, lead_address, thread_address, thread_of_lead};
use crate::query;
use conversation::Thread;
use events::ThreadEvent;
use laws::lead::Lead;
use spine::keys::Owner;
use spine::{Address, Entity, Error, Reader, Recorded, Spine};
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

/// Adds what the read model knows of the person to the plan: customers lead to threads, threads to leads, and
/// leads to all that they are joined with, until nothing is new. A joined lead does not lead to its thread: it says
/// that somebody wrote the same contact detail there, and that may have been another person. Whether anything was new.
pub(super) async fn collect(reader: &Reader, erasure: &mut Erasure) -> Result<bool, Error> {
    let before = size(&erasure.plan);
    match erasure.subject {
        Subject::Customer(customer) => erasure.plan.customers.insert(customer),
        Subject::Thread(thread) => erasure.plan.threads.insert(thread),
    };
    let (mut asked, tenant) = (Asked::default(), &erasure.tenant);
    loop {
        let known = size(&erasure.plan);
        customers(reader, tenant, &mut erasure.plan, &mut asked).await?;
        threads(reader, tenant, &mut erasure.plan, &mut asked).await?;
        leads(reader, tenant, &mut erasure.plan, &mut asked).await?;
        if size(&erasure.plan) == known {
            return Ok(known != before);
        }
    }
}

/// What was followed already.
#[derive(Default)]
struct Asked {
    customers: BTreeSet<Uuid>,
    threads: BTreeSet<Uuid>,
    leads: BTreeSet<String>,
}

fn size(plan: &Plan) -> [usize; 3] {
    [plan.threads.len(), plan.customers.len(), plan.leads.len()]
}

/// Who goes on as the same customer, and the threads of them all.
async fn customers(reader: &Reader, tenant: &str, plan: &mut Plan, asked: &mut Asked) -> Result<(), Error> {
    for customer in plan.customers.clone() {
        if !asked.customers.insert(customer) {
            continue;
        }
        let reads = reader.model();
        let root = query::root_of_customer(reads.store.reads(), tenant, customer).await?.unwrap_or(customer);
        plan.customers.insert(root);
        let group = "SELECT customer FROM customers WHERE root = $1 AND tenant = $2";
        plan.customers.extend(ids(list(reader, group, tenant, &root.to_string()).await?));
        let threads = "SELECT thread FROM customer_threads WHERE customer = $1 AND tenant = $2";
        plan.threads.extend(ids(list(reader, threads, tenant, &root.to_string()).await?));
    }
    Ok(())
}

/// Whose the threads are, and the leads of each.
async fn threads(reader: &Reader, tenant: &str, plan: &mut Plan, asked: &mut Asked) -> Result<(), Error> {
    for thread in plan.threads.clone() {
        if !asked.threads.insert(thread) {
            continue;
        }
        // Also one that is only about to appear: it must not after this.
        plan.customers.insert(customer_of(thread));
        plan.customers.extend(find(reader, tenant, Subject::Thread(thread)).await?);
        let leads = "SELECT lead FROM leads_of_thread WHERE thread = $1 AND tenant = $2";
        plan.leads.extend(list(reader, leads, tenant, &thread.to_string()).await?);
    }
    Ok(())
}

/// What the leads were joined into, and what was joined into them.
async fn leads(reader: &Reader, tenant: &str, plan: &mut Plan, asked: &mut Asked) -> Result<(), Error> {
    for lead in plan.leads.clone() {
        if !asked.leads.insert(lead.clone()) {
            continue;
        }
        let further = "SELECT joined_into FROM leads_of_thread
             WHERE lead = $1 AND tenant = $2 AND joined_into IS NOT NULL";
        plan.leads.extend(list(reader, further, tenant, &lead).await?);
        let joined = "SELECT lead FROM leads_of_thread WHERE joined_into = $1 AND tenant = $2";
        plan.leads.extend(list(reader, joined, tenant, &lead).await?);
    }
    Ok(())
}

fn ids(texts: Vec<String>) -> impl Iterator<Item = Uuid> {
    texts.into_iter().filter_map(|id| Uuid::try_parse(&id).ok())
}

async fn list(reader: &Reader, text: &'static str, tenant: &str, id: &str) -> Result<Vec<String>, Error> {
    let rows = sqlx::query(text)
        .bind(id.to_owned())
        .bind(tenant.to_owned())
        .fetch_all(reader.model().store.reads())
        .await
        .map_err(Error::database("collect a person"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The threads of joined leads that are no threads of the person and were not erased by themselves.
pub(super) async fn others(spine: &Spine, erasure: &Erasure) -> Result<BTreeSet<Uuid>, Error> {
    let mut others = BTreeSet::new();
    for thread in threads_of_leads(&erasure.plan) {
        if spine.keys.is_erased(&erasure.tenant, &Owner::thread(thread)).await?.is_none() {
            others.insert(thread);
        }
    }
    Ok(others)
}

/// The threads that a lead of the plan stands beside and that are not in the plan themselves.
fn threads_of_leads(plan: &Plan) -> BTreeSet<Uuid> {
    let threads = plan.leads.iter().filter_map(|lead| thread_of_lead(lead));
    threads.filter(|thread| !plan.threads.contains(thread)).collect()
}

/// Whose keys are destroyed. A joined lead is sealed with the key of its own thread, which stays.
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

/// The same, as the log and the read models name it.
pub(super) fn subjects(erasure: &Erasure) -> Result<BTreeSet<String>, Error> {
    Ok(addresses(erasure)?.iter().map(Address::subject).collect())
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
    let mut traces = Traces { places: unnamed(spine, erasure).await?, ..Traces::default() };
    for address in addresses(erasure)? {
        let history = spine.log.history(&address, None).await?;
        let end = erasure.plan.erased.get(&address.subject()).map(|position| position.sequence);
        if history.last().map(|record| record.position.sequence) < end {
            return Err(Error::Timeout { request: format!("the end of {address}") });
        }
        // A lead beside another thread is sealed with that one's key, which is not destroyed.
        if &*address.kind == Lead::KIND
            && thread_of_lead(&address.id).is_some_and(|thread| !erasure.plan.threads.contains(&thread))
        {
            continue;
        }
        for record in history {
            traces.take_in(&record);
        }
    }
    Ok(traces)
}

/// The raw requests that hold something of the person although no message of the log names them.
pub(super) async fn unnamed(spine: &Spine, erasure: &Erasure) -> Result<BTreeSet<String>, Error> {
    let threads: Vec<Uuid> = erasure.plan.threads.iter().copied().collect();
    spine.keys.requests_of(&erasure.tenant, &threads).await
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

/// The hold that forbids the erasure, in words: of the person, or of a thread whose lead would go.
pub(super) async fn held(spine: &Spine, erasure: &Erasure) -> Result<Option<Arc<str>>, Error> {
    let others = threads_of_leads(&erasure.plan).into_iter().map(Owner::thread);
    let owners: BTreeSet<Owner> = owners(&erasure.plan).into_iter().chain(others).collect();
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
