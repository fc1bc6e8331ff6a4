//! The projector: customers with their threads, touches, evidence, merges, leads and erasures.

mod claims;
mod fold;
mod learned;
mod links;
mod people;
mod rows;

use crate::ids::{customer_address, customer_of};
use crate::schema::SPEC;
use crate::work::{AppearBody, Why};
use conversation::Thread;
use fold::Fold;
use futures::FutureExt;
use futures::future::BoxFuture;
use laws::customer::Customer;
use laws::lead::Lead;
use people::People;
use spine::db::{AnyQuery, Bulk, ModelSpec};
use spine::keys::{Keys, Owner};
use spine::{Due, DueChanges, Entity, Error, Projector, Recorded};
use sqlx::AnyConnection;
use std::sync::Arc;

/// The kinds of due work that it makes.
pub const EFFECTS: &[&str] = &["absorb", "customer", "evidence", "link", "restore", "touch"];

/// Writes the tables of [`crate::schema`].
pub struct Identity {
    keys: Keys,
}

impl Identity {
    pub fn new(keys: Keys) -> Self {
        Self { keys }
    }

    async fn write(&self, tx: &mut AnyConnection, batch: &[Arc<Recorded>]) -> Result<(), Error> {
        let fold = Fold::of(batch)?;
        let Some(record) = batch.last().filter(|_| !fold.is_empty()) else { return Ok(()) };
        self.forget(&fold);
        take_turn(tx).await?;
        let mut due = DueChanges::default();
        let mut people = People::load(tx, &fold).await?;
        people.take_in(&fold);
        appearances(&fold, &people, &mut due)?;
        people.write_threads(tx).await?;
        let given_up = learned::purge(tx, &fold, &mut due).await?;
        let fresh = learned::write_touches(tx, &fold, &mut people, &mut due).await?;
        learned::write_evidence(tx, &fold, &people, &mut due).await?;
        learned::write_tokens(tx, &fold, &mut people, &self.keys).await?;
        people.count_touches(tx, &fresh).await?;
        people.write_customers(tx).await?;
        claims::write(tx, &fold, &people, (&mut due, record)).await?;
        write_leads(tx, &fold).await?;
        write_erasures(tx, &fold).await?;
        links::write(tx, &people.changed, given_up, (&mut due, record)).await?;
        due.write(tx).await
    }

    /// Keys of erased people leave memory before anything is opened with them.
    fn forget(&self, fold: &Fold<'_>) {
        for thread in &fold.erased_threads {
            self.keys.forget(&fold.threads[thread], &Owner::thread(*thread));
        }
        for (customer, change) in fold.customers.iter().filter(|(_, change)| change.erased) {
            self.keys.forget(&change.tenant, &Owner::customer(*customer));
        }
    }
}

impl Projector for Identity {
    fn spec(&self) -> ModelSpec {
        SPEC
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[Thread::KIND, Customer::KIND, Lead::KIND]
    }

    fn effects(&self) -> &'static [&'static str] {
        EFFECTS
    }

    fn gathers_for(&self) -> std::time::Duration {
        spine::UNHURRIED
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.write(tx, batch).boxed()
    }
}

/// On Postgres parts commit in parallel, and customers join them: whoever has something to write takes turns.
/// Most batches have nothing, since most events of a thread say nothing about who somebody is.
async fn take_turn(tx: &mut AnyConnection) -> Result<(), Error> {
    if tx.backend_name() == "SQLite" {
        return Ok(());
    }
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('tributary.turn.' || current_schema(), 0))")
        .execute(tx)
        .await
        .map(|_| ())
        .map_err(Error::database("take turns"))
}

/// A thread that began makes a customer due; the customer's own events take that away.
fn appearances(fold: &Fold<'_>, people: &People, due: &mut DueChanges) -> Result<(), Error> {
    for (thread, began) in &fold.began {
        let customer = customer_of(*thread);
        let known = people.customers.get(&customer).is_some_and(|row| row.appeared || row.erased);
        if known || people.threads[thread].erased {
            continue;
        }
        let (account, channel) = (began.account, began.channel.to_owned());
        let body = AppearBody { thread: *thread, account, channel, at: began.at, why: Why::of(began.record) };
        let tenant = &began.record.address.tenant;
        let row = Due {
            kind: "customer",
            entity: customer_address(tenant, customer)?.subject(),
            key: String::new(),
            lane: tenant.to_string(),
            at: began.at,
            body: serde_json::to_string(&body).map_err(Error::Unwritable)?,
        };
        due.put(began.record, row);
    }
    let gone = fold.erased_threads.iter().map(|thread| (customer_of(*thread), &fold.threads[thread]));
    let met = fold.customers.iter().filter(|(_, change)| change.appeared || change.erased);
    for (customer, tenant) in gone.chain(met.map(|(id, change)| (*id, &change.tenant))) {
        due.remove("customer", &customer_address(tenant, customer)?.subject(), "");
    }
    Ok(())
}

static LEADS_PUT: Bulk = Bulk::new(
    "INSERT INTO leads_of_thread (lead, thread, tenant, erased)",
    4,
    "ON CONFLICT (lead) DO UPDATE SET erased = CASE WHEN excluded.erased = 1 THEN 1
     ELSE leads_of_thread.erased END",
);
/// The rows are there by now.
static JOINS_PUT: Bulk = Bulk::new(
    "INSERT INTO leads_of_thread (lead, thread, tenant, joined_into, erased)",
    5,
    "ON CONFLICT (lead) DO UPDATE SET joined_into = excluded.joined_into",
);
static ERASURES_PUT: Bulk = Bulk::new(
    "INSERT INTO erasures (entity, erasure, tenant, part, sequence, at)",
    6,
    "ON CONFLICT (entity) DO NOTHING",
);

async fn write_leads(tx: &mut AnyConnection, fold: &Fold<'_>) -> Result<(), Error> {
    let rows: Vec<_> = fold.leads.iter().collect();
    let bind = |query: AnyQuery, (lead, line): &(&String, &fold::LeadLine)| {
        let query = query.bind((*lead).clone()).bind(line.thread.to_string());
        query.bind(line.tenant.to_string()).bind(i32::from(line.erased))
    };
    LEADS_PUT.write(tx, &rows, bind).await?;
    let joins = fold.leads.iter().filter_map(|(lead, line)| Some((lead, line, line.joined_into.as_ref()?)));
    let joins: Vec<_> = joins.collect();
    let bind = |query: AnyQuery, (lead, line, into): &(&String, &fold::LeadLine, &Option<String>)| {
        let query = query.bind((*lead).clone()).bind(line.thread.to_string());
        query.bind(line.tenant.to_string()).bind((*into).clone()).bind(i32::from(line.erased))
    };
    JOINS_PUT.write(tx, &joins, bind).await.map(|_| ())
}

async fn write_erasures(tx: &mut AnyConnection, fold: &Fold<'_>) -> Result<(), Error> {
    let bind = |query: AnyQuery, line: &fold::Erasure<'_>| {
        query
            .bind(line.record.address.subject())
            .bind(line.erasure.to_string())
            .bind(line.record.address.tenant.to_string())
            .bind(i32::from(line.record.position.part))
            .bind(i64::try_from(line.record.position.sequence).unwrap_or(i64::MAX))
            .bind(line.at)
    };
    ERASURES_PUT.write(tx, &fold.erasures, bind).await.map(|_| ())
}
