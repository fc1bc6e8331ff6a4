//! `tributary restore`: a backup onto an installation that holds nothing yet.
//!
//! The keys come last and in one transaction: an installation that a restore left half done has a log without a key
//! register, which no start takes.

use super::file;
use super::manifest::{Manifest, Positions, StoreCopy};
use super::reach::{self, Reached};
use super::touched::Touched;
use crate::output::{self, Form, Progress};
use crate::run::{Setup, quiet_telemetry, refuse_held};
use crate::suite::Suite;
use crate::{doctor, private, provision};
use anyhow::{Context, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use runtime::{Common, shutdown};
use serde_json::{Value, json};
use spine::backup::{StoreName, rows, stream};
use spine::db::{self, Database, Store};
use spine::keys::{KeySettings, Keys};
use spine::{Clock, Nats};
use std::cell::Cell;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// A store that exists once, with its steps.
type Kept = (StoreName<'static>, &'static [db::Migration]);

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The folder of the backup
    folder: PathBuf,
    /// Restore keys and state alone, beside a log that was not lost
    #[arg(long)]
    only_database: bool,
    #[command(flatten)]
    setup: Setup,
    #[command(flatten)]
    form: Form,
}

impl RestoreArgs {
    /// What is wrong beyond what the parser sees.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.setup.problems()
    }
}

/// Carries the restore out.
///
/// # Errors
/// Why nothing was restored, or what is to be emptied before it is tried again.
pub(crate) async fn run(common: Common, args: RestoreArgs) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    if Suite::running(&common).await?.is_some() {
        bail!(
            "a suite runs on {}: a restore is onto an installation that holds nothing",
            common.data.display()
        );
    }
    refuse_held(&common)?;
    let _telemetry = quiet_telemetry(&common)?;
    let manifest = Manifest::read(&args.folder)?;
    verified(&args.folder, &manifest)?;
    let master = master(&common, &args, &manifest).await?;
    let occupied = db::occupied(&reach::database(&common)).await?;
    if let Some(first) = occupied.first() {
        bail!("the database is not empty, it holds {first}: restore into a new one");
    }
    private::close(&common.data)?;
    let (stop, touched) = (CancellationToken::new(), Cell::new(Touched::Nothing));
    let work = async {
        let reached = Reached::of(&common, &args.setup, &stop).await?;
        let done = tokio::select! {
            done = fill(&common, &args, (&manifest, &master), (&reached.nats, &touched)) => done,
            () = stop.cancelled() => Err(anyhow!("stopped before it was done")),
        };
        reached.end().await;
        touched.get().explain(done)
    };
    shutdown::until_signal(stop.clone(), work).await??;
    tell(&args, &manifest, began)?;
    Ok(ExitCode::SUCCESS)
}

fn tell(args: &RestoreArgs, manifest: &Manifest, began: Instant) -> anyhow::Result<()> {
    let (of, seconds) = (&manifest.finished_at, began.elapsed().as_secs_f64());
    if args.form.json {
        return output::json(&json!({ "of": of, "seconds": seconds, "release": manifest.release }));
    }
    output::line(format_args!("restored as of {of}, in {seconds:.1} s"))?;
    output::line(
        "`tributary run` fills the read models from the log; then compare with `tributary verify --all`",
    )
}

fn verified(folder: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let (mut progress, mut done) = (Progress::of("restore: comparing checksums"), 0);
    let all: u64 = manifest.files().map(|file| file.bytes).sum();
    for copy in manifest.files() {
        file::verify(folder, copy, |bytes| {
            done += bytes;
            progress.tell(&json!({ "done": done, "all": all }));
        })?;
    }
    Ok(())
}

/// The master key, proven against the register of the backup before anything is written.
async fn master(common: &Common, args: &RestoreArgs, manifest: &Manifest) -> anyhow::Result<String> {
    let path = common.data.join("keys").join("master.key");
    let master = match &args.setup.master_key {
        Some(given) => given.expose().trim().to_owned(),
        None => std::fs::read_to_string(&path).map(|text| text.trim().to_owned()).map_err(|_| {
            anyhow!(
                "the backup holds no master key: give it with --master-key (TRIBUTARY_MASTER_KEY), or put the old \
                 installation's keys/master.key at {}",
                path.display()
            )
        })?,
    };
    let rows = register(&args.folder, &manifest.keys)?;
    doctor::opens(&rows, &master).await.context("try the master key on the backup's register")?;
    Ok(master)
}

/// What the register proves a master key by.
fn register(folder: &Path, keys: &StoreCopy) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let rows = file::rows(folder, &keys.copy, ("register", ["name", "value"]))?;
    let read = |[name, value]: [Value; 2]| {
        let value = value["b"].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
        (name.as_str().unwrap_or_default().to_owned(), value)
    };
    Ok(rows.into_iter().map(read).collect())
}

async fn fill(
    common: &Common,
    args: &RestoreArgs,
    (manifest, master): (&Manifest, &str),
    (nats, touched): (&Nats, &Cell<Touched>),
) -> anyhow::Result<()> {
    let state = known(manifest)?;
    match args.only_database {
        true => reaches(nats, manifest).await?,
        false => log(args, manifest, nats, touched).await?,
    }
    let database = Database::open(reach::database(common)).await?;
    if args.only_database {
        touched.set(Touched::Database);
    }
    for (copy, of) in state {
        let store = load(&database, of, args, copy).await?;
        settle(&store, &copy.store, manifest).await?;
    }
    load(&database, rows::keys(), args, &manifest.keys).await?;
    let settings = KeySettings {
        master: Some(master.to_owned().into()),
        log_holds_events: true,
        ..KeySettings::default()
    };
    Keys::open(&database, settings, Clock::system()).await?;
    database.close().await;
    Ok(())
}

/// Each state of the backup with what this release makes of it.
fn known(manifest: &Manifest) -> anyhow::Result<Vec<(&StoreCopy, Kept)>> {
    let kept: Vec<Kept> = provision::stores().iter().filter_map(db::Wanted::kept).collect();
    let of = |copy: &StoreCopy| kept.iter().find(|(name, _)| *name == StoreName::State(&copy.store)).copied();
    let found = manifest.state.iter().map(|copy| {
        of(copy).map(|of| (copy, of)).with_context(|| {
            format!("this release keeps no state {}: restore with release {}", copy.store, manifest.release)
        })
    });
    found.collect()
}

/// A log that is shorter than the backup's would make of its positions something that was never read.
async fn reaches(nats: &Nats, manifest: &Manifest) -> anyhow::Result<()> {
    for (name, end) in manifest.ends()? {
        let found = stream::held(nats, &name).await?.last_seq;
        if found < end {
            bail!(
                "{name} ends at {found}, and at {end} in the backup: the log was lost too, restore all of it"
            );
        }
    }
    Ok(())
}

/// The streams, each with its sequences. None of them may be there.
async fn log(
    args: &RestoreArgs,
    manifest: &Manifest,
    nats: &Nats,
    touched: &Cell<Touched>,
) -> anyhow::Result<()> {
    let there = stream::names(nats).await?;
    if let Some(stream) = manifest.streams.iter().find(|stream| there.contains(&stream.stream)) {
        bail!("NATS holds the stream {}: restore before anything is provisioned", stream.stream);
    }
    let all: u64 = manifest.streams.iter().map(|stream| stream.copy.bytes).sum();
    let (mut progress, mut done) = (Progress::of("restore"), 0);
    // The log first: what it holds without its keys keeps a start from taking a half for a whole.
    let is_log = |name: &str| name.starts_with("LOG_");
    let (log, others): (Vec<_>, Vec<_>) = manifest.streams.iter().partition(|s| is_log(&s.stream));
    for copy in log.into_iter().chain(others) {
        let mut file = file::open(&args.folder, &copy.copy)?;
        let mut read = |buffer: &mut [u8]| {
            let length = file.read(buffer)?;
            done += length as u64;
            progress.tell(&json!({ "done": done, "all": all }));
            Ok(length)
        };
        touched.set(Touched::Streams);
        stream::restore(nats, &copy.stream, &copy.stored, args.setup.replicas, &mut read).await?;
    }
    Ok(())
}

async fn load(database: &Database, of: Kept, args: &RestoreArgs, copy: &StoreCopy) -> anyhow::Result<Store> {
    let mut progress = Progress::of(format!("restore: {}", copy.store));
    let mut lines = file::open(&args.folder, &copy.copy)?.lines().inspect(|_| progress.say(""));
    let (store, rows) = rows::load(database, of, &mut lines).await?;
    if rows != copy.saved.rows {
        bail!("{} holds {rows} rows and not {}", copy.store, copy.saved.rows);
    }
    Ok(store)
}

/// Takes positions back to where they were before the copy began, since what they count may not be in it; and the fences
/// of leases, which begin anew.
async fn settle(store: &Store, name: &str, manifest: &Manifest) -> anyhow::Result<()> {
    let Positions { inbound, examined } = &manifest.positions;
    let ends = manifest.ends()?;
    for part in 0..spine::PARTS {
        let end = ends.get(&spine::address::stream_name(spine::address::GENERATION, part));
        let (statement, sequence) = match name {
            "ingest" => (
                "UPDATE inbound SET sequence = $1, fence = 0 WHERE part = $2",
                inbound.get(&part).copied().unwrap_or_default(),
            ),
            "leads" => (
                "UPDATE examined SET sequence = $1, fence = 0 WHERE part = $2",
                examined.get(&part).copied().unwrap_or_default(),
            ),
            "effects" => (
                "UPDATE effects SET sequence = $1 WHERE part = $2 AND sequence > $1",
                end.copied().unwrap_or_default(),
            ),
            _ => return Ok(()),
        };
        sqlx::query(statement)
            .bind(i64::try_from(sequence).unwrap_or(i64::MAX))
            .bind(i32::from(part))
            .execute(store.write())
            .await
            .with_context(|| format!("take the positions of {name} back"))?;
    }
    if name == "leads" {
        // Of the old stream's end, which may be further than the copy's; the feeder finds its place in the copy itself.
        sqlx::query("DELETE FROM feed")
            .execute(store.write())
            .await
            .context("forget the place of the feed")?;
    }
    Ok(())
}
