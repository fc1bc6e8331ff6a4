//! `tributary erase`: a person is forgotten, and the certificate says what was done.

use crate::output::{self, Progress, list, text};
use crate::run::with_suite;
use crate::suite::{Suite, words};
use anyhow::{Context, bail};
use runtime::Common;
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;
use uuid::Uuid;

const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// The exit code of wrong arguments.
const USAGE: u8 = 2;

/// The read model of the role that erases.
const IDENTITY: &str = "identity";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tenant
    #[arg(long, env = "TRIBUTARY_TENANT", value_name = "TENANT", required_unless_present = "show")]
    tenant: Option<String>,
    #[command(flatten)]
    whom: Whom,
    /// A reference for the certificate, such as a ticket's number; never anything of the person
    #[arg(long, value_name = "REFERENCE", default_value = "", hide_default_value = true)]
    reason: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Only say what would be erased
    #[arg(long, conflicts_with = "show")]
    dry_run: bool,
    /// Answer in JSON, one line: the signature is over the certificate's bytes as they stand there
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Whom {
    /// The person, by the id of a customer
    #[arg(long, value_name = "ID")]
    customer: Option<Uuid>,
    /// The person, by the id of a thread
    #[arg(long, value_name = "ID")]
    thread: Option<Uuid>,
    /// Only show an earlier erasure: how far it is, or its certificate
    #[arg(long, value_name = "ERASURE")]
    show: Option<Uuid>,
}

/// Erases, or shows an erasure; exit code 1 while a legal hold or anything else keeps it from being done.
///
/// # Errors
/// The suite's refusal, or why it cannot be asked.
pub(crate) async fn run(common: Common, args: Args) -> anyhow::Result<ExitCode> {
    if let Some(id) = args.whom.show {
        return with_suite(common, async |suite: Suite| {
            let suite = suite.with_model(IDENTITY)?;
            let erasure = suite.get(&format!("/admin/erase/{id}")).await?;
            shown(&erasure, args.json)
        })
        .await;
    }
    let tenant = args.tenant.clone().unwrap_or_default();
    spine::address::check_tenant(&tenant)?;
    let whom = match (args.whom.customer, args.whom.thread) {
        (Some(customer), _) => format!("customer {customer}"),
        (_, Some(thread)) => format!("the person of thread {thread}"),
        (None, None) => bail!("name a customer or a thread"),
    };
    if args.dry_run {
        return with_suite(common, async |suite: Suite| {
            let suite = suite.with_model(IDENTITY)?;
            let asked =
                json!({ "tenant": tenant, "customer": args.whom.customer, "thread": args.whom.thread });
            // Not the route that erases: an older suite, which does not know this one, must do nothing.
            would_be(&suite.post("/admin/identity/reach", &asked).await?, &whom, args.json)
        })
        .await;
    }
    match confirmed(&args, &format!("{whom} of {tenant}"))? {
        Answer::Yes => {}
        Answer::No => {
            eprintln!("nothing was erased");
            return Ok(ExitCode::FAILURE);
        }
        Answer::NobodyToAsk => {
            eprintln!("error: an erasure cannot be undone, and there is no terminal to ask on: give --yes");
            return Ok(ExitCode::from(USAGE));
        }
    }
    with_suite(common, async |suite: Suite| {
        let suite = suite.with_model(IDENTITY)?;
        let asked = json!({
            "tenant": tenant, "customer": args.whom.customer, "thread": args.whom.thread, "reason": args.reason,
        });
        let begun = match suite.try_post("/admin/erase", &asked).await? {
            Ok(erasure) => erasure,
            // It was taken and waits, such as for the end of a legal hold.
            Err(erasure) if erasure.get("step").is_some() => return shown(&erasure, args.json),
            Err(problem) => bail!(words(&problem)),
        };
        let erasure = until_done(suite, begun).await?;
        shown(&erasure, args.json)
    })
    .await
}

enum Answer {
    Yes,
    No,
    NobodyToAsk,
}

fn confirmed(args: &Args, whom: &str) -> anyhow::Result<Answer> {
    if args.yes {
        return Ok(Answer::Yes);
    }
    if !std::io::stdin().is_terminal() {
        return Ok(Answer::NobodyToAsk);
    }
    eprint!("Erase everything of {whom}, in every thread, lead and table? It cannot be undone. Type yes: ");
    std::io::stderr().flush().ok();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("read the answer")?;
    Ok(if answer.trim() == "yes" { Answer::Yes } else { Answer::No })
}

/// Follows the erasure until it is done or waits for something.
async fn until_done(suite: &Suite, begun: Value) -> anyhow::Result<Value> {
    let mut progress = Progress::of("erase");
    let path = format!("/admin/erase/{}", text(&begun, "id"));
    let mut erasure = begun;
    while text(&erasure, "step") != "done" && text(&erasure, "waits").is_empty() {
        progress.say(&format!(": {}", text(&erasure, "step")));
        tokio::time::sleep(LOOK_AGAIN).await;
        erasure = suite.get(&path).await?;
    }
    Ok(erasure)
}

fn shown(erasure: &Value, json: bool) -> anyhow::Result<ExitCode> {
    let done = text(erasure, "step") == "done";
    let code = if done { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if json {
        output::line(erasure)?;
        return Ok(code);
    }
    let id = text(erasure, "id");
    if !done {
        let waits = match text(erasure, "waits") {
            "" => "it goes on",
            waits => waits,
        };
        output::line(format_args!("erasure {id} is not done (step {}): {waits}", text(erasure, "step")))?;
        output::line(format_args!(
            "it goes on by itself; `tributary erase --show {id}` shows how far it is"
        ))?;
        return Ok(code);
    }
    certificate(id, erasure)?;
    Ok(code)
}

/// What an erasure would reach.
fn would_be(erasure: &Value, whom: &str, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::line(erasure)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format_args!("nothing was done; an erasure of {whom} would erase"))?;
    for name in ["customers", "threads", "leads"] {
        let count = erasure.get(name).and_then(Value::as_u64).unwrap_or_default();
        output::line(format_args!("  {count:>5}  {name}"))?;
    }
    others(erasure)?;
    match text(erasure, "waits") {
        "" => {}
        waits => output::line(format_args!("  it would wait: {waits}"))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The threads that stay, for a person to decide on.
fn others(of: &Value) -> anyhow::Result<()> {
    let threads: Vec<&str> = list(of, "others").iter().filter_map(Value::as_str).collect();
    if threads.is_empty() {
        return Ok(());
    }
    output::line(format_args!(
        "  the same contact detail was written in other conversations ({}); their leads go, they stay: \
         erase them one by one if they are the same person",
        threads.len()
    ))?;
    for thread in threads {
        output::line(format_args!("    --thread {thread}"))?;
    }
    Ok(())
}

fn certificate(id: &str, erasure: &Value) -> anyhow::Result<()> {
    let nothing = Value::Null;
    let signed = erasure.get("signed").unwrap_or(&nothing);
    let certificate = signed.get("certificate").unwrap_or(&nothing);
    let at = certificate.get("at").and_then(Value::as_i64).unwrap_or_default();
    output::line(format_args!("erasure {id} is done, {}", spine::log::codec::rfc3339(at)))?;
    let count = |name: &str| match certificate.get(name) {
        Some(Value::Array(items)) => items.len(),
        Some(Value::Object(items)) => items.len(),
        _ => 0,
    };
    let rows = [
        ("customers", "customers"),
        ("threads", "threads"),
        ("leads", "leads"),
        ("keys", "keys destroyed"),
        ("erased", "erasures in the log"),
        ("inbound", "raw requests overwritten"),
        ("feed", "messages of the lead feed overwritten"),
        ("readers", "readers purged"),
        ("models", "old fillings of read models dropped"),
        ("files", "files cleaned"),
    ];
    for (name, words) in rows {
        output::line(format_args!("  {:>5}  {words}", count(name)))?;
    }
    others(certificate)?;
    for remains in list(certificate, "remains").iter().filter_map(Value::as_str) {
        output::line(format_args!("  what remains: {remains}"))?;
    }
    let key = signed.pointer("/signature/public_key").and_then(Value::as_str).unwrap_or("none");
    output::line(format_args!(
        "signed with the key {key}; `tributary erase --show {id} --json` gives the certificate"
    ))
}
