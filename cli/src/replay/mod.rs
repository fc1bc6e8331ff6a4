//! `tributary replay`: a conversation, a customer, a lead or a span of the log as it stood at a moment.

mod ask;
mod place;
mod play;
mod range;
mod show;
mod state;
mod told;

pub(crate) use ask::{Ask, Moment};
pub(crate) use play::{ConsoleAccess, Stage, play};

use crate::output::{self, Form};
use crate::run::with_stage;
use crate::suite::Suite;
use anyhow::bail;
use ask::{Opening, What};
use jiff::tz::TimeZone;
use runtime::Common;
use serde_json::Value;
use std::process::ExitCode;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Events shown where nothing else is said and nothing is followed.
const LIMIT: u64 = 10_000;
/// What is in the log, by kind of entity.
const KINDS: [&str; 8] = ["access", "account", "agent", "customer", "knowledge", "lead", "tenant", "thread"];
/// Lines that wait to be written.
const LINES_WAITING_MAX: usize = 64;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// A thread, or one conversation of it
    ///
    /// Examples:
    ///   tributary replay conversation 0190b3c2-…
    ///   tributary replay conversation 0190b3c2-… 2 --as-of 2026-11-26T10:32:07+08:00
    ///   tributary replay conversation 0190b3c2-… --as supervisor --reason complaint-12
    #[command(verbatim_doc_comment)]
    Conversation {
        /// The id of the thread
        #[arg(index = 1, value_parser = ask::id)]
        thread: Uuid,
        /// The number of one conversation in it
        #[arg(index = 2)]
        n: Option<u32>,
        #[command(flatten)]
        how: How,
    },
    /// A customer
    ///
    /// Example:
    ///   tributary replay customer 300010cb-0847-5c1c-923b-a6d8c6e2d4cd
    #[command(verbatim_doc_comment)]
    Customer {
        /// The id of the customer
        #[arg(value_parser = ask::id)]
        id: Uuid,
        #[command(flatten)]
        how: How,
    },
    /// A lead
    ///
    /// Example:
    ///   tributary replay lead 44c08611-17fd-41a8-9777-b2e72d8b0393-1
    #[command(verbatim_doc_comment)]
    Lead {
        /// The id of the lead: its thread's, a dash, a number
        #[arg(value_parser = ask::lead_id)]
        id: String,
        #[command(flatten)]
        how: How,
    },
    /// Everything between two moments: of one part by positions, of all parts by times
    ///
    /// Examples:
    ///   tributary replay range 1.3:4000 1.3:4711
    ///   tributary replay range 2026-11-26T10:00:00+08:00 2026-11-26T10:05:00+08:00 --tenant shop --json
    ///   tributary replay range 1.3:4711 --follow
    ///   tributary replay range 2026-11-01T00:00:00+08:00 --kind access --limit 1000000
    #[command(verbatim_doc_comment)]
    Range {
        /// The first position, or a time with its zone
        #[arg(index = 1)]
        from: Moment,
        /// The last one; without it the range goes on to now
        #[arg(index = 2)]
        until: Option<Moment>,
        /// The events of this kind of entity alone
        #[arg(long, value_name = "KIND", value_parser = KINDS)]
        kind: Option<String>,
        #[command(flatten)]
        how: How,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct How {
    /// As it stood after this position, or after the last message stored at or before this time with its zone
    #[arg(long, value_name = "MOMENT")]
    as_of: Option<Moment>,
    /// Go on with what is appended from now on, until Ctrl-C or --limit
    #[arg(long, conflicts_with = "as_of")]
    follow: bool,
    /// The tenant, where several are possible
    #[arg(long, env = "TRIBUTARY_TENANT", value_name = "TENANT")]
    tenant: Option<String>,
    /// Open sealed values as this role; that you looked is recorded first
    #[arg(long = "as", value_name = "ROLE", value_parser = ["admin", "supervisor"], requires = "reason")]
    role: Option<String>,
    /// Why they are opened, for the record; nothing of the person
    #[arg(long, value_name = "TEXT", requires = "role")]
    reason: Option<String>,
    /// Events shown at most; without it 10000, or with --follow all
    #[arg(long, value_name = "EVENTS")]
    limit: Option<u64>,
    #[command(flatten)]
    form: Form,
}

impl Command {
    /// What is wrong beyond what the parser sees.
    pub(crate) fn problems(&self) -> Vec<String> {
        match self {
            Self::Range { from, until: Some(until), .. } => {
                ask::disorder(*from, *until).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Replays until the end, or with `--follow` until Ctrl-C.
///
/// # Errors
/// What is wrong with what is asked, or why it cannot be answered.
pub(crate) async fn run(common: Common, command: Command) -> anyhow::Result<ExitCode> {
    let (what, kind, how) = match command {
        Command::Conversation { thread, n, how } => (What::Conversation { thread, n }, None, how),
        Command::Customer { id, how } => (What::Customer { id }, None, how),
        Command::Lead { id, how } => (What::Lead { id }, None, how),
        Command::Range { from, until, kind, how } => (What::Range { from, until }, kind, how),
    };
    let opening = how.role.zip(how.reason).map(|(role, reason)| Opening { role, reason });
    let ask = Ask {
        what,
        tenant: how.tenant,
        as_of: how.as_of,
        follow: how.follow,
        limit: how.limit.unwrap_or(if how.follow { u64::MAX } else { LIMIT }),
        kind,
        opening,
    };
    match Suite::running(&common).await? {
        Some(suite) => {
            let mut printer = Printer::new(how.form);
            let told = suite.lines("/admin/replay", &ask, |line| printer.print(&line));
            until_ctrl_c(told).await?;
        }
        None if ask.follow && common.nats.is_none() => {
            bail!("no suite runs on {}, so nothing can follow: leave --follow out", common.data.display())
        }
        None => with_stage(common, async |stage: Stage| alone(&stage, &ask, how.form).await).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn alone(stage: &Stage, ask: &Ask, form: Form) -> anyhow::Result<()> {
    let (sender, mut lines) = mpsc::channel(LINES_WAITING_MAX);
    let playing = async move { play(stage, ask, &sender).await };
    let printing = async move {
        let mut printer = Printer::new(form);
        while let Some(line) = lines.recv().await {
            printer.print(&line)?;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(playing, printing).map(|_| ())
}

/// Ctrl-C is how following ends, so it is no failure.
async fn until_ctrl_c(told: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::select! {
        ended = told => ended,
        stopped = tokio::signal::ctrl_c() => Ok(stopped?),
    }
}

struct Printer {
    form: Form,
    zone: TimeZone,
}

impl Printer {
    fn new(form: Form) -> Self {
        Self { form, zone: TimeZone::system() }
    }

    /// JSON is one value a line, so that a long replay can be read as it comes.
    fn print(&mut self, line: &Value) -> anyhow::Result<()> {
        let more = line.get("more").and_then(Value::as_str);
        if let Some(position) = more {
            eprintln!("more follows from {position} on: raise --limit to see it");
        }
        if self.form.json {
            return output::line(line);
        }
        if let Some(state) = line.get("state") {
            for line in show::state(state) {
                output::line(line)?;
            }
            return Ok(());
        }
        if more.is_some() {
            return Ok(());
        }
        output::line(show::event(line, &self.zone))
    }
}
