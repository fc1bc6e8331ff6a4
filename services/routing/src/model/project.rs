//! The projector `routing`: a batch is gathered in memory and written in a few statements.

use super::history::Facts;
use super::row::ThreadRow;
use super::{SPEC, agents, fold, table};
use crate::traces::Traces;
use conversation::Thread;
use events::ThreadEvent;
use futures::future::BoxFuture;
use laws::account::Account;
use laws::agent::Agent;
use laws::tenant::Tenant;
use spine::db::ModelSpec;
use spine::keys::{Keys, Owner};
use spine::{Entity, Error, Projector, Recorded};
use sqlx::AnyConnection;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// Projects threads, agents, accounts and tenants.
pub(crate) struct Routing {
    pub(crate) keys: Keys,
    pub(crate) traces: Traces,
}

impl Projector for Routing {
    fn spec(&self) -> ModelSpec {
        SPEC
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[Thread::KIND, Agent::KIND, Account::KIND, Tenant::KIND]
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let mut threads = Vec::new();
            for record in batch {
                match &*record.address.kind {
                    Thread::KIND => threads.push(&**record),
                    Agent::KIND => agents::apply(tx, record).await?,
                    _ => directory::apply(tx, record).await?,
                }
            }
            apply_threads(tx, &threads).await
        })
    }

    /// Routing opens no text, but it seals notices; the key of a forgotten person goes.
    fn committed(&self, batch: &[Arc<Recorded>]) {
        for record in batch.iter().filter(|record| &*record.address.kind == Thread::KIND) {
            self.traces.note(record);
            let erased = record.events::<Thread>().unwrap_or_default().iter().any(is_erased);
            if let Some(thread) = record.address.uuid().filter(|_| erased) {
                self.keys.forget(&record.address.tenant, &Owner::thread(thread));
            }
        }
    }
}

async fn apply_threads(tx: &mut AnyConnection, records: &[&Recorded]) -> Result<(), Error> {
    let mut steps: BTreeMap<Uuid, Vec<(&Recorded, &ThreadEvent)>> = BTreeMap::new();
    for record in records {
        let Some(thread) = record.address.uuid() else { continue };
        for event in record.events::<Thread>()?.iter().filter(|event| fold::is_relevant(event)) {
            steps.entry(thread).or_default().push((record, event));
        }
    }
    let is_new = |steps: &[(&Recorded, &ThreadEvent)]| {
        steps.first().is_some_and(|(_, event)| matches!(event, ThreadEvent::Began { .. }))
    };
    let known: Vec<Uuid> =
        steps.iter().filter(|(_, steps)| !is_new(steps)).map(|(thread, _)| *thread).collect();
    let before = table::find(tx, &known).await?;
    let (mut facts, mut changed, mut erased) = (Facts::default(), Vec::new(), BTreeSet::new());
    for (thread, steps) in steps {
        let mut row = before.get(&thread).cloned();
        for (record, event) in steps {
            match (event, &mut row) {
                (ThreadEvent::Began { account, channel, .. }, None) => {
                    let tenant = record.address.tenant.clone();
                    row = Some(ThreadRow::new(thread, tenant, *account, channel.clone()));
                }
                (ThreadEvent::Erased { .. }, _) => {
                    // An agent who was with the customer is free again, and that is all that is kept.
                    row = None;
                    erased.insert(thread);
                }
                (event, Some(row)) => row.take_in(event, &mut facts),
                // What comes before `Began`, or after `Erased`, is not of the law's making.
                (_, None) => {}
            }
        }
        changed.extend(row.filter(|row| before.get(&thread) != Some(row)));
    }
    table::put(tx, &changed).await?;
    table::delete(tx, &erased.into_iter().collect::<Vec<_>>()).await?;
    facts.write(tx).await
}

fn is_erased(event: &ThreadEvent) -> bool {
    matches!(event, ThreadEvent::Erased { .. })
}
