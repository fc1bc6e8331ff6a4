//! The figures that the README quotes, each with the limit measured in the same run.

mod answered;
mod append;
mod figure;
mod memory;
mod rebuild;

use clap::Parser;
use figure::Figure;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures and prints a table; writes bench/results.json.
#[derive(Parser)]
struct Args {
    /// Only the figures whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Short runs, to see that everything is measured; the figures mean little then
    #[arg(long)]
    smoke: bool,
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
    let mut figures: Vec<Figure> = Vec::new();
    if "append".contains(&args.only) {
        figures.extend(append::measure(args.smoke).await?);
    }
    // One world serves the rest: what answering leaves in the log is rebuilt and weighed.
    if "answered".contains(&args.only) {
        figures.extend(answered::measure(args.smoke).await?);
        figures.extend(memory::binary());
    }
    figure::print(&figures);
    std::fs::write(&args.out, serde_json::to_vec_pretty(&figures)?)?;
    Ok(())
}
