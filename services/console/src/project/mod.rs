//! What the console sees: conversations, transcripts, agents, accounts and knowledge slugs as tables.

mod agents;
mod amendment;
mod conversation;
mod entries;
mod fold;
mod line;
mod load;
mod send;
mod store;
mod tables;

pub use tables::STORES;
mod tail;
mod text;
mod thread;
pub(crate) mod words;

use conversation::Conversation;
use fold::Fold;
use futures::future::BoxFuture;
use laws::agent::Agent;
use laws::knowledge::Knowledge;
use spine::db::ModelSpec;
use spine::keys::Keys;
use spine::{Entity, Error, Projector, Recorded};
use sqlx::AnyConnection;
use std::sync::Arc;

const THREAD: &str = "thread";

/// Projects the log into the read model `console`.
pub(crate) struct Projection {
    pub(crate) keys: Keys,
}

impl Projector for Projection {
    fn spec(&self) -> ModelSpec {
        tables::SPEC
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[THREAD, Agent::KIND, Knowledge::KIND, directory::KINDS[0], directory::KINDS[1]]
    }

    fn prepare(&self, record: &Recorded) {
        if &*record.address.kind == THREAD {
            // What does not decode is told when its turn comes.
            let _ = record.events::<::conversation::Thread>();
        }
    }

    fn gathers_for(&self) -> std::time::Duration {
        spine::UNHURRIED
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.project(tx, batch))
    }
}

impl Projection {
    async fn project(&self, tx: &mut AnyConnection, batch: &[Arc<Recorded>]) -> Result<(), Error> {
        let mut threads = Vec::new();
        let mut entries = Vec::new();
        for record in batch {
            match &*record.address.kind {
                THREAD => threads.push(&**record),
                Agent::KIND => agents::apply(tx, record).await?,
                Knowledge::KIND => entries.push(&**record),
                _ => directory::apply(tx, record).await?,
            }
        }
        entries::apply(tx, &entries).await?;
        if threads.is_empty() {
            return Ok(());
        }
        let mut fold = Fold::new(load::threads(tx, &threads).await?);
        for record in threads {
            fold.take_in(record)?;
        }
        let texts = fold.texts.open(&self.keys).await?;
        store::write(tx, &fold, &texts).await?;
        for (thread, tenant) in &fold.erased {
            if let Ok(id) = thread.parse() {
                self.keys.forget(tenant, &spine::keys::Owner::thread(id));
            }
        }
        Ok(())
    }
}
