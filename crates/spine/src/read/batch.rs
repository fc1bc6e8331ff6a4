//! One batch, one transaction: rows, due rows, parked entities and positions change together or not at all.

use super::due::Told;
use super::parked::{PARKED_MAX, no_longer_parked, park};
use super::{Projector, due};
use crate::address::GENERATION;
use crate::db::{Bulk, Model};
use crate::error::Error;
pub(super) use crate::error::chain;
use crate::record::Recorded;
use sqlx::{AnyConnection, Connection, Row};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

static MOVE: Bulk = Bulk::new(
    "WITH moved (part, from_sequence, to_sequence, fence, stored_at) AS (",
    5,
    ") UPDATE positions SET sequence = moved.to_sequence, seen_sequence = moved.to_sequence,
       seen_at = moved.stored_at FROM moved WHERE positions.part = moved.part
       AND positions.sequence = moved.from_sequence AND positions.fence = moved.fence",
);

/// What a lane knows of its model between batches.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The last sequence that is in the tables, by part.
    pub(crate) positions: BTreeMap<u8, u64>,
    /// When the message at the position was stored, by part, as the tables knew it when they were opened.
    pub(crate) seen: BTreeMap<u8, i64>,
    pub(crate) parked: HashSet<String>,
    /// Guards the positions against a writer that lost its lease.
    pub(crate) fence: i64,
    /// Whether this is the model that answers: only then do caches and sockets hear of its batches. A slot that
    /// fills beside it tells nobody.
    pub(crate) is_live: bool,
    /// What the last batch did to due rows.
    pub(crate) told: Vec<(&'static str, Told)>,
}

/// Reads the positions of `parts` (0 where there is none yet) and what is parked, and takes the positions
/// over under `fence`.
pub(crate) async fn open(model: &Model, parts: &[u8], fence: i64) -> Result<Progress, Error> {
    let action = "take over positions";
    let mut tx = model.store.begin().await?;
    let mut progress = Progress { fence, ..Progress::default() };
    for part in parts {
        sqlx::query(
            "INSERT INTO positions (part, generation, sequence, fence) VALUES ($1, $2, 0, $3)
             ON CONFLICT (part) DO UPDATE SET fence = excluded.fence WHERE positions.fence <= excluded.fence",
        )
        .bind(i32::from(*part))
        .bind(i64::from(GENERATION))
        .bind(fence)
        .execute(&mut *tx)
        .await
        .map_err(Error::database(action))?;
        let row =
            sqlx::query("SELECT sequence, fence, seen_sequence, seen_at FROM positions WHERE part = $1")
                .bind(i32::from(*part))
                .fetch_one(&mut *tx)
                .await
                .map_err(Error::database(action))?;
        let (sequence, found): (i64, i64) = (row.get(0), row.get(1));
        if found != fence {
            return Err(Error::Fenced { lease: format!("{} part {part}", model.spec.name) });
        }
        progress.positions.insert(*part, u64::try_from(sequence).unwrap_or(0));
        let (seen_sequence, seen_at): (i64, i64) = (row.get(2), row.get(3));
        if seen_at != 0 && seen_sequence == sequence {
            progress.seen.insert(*part, seen_at);
        }
    }
    let parked = sqlx::query("SELECT entity FROM parked").fetch_all(&mut *tx).await;
    progress.parked = parked.map_err(Error::database(action))?.iter().map(|row| row.get(0)).collect();
    tx.commit().await.map_err(Error::database(action))?;
    Ok(progress)
}

/// The fence under which the part's position was taken over last; 0 where it never was.
pub(super) async fn fence(model: &Model, part: u8) -> Result<i64, Error> {
    sqlx::query_scalar("SELECT fence FROM positions WHERE part = $1")
        .bind(i32::from(part))
        .fetch_optional(model.store.reads())
        .await
        .map(Option::unwrap_or_default)
        .map_err(Error::database("read a fence"))
}

/// Applies a batch whose messages follow the positions without a gap. Entities whose messages cannot be
/// applied are parked; the others go on. The erasure of a parked one is applied all the same, and ends its parking.
///
/// # Errors
/// Database errors (nothing happened), [`Error::UnknownEvent`] (nothing happened), [`Error::Fenced`],
/// [`Error::Limit`] when too many entities are parked.
pub(crate) async fn commit(
    model: &Model,
    projector: &dyn Projector,
    progress: &mut Progress,
    batch: &[Arc<Recorded>],
) -> Result<(), Error> {
    let is_parked = |record: &Arc<Recorded>| {
        !progress.parked.is_empty() && progress.parked.contains(&record.address.subject())
    };
    let wanted: Vec<Arc<Recorded>> = batch
        .iter()
        .filter(|record| projector.kinds().contains(&&*record.address.kind))
        .filter(|record| record.is_erasure() || !is_parked(record))
        .cloned()
        .collect();
    let mut alone = wanted.iter().any(is_parked);
    if !alone {
        match transaction(model, projector, progress, batch, &wanted).await {
            Ok(told) => progress.told = told,
            Err(error) if blames_content(&error) => {
                tracing::warn!(reader.name = model.spec.name, error = %chain(&error), "a batch holds what cannot be applied; applying one by one");
                alone = true;
            }
            Err(error) => return Err(error),
        }
    }
    if alone {
        progress.told = one_by_one(model, projector, progress, batch, &wanted).await?;
    }
    for record in batch {
        progress.positions.insert(record.position.part, record.position.sequence);
    }
    if progress.is_live {
        projector.committed(&wanted);
    }
    Ok(())
}

async fn transaction(
    model: &Model,
    projector: &dyn Projector,
    progress: &Progress,
    batch: &[Arc<Recorded>],
    wanted: &[Arc<Recorded>],
) -> Result<Vec<(&'static str, Told)>, Error> {
    let mut tx = model.store.begin().await?;
    move_positions(&mut tx, model, progress, batch).await?;
    let mut told = Vec::new();
    if !wanted.is_empty() {
        let applying = projector.apply(&mut tx, wanted);
        // Of a slot that fills no worker hears.
        if progress.is_live {
            let applied;
            (applied, told) = due::collect(applying).await;
            applied?;
        } else {
            applying.await?;
        }
    }
    tx.commit().await.map_err(Error::database("commit a batch"))?;
    Ok(told)
}

#[expect(clippy::disallowed_methods, reason = "a savepoint, which ends with its transaction")]
async fn one_by_one(
    model: &Model,
    projector: &dyn Projector,
    progress: &mut Progress,
    batch: &[Arc<Recorded>],
    wanted: &[Arc<Recorded>],
) -> Result<Vec<(&'static str, Told)>, Error> {
    let mut tx = model.store.begin().await?;
    move_positions(&mut tx, model, progress, batch).await?;
    let (mut parked, mut told) = (progress.parked.clone(), Vec::new());
    for record in wanted {
        let subject = record.address.subject();
        if parked.contains(&subject) && !record.is_erasure() {
            continue;
        }
        let mut savepoint = tx.begin().await.map_err(Error::database("set a savepoint"))?;
        let (applied, done) =
            due::collect(projector.apply(&mut savepoint, std::slice::from_ref(record))).await;
        match applied {
            Ok(()) => {
                told.extend(done);
                savepoint.commit().await.map_err(Error::database("release a savepoint"))?;
                if parked.remove(&subject) {
                    no_longer_parked(&mut tx, &subject).await?;
                }
            }
            Err(error) if blames_content(&error) => {
                savepoint.rollback().await.map_err(Error::database("roll back to a savepoint"))?;
                park(&mut tx, record, &error).await?;
                tracing::error!(reader.name = model.spec.name, log.position = %record.position, entity.subject = subject, error = %chain(&error), "entity is parked");
                parked.insert(subject);
            }
            Err(error) => return Err(error),
        }
    }
    if parked.len() > PARKED_MAX {
        return Err(Error::Limit {
            limit: "parked_max",
            max: PARKED_MAX as u64,
            remedy: "the reader stops; mend what parks entities, then unpark them",
        });
    }
    tx.commit().await.map_err(Error::database("commit a batch"))?;
    progress.parked = parked;
    Ok(told)
}

/// Moves each part's position from where it is known to be to the batch's last message of the part. No row
/// moved means that another writer holds the part.
async fn move_positions(
    tx: &mut AnyConnection,
    model: &Model,
    progress: &Progress,
    batch: &[Arc<Recorded>],
) -> Result<(), Error> {
    let mut targets = BTreeMap::new();
    for record in batch {
        targets.insert(record.position.part, (record.position.sequence, record.stored_at));
    }
    let signed = |sequence: u64| i64::try_from(sequence).unwrap_or(i64::MAX);
    let moves: Vec<(i32, i64, i64, i64)> = targets
        .into_iter()
        .map(|(part, (to, stored_at))| {
            let from = progress.positions.get(&part).copied().unwrap_or(0);
            (i32::from(part), signed(from), signed(to), stored_at)
        })
        .collect();
    let moved = MOVE
        .write(tx, &moves, |query, (part, from, to, stored_at)| {
            query.bind(*part).bind(*from).bind(*to).bind(progress.fence).bind(*stored_at)
        })
        .await?;
    if moved != moves.len() as u64 {
        return Err(Error::Fenced { lease: format!("{} positions {moves:?}", model.spec.name) });
    }
    Ok(())
}

/// Whether the message is to blame, as opposed to the machine or a release that is too old. Of the
/// database's own errors only those that its data caused count: broken constraints and values.
pub(super) fn blames_content(error: &Error) -> bool {
    match error {
        Error::Database { source, .. } => {
            let code = source.as_database_error().and_then(|error| error.code());
            code.is_some_and(|code| {
                let postgres = code.len() == 5 && (code.starts_with("22") || code.starts_with("23"));
                let sqlite = code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 18..=20));
                postgres || (code.len() != 5 && sqlite)
            })
        }
        Error::UnknownEvent { .. }
        | Error::Nats { .. }
        | Error::Timeout { .. }
        | Error::Refused { .. }
        | Error::Fenced { .. }
        | Error::LogLost { .. }
        | Error::MasterKey { .. }
        | Error::RegisterLost { .. }
        | Error::RegisterBehind { .. }
        | Error::KeyLost { .. }
        | Error::BrokenFile { .. }
        | Error::File { .. }
        | Error::Limit { .. } => false,
        _ => true,
    }
}
