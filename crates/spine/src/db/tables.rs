//! The tables of a read model: the spine's own and those of its spec, made in one transaction.

use super::migrate;
use super::model::ModelSpec;
use super::store::Store;
use crate::error::Error;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Executor};

/// The tables of the spine, in every read model. What a slot was made with is known by these texts, so they stay as they
/// are, and what follows changes them.
const SPINE_TABLES: [&str; 4] = [
    "CREATE TABLE positions (part INTEGER PRIMARY KEY, generation BIGINT NOT NULL, sequence BIGINT NOT NULL,
     fence BIGINT NOT NULL)",
    "CREATE TABLE parked (entity TEXT PRIMARY KEY, part INTEGER NOT NULL, sequence BIGINT NOT NULL,
     error TEXT NOT NULL, at BIGINT NOT NULL)",
    "CREATE TABLE due (kind TEXT NOT NULL, entity TEXT NOT NULL, key TEXT NOT NULL, lane TEXT NOT NULL,
     at BIGINT NOT NULL, part INTEGER NOT NULL, sequence BIGINT NOT NULL, body TEXT NOT NULL,
     PRIMARY KEY (kind, entity, key))",
    "CREATE INDEX due_at ON due (kind, at, sequence)",
];

/// Which message of the part the last position stands for, by the time when it was stored. Added to slots that were made
/// without them; a release that knows nothing of them leaves them behind the position, and then they say nothing.
const SEEN: [&str; 2] = [
    "ALTER TABLE positions ADD COLUMN seen_sequence BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE positions ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0",
];

/// What is due is read lane by lane, so that a deep one costs the others nothing. A release that knows nothing of it
/// reads in the order of time, and sorts.
const BY_LANE: [&str; 2] = ["CREATE INDEX due_lane ON due (kind, lane, at, sequence)", "DROP INDEX due_at"];

/// What came to the spine's tables later, by the name under which a slot knows that it has it.
const ADDED: [(&str, &[&str]); 2] = [("seen", &SEEN), ("by_lane", &BY_LANE)];

/// Makes the tables, all in one transaction, or checks that they are those of the spec.
pub(super) async fn create(store: &Store, spec: &ModelSpec) -> Result<(), Error> {
    let action = || format!("make the tables of {}", spec.name);
    let hash = hash_of(spec);
    let mut tx = migrate::begin_alone(store).await?;
    tx.execute("CREATE TABLE IF NOT EXISTS about (key VARCHAR(40) PRIMARY KEY, value TEXT NOT NULL)")
        .await
        .map_err(Error::database(action()))?;
    let made: Option<String> = sqlx::query_scalar("SELECT value FROM about WHERE key = 'schema'")
        .fetch_optional(&mut *tx)
        .await
        .map_err(Error::database(action()))?;
    let is_made = match made {
        Some(made) if made == hash => true,
        Some(_) => return Err(Error::SchemaChanged { model: spec.name.into(), version: spec.version }),
        None => false,
    };
    let known: Vec<String> = sqlx::query_scalar("SELECT key FROM about")
        .fetch_all(&mut *tx)
        .await
        .map_err(Error::database(action()))?;
    let missing = ADDED.iter().filter(|(name, _)| !known.iter().any(|known| known == name));
    let missing: Vec<_> = missing.collect();
    if is_made && missing.is_empty() {
        return Ok(());
    }
    let tables = SPINE_TABLES.iter().chain(spec.schema).filter(|_| !is_made);
    let added = missing.iter().flat_map(|(_, texts)| *texts);
    for text in tables.chain(added).filter_map(|text| store.backend().ddl(text)) {
        tx.execute(AssertSqlSafe(text)).await.map_err(Error::database(action()))?;
    }
    let news = [("schema", &*hash)].into_iter().chain(missing.iter().map(|(name, _)| (*name, "1")));
    for (key, value) in news {
        sqlx::query("INSERT INTO about (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING")
            .bind(key)
            .bind(value)
            .execute(&mut *tx)
            .await
            .map_err(Error::database(action()))?;
    }
    tx.commit().await.map_err(Error::database(action()))
}

pub(super) fn hash_of(spec: &ModelSpec) -> String {
    let mut hasher = Sha256::new();
    for text in SPINE_TABLES.iter().chain(spec.schema) {
        // White space is no part of what a table is.
        for word in text.split_whitespace() {
            hasher.update(word);
            hasher.update([0]);
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
