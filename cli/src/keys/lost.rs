//! `tributary keys lost`: what was sealed with keys that the register lost, named, and given up on request.

use crate::backup::reach::{self, Reached};
use crate::output::{self, Form, Progress};
use crate::run::{Setup, quiet_telemetry};
use anyhow::bail;
use runtime::{Common, shutdown};
use serde_json::json;
use spine::db::Database;
use spine::keys::{KeySettings, Keys, Lost};
use spine::{Clock, Nats};
use std::collections::BTreeSet;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Give what is lost up: from then on it counts as erased, and the suite starts again
    #[arg(long)]
    give_up: bool,
    #[command(flatten)]
    setup: Setup,
    #[command(flatten)]
    form: Form,
}

impl Args {
    /// What is wrong beyond what the parser sees.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.setup.problems()
    }
}

/// Carries the command out. Exit code 1 while something is lost and not given up.
///
/// # Errors
/// Why it cannot be known.
pub(super) async fn run(common: Common, args: Args) -> anyhow::Result<ExitCode> {
    if common.nats.is_none() && !common.data.join("nats").is_dir() {
        bail!("no suite was ever started on {}: name its folder with --data", common.data.display());
    }
    let _telemetry = quiet_telemetry(&common)?;
    let stop = CancellationToken::new();
    let work = async {
        let reached = Reached::of(&common, &args.setup, &stop).await?;
        let found = tokio::select! {
            found = look(&common, &args, &reached.nats) => found,
            () = stop.cancelled() => Err(anyhow::anyhow!("stopped before it was done")),
        };
        reached.end().await;
        found
    };
    let lost = shutdown::until_signal(stop.clone(), work).await??;
    tell(&args, &lost)?;
    Ok(ExitCode::from(u8::from(!lost.is_empty() && !args.give_up)))
}

async fn look(common: &Common, args: &Args, nats: &Nats) -> anyhow::Result<Vec<Lost>> {
    let database = Database::open(reach::database(common)).await?;
    let settings = KeySettings {
        master: args.setup.master_key.as_ref().map(|key| key.expose().to_owned().into()),
        log_holds_events: true,
        ..KeySettings::default()
    };
    let keys = Keys::open(&database, settings, Clock::system()).await?;
    let (mut progress, mut lost) = (Progress::of("keys lost"), Vec::new());
    for stream in spine::keys::streams() {
        progress.say(&format!(" {stream}"));
        lost.extend(keys.lost_of(nats, &stream).await?);
    }
    drop(progress);
    if args.give_up {
        let ids: BTreeSet<String> = lost.iter().map(|lost| lost.key.clone()).collect();
        keys.give_up(&ids.into_iter().collect::<Vec<_>>()).await?;
    }
    database.close().await;
    Ok(lost)
}

fn tell(args: &Args, lost: &[Lost]) -> anyhow::Result<()> {
    let keys: BTreeSet<&str> = lost.iter().map(|lost| lost.key.as_str()).collect();
    if args.form.json {
        let messages: Vec<_> = lost
            .iter()
            .map(|Lost { stream, sequence, subject, key }| {
                json!({ "stream": stream, "sequence": sequence, "subject": subject, "key": key })
            })
            .collect();
        return output::json(&json!({ "messages": messages, "keys": keys.len(), "given_up": args.give_up }));
    }
    for Lost { stream, sequence, subject, key } in lost {
        output::line(format_args!("{stream} {sequence}  {subject}  key {key}"))?;
    }
    output::line(match (lost.is_empty(), args.give_up) {
        (true, _) => "the register knows every key that anything was sealed with".to_owned(),
        (false, true) => format!("{} keys of {} messages are given up", keys.len(), lost.len()),
        (false, false) => format!(
            "{} messages cannot be opened, since the register lost {} keys: bring its newest copy back, or give them up \
             with --give-up",
            lost.len(),
            keys.len()
        ),
    })
}
