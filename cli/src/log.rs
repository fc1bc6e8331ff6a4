//! `tributary log`: what the running suite logs, changed without a restart.

use crate::output;
use crate::suite::Suite;
use runtime::Common;
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct Filter {
    /// A level, or directives such as `info,routing=debug`
    #[arg(value_name = "FILTER")]
    filter: String,
}

/// Changes the filter of every process on the data folder, until it is changed again or the process ends.
///
/// # Errors
/// When no suite runs there, or one of its processes refuses the filter.
pub(crate) async fn run(common: Common, Filter { filter }: Filter) -> anyhow::Result<ExitCode> {
    let suite = Suite::of(&common).await?;
    for process in suite.processes() {
        process.post("/admin/log", &json!({ "filter": filter })).await?;
        output::line(format_args!("{} logs by {filter}", process.file.roles.join(", ")))?;
    }
    Ok(ExitCode::SUCCESS)
}
