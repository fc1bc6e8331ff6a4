//! `tributary backup` and `tributary restore`: all that exists once, in a folder with checksums, and back again.
//!
//! What is copied in which order is in `copy`; read models follow from the log and are left out.

mod before;
mod copy;
mod file;
mod manifest;
pub(crate) mod reach;
mod restore;
mod touched;
mod whole;

pub(crate) use restore::{RestoreArgs, run as restore};

use crate::output::{self, Form};
use crate::run::{Setup, quiet_telemetry};
use anyhow::{Context, anyhow, bail};
use file::Writing;
use manifest::Manifest;
use reach::Reached;
use runtime::{Common, shutdown};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// In a folder that is being written; gone with the last of it.
const UNFINISHED: &str = "unfinished";
/// An erasure that went on meanwhile makes the copy begin anew, so often.
const TRIES_MAX: u32 = 3;

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
        let reached = Reached::of(&common, &args.setup, &stop).await?;
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
    for name in ["keys.jsonl", manifest::BESIDE, manifest::FILE] {
        let _was_there = std::fs::remove_file(folder.join(name));
    }
    Ok(())
}

/// A copy over which no erasure went on: one that is begun before a part is copied and done after it would be half in.
async fn repeated(common: &Common, args: &BackupArgs, reached: &Reached) -> anyhow::Result<Manifest> {
    let database = reach::database(common);
    for _ in 0..TRIES_MAX {
        let quiet = before::settled(&database).await?;
        let manifest = copy::all(common, args, reached).await?;
        if before::erasures(&database).await? == quiet {
            write(&args.folder, &manifest)?;
            return Ok(manifest);
        }
        eprintln!("a person was erased meanwhile: the backup is begun anew");
        clear(&args.folder)?;
    }
    bail!("a person was erased during each of {TRIES_MAX} tries: try again when no erasure is under way")
}

/// The manifest appears whole, after everything that it names.
fn write(folder: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    for below in [folder.join("log"), folder.join("state"), folder.to_path_buf()] {
        file::sync(&below)?;
    }
    let mut writing = Writing::begin(folder, manifest::BESIDE)?;
    writing.write(&serde_json::to_vec_pretty(manifest)?)?;
    writing.finish()?;
    std::fs::rename(folder.join(manifest::BESIDE), folder.join(manifest::FILE))
        .context("write the manifest")?;
    std::fs::remove_file(folder.join(UNFINISHED)).context("finish the backup")?;
    file::sync(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_backup_is_begun_anew_and_a_folder_with_anything_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        prepare(&path).unwrap();
        for name in ["log/LEADS", "state/ingest.jsonl", "keys.jsonl", "manifest.json.new", "manifest.json"] {
            Writing::begin(&path, name).unwrap();
        }
        prepare(&path).unwrap();
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1, "the marker alone");
        std::fs::remove_file(path.join(UNFINISHED)).unwrap();
        std::fs::write(path.join("holiday.jpg"), "").unwrap();
        assert!(prepare(&path).unwrap_err().to_string().contains("not empty"));
        assert!(path.join("holiday.jpg").exists());
    }
}
