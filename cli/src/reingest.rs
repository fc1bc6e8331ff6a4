//! `tributary quarantine` and `reingest`: what came in and could not be understood.

use crate::output::{self, Form, Progress, list, text};
use crate::run::with_suite;
use crate::suite::Suite;
use runtime::Common;
use serde_json::{Value, json};
use spine::log::codec::rfc3339;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only of this tenant
    #[arg(long, env = "TRIBUTARY_TENANT", value_name = "TENANT")]
    tenant: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// Lists what is in quarantine.
///
/// # Errors
/// Why the suite cannot be asked.
pub(crate) async fn quarantine(common: Common, args: Args) -> anyhow::Result<ExitCode> {
    let path = match &args.tenant {
        None => "/admin/quarantine".to_owned(),
        Some(tenant) => {
            spine::address::check_tenant(tenant)?;
            format!("/admin/quarantine?tenant={tenant}")
        }
    };
    with_suite(common, async |suite: Suite| {
        let answer = suite.get(&path).await?;
        if args.form.json {
            output::json(&answer)?;
            return Ok(ExitCode::SUCCESS);
        }
        let held = list(&answer, "quarantine");
        if held.is_empty() {
            output::line("nothing is in quarantine")?;
        }
        for item in held {
            let at = item.get("received_at_us").and_then(Value::as_i64).map_or_else(String::new, rfc3339);
            output::line(format_args!(
                "{}  {at}  account {}  request {} item {}: {}",
                text(item, "tenant"),
                text(item, "account"),
                text(item, "place"),
                item.get("number").unwrap_or(&Value::Null),
                text(item, "error")
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

/// Takes what is in quarantine again, in order; exit code 1 when something stays.
///
/// # Errors
/// Why it cannot be tried.
pub(crate) async fn run(common: Common, args: Args) -> anyhow::Result<ExitCode> {
    with_suite(common, async |suite: Suite| {
        let mut progress = Progress::of("reingest");
        let asked = json!({ "tenant": args.tenant });
        let answer = suite.follow("/admin/reingest", &asked, |line| progress.tell(line)).await?;
        drop(progress);
        let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
        match args.form.json {
            true => output::json(&answer)?,
            false => output::line(format_args!("{} taken, {} stay", count("taken"), count("stay")))?,
        }
        Ok(if count("stay") == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
    .await
}
