//! What channel-ingest sees of the log: accounts, whose threads are on which, and what is due to be sent.

use crate::stages::Stages;
use conversation::Thread;
use directory::Directory;
use events::ThreadEvent;
use events::thread::Author;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use spine::db::{Bulk, ModelSpec, Wanted};
use spine::keys::{Keys, Owner};
use spine::{Due, DueChanges, Entity, Error, Projector, Recorded};
use sqlx::{AnyConnection, Row};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use uuid::Uuid;

/// The kind of due work that brings a message to the platform.
pub(crate) const SEND: &str = "send";
/// The kinds of due work that the read model makes.
pub const EFFECTS: &[&str] = &[SEND];

static THREADS_PUT: Bulk =
    Bulk::new("INSERT INTO threads (thread, account)", 2, "ON CONFLICT (thread) DO NOTHING");
static THREADS_FIND: Bulk = Bulk::new("SELECT thread, account FROM threads WHERE (thread) IN (", 1, ")");
static THREADS_DELETE: Bulk = Bulk::new("DELETE FROM threads WHERE (thread) IN (", 1, ")");

const SPEC: ModelSpec = ModelSpec {
    name: "ingest",
    version: 1,
    schema: &[
        directory::SCHEMA[0],
        directory::SCHEMA[1],
        "CREATE TABLE threads (thread TEXT PRIMARY KEY, account TEXT NOT NULL)",
    ],
};

/// What this service keeps in the database.
pub const STORES: &[Wanted] = &[Wanted::Model(SPEC), Wanted::State("ingest", crate::state::MIGRATIONS)];

/// What a due send carries besides its key, the message id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SendBody {
    /// The sealed text.
    pub(crate) text: Option<String>,
    pub(crate) by_ai: bool,
    /// Whether the suite itself says it, such as that a person will take over.
    #[serde(default)]
    pub(crate) by_system: bool,
}

/// The projector of channel-ingest.
pub(crate) struct Ingest {
    pub(crate) directory: Directory,
    pub(crate) keys: Keys,
    /// Hears of erased threads; a full queue loses nothing, since it is looked for all who were erased now and then.
    pub(crate) erased: mpsc::Sender<Uuid>,
    pub(crate) stages: Stages,
}

impl Projector for Ingest {
    fn spec(&self) -> ModelSpec {
        SPEC
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[directory::KINDS[0], directory::KINDS[1], Thread::KIND]
    }

    fn effects(&self) -> &'static [&'static str] {
        EFFECTS
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.write(tx, batch))
    }

    fn committed(&self, batch: &[Arc<Recorded>]) {
        self.directory.committed(batch);
        for record in batch.iter().filter(|record| &*record.address.kind == Thread::KIND) {
            let Some(thread) = record.address.uuid() else { continue };
            let events = record.events::<Thread>().unwrap_or_default();
            events.iter().for_each(|event| self.stages.follow(thread, event));
            if events.iter().any(is_erased) {
                self.keys.forget(&record.address.tenant, &Owner::thread(thread));
                let _ = self.erased.try_send(thread);
            }
        }
    }
}

fn is_erased(event: &ThreadEvent) -> bool {
    matches!(event, ThreadEvent::Erased { .. })
}

impl Ingest {
    async fn write(&self, tx: &mut AnyConnection, batch: &[Arc<Recorded>]) -> Result<(), Error> {
        let mut began = Vec::new();
        let mut erased = Vec::new();
        let mut replied = Vec::new();
        let mut due = DueChanges::default();
        for record in batch {
            if &*record.address.kind != Thread::KIND {
                directory::apply(tx, record).await?;
                continue;
            }
            for event in record.events::<Thread>()? {
                match event {
                    ThreadEvent::Began { account, .. } => {
                        began.push((record.address.id.to_string(), account.to_string()))
                    }
                    ThreadEvent::Replied { .. } => replied.push((record, event)),
                    ThreadEvent::Erased { .. } => erased.push(record),
                    _ => {}
                }
            }
        }
        THREADS_PUT
            .write(tx, &began, |query, (thread, account)| query.bind(thread.clone()).bind(account.clone()))
            .await?;
        let lanes = lanes(tx, &began, &replied).await?;
        for record in batch.iter().filter(|record| &*record.address.kind == Thread::KIND) {
            for event in record.events::<Thread>()? {
                project(&mut due, record, event, &lanes);
            }
        }
        let gone: Vec<String> = erased.iter().map(|record| record.address.id.to_string()).collect();
        THREADS_DELETE.write(tx, &gone, |query, thread| query.bind(thread.clone())).await?;
        due.write(tx).await
    }
}

/// The account of each thread that something is to be sent in.
async fn lanes(
    tx: &mut AnyConnection,
    began: &[(String, String)],
    replied: &[(&Arc<Recorded>, &ThreadEvent)],
) -> Result<HashMap<String, String>, Error> {
    let mut lanes: HashMap<String, String> = began.iter().cloned().collect();
    let mut missing: Vec<String> = replied.iter().map(|(record, _)| record.address.id.to_string()).collect();
    missing.retain(|thread| !lanes.contains_key(thread));
    missing.sort_unstable();
    missing.dedup();
    for row in THREADS_FIND.fetch(tx, &missing, |query, thread| query.bind(thread.clone())).await? {
        lanes.insert(row.get(0), row.get(1));
    }
    Ok(lanes)
}

fn project(due: &mut DueChanges, record: &Recorded, event: &ThreadEvent, lanes: &HashMap<String, String>) {
    let entity = record.address.subject();
    match event {
        ThreadEvent::Replied { message, by, content, at, .. } => {
            let text = content.text.as_ref().map(|text| text.as_str().to_owned());
            let body = SendBody { text, by_ai: *by == Author::Ai, by_system: *by == Author::System };
            let lane = lanes.get(&*record.address.id).cloned().unwrap_or_default();
            let body = serde_json::to_string(&body).expect("strings and booleans are always JSON");
            due.put(record, Due { kind: SEND, entity, key: message.to_string(), lane, at: *at, body });
        }
        ThreadEvent::Sent { message, .. }
        | ThreadEvent::Withdrawn { message, .. }
        | ThreadEvent::Failed { message, retry_at: None, .. }
        | ThreadEvent::Unknown { message, last: true, .. } => due.remove(SEND, &entity, &message.to_string()),
        ThreadEvent::Erased { .. } => due.remove_all(SEND, &entity),
        _ => {}
    }
}
