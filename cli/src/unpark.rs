//! `tributary parked` and `unpark`: entities that a read model could not take in.

use crate::output::{self, Form, Progress, list, text};
use crate::run::with_suite;
use crate::suite::Suite;
use runtime::Common;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The entity, as `tributary parked` shows it
    #[arg(value_name = "ENTITY")]
    entity: String,
    /// Only in this model
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// Lists what is parked.
///
/// # Errors
/// Why the suite cannot be asked.
pub(crate) async fn parked(common: Common, form: Form) -> anyhow::Result<ExitCode> {
    with_suite(common, async |suite: Suite| {
        let answer = suite.get("/admin/parked").await?;
        if form.json {
            output::json(&answer)?;
            return Ok(ExitCode::SUCCESS);
        }
        let parked = list(&answer, "parked");
        if parked.is_empty() {
            output::line("nothing is parked")?;
        }
        for entity in parked {
            output::line(format_args!(
                "{}  in {} since {}: {}",
                text(entity, "entity"),
                text(entity, "model"),
                text(entity, "position"),
                text(entity, "error")
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

/// Reads a parked entity again from the log; nothing is done when it is not parked.
///
/// # Errors
/// When a model still cannot take it in.
pub(crate) async fn run(common: Common, args: Args) -> anyhow::Result<ExitCode> {
    with_suite(common, async |suite: Suite| {
        let parked = suite.get("/admin/parked").await?;
        let is_meant = |parked: &&Value| {
            text(parked, "entity") == args.entity
                && args.model.as_deref().is_none_or(|model| model == text(parked, "model"))
        };
        if list(&parked, "parked").iter().find(is_meant).is_none() {
            match args.form.json {
                true => output::json(&json!({ "entity": args.entity, "models": [] }))?,
                false => output::line(format_args!(
                    "{} is not parked; `tributary parked` lists what is",
                    args.entity
                ))?,
            }
            return Ok(ExitCode::SUCCESS);
        }
        let mut progress = Progress::of(format!("unpark {}", args.entity));
        let asked = json!({ "entity": args.entity, "model": args.model });
        let answer = suite.follow("/admin/unpark", &asked, |line| progress.tell(line)).await?;
        drop(progress);
        if args.form.json {
            output::json(&answer)?;
            return Ok(ExitCode::SUCCESS);
        }
        let models: Vec<&str> = list(&answer, "models").iter().filter_map(Value::as_str).collect();
        output::line(format_args!("{} is read again in {}", args.entity, models.join(", ")))?;
        Ok(ExitCode::SUCCESS)
    })
    .await
}
