//! What ai-agent sees of the log: knowledge, and which messages await its answer.

use super::recent::Recent;
use super::shelf::Shelf;
use conversation::Thread;
use events::ThreadEvent;
use events::knowledge::KnowledgeEvent;
use events::thread::{Author, ReleasedTo, TransferredTo, WithdrawnReason};
use futures::future::BoxFuture;
use laws::knowledge::Knowledge;
use spine::db::{Bulk, ModelSpec, Wanted};
use spine::keys::{Keys, Owner};
use spine::{Due, DueChanges, Entity, Error, Projector, Recorded};
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// The kind of due work that answers what awaits an answer.
pub(crate) const ANSWER: &str = "answer";
/// The kind of due work that asks people to answer in place of what will never leave.
pub(crate) const UNDELIVERED: &str = "undelivered";
/// The kinds of due work that the read model makes.
pub const EFFECTS: &[&str] = &[ANSWER, UNDELIVERED];

static KNOWLEDGE_PUT: Bulk = Bulk::new(
    "INSERT INTO knowledge (entry, tenant, slug, body, version)",
    5,
    "ON CONFLICT (entry) DO UPDATE SET slug = excluded.slug, body = excluded.body, version = excluded.version",
);
static KNOWLEDGE_DELETE: Bulk = Bulk::new("DELETE FROM knowledge WHERE (entry) IN (", 1, ")");
static PEOPLE_PUT: Bulk = Bulk::new("INSERT INTO with_people (thread)", 1, "ON CONFLICT (thread) DO NOTHING");
static PEOPLE_FIND: Bulk = Bulk::new("SELECT thread FROM with_people WHERE (thread) IN (", 1, ")");
static PEOPLE_DELETE: Bulk = Bulk::new("DELETE FROM with_people WHERE (thread) IN (", 1, ")");

const SPEC: ModelSpec = ModelSpec {
    name: "agent",
    version: 1,
    schema: &[
        directory::SCHEMA[0],
        directory::SCHEMA[1],
        "CREATE TABLE knowledge (entry TEXT PRIMARY KEY, tenant TEXT NOT NULL, slug TEXT NOT NULL,
             body TEXT NOT NULL, version BIGINT NOT NULL)",
        "CREATE INDEX knowledge_slug ON knowledge (tenant, slug)",
        // Threads whose open conversation people have; all others are the AI's.
        "CREATE TABLE with_people (thread TEXT PRIMARY KEY)",
    ],
};

/// What this service keeps in the database.
pub const STORES: &[Wanted] = &[Wanted::Model(SPEC)];

/// The projector of ai-agent.
pub(crate) struct Agent {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) keys: Keys,
    pub(crate) recent: Arc<Recent>,
}

impl Projector for Agent {
    fn spec(&self) -> ModelSpec {
        SPEC
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[directory::KINDS[0], directory::KINDS[1], Knowledge::KIND, Thread::KIND]
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
        self.shelf.committed(batch);
        batch
            .iter()
            .filter(|record| &*record.address.kind == Thread::KIND)
            .for_each(|record| self.forget(record));
    }
}

impl Agent {
    fn forget(&self, record: &Recorded) {
        let erased = |event: &ThreadEvent| matches!(event, ThreadEvent::Erased { .. });
        if !record.events::<Thread>().unwrap_or_default().iter().any(erased) {
            return;
        }
        if let Some(thread) = record.address.uuid() {
            self.keys.forget(&record.address.tenant, &Owner::thread(thread));
            self.recent.forget(thread);
        }
    }

    async fn write(&self, tx: &mut AnyConnection, batch: &[Arc<Recorded>]) -> Result<(), Error> {
        let mut with_people = find_with_people(tx, batch).await?;
        let before = with_people.clone();
        let (mut due, mut entries) = (DueChanges::default(), BTreeMap::new());
        for record in batch {
            match &*record.address.kind {
                Thread::KIND => {
                    for event in record.events::<Thread>()? {
                        project(&mut due, &mut with_people, record, event);
                    }
                }
                Knowledge::KIND => {
                    for event in record.events::<Knowledge>()? {
                        entries.insert(
                            record.address.id.to_string(),
                            (record.address.tenant.to_string(), event),
                        );
                    }
                }
                _ => directory::apply(tx, record).await?,
            }
        }
        let came: Vec<&String> = with_people.difference(&before).collect();
        PEOPLE_PUT.write(tx, &came, |query, thread| query.bind((*thread).clone())).await?;
        let went: Vec<&String> = before.difference(&with_people).collect();
        PEOPLE_DELETE.write(tx, &went, |query, thread| query.bind((*thread).clone())).await?;
        put_entries(tx, entries).await?;
        due.write(tx).await
    }
}

async fn find_with_people(tx: &mut AnyConnection, batch: &[Arc<Recorded>]) -> Result<HashSet<String>, Error> {
    let threads = batch.iter().filter(|record| &*record.address.kind == Thread::KIND);
    let mut threads: Vec<String> = threads.map(|record| record.address.id.to_string()).collect();
    threads.sort_unstable();
    threads.dedup();
    let rows = PEOPLE_FIND.fetch(tx, &threads, |query, thread| query.bind(thread.clone())).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn put_entries(
    tx: &mut AnyConnection,
    entries: BTreeMap<String, (String, &KnowledgeEvent)>,
) -> Result<(), Error> {
    let (mut written, mut removed) = (Vec::new(), Vec::new());
    for (id, (tenant, event)) in entries {
        match event {
            KnowledgeEvent::Written { entry, version, .. } => {
                let body = serde_json::to_string(entry).map_err(Error::Unwritable)?;
                written.push((
                    id,
                    tenant,
                    entry.slug.clone(),
                    body,
                    i64::try_from(*version).unwrap_or(i64::MAX),
                ));
            }
            KnowledgeEvent::Removed { .. } => removed.push(id),
        }
    }
    KNOWLEDGE_PUT
        .write(tx, &written, |query, (id, tenant, slug, body, version)| {
            query.bind(id.clone()).bind(tenant.clone()).bind(slug.clone()).bind(body.clone()).bind(*version)
        })
        .await?;
    KNOWLEDGE_DELETE.write(tx, &removed, |query, id| query.bind(id.clone())).await?;
    Ok(())
}

/// A message that the AI must answer is due until somebody answers or the conversation leaves the AI. The row
/// carries the sealed text, so that answering needs no read of the log.
fn project(due: &mut DueChanges, with_people: &mut HashSet<String>, record: &Recorded, event: &ThreadEvent) {
    let (thread, entity) = (record.address.id.to_string(), record.address.subject());
    match event {
        ThreadEvent::Received { message, content, at, .. } if !with_people.contains(&thread) => {
            let body = content.text.as_ref().map_or_else(String::new, |text| text.as_str().to_owned());
            let lane = record.address.tenant.to_string();
            due.put(record, Due { kind: ANSWER, entity, key: message.to_string(), lane, at: *at, body });
        }
        ThreadEvent::Replied { by: Author::Ai, .. }
        | ThreadEvent::Closed { .. }
        | ThreadEvent::Erased { .. } => {
            due.remove_all(ANSWER, &entity);
            if !matches!(event, ThreadEvent::Replied { .. }) {
                due.remove_all(UNDELIVERED, &entity);
                with_people.remove(&thread);
            }
        }
        ThreadEvent::HandedOver { .. }
        | ThreadEvent::Assigned { .. }
        | ThreadEvent::TakenOver { .. }
        | ThreadEvent::Transferred { to: TransferredTo::Agent(_) | TransferredTo::Queue(_), .. }
        | ThreadEvent::Released { to: ReleasedTo::Queue, .. }
        | ThreadEvent::AnsweredOutside { .. }
        | ThreadEvent::DeskTook { .. } => {
            due.remove_all(ANSWER, &entity);
            due.remove_all(UNDELIVERED, &entity);
            with_people.insert(thread);
        }
        // What came while the desk had it is dealt with.
        ThreadEvent::DeskLetGo { moved: true, .. } => {
            with_people.remove(&thread);
        }
        ThreadEvent::Released { to: ReleasedTo::Ai, at, .. } => {
            with_people.remove(&thread);
            // What came while people had it may still await an answer; its texts are read from the log.
            let (lane, key) = (record.address.tenant.to_string(), "released".to_owned());
            due.put(record, Due { kind: ANSWER, entity, key, lane, at: *at, body: String::new() });
        }
        // Whether the AI wrote it, and the customer still waits, the law knows.
        ThreadEvent::Withdrawn { message, reason: WithdrawnReason::Window, at }
        | ThreadEvent::Failed { message, retry_at: None, at, .. }
            if !with_people.contains(&thread) =>
        {
            let (lane, key) = (record.address.tenant.to_string(), message.to_string());
            due.put(record, Due { kind: UNDELIVERED, entity, key, lane, at: *at, body: String::new() });
        }
        _ => {}
    }
}
