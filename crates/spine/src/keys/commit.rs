//! New keys and threads, many in one commit.
//!
//! A commit costs a sync of the disk, and a burst of new customers must not pay it one by one. Who comes while a
//! commit runs waits for its end; then one of those who waited commits for all of them. So nobody waits for
//! company, and there is no task of its own that could die.

use super::cache::{DataKey, ThreadName};
use super::cipher::{self, Secret};
use super::names::{Owner, Period, SealKey};
use super::register::{self, Change, TenantKeys};
use super::{Inner, KeyLimits};
use crate::db::{AnyQuery, Bulk, may_retry};
use crate::error::Error;
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

/// How often a commit is tried again when Postgres ended it for another's sake.
const ATTEMPTS_MAX: u32 = 5;

/// What a caller needs to be there.
#[derive(Clone)]
pub(super) enum Want {
    Key(SealKey),
    /// A thread and its first key.
    Thread {
        name: ThreadName,
        candidate: Uuid,
        class: Arc<str>,
        period: Period,
    },
}

/// What a caller gets.
#[derive(Clone)]
pub(super) struct Got {
    /// None when the owner was erased.
    pub(super) key: Option<Arc<DataKey>>,
    /// The thread, and whether this caller's candidate became it.
    pub(super) thread: Option<(Uuid, bool)>,
}

pub(super) struct Commits {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
    room: Semaphore,
    commit_max: usize,
}

struct Waiting {
    want: Want,
    done: oneshot::Sender<Result<Got, Arc<Error>>>,
}

impl Commits {
    pub(super) fn new(limits: &KeyLimits) -> Self {
        Self {
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            room: Semaphore::new(limits.commit_waiting_max.max(1)),
            commit_max: limits.commit_max.max(1),
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    /// Makes sure of what is wanted, synced to disk.
    pub(super) async fn ensure(&self, want: Want) -> Result<Got, Error> {
        let commits = &self.commits;
        let _place =
            commits.room.acquire().await.map_err(|_| Error::Other("the key register is closed".into()))?;
        loop {
            let (done, mut result) = oneshot::channel();
            commits.waiting().push(Waiting { want: want.clone(), done });
            let turn = commits.turn.lock().await;
            let mut mine = result.try_recv();
            while matches!(mine, Err(oneshot::error::TryRecvError::Empty)) {
                self.commit_waiting().await;
                mine = result.try_recv();
            }
            drop(turn);
            match mine {
                Ok(got) => return got.map_err(|source| Error::Shared { action: "commit new keys", source }),
                // Who committed for this caller was cancelled in the middle, so it asks again.
                Err(_) => continue,
            }
        }
    }

    /// Commits for those who wait, as many as one commit takes.
    async fn commit_waiting(&self) {
        let batch: Vec<Waiting> = {
            let mut waiting = self.commits.waiting();
            let count = waiting.len().min(self.commits.commit_max);
            waiting.drain(..count).collect()
        };
        let wants: Vec<&Want> = batch.iter().map(|waiting| &waiting.want).collect();
        let result = self.commit(&wants).await.map_err(Arc::new);
        for (place, waiting) in batch.into_iter().enumerate() {
            let answer = match &result {
                Ok(all) => Ok(all[place].clone()),
                Err(error) => Err(error.clone()),
            };
            // Who is gone needs no answer.
            drop(waiting.done.send(answer));
        }
    }

    async fn commit(&self, wants: &[&Want]) -> Result<Vec<Got>, Error> {
        let mut attempt = 1;
        loop {
            match self.commit_once(wants).await {
                Err(Error::Database { source, .. }) if attempt < ATTEMPTS_MAX && may_retry(&source) => {
                    attempt += 1
                }
                done => return done,
            }
        }
    }

    async fn commit_once(&self, wants: &[&Want]) -> Result<Vec<Got>, Error> {
        let epoch = self.cache.epoch();
        let mut tx = register::begin(&self.store, Change::Add).await?;
        let tenants = self.tenants(&mut tx, wants).await?;
        let threads = add_threads(&mut tx, wants).await?;
        let names: Vec<SealKey> = wants.iter().map(|want| key_of(want, &threads)).collect();
        let erased = erased_among(&mut tx, &names).await?;
        let alive: BTreeSet<&SealKey> = names
            .iter()
            .filter(|name| !erased.contains(&(name.tenant.clone(), name.owner.clone())))
            .collect();
        let alive: Vec<&SealKey> = alive.into_iter().collect();
        let keys = add_keys(&mut tx, &tenants, &alive).await?;
        tx.commit().await.map_err(Error::database("commit new keys"))?;
        for (name, key) in &keys {
            self.cache.put_key_for(epoch, name.clone(), key.clone());
        }
        let answer = |(want, name): (&&Want, &SealKey)| Got {
            key: keys.get(name).cloned(),
            thread: match want {
                Want::Key(_) => None,
                Want::Thread { name, candidate, .. } => {
                    threads.get(name).map(|thread| (*thread, thread == candidate))
                }
            },
        };
        Ok(wants.iter().zip(&names).map(answer).collect())
    }

    async fn tenants(
        &self,
        tx: &mut AnyConnection,
        wants: &[&Want],
    ) -> Result<HashMap<Arc<str>, TenantKeys>, Error> {
        let names: BTreeSet<&Arc<str>> = wants
            .iter()
            .map(|want| match want {
                Want::Key(name) => &name.tenant,
                Want::Thread { name, .. } => &name.0,
            })
            .collect();
        let mut tenants = HashMap::new();
        for tenant in names {
            tenants.insert(tenant.clone(), register::tenant_keys(tx, &self.master, tenant).await?);
        }
        Ok(tenants)
    }
}

static THREADS_ADD: Bulk = Bulk::new(
    "INSERT INTO threads (tenant, account, token, thread)",
    4,
    "ON CONFLICT (tenant, account, token) DO NOTHING",
);
static THREADS_FIND: Bulk = Bulk::new(
    "SELECT tenant, account, token, thread FROM threads WHERE (tenant, account, token) IN (",
    3,
    ")",
);

/// The thread of each name that is wanted: the one that was there, or the first candidate. In the order of
/// names, so that two processes wait for each other and never in a circle.
async fn add_threads(tx: &mut AnyConnection, wants: &[&Want]) -> Result<BTreeMap<ThreadName, Uuid>, Error> {
    let mut candidates = BTreeMap::new();
    for want in wants {
        if let Want::Thread { name, candidate, .. } = want {
            candidates.entry(name.clone()).or_insert(*candidate);
        }
    }
    let rows: Vec<(ThreadName, Uuid)> = candidates.into_iter().collect();
    let bind = |query: AnyQuery, (name, thread): &(ThreadName, Uuid)| {
        bind_name(query, name).bind(thread.to_string())
    };
    THREADS_ADD.write(tx, &rows, bind).await?;
    let found = THREADS_FIND.fetch(tx, &rows, |query, (name, _)| bind_name(query, name)).await?;
    let read = |row: &sqlx::any::AnyRow| -> Result<(ThreadName, Uuid), sqlx::Error> {
        let text = |place: usize| row.try_get::<String, _>(place).map(Arc::from);
        let thread: String = row.try_get(3)?;
        let thread = Uuid::try_parse(&thread).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(((text(0)?, text(1)?, text(2)?), thread))
    };
    found.iter().map(read).collect::<Result<_, _>>().map_err(Error::database("read threads"))
}

fn bind_name(query: AnyQuery, name: &ThreadName) -> AnyQuery {
    query.bind(name.0.to_string()).bind(name.1.to_string()).bind(name.2.to_string())
}

fn key_of(want: &Want, threads: &BTreeMap<ThreadName, Uuid>) -> SealKey {
    match want {
        Want::Key(name) => name.clone(),
        Want::Thread { name, candidate, class, period } => SealKey {
            tenant: name.0.clone(),
            owner: Owner::thread(*threads.get(name).unwrap_or(candidate)),
            class: class.clone(),
            period: period.clone(),
        },
    }
}

static ERASED_FIND: Bulk =
    Bulk::new("SELECT tenant, kind, owner FROM erased WHERE (tenant, kind, owner) IN (", 3, ")");

async fn erased_among(
    tx: &mut AnyConnection,
    names: &[SealKey],
) -> Result<HashSet<(Arc<str>, Owner)>, Error> {
    let bind = |query: AnyQuery, name: &SealKey| {
        query.bind(name.tenant.to_string()).bind(name.owner.kind.as_str()).bind(name.owner.id.to_string())
    };
    let rows = ERASED_FIND.fetch(tx, names, bind).await?;
    let mut found = HashSet::new();
    for row in &rows {
        let text = |place: usize| row.try_get::<String, _>(place).map_err(Error::database("read erasures"));
        let (tenant, kind, id) = (text(0)?, text(1)?, text(2)?);
        let owners = names.iter().filter(|name| name.owner.kind.as_str() == kind && *name.owner.id == *id);
        found.extend(owners.map(|name| (Arc::from(tenant.as_str()), name.owner.clone())));
    }
    Ok(found)
}

static KEYS_FIND: Bulk = Bulk::new(
    "SELECT id, wrapped, tenant, kind, owner, class, period FROM keys
     WHERE (tenant, kind, owner, class, period) IN (",
    5,
    ")",
);
static KEYS_ADD: Bulk = Bulk::new(
    "INSERT INTO keys (id, wrapped, tenant, kind, owner, class, period)",
    7,
    "ON CONFLICT (tenant, kind, owner, class, period) DO NOTHING",
);

/// The keys of these names, made where there are none. `names` are sorted and each there once.
async fn add_keys(
    tx: &mut AnyConnection,
    tenants: &HashMap<Arc<str>, TenantKeys>,
    names: &[&SealKey],
) -> Result<HashMap<SealKey, Arc<DataKey>>, Error> {
    let mut keys = find_keys(tx, tenants, names).await?;
    let missing: Vec<&SealKey> = names.iter().filter(|name| !keys.contains_key(**name)).copied().collect();
    if missing.is_empty() {
        return Ok(keys);
    }
    let mut rows = Vec::with_capacity(missing.len());
    for name in &missing {
        let id = cipher::random_key_id();
        let outer = &tenant_of(tenants, name)?.secret;
        let wrapped = outer.wrap(Secret::random().bytes(), &register::key_purpose(&id));
        rows.push((id, wrapped, *name));
    }
    let bind = |query: AnyQuery, (id, wrapped, name): &(String, Vec<u8>, &SealKey)| {
        bind_key(query.bind(id.clone()).bind(wrapped.clone()), name)
    };
    KEYS_ADD.write(tx, &rows, bind).await?;
    // Another process may have been first, so what counts is what the register says.
    keys.extend(find_keys(tx, tenants, &missing).await?);
    Ok(keys)
}

async fn find_keys(
    tx: &mut AnyConnection,
    tenants: &HashMap<Arc<str>, TenantKeys>,
    names: &[&SealKey],
) -> Result<HashMap<SealKey, Arc<DataKey>>, Error> {
    let rows = KEYS_FIND.fetch(tx, names, |query, name| bind_key(query, name)).await?;
    let mut by_text: HashMap<[String; 5], &SealKey> = HashMap::new();
    for name in names {
        by_text.insert(texts_of(name), name);
    }
    let mut keys = HashMap::new();
    for row in &rows {
        let failed = || Error::database("read keys");
        let text = |place: usize| row.try_get::<String, _>(place).map_err(failed());
        let Some(name) = by_text.get(&[text(2)?, text(3)?, text(4)?, text(5)?, text(6)?]) else { continue };
        let id: Arc<str> = text(0)?.into();
        let wrapped: Vec<u8> = row.try_get(1).map_err(failed())?;
        let outer = &tenant_of(tenants, name)?.secret;
        let secret = register::unwrap(outer, &wrapped, &register::key_purpose(&id))?;
        let key = DataKey { id, tenant: name.tenant.clone(), owner: name.owner.clone(), secret };
        keys.insert((*name).clone(), Arc::new(key));
    }
    Ok(keys)
}

fn texts_of(name: &SealKey) -> [String; 5] {
    let SealKey { tenant, owner, class, period } = name;
    [&**tenant, owner.kind.as_str(), &*owner.id, &**class, period.as_str()].map(String::from)
}

fn bind_key(query: AnyQuery, name: &SealKey) -> AnyQuery {
    texts_of(name).into_iter().fold(query, |query, text| query.bind(text))
}

fn tenant_of<'t>(
    tenants: &'t HashMap<Arc<str>, TenantKeys>,
    name: &SealKey,
) -> Result<&'t TenantKeys, Error> {
    tenants.get(&name.tenant).ok_or_else(|| Error::Other(format!("tenant {} was not loaded", name.tenant)))
}
