//! `tributary parked` and `unpark`: entities that a read model could not take in.

use crate::output::{self, Form, Progress, text};
use crate::run::with_suite;
use crate::suite::Suite;
use runtime::Common;
use serde_json::{Value, json};
use std::collections::BTreeSet;
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
        let parked = suite.get_all("/admin/parked", "parked").await?;
        if form.json {
            output::json(&json!({ "parked": parked }))?;
            return Ok(ExitCode::SUCCESS);
        }
        if parked.is_empty() {
            output::line("nothing is parked")?;
        }
        for entity in &parked {
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
        let parked = suite.get_all("/admin/parked", "parked").await?;
        let is_meant = |parked: &&Value| {
            text(parked, "entity") == args.entity
                && args.model.as_deref().is_none_or(|model| model == text(parked, "model"))
        };
        let models: BTreeSet<&str> =
            parked.iter().filter(is_meant).map(|parked| text(parked, "model")).collect();
        if models.is_empty() {
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
        for model in &models {
            let asked = json!({ "entity": args.entity, "model": model });
            suite.with_model(model)?.follow("/admin/unpark", &asked, |line| progress.tell(line)).await?;
        }
        drop(progress);
        if args.form.json {
            output::json(&json!({ "entity": args.entity, "models": models }))?;
            return Ok(ExitCode::SUCCESS);
        }
        let models: Vec<&str> = models.into_iter().collect();
        output::line(format_args!("{} is read again in {}", args.entity, models.join(", ")))?;
        Ok(ExitCode::SUCCESS)
    })
    .await
}
