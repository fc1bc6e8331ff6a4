//! The copy itself, in the order that makes that of a running suite whole.
//!
//! State that counts how far a stream is taken in comes first, with the positions that a restore goes back to. What
//! leaves it afterwards, an item out of quarantine into the log, is then in the copy still: a restore repeats and never
//! skips. The lead feed comes before the log that it follows from, the log before the keys, so that every sealed text
//! in it has its key, and the other state last.

use super::file::{self, Writing};
use super::manifest::{Manifest, Positions, Settings, StoreCopy, StreamCopy};
use super::reach::{self, Reached};
use super::{BackupArgs, whole};
use crate::output::Progress;
use crate::{disk, provision};
use anyhow::{Context, bail};
use runtime::Common;
use serde_json::json;
use spine::Clock;
use spine::backup::{self, StoreName, stream};
use spine::db::{self, DatabaseSettings, Wanted};
use spine::log::codec::rfc3339;
use std::collections::BTreeMap;
use std::path::Path;

/// Stores without a copy: a lease of the old installation is nobody's in the new one.
pub(super) const LEFT_OUT: [&str; 1] = ["leases"];

/// A store whose positions are those that a restore goes back to, each with its table.
const COUNTING: [(&str, &str); 2] = [("ingest", "inbound"), ("leads", "examined")];

/// Copies everything but the manifest into the folder.
///
/// # Errors
/// When something cannot be copied, or is not there although the installation has had it.
pub(super) async fn all(common: &Common, args: &BackupArgs, reached: &Reached) -> anyhow::Result<Manifest> {
    let (database, clock) = (reach::database(common), Clock::system());
    let begun_at = rfc3339(clock.now());
    let [counting, others] = kept();
    let mut state = states(&args.folder, &database, &counting).await?;
    let positions = positions(&args.folder, &state)?;
    let streams = streams(args, reached).await?;
    let keys = store(&args.folder, &database, (StoreName::Keys, "keys.jsonl")).await?;
    let keys =
        keys.context("there is no key register: --database-url (DATABASE_URL) may name another database")?;
    state.extend(states(&args.folder, &database, &others).await?);
    require(&database, &state, &streams).await?;
    Ok(Manifest {
        format: Manifest::format(),
        release: env!("CARGO_PKG_VERSION").into(),
        begun_at,
        finished_at: rfc3339(clock.now()),
        settings: Settings {
            replicas: args.setup.replicas,
            database: if common.database_url.is_some() { "postgres" } else { "sqlite" }.into(),
            nats: if common.nats.is_some() { "external" } else { "own" }.into(),
            nats_server: reached.nats.server_version(),
        },
        streams,
        positions,
        keys,
        state,
    })
}

/// The state stores: those that are copied before the streams, and those after the keys.
fn kept() -> [Vec<&'static str>; 2] {
    let stores = provision::stores();
    let names = stores.iter().filter_map(Wanted::kept).filter_map(|(name, _)| match name {
        StoreName::State(name) if !LEFT_OUT.contains(&name) => Some(name),
        _ => None,
    });
    let (counting, others) = names.partition(|name| COUNTING.iter().any(|(store, _)| store == name));
    [counting, others]
}

async fn states(
    folder: &Path,
    database: &DatabaseSettings,
    names: &[&str],
) -> anyhow::Result<Vec<StoreCopy>> {
    let mut copies = Vec::new();
    for name in names {
        let path = format!("state/{name}.jsonl");
        copies.extend(store(folder, database, (StoreName::State(name), &path)).await?);
    }
    Ok(copies)
}

/// Of the copies and not of the stores, which go on meanwhile.
fn positions(folder: &Path, state: &[StoreCopy]) -> anyhow::Result<Positions> {
    let [inbound, examined] = COUNTING.map(|(store, table)| {
        let Some(copied) = state.iter().find(|copied| copied.store == store) else {
            return Ok(BTreeMap::new());
        };
        let rows = file::rows(folder, &copied.copy, (table, ["part", "sequence"]))?;
        let read = rows.iter().map(|[part, sequence]| {
            let part = part.as_u64().and_then(|part| u8::try_from(part).ok());
            part.zip(sequence.as_u64()).with_context(|| format!("{store} has a position that is none"))
        });
        read.collect::<anyhow::Result<BTreeMap<u8, u64>>>()
    });
    Ok(Positions { inbound: inbound?, examined: examined? })
}

/// # Errors
/// When the state of a role that has run is in no copy.
async fn require(
    database: &DatabaseSettings,
    state: &[StoreCopy],
    streams: &[StreamCopy],
) -> anyhow::Result<()> {
    let copied: Vec<&str> = state.iter().map(|copied| copied.store.as_str()).collect();
    let mut filled = Vec::new();
    for copied in streams {
        if copied.stored.held()?.last_seq > 0 {
            filled.push(copied.stream.as_str());
        }
    }
    whole::state(&copied, &filled, &db::models(database).await?)
}

/// The streams to be copied, in their order. Refused requests are kept for diagnosis alone, and are left out.
pub(super) fn chosen(mut names: Vec<String>) -> Vec<String> {
    let rank =
        |name: &String| ["LEADS", "LOG_", "INBOUND_"].iter().position(|prefix| name.starts_with(prefix));
    names.retain(|name| rank(name).is_some());
    names.sort_by_key(|name| (rank(name), name.clone()));
    names
}

async fn streams(args: &BackupArgs, reached: &Reached) -> anyhow::Result<Vec<StreamCopy>> {
    let (nats, folder) = (&reached.nats, &args.folder);
    let names = chosen(stream::names(nats).await?);
    whole::streams(&names, &args.setup.streams())?;
    let mut all = 0;
    for name in &names {
        all += stream::held(nats, name).await?.bytes;
    }
    if disk::free(folder).is_some_and(|free| free < all + disk::ROOM_FROM) {
        bail!("the log takes up to {all} bytes and the disk of {} has less: make room", folder.display());
    }
    let (mut copies, mut before, mut progress) = (Vec::new(), 0, Progress::of("backup"));
    for name in names {
        let mut file = Writing::begin(folder, &format!("log/{name}"))?;
        let stored = stream::save(nats, &name, &mut |bytes| {
            progress.tell(&json!({ "done": before + file.bytes(), "all": all }));
            file.write(bytes)
        })
        .await?;
        before += stored.held()?.bytes;
        copies.push(StreamCopy { stream: name, copy: file.finish()?, stored });
    }
    Ok(copies)
}

async fn store(
    folder: &Path,
    database: &DatabaseSettings,
    (name, path): (StoreName<'_>, &str),
) -> anyhow::Result<Option<StoreCopy>> {
    let mut file = Writing::begin(folder, path)?;
    let mut progress = Progress::of(format!("backup: {path}"));
    let saved = backup::rows::save(database, name, &mut |bytes| {
        progress.say("");
        file.write(bytes)
    })
    .await?;
    let copy = file.finish()?;
    let Some(saved) = saved else {
        std::fs::remove_file(folder.join(path)).with_context(|| format!("delete {path}"))?;
        return Ok(None);
    };
    let store = match name {
        StoreName::Keys => "keys",
        StoreName::State(name) => name,
    };
    Ok(Some(StoreCopy { store: store.into(), copy, saved }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feed_is_copied_before_the_log_that_it_follows_from() {
        let names = ["LOG_1_1", "REFUSED", "INBOUND_0", "LOG_1_0", "LEADS", "OTHER"].map(String::from);
        assert_eq!(chosen(names.to_vec()), ["LEADS", "LOG_1_0", "LOG_1_1", "INBOUND_0"]);
    }

    #[test]
    fn state_that_counts_what_is_taken_in_is_copied_first_and_leases_never() {
        assert_eq!(kept(), [vec!["ingest", "leads"], vec!["effects", "identity", "console"]]);
    }
}
