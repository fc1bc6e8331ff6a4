//! What ai-agent sees of the log: knowledge, and which messages await its answer.

use super::recent::Recent;
use crate::answer::{Embedded, Library, Phrases};
use crate::knowledge;
use conversation::Thread;
use directory::Directory;
use events::knowledge::{Entry, KnowledgeEvent};
use events::thread::{Author, ReleasedTo, TransferredTo};
use events::{TenantEvent, ThreadEvent};
use futures::future::BoxFuture;
use laws::knowledge::Knowledge;
use laws::tenant::Tenant;
use spine::db::{Bulk, ModelSpec, Store};
use spine::keys::{Keys, Owner};
use spine::{Due, DueChanges, Entity, Error, Projector, Recorded};
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// The kind of due work that answers what awaits an answer.
pub(crate) const ANSWER: &str = "answer";

static KNOWLEDGE_PUT: Bulk = Bulk::new(
    "INSERT INTO knowledge (entry, tenant, slug, body, version)",
    5,
    "ON CONFLICT (entry) DO UPDATE SET slug = excluded.slug, body = excluded.body, version = excluded.version",
);
static KNOWLEDGE_DELETE: Bulk = Bulk::new("DELETE FROM knowledge WHERE (entry) IN (", 1, ")");
static PEOPLE_PUT: Bulk = Bulk::new("INSERT INTO with_people (thread)", 1, "ON CONFLICT (thread) DO NOTHING");
static PEOPLE_FIND: Bulk = Bulk::new("SELECT thread FROM with_people WHERE (thread) IN (", 1, ")");
static PEOPLE_DELETE: Bulk = Bulk::new("DELETE FROM with_people WHERE (thread) IN (", 1, ")");

/// The projector of ai-agent.
pub(crate) struct Agent {
    pub(crate) directory: Directory,
    pub(crate) keys: Keys,
    pub(crate) embedded: Arc<Embedded>,
    pub(crate) recent: Arc<Recent>,
}

impl Projector for Agent {
    fn spec(&self) -> ModelSpec {
        const SCHEMA: [&str; 5] = [
            directory::SCHEMA[0],
            directory::SCHEMA[1],
            "CREATE TABLE knowledge (entry TEXT PRIMARY KEY, tenant TEXT NOT NULL, slug TEXT NOT NULL,
             body TEXT NOT NULL, version BIGINT NOT NULL)",
            "CREATE INDEX knowledge_slug ON knowledge (tenant, slug)",
            // Threads whose open conversation people have; all others are the AI's.
            "CREATE TABLE with_people (thread TEXT PRIMARY KEY)",
        ];
        ModelSpec { name: "agent", version: 1, schema: &SCHEMA }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[directory::KINDS[0], directory::KINDS[1], Knowledge::KIND, Thread::KIND]
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
        for record in batch {
            match &*record.address.kind {
                Knowledge::KIND => self.learn(record),
                Tenant::KIND => self.choose(record),
                Thread::KIND => self.forget(record),
                _ => {}
            }
        }
    }
}

impl Agent {
    /// Fills the answerer from the tables, at start.
    pub(crate) async fn load(&self, store: &Store) -> Result<(), Error> {
        self.directory.load(store).await?;
        for tenant in self.directory.tenants() {
            let settings = self.directory.settings(&tenant);
            self.embedded.edit(&tenant, |library| choose(library, &settings));
        }
        let rows = sqlx::query("SELECT entry, tenant, body, version FROM knowledge")
            .fetch_all(store.reads())
            .await
            .map_err(Error::database("read the knowledge"))?;
        for row in rows {
            let (id, tenant, body): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            let entry = serde_json::from_str(&body)
                .map_err(|_| Error::Other("a row of the knowledge is broken".into()))?;
            let entry = indexed(&id, &entry, u64::try_from(row.get::<i64, _>(3)).unwrap_or(0));
            self.embedded.edit(&tenant, |library| library.index.put(Arc::new(entry)));
        }
        Ok(())
    }

    fn learn(&self, record: &Recorded) {
        for event in record.events::<Knowledge>().unwrap_or_default() {
            self.embedded.edit(&record.address.tenant, |library| match event {
                KnowledgeEvent::Written { entry, version, .. } => {
                    library.index.put(Arc::new(indexed(&record.address.id, entry, *version)));
                }
                KnowledgeEvent::Removed { .. } => {
                    library.index.remove(&record.address.id);
                }
            });
        }
    }

    fn choose(&self, record: &Recorded) {
        for TenantEvent::Configured { settings, .. } in record.events::<Tenant>().unwrap_or_default() {
            self.embedded.edit(&record.address.tenant, |library| choose(library, settings));
        }
    }

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
                with_people.remove(&thread);
            }
        }
        ThreadEvent::HandedOver { .. }
        | ThreadEvent::Assigned { .. }
        | ThreadEvent::TakenOver { .. }
        | ThreadEvent::Transferred { to: TransferredTo::Agent(_) | TransferredTo::Queue(_), .. }
        | ThreadEvent::Released { to: ReleasedTo::Queue, .. }
        | ThreadEvent::AnsweredOutside { .. } => {
            due.remove_all(ANSWER, &entity);
            with_people.insert(thread);
        }
        ThreadEvent::Released { to: ReleasedTo::Ai, at, .. } => {
            with_people.remove(&thread);
            // What came while people had it may still await an answer; its texts are read from the log.
            let (lane, key) = (record.address.tenant.to_string(), "released".to_owned());
            due.put(record, Due { kind: ANSWER, entity, key, lane, at: *at, body: String::new() });
        }
        _ => {}
    }
}

/// What the tenant chose: its phrases, and how sure an answer must be.
fn choose(library: &mut Library, settings: &events::tenant::Settings) {
    library.phrases = phrases(settings);
    library.threshold = settings.confidence_min.min(1_000) as f32 / 1_000.0;
}

fn phrases(settings: &events::tenant::Settings) -> Phrases {
    let english = Phrases::default();
    Phrases {
        greeting: [settings.greeting.clone(), english.greeting[1].clone()],
        goodbye: [settings.goodbye.clone(), english.goodbye[1].clone()],
        ..english
    }
}

fn indexed(id: &str, entry: &Entry, version: u64) -> knowledge::Entry {
    knowledge::Entry {
        id: id.into(),
        version,
        question: entry.question.clone(),
        variants: entry.variants.clone(),
        answer: entry.answer.clone(),
        valid_from: entry.valid_from,
        valid_until: entry.valid_until,
    }
}
