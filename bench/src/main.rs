//! The figures that the README quotes, each with the limit measured in the same run.

mod answered;
mod append;
mod assigned;
mod audit;
mod bulk;
mod burst;
mod closed;
mod cluster;
mod crowded;
mod exchange;
mod figure;
mod filled;
mod flame;
mod grown;
mod lag;
mod memory;
mod outside;
mod places;
mod process;
mod ready;
mod rebuild;
mod report;
mod resident;
mod rest;
mod scan;
mod schedule;
mod sizes;
mod soak;
mod spread;
mod stored;
mod suite;
mod surge;
mod told;
mod webhook;

use clap::Parser;
use figure::Figure;
use futures::future::LocalBoxFuture;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// A seventh of the time under load went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures and prints a table; writes bench/results.json, or bench/results-long.json with --long.
#[derive(Parser)]
struct Args {
    /// Only the figure of this name, in any form; without a name all of the form
    #[arg(long)]
    only: Option<String>,
    /// Short runs, to see that everything is measured; the figures mean little then
    #[arg(long, conflicts_with = "long")]
    smoke: bool,
    /// The figures that take long, and the long form of those that have one
    #[arg(long)]
    long: bool,
    /// Messages in the log that is rebuilt from
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Seconds that answering is held
    #[arg(long, default_value_t = 120)]
    held: u64,
    /// Minutes that `--only soak` is held
    #[arg(long, default_value_t = 240, value_parser = clap::value_parser!(u32).range(4..))]
    minutes: u32,
    /// Where databases on Postgres can be made; without it what needs one is left out
    #[arg(long, env = "TEST_DATABASE_URL", hide_env_values = true)]
    postgres: Option<String>,
    /// Serve the data of a folder, for the run that weighs this process
    #[arg(long, hide = true)]
    serve: Option<PathBuf>,
    /// Measure nothing and write what perf records of the answering suite, for `make flame`
    #[arg(long, hide = true)]
    flame: Option<PathBuf>,
    /// Where the results go
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Args {
    fn form(&self) -> Form {
        match (self.smoke, self.long) {
            (true, _) => Form::Smoke,
            (_, true) => Form::Long,
            _ => Form::Short,
        }
    }

    /// What belongs to the form: smoke, short or long.
    fn of<T>(&self, [smoke, short, long]: [T; 3]) -> T {
        match self.form() {
            Form::Smoke => smoke,
            Form::Short => short,
            Form::Long => long,
        }
    }

    /// Where databases can be made, or a word that there is none for the figure.
    fn postgres(&self, figure: &str) -> Option<&str> {
        if self.postgres.is_none() {
            figure::progress(&format!("{figure} is left out: no --postgres and no TEST_DATABASE_URL"));
        }
        self.postgres.as_deref()
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Smoke,
    Short,
    Long,
}

/// One line of the list of what can be measured.
struct Measured {
    name: &'static str,
    /// The forms of a run without `--only` in which it is measured, beside the smoke form.
    short: bool,
    long: bool,
    measure: Measure,
}

type Measure = for<'a> fn(&'a Args) -> LocalBoxFuture<'a, anyhow::Result<Vec<Figure>>>;

const fn in_short(name: &'static str, measure: Measure) -> Measured {
    Measured { name, short: true, long: false, measure }
}

const fn in_long(name: &'static str, measure: Measure) -> Measured {
    Measured { name, short: false, long: true, measure }
}

const fn in_both(name: &'static str, measure: Measure) -> Measured {
    Measured { name, short: true, long: true, measure }
}

/// Only when it is asked for by its name, and in the smoke form.
const fn alone(name: &'static str, measure: Measure) -> Measured {
    Measured { name, short: false, long: false, measure }
}

const MEASURED: &[Measured] = &[
    in_short("append", |args| Box::pin(append::measure(args.smoke))),
    in_short("cluster", |args| Box::pin(cluster::measure(args.smoke))),
    in_short("rebuild", |args| Box::pin(rebuild::measure(args.of([2_000, args.events, args.events]), None))),
    in_long("rebuild-postgres", |args| {
        Box::pin(async {
            let Some(server) = args.postgres("rebuild-postgres") else { return Ok(Vec::new()) };
            rebuild::measure(args.of([2_000, args.events, args.events]), Some(server)).await
        })
    }),
    in_long("rebuild-memory", |args| {
        Box::pin(grown::measure(args.of([&[2_000], &[100_000], &[100_000, 2_000_000]])))
    }),
    in_short("webhook", |args| Box::pin(webhook::measure(args.smoke))),
    in_short("burst", |args| Box::pin(burst::measure(args.smoke))),
    in_long("surge", |args| Box::pin(surge::measure(args.smoke))),
    in_short("assigned", |args| Box::pin(assigned::measure(args.smoke))),
    in_short("crowded", |args| Box::pin(crowded::measure(args.smoke))),
    in_short("resident", |args| Box::pin(resident::measure(args.smoke))),
    in_both("rest", |args| {
        let held = args.of([500, 30_000, 60_000]);
        let messages = args.of([2_000, 50_000, 1_000_000]);
        Box::pin(rest::measure(messages, Duration::from_millis(held)))
    }),
    in_both("ready", |args| Box::pin(ready::measure(args.of([2_000, 100_000, 10_000_000])))),
    in_short("sizes", |args| Box::pin(sizes::measure(args.smoke))),
    in_short("answered", |args| Box::pin(answered::measure(args.smoke, args.held))),
    in_long("answered-postgres", |args| {
        Box::pin(async {
            let Some(server) = args.postgres("answered-postgres") else { return Ok(Vec::new()) };
            spread::measure(args.smoke, args.held, server).await
        })
    }),
    alone("soak", |args| {
        let each = Duration::from_millis(if args.smoke { 300 } else { 60_000 });
        Box::pin(soak::measure(if args.smoke { 4 } else { args.minutes }, each))
    }),
];

fn main() -> ExitCode {
    let args = Args::parse();
    let workers = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let measured = workers.map_err(anyhow::Error::from).and_then(|workers| workers.block_on(measure(&args)));
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(args: &Args) -> anyhow::Result<()> {
    if let Some(folder) = &args.serve {
        return memory::serve(folder).await;
    }
    if let Some(out) = &args.flame {
        return flame::record(out).await;
    }
    let form = args.form();
    let is_wanted = |line: &&Measured| match &args.only {
        Some(only) => line.name == only,
        None => {
            form == Form::Smoke || (form == Form::Short && line.short) || (form == Form::Long && line.long)
        }
    };
    let wanted: Vec<&Measured> = MEASURED.iter().filter(is_wanted).collect();
    if wanted.is_empty() {
        let names: Vec<&str> = MEASURED.iter().map(|line| line.name).collect();
        anyhow::bail!("there is no such figure: there are {}", names.join(", "));
    }
    let default = if form == Form::Long { "bench/results-long.json" } else { "bench/results.json" };
    let out = args.out.clone().unwrap_or_else(|| default.into());
    let (mut figures, mut failed) = (Vec::new(), Vec::new());
    for line in wanted {
        let began = std::time::Instant::now();
        figure::progress(&format!("== {}", line.name));
        match (line.measure)(args).await {
            Ok(found) => {
                figures.extend(found);
                // A run that is cut short keeps what it has measured.
                report::write(&out, form.word(), &figures)?;
            }
            // The others are measured all the same: a run takes long.
            Err(error) => {
                figure::progress(&format!("{}: {error:#}", line.name));
                failed.push(line.name);
            }
        }
        figure::progress(&format!("== {}: {:.0} s", line.name, began.elapsed().as_secs_f64()));
    }
    figure::print(&figures);
    anyhow::ensure!(failed.is_empty(), "could not be measured: {}", failed.join(", "));
    Ok(())
}

impl Form {
    fn word(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Short => "short",
            Self::Long => "long",
        }
    }
}
