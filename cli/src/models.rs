//! `tributary models`, `rebuild`, `verify`, `switch-back`: the read models and the log they follow from.

use crate::output::{self, Form, Progress, list, text};
use crate::run::with_suite;
use crate::suite::Suite;
use anyhow::bail;
use runtime::Common;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Which models.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The model, such as `routing`; `tributary models` lists them
    #[arg(value_name = "MODEL", required_unless_present = "all")]
    model: Option<String>,
    /// Every model, one after the other
    #[arg(long, conflicts_with = "model")]
    all: bool,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// The model, such as `routing`
    #[arg(value_name = "MODEL")]
    model: String,
    #[command(flatten)]
    form: Form,
}

/// Lists the models with their slots and positions.
///
/// # Errors
/// Why the suite cannot be asked.
pub(crate) async fn models(common: Common, form: Form) -> anyhow::Result<ExitCode> {
    with_suite(common, async |suite: Suite| {
        let models = suite.get_all("/admin/models", "models").await?;
        let whole = is_whole(&suite, true);
        if form.json {
            output::json(&json!({ "models": models }))?;
            return Ok(exit(whole));
        }
        for model in &models {
            output::line(format_args!("{}  slot {}", text(model, "model"), text(model, "slot")))?;
            let positions: Vec<&str> = list(model, "positions").iter().filter_map(Value::as_str).collect();
            output::line(format_args!("    positions  {}", positions.join(" ")))?;
            let parts = list(model, "parts").iter().filter_map(Value::as_str);
            for part in parts.filter(|part| !part.ends_with(": live")) {
                output::line(format_args!("    part {part}"))?;
            }
        }
        Ok(exit(whole))
    })
    .await
}

/// Fills a new slot from the log beside the live one and switches to it.
///
/// # Errors
/// When a model cannot be rebuilt; those before it are.
pub(crate) async fn rebuild(common: Common, which: Which) -> anyhow::Result<ExitCode> {
    with_suite(common, async |suite: Suite| {
        let mut done = Vec::new();
        for model in names(&suite, &which)? {
            let answer = ask(&suite, "rebuild", &model).await?;
            if !which.form.json {
                output::line(format_args!("{model} is rebuilt and live in slot {}", text(&answer, "slot")))?;
            }
            done.push(answer);
        }
        if which.form.json {
            output::json(&json!({ "rebuilt": done }))?;
        }
        Ok(exit(is_whole(&suite, which.all)))
    })
    .await
}

/// Compares models with what the log says; exit code 1 when a cell differs.
///
/// # Errors
/// When a model cannot be compared.
pub(crate) async fn verify(common: Common, which: Which) -> anyhow::Result<ExitCode> {
    with_suite(common, async |suite: Suite| {
        let mut found = Vec::new();
        for model in names(&suite, &which)? {
            let answer = ask(&suite, "verify", &model).await?;
            if !which.form.json {
                show(&answer)?;
            }
            found.push(answer);
        }
        if which.form.json {
            output::json(&json!({ "verified": found }))?;
        }
        let equal = found.iter().all(|answer| list(answer, "differences").is_empty());
        Ok(exit(equal && is_whole(&suite, which.all)))
    })
    .await
}

/// Goes back to the slot that was live before the last switch.
///
/// # Errors
/// When there is none.
pub(crate) async fn switch_back(common: Common, one: One) -> anyhow::Result<ExitCode> {
    with_suite(common, async |suite: Suite| {
        let answer = ask(&suite, "switch-back", &one.model).await?;
        match one.form.json {
            true => output::json(&answer)?,
            false => output::line(format_args!("{} is live in slot {}", one.model, text(&answer, "slot")))?,
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

/// Whether nothing was left out, where all are asked for; says so if something was.
fn is_whole(suite: &Suite, all: bool) -> bool {
    match suite.silence().filter(|_| all) {
        Some(silence) => {
            eprintln!("not all was looked at: {silence}");
            false
        }
        None => true,
    }
}

fn exit(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn names(suite: &Suite, which: &Which) -> anyhow::Result<Vec<String>> {
    if let Some(model) = &which.model {
        return Ok(vec![model.clone()]);
    }
    let names: Vec<String> = suite.models().into_iter().map(str::to_owned).collect();
    if names.is_empty() {
        bail!("the process on this folder has no models: it runs the roles {}", suite.file.roles.join(", "));
    }
    Ok(names)
}

async fn ask(suite: &Suite, what: &str, model: &str) -> anyhow::Result<Value> {
    let mut progress = Progress::of(format!("{what} {model}"));
    let path = format!("/admin/models/{what}");
    suite.with_model(model)?.follow(&path, &json!({ "model": model }), |line| progress.tell(line)).await
}

fn show(answer: &Value) -> anyhow::Result<()> {
    let model = text(answer, "model");
    let rows = answer.get("rows").and_then(Value::as_u64).unwrap_or_default();
    let differences = list(answer, "differences");
    if differences.is_empty() {
        return output::line(format_args!("{model} is what the log says: {rows} rows are equal"));
    }
    output::line(format_args!("{model} differs from what the log says:"))?;
    for difference in differences {
        output::line(format_args!("    {}", cell(difference)))?;
    }
    if answer.get("stopped").and_then(Value::as_bool).unwrap_or(false) {
        output::line("    and more; the comparison stopped there")?;
    }
    output::line(format_args!("`tributary rebuild {model}` makes it what the log says"))
}

/// Table, key and column of a difference; never a value, which may be personal.
fn cell(difference: &Value) -> String {
    let key = match difference.get("key") {
        Some(Value::Array(parts)) => {
            let parts: Vec<String> = parts.iter().map(plain).collect();
            parts.join(", ")
        }
        Some(other) => plain(other),
        None => String::new(),
    };
    let column = match text(difference, "column") {
        "" => String::new(),
        column => format!(", column {column}"),
    };
    format!("table {}, key ({key}){column}: {}", text(difference, "table"), text(difference, "kind"))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_table_key_and_column() {
        let difference =
            json!({ "table": "waiting", "key": ["demo", 7], "column": "queue", "kind": "value differs" });
        assert_eq!(cell(&difference), "table waiting, key (demo, 7), column queue: value differs");
        let missing = json!({ "table": "waiting", "key": "a=1", "column": null, "kind": "row is missing" });
        assert_eq!(cell(&missing), "table waiting, key (a=1): row is missing");
    }
}
