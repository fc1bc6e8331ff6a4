//! The projector: leads, their details, and what joins them.
//!
//! A lead's rows follow from its own part alone. What joins leads of several parts is the set of their tokens: the
//! rows that are due follow from that set and from which leads are joined, in whatever order the parts are read.

mod detail;
mod fold;
mod group;
mod lead;

use conversation::Thread;
use fold::Fold;
use futures::future::BoxFuture;
use laws::lead::Lead;
use spine::db::{ModelSpec, Wanted};
use spine::keys::{Keys, Owner};
use spine::{Entity, Error, Projector, Recorded};
use sqlx::AnyConnection;
use std::sync::Arc;

/// The kind of due rows that ask to join a lead with an earlier one of the same person.
pub(crate) const JOIN: &str = "join";
/// The kinds of due work that the read model makes.
pub const EFFECTS: &[&str] = &[JOIN];

const SPEC: ModelSpec = ModelSpec {
    name: "leads",
    version: 1,
    schema: &[
        // Of an erased lead only the ids, its source and its time are left.
        "CREATE TABLE leads (lead TEXT PRIMARY KEY, tenant TEXT NOT NULL, thread TEXT NOT NULL, n BIGINT NOT NULL,
         account TEXT NOT NULL, channel TEXT NOT NULL, created_at BIGINT NOT NULL, changed_at BIGINT NOT NULL,
         joined_into TEXT, parted INTEGER NOT NULL, consent TEXT, score BIGINT, reasons TEXT NOT NULL,
         qualified_at BIGINT, erased INTEGER NOT NULL)",
        "CREATE INDEX leads_list ON leads (tenant, created_at, lead)",
        "CREATE INDEX leads_thread ON leads (thread, n)",
        // `value` and `masked` are NULL when nobody can open the value any more.
        "CREATE TABLE details (lead TEXT NOT NULL, sequence BIGINT NOT NULL, number BIGINT NOT NULL,
         kind TEXT NOT NULL, value TEXT, masked TEXT, form TEXT NOT NULL, message TEXT NOT NULL,
         conversation BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (lead, sequence, number))",
        // Who has what: values as tokens, and the thread. `at` is the lead's beginning; `open` until the lead is
        // joined or parted.
        "CREATE TABLE tokens (tenant TEXT NOT NULL, kind TEXT NOT NULL, token TEXT NOT NULL, lead TEXT NOT NULL,
         at BIGINT NOT NULL, part INTEGER NOT NULL, sequence BIGINT NOT NULL, open INTEGER NOT NULL,
         PRIMARY KEY (tenant, kind, token, lead))",
        "CREATE INDEX tokens_lead ON tokens (lead)",
        "CREATE INDEX tokens_first ON tokens (tenant, kind, token, at, lead)",
        "CREATE INDEX tokens_open ON tokens (tenant, kind, token, open)",
        // One row for each token that anybody has: what parts lock that meet at it.
        "CREATE TABLE groups_of_leads (tenant TEXT NOT NULL, kind TEXT NOT NULL, token TEXT NOT NULL,
         PRIMARY KEY (tenant, kind, token))",
        "CREATE TABLE erased_threads (thread TEXT PRIMARY KEY)",
    ],
};

/// What this service keeps in the database.
pub const STORES: &[Wanted] = &[Wanted::Model(SPEC), Wanted::State("leads", super::state::MIGRATIONS)];

/// What the service sees of the log.
pub(crate) struct Leads {
    pub(crate) keys: Keys,
}

impl Projector for Leads {
    fn spec(&self) -> ModelSpec {
        SPEC
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[Thread::KIND, Lead::KIND]
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
        Box::pin(async move {
            let fold = Fold::gather(batch)?;
            if fold.is_empty() {
                return Ok(());
            }
            for (thread, (tenant, _)) in &fold.erased_threads {
                self.keys.forget(tenant, &Owner::thread(*thread));
            }
            let leads = lead::take_in(tx, &fold).await?;
            let details = detail::open(&self.keys, &fold, &leads).await?;
            let groups = group::touched(tx, &self.keys, &details, &leads).await?;
            groups.lock(tx).await?;
            lead::write(tx, &fold, &leads).await?;
            detail::write(tx, &details, &leads).await?;
            groups.write(tx).await
        })
    }
}
