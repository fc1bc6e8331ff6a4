//! What is waited for before anything is copied: that no erasure is under way.

use crate::output::Progress;
use anyhow::bail;
use serde_json::Value;
use spine::backup::{StoreName, rows};
use spine::db::DatabaseSettings;
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
