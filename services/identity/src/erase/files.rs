//! Getting deleted bytes out of files: old fillings of read models, the WAL of every SQLite file.

use spine::db::{Backend, Database, Place, SlotState};
use spine::{Error, Position};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AnyPool, AssertSqlSafe, ConnectOptions, Connection, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a SQLite file begins (<https://www.sqlite.org/fileformat.html>).
const MAGIC: &[u8] = b"SQLite format 3\0";
const BUSY_MAX: Duration = Duration::from_secs(2);
/// Where snapshots that are being compared lie.
const SNAPSHOTS: &str = "snapshots";

/// What is in the way, in words; or what was done.
pub(super) type Outcome = Result<Vec<String>, String>;

/// Drops fillings of read models that nobody reads any more: they hold what nobody purges. One that is still
/// being filled is in the way, since it may have read the person's texts and not yet that they were erased.
pub(super) async fn drop_models(database: &Database) -> Result<Outcome, Error> {
    let places = database.models().await?;
    let live = |place: &Place| {
        places.iter().find(|other| other.name == place.name && other.state == SlotState::Live)
    };
    let filling = places.iter().find(|place| {
        place.state == SlotState::Beside && live(place).is_none_or(|live| place.slot > live.slot)
    });
    if let Some(place) = filling {
        let Place { name, slot, .. } = place;
        return Ok(Err(format!(
            "slot {slot} of the read model {name} is being filled, or was left; drop it"
        )));
    }
    let mut dropped = Vec::new();
    for place in places.iter().filter(|place| place.state != SlotState::Live) {
        database.drop_model(&place.name, place.slot).await?;
        dropped.push(format!("{}@{}", place.name, place.slot));
    }
    Ok(Ok(dropped))
}

/// What an erasure waits for while an entity of the person is parked.
pub(super) fn is_parked(entity: &str, model: &str) -> String {
    format!(
        "{entity} is parked in {model}, which may hold texts: `tributary unpark {entity}`, or rebuild the model"
    )
}

/// On Postgres other processes have readers of their own: whether all of their tables hold `positions` too.
/// What is dropped by now is not among them, so every table of positions belongs to a reader that must get there.
/// Nor may one of the `subjects` be parked there.
pub(super) async fn others_have_read(
    reads: &AnyPool,
    positions: &[Position],
    subjects: &BTreeSet<String>,
) -> Result<Outcome, Error> {
    let action = "look for other processes' readers";
    let schemas = sqlx::query(
        "SELECT CAST(schemaname AS TEXT) FROM pg_tables WHERE tablename = 'positions' ORDER BY schemaname",
    )
    .fetch_all(reads)
    .await
    .map_err(Error::database(action))?;
    let mut read = Vec::new();
    for row in &schemas {
        let schema: String = row.try_get(0).map_err(Error::database(action))?;
        let text = format!("SELECT part, sequence FROM \"{schema}\".positions");
        let rows = sqlx::query(AssertSqlSafe(text)).persistent(false).fetch_all(reads).await;
        let reached: BTreeMap<i32, i64> =
            rows.map_err(Error::database(action))?.iter().map(|row| (row.get(0), row.get(1))).collect();
        let has_read = |position: &Position| {
            let at = reached.get(&i32::from(position.part)).and_then(|at| u64::try_from(*at).ok());
            at.is_some_and(|at| at >= position.sequence)
        };
        if !positions.iter().all(has_read) {
            return Ok(Err(format!("the reader of {schema} is behind; run its role, or drop its tables")));
        }
        let text = format!("SELECT entity FROM \"{schema}\".parked");
        let parked: Result<Vec<String>, _> =
            sqlx::query_scalar(AssertSqlSafe(text)).persistent(false).fetch_all(reads).await;
        if let Some(entity) =
            parked.map_err(Error::database(action))?.iter().find(|it| subjects.contains(*it))
        {
            return Ok(Err(is_parked(entity, &schema)));
        }
        read.push(schema);
    }
    Ok(Ok(read))
}

/// Empties the WAL of every SQLite file under the data folder.
pub(super) async fn checkpoint(database: &Database) -> Result<Outcome, Error> {
    let folder = database.folder().to_path_buf();
    if !files_under(&folder.join(SNAPSHOTS))?.is_empty() {
        return Ok(Err("a snapshot of a read model is being compared".into()));
    }
    let mut done = Vec::new();
    for path in files_under(&folder)?.into_iter().filter(|path| is_sqlite(path)) {
        let name = path.strip_prefix(&folder).unwrap_or(&path).display().to_string();
        if !truncate(&path).await? {
            return Ok(Err(format!("a reader of {name} still sees an older state")));
        }
        done.push(name);
    }
    Ok(Ok(done))
}

/// Whether everything is in the file and its WAL is empty.
async fn truncate(path: &Path) -> Result<bool, Error> {
    let failed = || Error::database("checkpoint a file");
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_MAX);
    let mut connection: SqliteConnection = options.connect().await.map_err(failed())?;
    let row =
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut connection).await.map_err(failed())?;
    let busy: i64 = row.try_get(0).map_err(failed())?;
    connection.close().await.map_err(failed())?;
    Ok(busy == 0)
}

fn files_under(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::File { path: folder.display().to_string(), action: "list", source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            found.extend(files_under(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn is_sqlite(path: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == MAGIC
}

/// What a certificate says about bytes that are not ours to overwrite.
pub(super) async fn remains(database: &Database, reads: &AnyPool) -> Result<Vec<String>, Error> {
    let mut remains = vec![
        "Backups taken before hold what was in them, until they are deleted; a restore \
                            applies this erasure again."
            .to_owned(),
    ];
    if database.backend() == Backend::Sqlite {
        return Ok(remains);
    }
    let row = sqlx::query(
        "SELECT current_setting('autovacuum'), current_setting('autovacuum_naptime'),
         current_setting('checkpoint_timeout'), current_setting('max_wal_size'), current_setting('archive_mode')",
    )
    .fetch_one(reads)
    .await
    .map_err(Error::database("read settings of Postgres"))?;
    let setting = |place: usize| row.get::<String, _>(place);
    remains.push(format!(
        "Postgres: deleted rows stay in the pages of their tables until the next VACUUM (autovacuum {}, naptime \
         {}).",
        setting(0),
        setting(1)
    ));
    remains.push(format!(
        "Postgres: its WAL holds deleted rows until the segments are recycled after the next checkpoints \
         (checkpoint_timeout {}, max_wal_size {}); with archive_mode {} also archived WAL and replicas until \
         their retention ends.",
        setting(2),
        setting(3),
        setting(4)
    ));
    Ok(remains)
}
