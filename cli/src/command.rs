//! The commands and where each is carried out.

use crate::nats;
use crate::output::{self, Form};
use crate::run::{self, RunArgs};
use crate::suite::Suite;
use crate::{
    apply, backup, consumer, demo, doctor, erase, eval, keys, log, models, offered, probe, provision,
    reingest, replay, secrets, token, unpark,
};
use runtime::{Common, telemetry};
use std::process::ExitCode;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Run the suite: all roles in one process, or the ones that are named
    ///
    /// Without --nats a nats-server of its own is started and supervised; without --database-url everything is
    /// SQLite in the data folder. Examples:
    ///   tributary run --demo
    ///   tributary run --without routing
    ///   tributary run routing --nats nats://nats:4222 --database-url postgres://…
    #[command(verbatim_doc_comment)]
    Run(RunArgs),
    /// Run and supervise only the nats-server of the data folder, for roles in processes of their own
    ///
    /// The roles find its address in nats/url and their keys in nats/credentials. Example:
    ///   tributary nats --data /var/lib/tributary
    #[command(verbatim_doc_comment, args = offered::all_but_the_folder())]
    Nats,
    /// Make the streams and the tables of all roles, before any of them starts; again changes nothing
    ///
    /// Needs the operator's key where NATS asks for one. --check makes nothing and waits until everything is there;
    /// exit code 1 with what is missing when the time is over. Examples:
    ///   tributary provision --nats nats://nats:4222 --database-url postgres://…
    ///   tributary provision --check --timeout 300
    #[command(verbatim_doc_comment)]
    Provision(provision::Args),
    /// Copy log, keys and state into a folder, beside the running suite
    ///
    /// The folder must be empty or not exist; an interrupted backup in it is begun anew. Needs the operator's key
    /// where NATS asks for one. The master key is not in it, and read models are not: a restore fills them from the
    /// log. Example:
    ///   tributary backup /backups/2026-11-26
    #[command(verbatim_doc_comment)]
    Backup(backup::BackupArgs),
    /// Restore a backup onto an installation that holds nothing yet
    ///
    /// Compares every checksum and proves the master key first. Streams keep their sequences and times; keys and
    /// state may go into another kind of database than they came from. Examples:
    ///   tributary restore /backups/2026-11-26 --data /var/lib/tributary
    ///   tributary restore /backups/2026-11-26 --only-database --database-url postgres://…
    #[command(verbatim_doc_comment)]
    Restore(backup::RestoreArgs),
    /// Print new secrets for an installation on Kubernetes; they are written nowhere
    ///
    /// Example:
    ///   tributary secrets new --profile medium --namespace chat > secrets.yaml
    #[command(subcommand, verbatim_doc_comment, args = offered::all())]
    Secrets(secrets::Command),
    /// Play dialogues through three simulated channels and compare both sides
    ///
    /// Against the suite that runs on the data folder with `run --demo`. The simulators keep a ledger of their own;
    /// at the end it is compared with the log, the lead feed, the texts and the figures. Exit code 1 at a
    /// difference. Where dialogues say what they expect, it is a difference too when the AI answers fewer than 60 in
    /// 100 of the questions, or hands over more than 25 in 100 of the turns that it should keep. Examples:
    ///   tributary demo
    ///   tributary demo --rate 200 --json
    ///   tributary demo --dialogues my-dialogues.jsonl
    ///   tributary demo --suite-http http://ingest:8080 --suite-api http://console:8081 \
    ///     --suite-admin http://console:9090 --own-address 10.0.0.7 --nats nats://nats:4222 \
    ///     --nats-credentials /etc/tributary/nats
    #[command(verbatim_doc_comment, args = offered::all_but_suite_and_streams())]
    Demo(demo::DemoArgs),
    /// Apply documents: tenants, channel accounts, agents, knowledge; all or none, again changes nothing
    ///
    /// Prints what it does: + created, ~ changed, - removed, = as it was. Exit code 1 when a document is wrong,
    /// and then nothing is applied. Examples:
    ///   tributary apply -f tenant.yaml -f knowledge.yaml
    ///   tributary apply -f tenant.yaml --dry-run
    ///   cat accounts.yaml | tributary apply --tenant shop -f -
    #[command(verbatim_doc_comment, args = offered::all_but_the_suite())]
    Apply(apply::Args),
    /// Make, list and revoke the tokens of the API
    ///
    /// Example:
    ///   tributary token create --role supervisor --name lihua --days 90
    #[command(subcommand, verbatim_doc_comment, args = offered::all_but_the_suite())]
    Token(token::Command),
    /// Make, list and remove systems that read a part of the lead feed over NATS
    ///
    /// Example:
    ///   tributary consumer add crm --types lead.created,lead.updated --tenant shop
    #[command(subcommand, verbatim_doc_comment, args = offered::all_but_streams())]
    Consumer(consumer::Command),
    /// List the read models: which slot is live and up to which positions each has read
    ///
    /// Example:
    ///   tributary models --json
    #[command(verbatim_doc_comment)]
    Models(Form),
    /// Fill a read model anew from the log, beside the live one, and switch to it
    ///
    /// Queries and work go on with the old slot meanwhile; `switch-back` returns to it. Examples:
    ///   tributary rebuild routing
    ///   tributary rebuild --all
    #[command(verbatim_doc_comment, override_usage = "tributary rebuild [OPTIONS] <MODEL|--all>")]
    Rebuild(models::Which),
    /// Compare a read model with what the log says, row for row
    ///
    /// Exit code 0 when they are equal, 1 when a cell differs: its table, key and column are named. Changes
    /// nothing. Examples:
    ///   tributary verify console
    ///   tributary verify --all --json
    #[command(verbatim_doc_comment, override_usage = "tributary verify [OPTIONS] <MODEL|--all>")]
    Verify(models::Which),
    /// Go back to the slot of a read model that was live before the last rebuild
    ///
    /// Example:
    ///   tributary switch-back routing
    #[command(verbatim_doc_comment)]
    SwitchBack(models::One),
    /// List entities that a read model could not take in
    ///
    /// Example:
    ///   tributary parked --json
    #[command(verbatim_doc_comment)]
    Parked(Form),
    /// Read a parked entity again, after what kept it from being read was mended
    ///
    /// Exit code 1 when it still cannot be taken in. Example:
    ///   tributary unpark log.1.3.demo.thread.6f1c… --model routing
    #[command(verbatim_doc_comment)]
    Unpark(unpark::Args),
    /// List what came in from outside and could not be understood, or throw some of it away
    ///
    /// Example:
    ///   tributary quarantine --tenant shop
    #[command(verbatim_doc_comment)]
    Quarantine(reingest::Quarantine),
    /// Take what is in quarantine again, in order, after what kept it from being understood was mended
    ///
    /// Exit code 1 when something stays. Example:
    ///   tributary reingest --tenant shop
    #[command(verbatim_doc_comment)]
    Reingest(reingest::Reingest),
    /// Show a conversation, customer, lead or span of the log as it stood at a moment
    ///
    /// Sealed values are masked unless --as and --reason open them, which is recorded first. A moment is a position
    /// such as 1.3:4711 or a time, which must name its zone. Exit code 1 when there is nothing of the kind. Example:
    ///   tributary replay conversation 44c08611-17fd-41a8-9777-b2e72d8b0393 2
    #[command(subcommand, verbatim_doc_comment)]
    Replay(replay::Command),
    /// Erase a person: their keys, rows, raw requests and feed messages, in every thread and lead
    ///
    /// Asks on a terminal; elsewhere it needs --yes. Exit code 1 while a legal hold keeps it from being done; it then
    /// goes on by itself when the hold ends. Examples:
    ///   tributary erase --tenant shop --customer 0190b3c2-… --reason ticket-4711
    ///   tributary erase --show 7d1e5f2a-… --json
    #[command(verbatim_doc_comment)]
    Erase(erase::Args),
    /// Replace a tenant's key, or list when that was done
    ///
    /// Example:
    ///   tributary keys rotate --tenant shop
    #[command(subcommand, verbatim_doc_comment)]
    Keys(keys::Command),
    /// Change what the running suite logs, without a restart
    ///
    /// Holds for every process on the data folder, until it is changed again or the process ends. Example:
    ///   tributary log info,channel_ingest=debug
    #[command(verbatim_doc_comment, args = offered::all_but_the_suite())]
    Log(log::Filter),
    /// Wait until addresses answer, where there is neither a shell nor another client
    ///
    /// Exit code 1 when one does not in time. Example:
    ///   tributary probe --timeout 30 http://console:9090/readyz
    #[command(verbatim_doc_comment, args = offered::all())]
    Probe(probe::Args),
    /// Look at everything that an installation needs, with a remedy for each finding
    ///
    /// Works with and without a running suite, and changes nothing. Exit code 1 when something fails. Example:
    ///   tributary doctor --data /var/lib/tributary
    #[command(verbatim_doc_comment, args = offered::logs())]
    Doctor(doctor::Args),
    /// Measure answers and contact extraction on your own files; needs no suite
    ///
    /// Example:
    ///   tributary eval faq --kb knowledge.yaml --queries questions.jsonl
    #[command(subcommand, verbatim_doc_comment, args = offered::all())]
    Eval(eval::Command),
}

impl Command {
    /// Whether it serves others until it is stopped.
    pub(crate) fn serves(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Nats)
    }
}

async fn demo_connection(common: &Common, args: &demo::DemoArgs) -> anyhow::Result<demo::Connection> {
    let access = |role| run::access(common, args.nats_credentials.as_deref(), role);
    let given = common.service_credential.as_ref();
    if args.elsewhere.suite_http.is_some() && common.nats.is_none() {
        anyhow::bail!("a suite on other machines has its NATS there: name it with --nats (NATS_URL)");
    }
    if args.elsewhere.suite_http.is_none() {
        // What a suite that has ended left in the folder is no suite to play on.
        Suite::of(common).await?;
    }
    let (auditor, consumer) = (access(nats::Role::Auditor)?, access(nats::Role::Consumer)?);
    match demo::Connection::elsewhere(&args.elsewhere, &common.data, given, (&auditor, &consumer))? {
        Some(connection) => Ok(connection),
        None => demo::Connection::of(&common.data, given, auditor, consumer),
    }
}

/// Carries the command out.
///
/// # Errors
/// Whatever kept it from being done, with its causes.
pub(crate) async fn run(common: Common, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => {
            let guard = telemetry::init(&args.name(), &common.telemetry)?;
            let ended = run::run(common, args).await;
            // Flushing waits for the network, so it is kept off the threads that serve.
            tokio::task::spawn_blocking(move || drop(guard)).await?;
            ended.map(|()| ExitCode::SUCCESS)
        }
        Command::Demo(args) => {
            let connection = demo_connection(&common, &args).await?;
            let outcome = demo::run(args, &connection).await?;
            output::line(outcome.text())?;
            Ok(ExitCode::from(outcome.exit_code()))
        }
        Command::Nats => {
            let _guard = telemetry::init("tributary", &common.telemetry)?;
            run::nats_only(common).await.map(|()| ExitCode::SUCCESS)
        }
        other => match operate(common, other).await {
            Err(error) if output::reader_left(&error) => Ok(ExitCode::SUCCESS),
            done => done,
        },
    }
}

/// The commands that work on a suite and end.
async fn operate(common: Common, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(_) | Command::Nats | Command::Demo(_) => Ok(ExitCode::SUCCESS),
        Command::Provision(args) => provision::run(common, args).await,
        Command::Backup(args) => backup::run(common, args).await,
        Command::Restore(args) => backup::restore(common, args).await,
        Command::Apply(args) => apply::run(common, args).await,
        Command::Token(command) => token::run(common, command).await,
        Command::Consumer(command) => consumer::run(common, command).await,
        Command::Models(form) => models::models(common, form).await,
        Command::Rebuild(which) => models::rebuild(common, which).await,
        Command::Verify(which) => models::verify(common, which).await,
        Command::SwitchBack(one) => models::switch_back(common, one).await,
        Command::Parked(form) => unpark::parked(common, form).await,
        Command::Unpark(args) => unpark::run(common, args).await,
        Command::Quarantine(args) => reingest::quarantine(common, args).await,
        Command::Reingest(args) => reingest::run(common, args).await,
        Command::Replay(command) => replay::run(common, command).await,
        Command::Erase(args) => erase::run(common, args).await,
        Command::Keys(command) => keys::run(common, command).await,
        Command::Log(filter) => log::run(common, filter).await,
        Command::Probe(args) => probe::run(args).await,
        Command::Doctor(args) => doctor::run(common, args).await,
        Command::Secrets(command) => secrets::run(&command),
        Command::Eval(command) => eval::run(command).await,
    }
}
