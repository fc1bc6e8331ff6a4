//! What is read before anything is copied: that no erasure is under way, and the positions that are state.

use super::manifest::Positions;
use crate::output::Progress;
use anyhow::bail;
use serde_json::Value;
use spine::backup::{StoreName, rows};
use spine::db::DatabaseSettings;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// An erasure under way is waited for, so long.
const ERASURE_WITHIN: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Which erasures there are and at which step.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn erasures(database: &DatabaseSettings) -> anyhow::Result<Vec<Vec<Value>>> {
    let text = "SELECT erasure, step FROM erasures ORDER BY erasure";
    Ok(rows::look(database, StoreName::State("identity"), text).await?)
}

/// As [`erasures`], once none is under way. One that a legal hold keeps waiting has touched nothing yet.
///
/// # Errors
/// When one does not end.
pub(super) async fn settled(database: &DatabaseSettings) -> anyhow::Result<Vec<Vec<Value>>> {
    let began = Instant::now();
    let mut progress = Progress::of("backup: waiting for an erasure to end");
    loop {
        let found = erasures(database).await?;
        let rests = |row: &Vec<Value>| matches!(row[1].as_str(), Some("collect" | "done"));
        if found.iter().all(rests) {
            return Ok(found);
        }
        if began.elapsed() > ERASURE_WITHIN {
            bail!(
                "an erasure is under way and does not end: `tributary erase --show` says what it waits for"
            );
        }
        progress.say("");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// How far the readers are whose positions are state.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn positions(database: &DatabaseSettings) -> anyhow::Result<Positions> {
    let read = async |store, text| -> anyhow::Result<BTreeMap<u8, u64>> {
        let rows = rows::look(database, StoreName::State(store), text).await?;
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        Ok(rows
            .iter()
            .map(|row| (u8::try_from(number(&row[0])).unwrap_or_default(), number(&row[1])))
            .collect())
    };
    Ok(Positions {
        inbound: read("ingest", "SELECT part, sequence FROM inbound").await?,
        examined: read("leads", "SELECT part, sequence FROM examined").await?,
    })
}
