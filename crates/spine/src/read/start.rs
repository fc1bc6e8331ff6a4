//! From where in the log each kind of effect is carried out.
//!
//! A read model is filled from the log's beginning, so the first release with a new kind of due work would do all that
//! years of history call for. Where a kind begins is therefore kept in a state store, which no rebuild touches: a
//! message before it makes no due row, however often the model is filled. A reader that opens for the first time does
//! everything that is still open; what a later release adds begins at the log's end, unless the operator says `--from`.

use crate::address::{GENERATION, PARTS};
use crate::db::{Database, Migration, ModelSpec, Store, patiently};
use crate::error::Error;
use crate::log::Log;
use crate::position::Position;
use crate::read::Projector;
use crate::record::Recorded;
use futures::future::BoxFuture;
use sqlx::{Any, AnyConnection, Row, Transaction};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The store of where kinds of effects begin.
pub(crate) const WANTED: crate::db::Wanted = crate::db::Wanted::State("effects", MIGRATIONS);

const MIGRATIONS: &[Migration] = &[Migration::portable(
    1,
    "CREATE TABLE effects (reader TEXT NOT NULL, kind TEXT NOT NULL, part INTEGER NOT NULL, sequence BIGINT NOT NULL,
     PRIMARY KEY (reader, kind, part))",
)];

/// Stands for the reader itself, so that one without effects is known when a release adds its first.
const OPENED: &str = "";

/// The last message of each part that makes no due row.
type Vector = [u64; PARTS as usize];

tokio::task_local! {
    static STARTS: Arc<Starts>;
}

/// From where the operator wants a kind of effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// From the log's beginning.
    Start,
    /// From what is stored after this time on, microseconds since the Unix epoch.
    After(i64),
    /// From these messages on, one of each part; a part that is not named begins at its end.
    Positions(Vec<Position>),
}

/// What the operator wants of kinds, for the readers that are opened afterwards. Cheap to clone.
#[derive(Clone, Default)]
pub struct Wishes {
    open: Arc<Mutex<BTreeMap<String, Since>>>,
}

impl Wishes {
    /// Of these kinds.
    pub fn of(wishes: impl IntoIterator<Item = (String, Since)>) -> Self {
        Self { open: Arc::new(Mutex::new(wishes.into_iter().collect())) }
    }

    /// The kinds that no reader has asked for yet.
    pub fn left(&self) -> Vec<String> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    fn take(&self, kind: &str) -> Option<Since> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(kind)
    }
}

/// Where the kinds of one reader begin.
#[derive(Debug, Default)]
struct Starts(BTreeMap<&'static str, Vector>);

/// Whether a message at this place may make a due row of the kind. Outside of a reader, always.
pub(super) fn allows(kind: &str, part: u8, sequence: u64) -> bool {
    let allowed = STARTS.try_with(|starts| {
        debug_assert!(
            starts.0.is_empty() || starts.0.contains_key(kind),
            "the projector puts {kind} and does not name it among its effects"
        );
        starts.0.get(kind).is_none_or(|start| sequence > start[usize::from(part)])
    });
    allowed.unwrap_or(true)
}

/// A projector whose due rows begin where they should.
pub(super) struct Started {
    inner: Arc<dyn Projector>,
    starts: Arc<Starts>,
}

impl Started {
    /// Reads where the projector's effects begin, and decides it for those that are new.
    ///
    /// # Errors
    /// Database errors, and when the log does not say where it ends.
    pub(super) async fn of(
        inner: Arc<dyn Projector>,
        log: &Log,
        database: &Database,
        wishes: &Wishes,
    ) -> Result<Self, Error> {
        let store = database.state("effects", MIGRATIONS).await?;
        let (reader, effects) = (inner.spec().name, inner.effects());
        let mut wanted = BTreeMap::new();
        for kind in effects {
            if let Some(since) = wishes.take(kind) {
                wanted.insert(*kind, vector(log, &since).await?);
            }
        }
        let ends = log.ends().await?;
        let starts = patiently(|| settle(&store, (reader, effects), ends, &wanted)).await?;
        Ok(Self { inner, starts: Arc::new(Starts(starts)) })
    }
}

impl Projector for Started {
    fn spec(&self) -> ModelSpec {
        self.inner.spec()
    }

    fn kinds(&self) -> &'static [&'static str] {
        self.inner.kinds()
    }

    fn effects(&self) -> &'static [&'static str] {
        self.inner.effects()
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(STARTS.scope(self.starts.clone(), self.inner.apply(tx, batch)))
    }

    fn prepare(&self, record: &Recorded) {
        self.inner.prepare(record);
    }

    fn gathers_for(&self) -> std::time::Duration {
        self.inner.gathers_for()
    }

    fn committed(&self, batch: &[Arc<Recorded>]) {
        self.inner.committed(batch);
    }
}

async fn vector(log: &Log, since: &Since) -> Result<Vector, Error> {
    match since {
        Since::Start => Ok([0; PARTS as usize]),
        Since::After(time) => log.sequences_at(*time).await,
        Since::Positions(positions) => {
            let mut starts = log.ends().await?;
            for position in positions {
                let Some(start) = starts.get_mut(usize::from(position.part)) else {
                    return Err(Error::Name { field: "position", value: position.to_string() });
                };
                if position.generation != GENERATION {
                    return Err(Error::Name { field: "position", value: position.to_string() });
                }
                *start = position.sequence.saturating_sub(1);
            }
            Ok(starts)
        }
    }
}

/// Where each kind begins, written down for those of which it was not known. Replicas that open at the same time
/// agree on what is written first.
async fn settle(
    store: &Store,
    (reader, effects): (&str, &'static [&'static str]),
    ends: Vector,
    wanted: &BTreeMap<&'static str, Vector>,
) -> Result<BTreeMap<&'static str, Vector>, Error> {
    let mut tx = store.begin().await?;
    let known = read(&mut tx, reader).await?;
    let is_first = known.is_empty();
    for kind in effects.iter().chain([&OPENED]).filter(|kind| !known.contains_key(**kind)) {
        let start = if is_first { [0; PARTS as usize] } else { ends };
        write(&mut tx, (reader, *kind), start, "NOTHING").await?;
        if !is_first && !wanted.contains_key(kind) {
            tracing::info!(
                reader.name = reader,
                work.kind = kind,
                "a new kind of effect begins at the log's end"
            );
        }
    }
    for (kind, start) in wanted {
        write(&mut tx, (reader, *kind), *start, "UPDATE SET sequence = excluded.sequence").await?;
        tracing::info!(reader.name = reader, work.kind = kind, "a kind of effect begins where --from says");
    }
    let mut known = read(&mut tx, reader).await?;
    tx.commit().await.map_err(Error::database(ACTION))?;
    Ok(effects.iter().map(|kind| (*kind, known.remove(*kind).unwrap_or_default())).collect())
}

const ACTION: &str = "settle where effects begin";

async fn read(tx: &mut Transaction<'static, Any>, reader: &str) -> Result<BTreeMap<String, Vector>, Error> {
    let rows = sqlx::query("SELECT kind, part, sequence FROM effects WHERE reader = $1")
        .bind(reader)
        .fetch_all(&mut **tx)
        .await
        .map_err(Error::database(ACTION))?;
    let mut known: BTreeMap<String, Vector> = BTreeMap::new();
    for row in rows {
        let start = known.entry(row.get(0)).or_default();
        if let Some(place) = usize::try_from(row.get::<i32, _>(1)).ok().and_then(|part| start.get_mut(part)) {
            *place = u64::try_from(row.get::<i64, _>(2)).unwrap_or(0);
        }
    }
    Ok(known)
}

async fn write(
    tx: &mut Transaction<'static, Any>,
    (reader, kind): (&str, &str),
    start: Vector,
    conflict: &str,
) -> Result<(), Error> {
    let text = format!(
        "INSERT INTO effects (reader, kind, part, sequence) VALUES ($1, $2, $3, $4)
         ON CONFLICT (reader, kind, part) DO {conflict}"
    );
    for (part, sequence) in (0..PARTS).zip(start) {
        sqlx::query(sqlx::AssertSqlSafe(text.clone()))
            .bind(reader)
            .bind(kind)
            .bind(i32::from(part))
            .bind(i64::try_from(sequence).unwrap_or(i64::MAX))
            .execute(&mut **tx)
            .await
            .map_err(Error::database(ACTION))?;
    }
    Ok(())
}
