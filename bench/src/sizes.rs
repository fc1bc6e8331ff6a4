//! What a message costs: bytes of the log, of the journal and of the read models, and cores; for a table of sizes.

use crate::figure::{Figure, progress};
use crate::spread::{costs, saturate};
use crate::suite::{Suite, Wanted};
use sqlx::{AnyConnection, Connection};
use std::path::Path;
use std::time::Duration;

const QUIET_WITHIN: Duration = Duration::from_secs(240);
const DAY_S: f64 = 86_400.0;
/// Messages of the customer in a conversation: what the table of sizes counts with.
const MESSAGES_OF_CONVERSATION: f64 = 5.0;

/// Bytes at one moment.
struct Stored {
    log: f64,
    journal: f64,
    rows: f64,
}

pub(crate) async fn measure(smoke: bool) -> anyhow::Result<Vec<Figure>> {
    let suite = Suite::start(Wanted::plain(smoke)).await?;
    let (before, used_before) = (stored(&suite).await?, suite.on_core());
    progress("answering, to weigh what it leaves behind");
    let answered = saturate(&suite, Duration::from_secs(if smoke { 1 } else { 40 })).await;
    // What was answered is not yet in every read model, and that takes a core too.
    suite.until_quiet(QUIET_WITHIN).await?;
    let (after, used) = (stored(&suite).await?, suite.on_core());
    let count = answered.count as f64;
    let bytes = |name: &str, now: f64, then: f64| {
        Figure::stated(&format!("bytes for one answered message: {name}"), (now - then) / count, "B")
    };
    let log = bytes("log", after.log, before.log);
    let journal = bytes("journal, kept for days", after.journal, before.journal);
    let rows = bytes("read models and keys, SQLite", after.rows, before.rows);
    let cores: f64 = used.iter().map(|(name, now)| (*now - used_before[name]).as_secs_f64()).sum();
    let per_core = count / cores;
    let kept = (log.value + rows.value) * MESSAGES_OF_CONVERSATION;
    let mut figures = vec![log, journal, rows];
    figures.extend([
        Figure::stated("answered messages a second and core, suite and nats-server", per_core, "/s"),
        Figure::stated(
            "conversations of five messages a day and core, evenly",
            per_core * DAY_S / MESSAGES_OF_CONVERSATION,
            "/day",
        ),
        Figure::stated(
            "conversations of five messages in a gigabyte of log and read models",
            1e9 / kept,
            "/GB",
        ),
    ]);
    figures.extend(costs("one process, SQLite", &answered, &used_before, &used));
    Ok(figures)
}

async fn stored(suite: &Suite) -> anyhow::Result<Stored> {
    let reader = async_nats::jetstream::new(suite.site().client_of("channel-ingest").await?);
    let mut stored = Stored { log: 0.0, journal: 0.0, rows: 0.0 };
    for part in 0..spine::PARTS {
        let log = reader.get_stream(spine::address::stream_name(1, part)).await?;
        stored.log += log.cached_info().state.bytes as f64;
        let journal = reader.get_stream(format!("INBOUND_{part}")).await?;
        stored.journal += journal.cached_info().state.bytes as f64;
    }
    stored.rows = database_bytes(&suite.data()).await?;
    Ok(stored)
}

/// Bytes of the databases in a folder, as they themselves count their pages: what their logs of writes still hold is
/// among them, the logs' own room is not.
async fn database_bytes(folder: &Path) -> anyhow::Result<f64> {
    sqlx::any::install_default_drivers();
    let (mut bytes, mut folders) = (0.0, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "db") {
                let url = format!("sqlite://{}?mode=ro", path.display());
                let mut database = AnyConnection::connect(&url).await?;
                let size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
                let size: i64 = sqlx::query_scalar(size).fetch_one(&mut database).await?;
                database.close().await?;
                bytes += size as f64;
            }
        }
    }
    Ok(bytes)
}
