//! `tributary demo`: dialogues played through three channels against the running suite, and the comparison of what
//! happened outside with what the suite holds.
//!
//! The outside keeps a ledger of its own. At the end the log and the lead feed are read afresh by a plain NATS
//! client, texts and figures are asked for through REST, and both sides must agree.

mod audit;
mod book;
mod cast;
mod compare;
mod connection;
mod copy;
mod pace;
mod play;
mod report;
mod rest;
mod script;
mod secrets;
mod stage;
mod streams;
mod tenant;
mod turn;

pub(crate) use connection::Connection;
pub(crate) use report::Report;
pub(crate) use tenant::{Documents, TENANT};

use anyhow::Context;
use audit::Audit;
use cast::{Casting, Player, cast};
use compare::{Check, Difference, Evidence, Waiting, compare};
use report::Observed;
use rest::{Api, Rest};
use simulators::Clock;
use stage::{Outside, Stage};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use streams::Notice;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Sends of one account that the suite has on their way at once, at most.
const SENDS_IN_FLIGHT_MAX: usize = 64;
/// Both sides are looked at again at this interval while they differ.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A wait that takes longer says so.
const PATIENCE: Duration = Duration::from_secs(2);

/// The options of `tributary demo`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Dialogues to play, JSON lines of the load format; without it the demo shop's own. What they expect of the AI is
    /// held to the same bars as with those
    #[arg(long, value_name = "FILE")]
    pub(crate) dialogues: Option<PathBuf>,
    /// Messages of customers per second, at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rate: u32,
    /// Tell the outcome as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The same seed plays the same cast, doubles and disorder
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Of all visitors of the widget, the share that opens it and never writes
    #[arg(long, value_name = "SHARE", default_value_t = 0.3, value_parser = share)]
    pub(crate) visitors_silent: f64,
    /// Seconds within which both sides must agree once the last message is written
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) timeout: u64,
    /// How often the suite is killed and started again while this runs: each time as many sends as an account has
    /// on their way may stay unknown where a channel has no proof
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) kills: usize,
    /// The copy that the example consumer of the lead feed keeps (`leads.jsonl` in its folder), to be compared too
    #[arg(long, value_name = "FILE")]
    pub(crate) consumer_output: Option<PathBuf>,
    /// With --nats: the folder of the roles' nkey seeds, one file a role
    #[arg(long, env = "TRIBUTARY_NATS_CREDENTIALS", value_name = "FOLDER")]
    pub(crate) nats_credentials: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) elsewhere: Elsewhere,
}

/// A suite that runs on other machines; then --nats, --nats-credentials and --service-credential are needed too.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Elsewhere {
    /// Webhooks and sockets of a suite on other machines, in place of the one on the data folder
    #[arg(long, value_name = "URL", requires_all = ["suite_api", "suite_admin", "own_address"])]
    pub(crate) suite_http: Option<String>,
    /// Its API
    #[arg(long, value_name = "URL", requires = "suite_http")]
    pub(crate) suite_api: Option<String>,
    /// Its operator's routes, which are console's
    #[arg(long, value_name = "URL", requires = "suite_http")]
    pub(crate) suite_admin: Option<String>,
    /// The address of this machine at which the suite reaches the simulated platforms; 127.0.0.1 for a suite on it
    #[arg(long, value_name = "IP")]
    pub(crate) own_address: Option<IpAddr>,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..0.95).contains(&share) => Ok(share),
        _ => Err("a share is a number from 0 to below 0.95".into()),
    }
}

/// How the demo ended.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) report: Report,
    json: bool,
}

impl Outcome {
    /// The report, for people or as JSON, as the options say.
    pub(crate) fn text(&self) -> String {
        if self.json {
            serde_json::to_string_pretty(&self.report).unwrap_or_default()
        } else {
            self.report.to_string()
        }
    }

    /// 0 when both sides agree, else 1.
    pub(crate) fn exit_code(&self) -> u8 {
        u8::from(!self.report.differences.is_empty())
    }
}

/// Plays the dialogues and compares.
///
/// # Errors
/// When the play cannot begin, or one side cannot be read; differences are an outcome, not an error.
pub(crate) async fn run(args: DemoArgs, connection: &Connection) -> anyhow::Result<Outcome> {
    let shutdown = CancellationToken::new();
    // Whatever ends the run ends the simulators too.
    let _ends = shutdown.clone().drop_guard();
    let clock = Clock::world();
    let players = players(&args, &clock)?;
    let _turn = turn::take(&connection.data)?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let stage = Stage::set(
        connection,
        &http,
        &Outside {
            clock,
            host: args.elsewhere.own_address.unwrap_or(Ipv4Addr::LOCALHOST.into()),
            per_second: args.rate,
        },
        &shutdown,
    )
    .await?;
    stage.plan_faults(&players);
    let token = stage::Token::make(connection, &http, stage.clock.now()).await?;
    let api = Api::new(http.clone(), &connection.api_url, token.text.clone());
    let report = played(&args, connection, (Arc::new(stage), &players), &api).await;
    if let Err(error) = token.revoke(connection, &http).await {
        eprintln!("warning: {error:#}; it ends by itself within a day");
    }
    Ok(Outcome { report: report?, json: args.json })
}

/// Plays to the end of all turns and compares the sides.
async fn played(
    args: &DemoArgs,
    connection: &Connection,
    (stage, players): (Arc<Stage>, &[Player]),
    api: &Api,
) -> anyhow::Result<Report> {
    let mut audit = Audit::open(connection, tenant::TENANT).await?;
    let clock = stage.clock.clone();
    let began = clock.now();
    let from = written(began)?;
    let played = play::play(&stage, players).await;
    let played_ms = u64::try_from((clock.now() - began) / 1000).unwrap_or_default();
    let mut sides = Sides {
        stage: &stage,
        players,
        visitors: played.visitors,
        rest: Rest::default(),
        unknown_spare: args.kills * SENDS_IN_FLIGHT_MAX,
    };
    let deadline = Instant::now() + Duration::from_secs(args.timeout);
    let consumer = args.consumer_output.as_deref();
    let differences = sides.agree(&mut audit, (api, &from), consumer, deadline).await?;
    let observed =
        Observed { first_replies: first_replies(&stage, players), played_ms, unanswered: played.unanswered };
    let (book, streams) = (play::book(&stage, players), audit.known());
    let evidence = sides.evidence(&book, streams, None);
    Ok(Report::of(&evidence, observed, differences))
}

fn players(args: &DemoArgs, clock: &Clock) -> anyhow::Result<Vec<Player>> {
    let dialogues = match &args.dialogues {
        None => script::read(script::RETAIL)?,
        Some(path) => {
            let shown = path.display();
            let text = std::fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
            script::read(&text).with_context(|| format!("{shown} is not of the load format"))?
        }
    };
    let run = u64::try_from(clock.now()).unwrap_or_default();
    Ok(cast(dialogues, Casting { seed: args.seed, silent: args.visitors_silent, run }))
}

/// How long those waited for the first reply for whom nothing went wrong on purpose.
fn first_replies(stage: &Stage, players: &[Player]) -> Vec<Option<simulators::Micros>> {
    let mut replies: HashMap<String, _> =
        stage.ledger.first_replies().into_iter().map(|((_, _, user), reply)| (user, reply)).collect();
    let undisturbed = players.iter().filter(|player| player.fault.is_none());
    undisturbed.filter_map(|player| replies.remove(&player.name)).collect()
}

/// The two sides while they come together.
struct Sides<'s> {
    stage: &'s Stage,
    players: &'s [Player],
    visitors: Vec<simulators::widget::Visitor>,
    rest: Rest,
    unknown_spare: usize,
}

impl Sides<'_> {
    /// Looks at both sides until they agree, or the deadline passes: then what still differs.
    async fn agree(
        &mut self,
        audit: &mut Audit,
        (api, from): (&Api, &str),
        consumer: Option<&std::path::Path>,
        deadline: Instant,
    ) -> anyhow::Result<Vec<Difference>> {
        let mut told = Told { at: Instant::now(), words: String::new() };
        loop {
            play::look(&mut self.visitors).await;
            let streams = audit.streams().await?;
            let book = play::book(self.stage, self.players);
            let over = Instant::now() >= deadline;
            let waiting = Waiting::of(&book, streams);
            if over || waiting.is_over() {
                let threads: Vec<String> = streams.threads.keys().cloned().collect();
                let to = written(self.stage.clock.now() + 1_000_000)?;
                self.rest = api.tell(&threads, (from, &to)).await?;
                let notices = consumer.map(copy::read).transpose()?;
                let differences = compare(&self.evidence(&book, streams, notices.as_deref()));
                // What the AI decided stays decided; everything else may still be on its way into a table.
                if over || differences.iter().all(|difference| difference.check == Check::Answers) {
                    return Ok(differences);
                }
                let more = match differences.len() {
                    1 => String::new(),
                    count => format!(", and {} more differences", count - 1),
                };
                told.say(format!("waiting, since the sides differ: {}{more}", differences[0].what));
            } else {
                told.say(format!("waiting for {waiting}"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn evidence<'e>(
        &'e self,
        book: &'e book::Book,
        streams: &'e streams::Streams,
        consumer: Option<&'e [Notice]>,
    ) -> Evidence<'e> {
        Evidence {
            book,
            streams,
            rest: &self.rest,
            consumer,
            accounts: &self.stage.accounts,
            unknown_spare: self.unknown_spare,
        }
    }
}

/// What was said last, and when.
struct Told {
    at: Instant,
    words: String,
}

impl Told {
    /// Says it, unless that was said last or something was said a moment ago.
    fn say(&mut self, words: String) {
        if self.at.elapsed() >= PATIENCE && self.words != words {
            eprintln!("{words}");
            *self = Self { at: Instant::now(), words };
        }
    }
}

/// RFC 3339.
fn written(at: simulators::Micros) -> anyhow::Result<String> {
    Ok(jiff::Timestamp::from_microsecond(at)?.to_string())
}
