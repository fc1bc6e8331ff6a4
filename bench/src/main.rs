//! The figures that the README quotes, each with the limit measured in the same run.

mod answered;
mod append;
mod exchange;
mod figure;
mod lag;
mod memory;
mod rebuild;
mod scan;

use clap::Parser;
use figure::Figure;
use std::path::PathBuf;
use std::process::ExitCode;

/// A seventh of the time under load went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures and prints a table; writes bench/results.json.
#[derive(Parser)]
struct Args {
    /// Only the figures whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Short runs, to see that everything is measured; the figures mean little then
    #[arg(long)]
    smoke: bool,
    /// Messages in the log that is rebuilt from
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Seconds that answering is held
    #[arg(long, default_value_t = 120)]
    held: u64,
    /// Serve the data of a folder, for the run that weighs this process
    #[arg(long, hide = true)]
    serve: Option<PathBuf>,
    /// Where the results go
    #[arg(long, default_value = "bench/results.json")]
    out: PathBuf,
}

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
    let mut figures: Vec<Figure> = Vec::new();
    if "append".contains(&args.only) {
        figures.extend(append::measure(args.smoke).await?);
    }
    if "rebuild".contains(&args.only) {
        figures.extend(rebuild::measure(if args.smoke { 4_000 } else { args.events }).await?);
    }
    // What answering leaves behind is weighed.
    if "answered".contains(&args.only) {
        figures.extend(answered::measure(args.smoke, args.held).await?);
        figures.extend(memory::binary());
    }
    figure::print(&figures);
    std::fs::write(&args.out, serde_json::to_vec_pretty(&figures)?)?;
    Ok(())
}
