//! The binary `tributary`: runs the suite and speaks to it.

mod admin;
mod apply;
mod backup;
mod command;
mod consumer;
mod demo;
mod disk;
mod doctor;
mod erase;
mod eval;
mod keys;
mod log;
mod models;
mod nats;
mod offered;
mod output;
mod private;
mod probe;
mod provision;
mod reingest;
mod replay;
mod run;
mod secrets;
mod suite;
mod token;
mod unpark;

use clap::Parser;
use runtime::Common;
use std::process::ExitCode;

/// A seventh of the time under load went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tributary (汇流): many channels flow into one conversation log.
///
/// Exit codes: 0 done; 1 failed, or a comparison found a difference; 2 wrong arguments; 128 + n ended by signal n
/// before it was done.
#[derive(Parser)]
#[command(name = "tributary", version, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: command::Command,
}

impl Cli {
    fn problems(&self) -> Vec<String> {
        let mut problems = self.common.problems();
        match &self.command {
            command::Command::Run(args) => problems.extend(args.problems()),
            command::Command::Provision(args) => problems.extend(args.problems()),
            command::Command::Backup(args) => problems.extend(args.problems()),
            command::Command::Restore(args) => problems.extend(args.problems()),
            command::Command::Replay(command) => problems.extend(command.problems()),
            command::Command::Keys(command) => problems.extend(command.problems()),
            command::Command::Doctor(args) => problems.extend(args.problems()),
            _ => {}
        }
        problems
    }
}

fn main() -> ExitCode {
    private::begin();
    let cli: Cli = runtime::config::parse(Cli::problems);
    // One TLS stack for everything; a second installation would only say that it is there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let workers = match cli.command.serves() {
        // This thread and all that it starts give way to those in front.
        true => runtime::front::begin().map(|()| runtime::front::give_way()),
        false => Ok(()),
    };
    let workers = workers.and_then(|()| tokio::runtime::Builder::new_multi_thread().enable_all().build());
    let workers = match workers {
        Ok(workers) => workers,
        Err(error) => {
            eprintln!("error: the process cannot start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match workers.block_on(command::run(cli.common, cli.command)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", output::chain(&error));
            ExitCode::FAILURE
        }
    }
}
