//! The statements of a commit: threads and keys that are there afterwards, whoever made them.

use super::cache::{DataKey, ThreadName};
use super::cipher::{self, Secret};
use super::commit::Want;
use super::names::{Owner, SealKey};
use super::register::{self, TenantKeys};
use crate::db::{AnyQuery, Bulk};
use crate::error::Error;
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

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
pub(super) async fn add_threads(
    tx: &mut AnyConnection,
    wants: &[&Want],
) -> Result<BTreeMap<ThreadName, Uuid>, Error> {
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

pub(super) fn bind_name(query: AnyQuery, name: &ThreadName) -> AnyQuery {
    query.bind(name.0.to_string()).bind(name.1.to_string()).bind(name.2.to_string())
}

static ERASED_FIND: Bulk =
    Bulk::new("SELECT tenant, kind, owner FROM erased WHERE (tenant, kind, owner) IN (", 3, ")");

pub(super) async fn erased_among(
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

/// Keys by name, and one of those that were made here.
pub(super) struct Added {
    pub(super) keys: HashMap<SealKey, Arc<DataKey>>,
    pub(super) made: Option<Arc<str>>,
}

/// The keys of these names, made where there are none. `names` are sorted and each there once.
pub(super) async fn add_keys(
    tx: &mut AnyConnection,
    (master, tenants): (&Secret, &HashMap<Arc<str>, TenantKeys>),
    names: &[&SealKey],
) -> Result<Added, Error> {
    let mut keys = find_keys(tx, tenants, names).await?;
    let missing: Vec<&SealKey> = names.iter().filter(|name| !keys.contains_key(**name)).copied().collect();
    if missing.is_empty() {
        return Ok(Added { keys, made: None });
    }
    let mut rows = Vec::with_capacity(missing.len());
    for name in &missing {
        let id = cipher::new_key_id(master);
        let outer = &tenant_of(tenants, name)?.secret;
        let wrapped = outer.wrap(Secret::random().bytes(), &register::key_purpose(&id));
        rows.push((id, wrapped, *name));
    }
    let bind = |query: AnyQuery, (id, wrapped, name): &(String, Vec<u8>, &SealKey)| {
        bind_key(query.bind(id.clone()).bind(wrapped.clone()), name)
    };
    KEYS_ADD.write(tx, &rows, bind).await?;
    // Another process may have been first, so what counts is what the register says.
    let there = find_keys(tx, tenants, &missing).await?;
    let is_made = |key: &&Arc<DataKey>| rows.iter().any(|(id, ..)| **id == *key.id);
    let made = there.values().find(is_made).map(|key| key.id.clone());
    keys.extend(there);
    Ok(Added { keys, made })
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
