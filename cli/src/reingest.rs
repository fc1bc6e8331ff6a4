//! `tributary quarantine` and `reingest`: what came in and could not be understood.

use crate::output::{self, Form, Progress, list, text};
use crate::run::with_suite;
use crate::suite::Suite;
use runtime::Common;
use serde_json::{Value, json};
use spine::log::codec::rfc3339;
use std::process::ExitCode;
use uuid::Uuid;

/// The read model of the role that has the quarantine.
const INGEST: &str = "ingest";

#[derive(Debug, clap::Args)]
pub(crate) struct Quarantine {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    list: Args,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Throw an item away that nobody can take; what waits behind it can then be taken with `reingest`
    ///
    /// Who, when and why stay on record; what the item said does not. Example:
    ///   tributary quarantine discard 7d1e5f2a-… --reason ticket-4711
    #[command(verbatim_doc_comment)]
    Discard(Discard),
    /// List what was thrown away, by whom and why
    Discarded(Args),
}

#[derive(Debug, clap::Args)]
struct Discard {
    /// The item, as `tributary quarantine` names it
    #[arg(value_name = "ID")]
    id: Uuid,
    /// A reference for the record, such as a ticket's number; never anything of a person
    #[arg(long, value_name = "REFERENCE")]
    reason: String,
    /// Who does it, as a reference
    #[arg(long, value_name = "REFERENCE", default_value = "operator")]
    by: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only of this tenant
    #[arg(long, env = "TRIBUTARY_TENANT", value_name = "TENANT")]
    tenant: Option<String>,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Reingest {
    /// Only of this tenant
    #[arg(long, env = "TRIBUTARY_TENANT", value_name = "TENANT")]
    tenant: Option<String>,
    /// Also take messages of customers that are too old (more than eight days) to be told from a redelivery: one whose
    /// first copy was taken before stands in the conversation twice then
    #[arg(long)]
    late: bool,
    #[command(flatten)]
    form: Form,
}

/// Lists what is in quarantine or was thrown away, or throws an item away.
///
/// # Errors
/// Why the suite cannot be asked, or its refusal.
pub(crate) async fn quarantine(common: Common, asked: Quarantine) -> anyhow::Result<ExitCode> {
    match asked.act {
        None => list_of(common, &asked.list, "quarantine").await,
        Some(Act::Discarded(args)) => {
            let json = args.form.json || asked.list.form.json;
            let args = Args { tenant: args.tenant.or(asked.list.tenant), form: Form { json } };
            list_of(common, &args, "discarded").await
        }
        Some(Act::Discard(Discard { id, reason, by })) => {
            with_suite(common, async |suite: Suite| {
                let body = json!({ "id": id, "reason": reason, "by": by });
                suite.with_model(INGEST)?.post("/admin/quarantine/discard", &body).await?;
                output::line(format_args!(
                    "{id} is discarded; `tributary reingest` takes what waited behind it"
                ))?;
                Ok(ExitCode::SUCCESS)
            })
            .await
        }
    }
}

async fn list_of(common: Common, args: &Args, which: &'static str) -> anyhow::Result<ExitCode> {
    let path = if which == "quarantine" { "/admin/quarantine" } else { "/admin/quarantine/discarded" };
    let path = match &args.tenant {
        None => path.to_owned(),
        Some(tenant) => {
            spine::address::check_tenant(tenant)?;
            format!("{path}?tenant={tenant}")
        }
    };
    with_suite(common, async |suite: Suite| {
        let answer = suite.with_model(INGEST)?.get(&path).await?;
        if args.form.json {
            output::json(&answer)?;
            return Ok(ExitCode::SUCCESS);
        }
        let items = list(&answer, which);
        if items.is_empty() && which == "quarantine" {
            output::line("nothing is in quarantine")?;
        }
        for item in items {
            output::line(told(item))?;
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

fn told(item: &Value) -> String {
    let at = |name: &str| item.get(name).and_then(Value::as_i64).map_or_else(String::new, rfc3339);
    let number = item.get("number").unwrap_or(&Value::Null);
    let (tenant, account, place) = (text(item, "tenant"), text(item, "account"), text(item, "place"));
    let line = format!(
        "{}  {tenant}  {}  account {account}  request {place} item {number}: {}",
        text(item, "id"),
        at("received_at_us"),
        text(item, "error")
    );
    match text(item, "by") {
        "" => line,
        by => format!("{line}; discarded {} by {by}: {}", at("discarded_at_us"), text(item, "reason")),
    }
}

/// Takes what is in quarantine again, in order; exit code 1 when something stays.
///
/// # Errors
/// Why it cannot be tried.
pub(crate) async fn run(common: Common, args: Reingest) -> anyhow::Result<ExitCode> {
    with_suite(common, async |suite: Suite| {
        let mut progress = Progress::of("reingest");
        let asked = json!({ "tenant": args.tenant, "late": args.late });
        let answer =
            suite.with_model(INGEST)?.follow("/admin/reingest", &asked, |line| progress.tell(line)).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_that_was_thrown_away_says_by_whom_and_why() {
        let item = json!({ "id": "i", "tenant": "t", "account": "a", "place": "INBOUND_0:7", "number": 2,
            "received_at_us": 0, "error": "old" });
        let line = told(&item);
        assert_eq!(line, "i  t  1970-01-01T00:00:00Z  account a  request INBOUND_0:7 item 2: old");
        let mut item = item;
        item["by"] = json!("operator");
        item["reason"] = json!("ticket-7");
        item["discarded_at_us"] = json!(1_000_000);
        assert_eq!(told(&item), format!("{line}; discarded 1970-01-01T00:00:01Z by operator: ticket-7"));
    }
}
