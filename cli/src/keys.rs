//! `tributary keys`: the keys of a tenant, replaced on request; keys that were lost.

mod lost;

use crate::output::{self, Form, Progress, list, text};
use crate::run::with_suite;
use crate::suite::Suite;
use runtime::Common;
use serde_json::{Value, json};
use spine::log::codec::rfc3339;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Replace a tenant's key and wrap all its data keys anew; what was sealed before stays readable
    ///
    /// One transaction: either all keys are wrapped anew or none. No customer who is new can be taken in until it is
    /// done. Each run replaces the key once more. Exit code 1 when the tenant has no key. Example:
    ///   tributary keys rotate --tenant shop
    #[command(verbatim_doc_comment)]
    Rotate(Tenant),
    /// List when a tenant's key was replaced
    ///
    /// Example:
    ///   tributary keys rotations --tenant shop --json
    #[command(verbatim_doc_comment)]
    Rotations(Tenant),
    /// List what was sealed with keys that the register lost, as in a failover of its database
    ///
    /// Reads the whole log. Exit code 1 while anything is lost and not given up. On SQLite the suite must be stopped.
    /// Examples:
    ///   tributary keys lost --json
    ///   tributary keys lost --give-up
    #[command(verbatim_doc_comment)]
    Lost(lost::Args),
}

impl Command {
    /// What is wrong beyond what the parser sees.
    pub(crate) fn problems(&self) -> Vec<String> {
        match self {
            Self::Lost(args) => args.problems(),
            Self::Rotate(_) | Self::Rotations(_) => Vec::new(),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Tenant {
    /// The tenant
    #[arg(long, env = "TRIBUTARY_TENANT", value_name = "TENANT", value_parser = slug)]
    tenant: String,
    #[command(flatten)]
    form: Form,
}

fn slug(text: &str) -> Result<String, spine::Error> {
    spine::address::check_tenant(text).map(|()| text.to_owned())
}

/// Carries the command out.
///
/// # Errors
/// The suite's refusal, or why it cannot be asked.
pub(crate) async fn run(common: Common, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Lost(args) => return lost::run(common, args).await,
        Command::Rotate(args) => with_suite(common, async |suite: Suite| rotate(&suite, &args).await).await?,
        Command::Rotations(args) => {
            with_suite(common, async |suite: Suite| rotations(&suite, &args).await).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn rotate(suite: &Suite, args: &Tenant) -> anyhow::Result<()> {
    let mut progress = Progress::of("keys rotate");
    let asked = json!({ "tenant": args.tenant });
    let done = suite.follow("/admin/keys/rotate", &asked, |_| progress.say("")).await?;
    drop(progress);
    if args.form.json {
        return output::json(&done);
    }
    output::line(format_args!("{}: {}", args.tenant, told(&done)))?;
    output::line(match text(&done, "old_wrappings") {
        "overwritten" => "the old wrappings are gone from the register's files",
        "in_the_wal" => "the old wrappings are in the register's WAL until its next checkpoint",
        _ => "the old wrappings may be in Postgres's WAL and in its backups",
    })
}

async fn rotations(suite: &Suite, args: &Tenant) -> anyhow::Result<()> {
    let answer = suite.get(&format!("/admin/keys/rotations?tenant={}", args.tenant)).await?;
    if args.form.json {
        return output::json(&answer);
    }
    let rotations = list(&answer, "rotations");
    if rotations.is_empty() {
        output::line(format_args!("the key of {} was never replaced", args.tenant))?;
    }
    for rotation in rotations {
        output::line(told(rotation))?;
    }
    Ok(())
}

fn told(rotation: &Value) -> String {
    let number = |name: &str| rotation.get(name).and_then(Value::as_i64).unwrap_or_default();
    format!(
        "{}  key replaced (number {}), {} data keys wrapped anew",
        rfc3339(number("at_us")),
        number("number"),
        number("rewrapped")
    )
}
