//! Touches, evidence and tokens: what is known of where people came from and who they are.

use super::fold::{Asked, Fold, Identified};
use super::people::People;
use super::rows::{Stamp, bind_id};
use crate::evidence::{THREAD_FIELD, normal_form};
use crate::ids::thread_address;
use crate::work::{EvidenceBody, TouchBody, Why};
use events::Micros;
use events::thread::Touch;
use spine::db::{AnyQuery, Bulk};
use spine::keys::{Keys, SealedField};
use spine::{Due, DueChanges, Error};
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

static TOUCHES: Bulk = Bulk::new(
    "SELECT thread, conversation, asked, known, at, source, medium, campaign, scene, page FROM touches
     WHERE (thread, conversation) IN (",
    2,
    ")",
);
static TOUCHES_PUT: Bulk = Bulk::new(
    "INSERT INTO touches (thread, conversation, asked, known, at, source, medium, campaign, scene, page)",
    10,
    "ON CONFLICT (thread, conversation) DO UPDATE SET asked = excluded.asked, known = excluded.known,
     at = excluded.at, source = excluded.source, medium = excluded.medium, campaign = excluded.campaign,
     scene = excluded.scene, page = excluded.page",
);
static TOUCHES_DELETE: Bulk = Bulk::new("DELETE FROM touches WHERE thread IN (", 1, ")");
static EVIDENCE: Bulk =
    Bulk::new("SELECT thread, kind, asked, known FROM evidence WHERE (thread, kind) IN (", 2, ")");
static EVIDENCE_PUT: Bulk = Bulk::new(
    "INSERT INTO evidence (thread, kind, asked, known)",
    4,
    "ON CONFLICT (thread, kind) DO UPDATE SET asked = excluded.asked, known = excluded.known",
);
static EVIDENCE_DELETE: Bulk = Bulk::new("DELETE FROM evidence WHERE thread IN (", 1, ")");
static TOKENS_PUT: Bulk =
    Bulk::new("INSERT INTO tokens (tenant, kind, token, thread)", 4, "ON CONFLICT DO NOTHING");
static TOKENS_DELETE: Bulk =
    Bulk::new("DELETE FROM tokens WHERE thread IN (", 1, ") RETURNING tenant, kind, token");

#[derive(Clone, Default)]
struct TouchRow {
    asked: bool,
    known: bool,
    at: Option<Micros>,
    touch: Touch,
}

/// A value that people may share, as a token that says nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token {
    pub(super) tenant: String,
    pub(super) kind: String,
    pub(super) token: String,
}

/// Writes the touches. Answers with those that are new to the customers' counts.
pub(super) async fn write_touches(
    tx: &mut AnyConnection,
    fold: &Fold<'_>,
    people: &mut People,
    due: &mut DueChanges,
) -> Result<Vec<Stamp>, Error> {
    let keys: BTreeSet<(Uuid, u32)> = fold.asked.keys().chain(fold.touched.keys()).copied().collect();
    let keys: Vec<(Uuid, u32)> = keys.into_iter().filter(|(thread, _)| people.is_there(thread)).collect();
    let before = read_touches(tx, &keys).await?;
    let (mut rows, mut fresh) = (Vec::new(), Vec::new());
    for key in keys {
        let mut row = before.get(&key).cloned().unwrap_or_default();
        let entity = thread_address(&people.threads[&key.0].tenant, key.0)?.subject();
        if let Some((touch, at)) = fold.touched.get(&key) {
            // Two customers may have taken the same touch in around a merge; the earlier counts.
            if row.at.is_some() {
                people.changed.insert(people.threads[&key.0].customer);
            }
            if row.at.is_none_or(|known| *at < known) {
                (row.touch, row.at) = ((*touch).clone(), Some(*at));
                fresh.push(Stamp { at: *at, thread: key.0, conversation: i64::from(key.1) });
            }
            row.known = true;
            due.remove("touch", &entity, &key.1.to_string());
        }
        if let Some(asked) = fold.asked.get(&key) {
            if !row.asked && !row.known {
                due.put(asked.record, touch_due(entity, key.1, asked)?);
            }
            row.asked = true;
        }
        rows.push((key, row));
    }
    put_touches(tx, &rows).await?;
    Ok(fresh)
}

fn touch_due(entity: String, conversation: u32, asked: &Asked<'_>) -> Result<Due, Error> {
    let touch = asked.touch.clone();
    let body = TouchBody { conversation, touch, at: asked.at, why: Why::of(asked.record) };
    Ok(Due {
        kind: "touch",
        entity,
        key: conversation.to_string(),
        lane: asked.record.address.tenant.to_string(),
        at: asked.at,
        body: serde_json::to_string(&body).map_err(Error::Unwritable)?,
    })
}

async fn read_touches(
    tx: &mut AnyConnection,
    keys: &[(Uuid, u32)],
) -> Result<BTreeMap<(Uuid, u32), TouchRow>, Error> {
    let failed = || Error::database("read touches");
    let bind = |query: AnyQuery, key: &(Uuid, u32)| query.bind(key.0.to_string()).bind(i64::from(key.1));
    let mut found = BTreeMap::new();
    for row in &TOUCHES.fetch(tx, keys, bind).await? {
        let flag = |place| row.try_get::<i32, _>(place).map(|flag| flag != 0).map_err(failed());
        let text = |place| row.try_get::<Option<String>, _>(place).map_err(failed());
        let touch =
            Touch { source: text(5)?, medium: text(6)?, campaign: text(7)?, scene: text(8)?, page: text(9)? };
        let conversation: i64 = row.try_get(1).map_err(failed())?;
        let at = row.try_get(4).map_err(failed())?;
        let key = (super::rows::id(row, 0)?, u32::try_from(conversation).unwrap_or(0));
        found.insert(key, TouchRow { asked: flag(2)?, known: flag(3)?, at, touch });
    }
    Ok(found)
}

async fn put_touches(tx: &mut AnyConnection, rows: &[((Uuid, u32), TouchRow)]) -> Result<(), Error> {
    let bind = |query: AnyQuery, ((thread, conversation), row): &((Uuid, u32), TouchRow)| {
        let Touch { source, medium, campaign, scene, page } = row.touch.clone();
        query
            .bind(thread.to_string())
            .bind(i64::from(*conversation))
            .bind(i32::from(row.asked))
            .bind(i32::from(row.known))
            .bind(row.at)
            .bind(source)
            .bind(medium)
            .bind(campaign)
            .bind(scene)
            .bind(page)
    };
    TOUCHES_PUT.write(tx, rows, bind).await.map(|_| ())
}

/// Writes which evidence is asked for and known.
pub(super) async fn write_evidence(
    tx: &mut AnyConnection,
    fold: &Fold<'_>,
    people: &People,
    due: &mut DueChanges,
) -> Result<(), Error> {
    let mut asked = BTreeMap::new();
    for found in &fold.identified {
        asked.entry((found.thread, found.kind.as_ref().to_owned())).or_insert(found);
    }
    let keys: BTreeSet<(Uuid, String)> = asked.keys().chain(&fold.evidenced).cloned().collect();
    let keys: Vec<(Uuid, String)> = keys.into_iter().filter(|(thread, _)| people.is_there(thread)).collect();
    let before = read_evidence(tx, &keys).await?;
    let mut rows = Vec::new();
    for key in keys {
        let (mut is_asked, mut known) = before.get(&key).copied().unwrap_or_default();
        let entity = thread_address(&people.threads[&key.0].tenant, key.0)?.subject();
        if fold.evidenced.contains(&key) {
            known = true;
            due.remove("evidence", &entity, &key.1);
        }
        if let Some(found) = asked.get(&key) {
            if !is_asked && !known {
                due.put(found.record, evidence_due(entity, found)?);
            }
            is_asked = true;
        }
        rows.push((key, is_asked, known));
    }
    let bind = |query: AnyQuery, ((thread, kind), asked, known): &((Uuid, String), bool, bool)| {
        let query = query.bind(thread.to_string()).bind(kind.clone());
        query.bind(i32::from(*asked)).bind(i32::from(*known))
    };
    EVIDENCE_PUT.write(tx, &rows, bind).await.map(|_| ())
}

fn evidence_due(entity: String, found: &Identified<'_>) -> Result<Due, Error> {
    let (kind, sealed) = (found.kind, found.value.clone());
    let body = EvidenceBody { kind, sealed, at: found.at, why: Why::of(found.record) };
    Ok(Due {
        kind: "evidence",
        entity,
        key: found.kind.as_ref().to_owned(),
        lane: found.record.address.tenant.to_string(),
        at: found.at,
        body: serde_json::to_string(&body).map_err(Error::Unwritable)?,
    })
}

type Flags = (bool, bool);

async fn read_evidence(
    tx: &mut AnyConnection,
    keys: &[(Uuid, String)],
) -> Result<BTreeMap<(Uuid, String), Flags>, Error> {
    let failed = || Error::database("read evidence");
    let bind = |query: AnyQuery, key: &(Uuid, String)| query.bind(key.0.to_string()).bind(key.1.clone());
    let mut found = BTreeMap::new();
    for row in &EVIDENCE.fetch(tx, keys, bind).await? {
        let flag = |place| row.try_get::<i32, _>(place).map(|flag| flag != 0).map_err(failed());
        let key = (super::rows::id(row, 0)?, row.try_get(1).map_err(failed())?);
        found.insert(key, (flag(2)?, flag(3)?));
    }
    Ok(found)
}

/// Writes the tokens of what was proved. A value whose key is gone leaves none, nor does one that cannot be what
/// it says it is. The threads of new tokens have changed.
pub(super) async fn write_tokens(
    tx: &mut AnyConnection,
    fold: &Fold<'_>,
    people: &mut People,
    keys: &Keys,
) -> Result<(), Error> {
    let there: Vec<&Identified<'_>> =
        fold.identified.iter().filter(|found| people.is_there(&found.thread)).collect();
    if there.is_empty() {
        return Ok(());
    }
    let subjects: Vec<String> = there.iter().map(|found| found.record.address.subject()).collect();
    let fields: Vec<SealedField<'_>> = there
        .iter()
        .zip(&subjects)
        .map(|(found, subject)| SealedField { sealed: found.value.as_str(), subject, field: THREAD_FIELD })
        .collect();
    let mut tokens = BTreeSet::new();
    for (found, opened) in there.iter().zip(keys.open_many(&fields).await?) {
        let Some(normal) = opened?.text().and_then(|text| normal_form(found.kind, &text)) else { continue };
        let (tenant, kind) = (&*found.record.address.tenant, found.kind.as_ref());
        let token = keys.token(tenant, kind, &normal).await?;
        tokens.insert((Token { tenant: tenant.into(), kind: kind.into(), token }, found.thread));
        people.changed.insert(people.threads[&found.thread].customer);
    }
    let tokens: Vec<(Token, Uuid)> = tokens.into_iter().collect();
    let bind =
        |query: AnyQuery, (token, thread): &(Token, Uuid)| bind_token(query, token).bind(thread.to_string());
    TOKENS_PUT.write(tx, &tokens, bind).await.map(|_| ())
}

pub(super) fn bind_token(query: AnyQuery, token: &Token) -> AnyQuery {
    query.bind(token.tenant.clone()).bind(token.kind.clone()).bind(token.token.clone())
}

pub(super) fn token(row: &sqlx::any::AnyRow) -> Result<Token, Error> {
    let text = |place| row.try_get::<String, _>(place).map_err(Error::database("read a token"));
    Ok(Token { tenant: text(0)?, kind: text(1)?, token: text(2)? })
}

/// Forgets everything of threads that were erased. Answers with the tokens that they had.
pub(super) async fn purge(
    tx: &mut AnyConnection,
    fold: &Fold<'_>,
    due: &mut DueChanges,
) -> Result<Vec<Token>, Error> {
    let erased: Vec<Uuid> = fold.erased_threads.iter().copied().collect();
    for thread in &erased {
        let entity = thread_address(&fold.threads[thread], *thread)?.subject();
        due.remove_all("touch", &entity);
        due.remove_all("evidence", &entity);
    }
    TOUCHES_DELETE.write(tx, &erased, bind_id).await?;
    EVIDENCE_DELETE.write(tx, &erased, bind_id).await?;
    TOKENS_DELETE.fetch(tx, &erased, bind_id).await?.iter().map(token).collect()
}
