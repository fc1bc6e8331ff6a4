//! `tributary backup` and `tributary restore`: all that exists once, in a folder with checksums, and back again.
//!
//! The order is what makes a copy of a running suite whole. Positions that are state come first, so that a restore
//! repeats and never skips. The lead feed comes before the log that it follows from, the log before the keys, so that
//! every sealed text in it has its key, and the keys before the state. Read models follow from the log and are left out.

mod before;
mod file;
mod manifest;
pub(crate) mod reach;
mod restore;

pub(crate) use restore::{RestoreArgs, run as restore};

use crate::output::{self, Form, Progress};
use crate::run::{Setup, quiet_telemetry};
use crate::{disk, provision};
use anyhow::{Context, anyhow, bail};
use file::Writing;
use manifest::{Manifest, Settings, StoreCopy, StreamCopy};
use reach::Reached;
use runtime::{Common, shutdown};
use serde_json::json;
use spine::Clock;
use spine::backup::{self, StoreName, stream};
use spine::db::DatabaseSettings;
use spine::log::codec::rfc3339;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// In a folder that is being written; gone with the last of it.
const UNFINISHED: &str = "unfinished";
/// An erasure that went on meanwhile makes the copy begin anew, so often.
const TRIES_MAX: u32 = 3;
/// Stores without a copy: a lease of the old installation is nobody's in the new one.
const LEFT_OUT: [&str; 1] = ["leases"];

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// A folder that is empty or does not exist
    folder: PathBuf,
    #[command(flatten)]
    setup: Setup,
    #[command(flatten)]
    form: Form,
}

impl BackupArgs {
    /// What is wrong beyond what the parser sees.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.setup.problems()
    }
}

/// Carries the backup out.
///
/// # Errors
/// Why it could not be made; the folder then holds none.
pub(crate) async fn run(common: Common, args: BackupArgs) -> anyhow::Result<ExitCode> {
    if common.nats.is_none() && !common.data.join("nats").is_dir() {
        bail!("no suite was ever started on {}: name its folder with --data", common.data.display());
    }
    let _telemetry = quiet_telemetry(&common)?;
    prepare(&args.folder)?;
    let stop = CancellationToken::new();
    let work = async {
        let reached = Reached::of(&common, &args.setup).await?;
        let made = tokio::select! {
            made = repeated(&common, &args, &reached) => made,
            () = stop.cancelled() => Err(anyhow!("stopped before it was done")),
        };
        reached.end().await;
        made
    };
    let manifest = shutdown::until_signal(stop.clone(), work).await??;
    tell(&args, &manifest)?;
    Ok(ExitCode::SUCCESS)
}

fn tell(args: &BackupArgs, manifest: &Manifest) -> anyhow::Result<()> {
    let bytes: u64 = manifest.files().map(|file| file.bytes).sum();
    let messages: u64 =
        manifest.streams.iter().filter_map(|s| s.stored.held().ok()).map(|s| s.messages).sum();
    if args.form.json {
        return output::json(&json!({
            "folder": args.folder, "messages": messages, "bytes": bytes, "finished_at": manifest.finished_at,
        }));
    }
    output::line(format_args!("{}: {messages} messages, {bytes} bytes", args.folder.display()))?;
    output::line("the master key is not in it: keep a copy of that elsewhere")
}

/// An empty folder, or what an interrupted backup left in it, which is deleted.
fn prepare(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let marker = folder.join(UNFINISHED);
    if marker.exists() {
        eprintln!("an interrupted backup in {} is begun anew", folder.display());
        clear(folder)?;
    }
    let mut entries = std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    if entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != UNFINISHED)) {
        bail!("{} is not empty: name a new folder for each backup", folder.display());
    }
    std::fs::write(&marker, "").with_context(|| format!("write {}", marker.display()))
}

/// Deletes what a backup writes, and nothing else.
fn clear(folder: &Path) -> anyhow::Result<()> {
    for name in ["log", "state"] {
        match std::fs::remove_dir_all(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("delete {name} in {}", folder.display()));
            }
            _ => {}
        }
    }
    for name in ["keys.jsonl", manifest::FILE] {
        let _was_there = std::fs::remove_file(folder.join(name));
    }
    Ok(())
}

/// A copy over which no erasure went on: one that is begun before a part is copied and done after it would be half in.
async fn repeated(common: &Common, args: &BackupArgs, reached: &Reached) -> anyhow::Result<Manifest> {
    let database = reach::database(common);
    for _ in 0..TRIES_MAX {
        let quiet = before::settled(&database).await?;
        let manifest = copy(common, args, reached).await?;
        if before::erasures(&database).await? == quiet {
            write(&args.folder, &manifest)?;
            return Ok(manifest);
        }
        eprintln!("a person was erased meanwhile: the backup is begun anew");
        clear(&args.folder)?;
    }
    bail!("a person was erased during each of {TRIES_MAX} tries: try again when no erasure is under way")
}

async fn copy(common: &Common, args: &BackupArgs, reached: &Reached) -> anyhow::Result<Manifest> {
    let (database, clock) = (reach::database(common), Clock::system());
    let begun_at = rfc3339(clock.now());
    let positions = before::positions(&database).await?;
    let streams = streams(args, reached).await?;
    let keys = store(&args.folder, &database, (StoreName::Keys, "keys.jsonl")).await?;
    let keys =
        keys.context("there is no key register: --database-url (DATABASE_URL) may name another database")?;
    let mut state = Vec::new();
    for (name, _) in provision::stores().iter().filter_map(spine::db::Wanted::kept) {
        let StoreName::State(text) = name else { continue };
        if LEFT_OUT.contains(&text) {
            continue;
        }
        state.extend(store(&args.folder, &database, (name, &format!("state/{text}.jsonl"))).await?);
    }
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

/// The streams to be copied, in their order. Refused requests are kept for diagnosis alone, and are left out.
fn chosen(mut names: Vec<String>) -> Vec<String> {
    let rank =
        |name: &String| ["LEADS", "LOG_", "INBOUND_"].iter().position(|prefix| name.starts_with(prefix));
    names.retain(|name| rank(name).is_some());
    names.sort_by_key(|name| (rank(name), name.clone()));
    names
}

async fn streams(args: &BackupArgs, reached: &Reached) -> anyhow::Result<Vec<StreamCopy>> {
    let (nats, folder) = (&reached.nats, &args.folder);
    let names = chosen(stream::names(nats).await?);
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

/// The manifest appears whole, after everything that it names.
fn write(folder: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    for below in [folder.join("log"), folder.join("state"), folder.to_path_buf()] {
        file::sync(&below)?;
    }
    let beside = format!("{}.new", manifest::FILE);
    let mut writing = Writing::begin(folder, &beside)?;
    writing.write(&serde_json::to_vec_pretty(manifest)?)?;
    writing.finish()?;
    std::fs::rename(folder.join(beside), folder.join(manifest::FILE)).context("write the manifest")?;
    std::fs::remove_file(folder.join(UNFINISHED)).context("finish the backup")?;
    file::sync(folder)
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
    fn an_interrupted_backup_is_begun_anew_and_a_folder_with_anything_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        prepare(&path).unwrap();
        Writing::begin(&path, "log/LEADS").unwrap();
        prepare(&path).unwrap();
        assert!(!path.join("log").exists());
        std::fs::remove_file(path.join(UNFINISHED)).unwrap();
        std::fs::write(path.join("holiday.jpg"), "").unwrap();
        assert!(prepare(&path).unwrap_err().to_string().contains("not empty"));
        assert!(path.join("holiday.jpg").exists());
    }
}
