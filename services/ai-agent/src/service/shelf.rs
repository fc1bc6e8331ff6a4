//! What the answerer knows, kept in memory: each tenant's knowledge and choices, from the tables and from what
//! this process commits.

use crate::answer::{Embedded, Library, Phrases};
use crate::knowledge;
use directory::Directory;
use directory::fresh::{self, Watch};
use events::TenantEvent;
use events::knowledge::{Entry, KnowledgeEvent};
use laws::knowledge::Knowledge;
use laws::tenant::Tenant;
use spine::db::{Bulk, Store};
use spine::{Entity, Error, Reader, Recorded};
use sqlx::Row;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// Entries whose texts are read from the tables at once.
const ENTRIES_MAX: usize = 500;

static ENTRIES: Bulk =
    Bulk::new("SELECT entry, tenant, body, version FROM knowledge WHERE (entry) IN (", 1, ")");

/// The answerer's memory.
pub(crate) struct Shelf {
    pub(crate) directory: Directory,
    pub(crate) embedded: Arc<Embedded>,
    watch: Watch,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// The tenant and version of each entry in memory.
    entries: HashMap<String, (Arc<str>, u64)>,
    /// Entries that were learned while the tables are read, which may be newer than what is read.
    meanwhile: Option<HashSet<String>>,
}

impl Shelf {
    /// An empty one.
    pub(crate) fn new(directory: Directory, embedded: Arc<Embedded>) -> Self {
        Self { directory, embedded, watch: Watch::of(&["knowledge"]), held: Mutex::default() }
    }

    /// Fills the memory from the tables, at start.
    pub(crate) async fn load(&self, store: &Store) -> Result<(), Error> {
        self.directory.load(store).await?;
        self.choose_all();
        let turn = self.watch.turn().await;
        self.read_tables(store).await?;
        drop(turn);
        Ok(())
    }

    /// Reads the tables again if another replica changed them.
    pub(crate) async fn refresh(&self, reader: &Reader) -> Result<(), Error> {
        if self.directory.refresh(reader).await? {
            self.choose_all();
        }
        let turn = self.watch.turn().await;
        turn.look(reader, async { self.read_tables(&reader.model().store).await }).await.map(|_| ())
    }

    /// Refreshes until `shutdown`, so that what another replica commits is known within two seconds.
    pub(crate) async fn keep_fresh(&self, reader: &Reader, shutdown: &CancellationToken) {
        fresh::follow(reader, shutdown, || self.refresh(reader)).await;
    }

    /// Keeps memory current with what the projector committed.
    pub(crate) fn committed(&self, batch: &[Arc<Recorded>]) {
        self.directory.committed(batch);
        for record in batch {
            match &*record.address.kind {
                Knowledge::KIND => self.learn(record),
                Tenant::KIND => {
                    for TenantEvent::Configured { settings, .. } in
                        record.events::<Tenant>().unwrap_or_default()
                    {
                        self.embedded.edit(&record.address.tenant, |library| choose(library, settings));
                    }
                }
                _ => {}
            }
        }
    }

    fn choose_all(&self) {
        for tenant in self.directory.tenants() {
            let settings = self.directory.settings(&tenant);
            self.embedded.edit(&tenant, |library| choose(library, &settings));
        }
    }

    fn learn(&self, record: &Recorded) {
        let id = &*record.address.id;
        let mut held = self.held();
        if let Some(meanwhile) = &mut held.meanwhile {
            meanwhile.insert(id.into());
        }
        for event in record.events::<Knowledge>().unwrap_or_default() {
            match event {
                KnowledgeEvent::Written { entry, version, .. } => {
                    self.put(&mut held, &record.address.tenant, indexed(id, entry, *version));
                }
                KnowledgeEvent::Removed { .. } => self.remove(&mut held, id),
            }
        }
    }

    /// Brings memory to what the tables hold; false when this process learned something meanwhile, which stays as
    /// it is. Only what differs is read whole.
    async fn read_tables(&self, store: &Store) -> Result<bool, Error> {
        self.held().meanwhile = Some(HashSet::new());
        let read = self.read_changed(store).await;
        let mut held = self.held();
        let meanwhile = held.meanwhile.take().unwrap_or_default();
        let (there, changed) = read?;
        for (tenant, entry) in changed {
            if !meanwhile.contains(&entry.id) {
                self.put(&mut held, &tenant, entry);
            }
        }
        let gone = held.entries.keys().filter(|id| !there.contains(*id) && !meanwhile.contains(*id));
        for id in gone.cloned().collect::<Vec<_>>() {
            self.remove(&mut held, &id);
        }
        Ok(meanwhile.is_empty())
    }

    /// Which entries there are, and those that are not in memory as they stand there.
    async fn read_changed(&self, store: &Store) -> Result<(HashSet<String>, Vec<Listed>), Error> {
        let failed = || Error::database("read the knowledge");
        let mut connection = store.reads().acquire().await.map_err(failed())?;
        let rows = sqlx::query("SELECT entry, version FROM knowledge").fetch_all(&mut *connection).await;
        let rows: Vec<(String, u64)> =
            rows.map_err(failed())?.iter().map(|row| (row.get(0), version(row.get(1)))).collect();
        let differs = |(id, version): &&(String, u64)| {
            self.held().entries.get(id).is_none_or(|(_, known)| known != version)
        };
        let wanted: Vec<String> = rows.iter().filter(differs).map(|(id, _)| id.clone()).collect();
        let mut changed = Vec::new();
        for some in wanted.chunks(ENTRIES_MAX) {
            let rows = ENTRIES.fetch(&mut connection, some, |query, id| query.bind(id.clone())).await?;
            for row in rows {
                let body: Entry = serde_json::from_str(&row.get::<String, _>(2))
                    .map_err(|_| Error::Other("a row of the knowledge is broken".into()))?;
                let entry = indexed(&row.get::<String, _>(0), &body, version(row.get(3)));
                changed.push((row.get::<String, _>(1).into(), entry));
            }
        }
        Ok((rows.into_iter().map(|(id, _)| id).collect(), changed))
    }

    fn put(&self, held: &mut Held, tenant: &Arc<str>, entry: knowledge::Entry) {
        held.entries.insert(entry.id.clone(), (tenant.clone(), entry.version));
        self.embedded.edit(tenant, |library| library.index.put(Arc::new(entry)));
    }

    fn remove(&self, held: &mut Held, id: &str) {
        if let Some((tenant, _)) = held.entries.remove(id) {
            self.embedded.edit(&tenant, |library| library.index.remove(id));
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An entry and its tenant.
type Listed = (Arc<str>, knowledge::Entry);

fn version(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
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
        slug: entry.slug.clone(),
        version,
        question: entry.question.clone(),
        variants: entry.variants.clone(),
        answer: entry.answer.clone(),
        valid_from: entry.valid_from,
        valid_until: entry.valid_until,
    }
}
