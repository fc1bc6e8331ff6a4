//! `tributary apply`: documents sent to the suite, and what they change.

use crate::output::{self, Form, list, text};
use crate::suite::Suite;
use anyhow::{Context, bail};
use runtime::Common;
use serde::Deserialize;
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bytes of all documents of one apply; the suite takes no more.
const BYTES_MAX: u64 = 32 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file of YAML or JSON documents, or - for standard input; may be given several times
    #[arg(short, long = "file", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// The tenant of documents that name none
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// The documents of one file.
struct File {
    name: String,
    text: String,
    documents: u64,
}

/// Applies the documents, all or none.
///
/// # Errors
/// Everything that is wrong with them, or why the suite cannot be asked.
pub(crate) async fn run(common: Common, args: Args) -> anyhow::Result<ExitCode> {
    let files: Vec<File> = args.files.iter().map(|path| read(path)).collect::<anyhow::Result<_>>()?;
    let size: usize = files.iter().map(|file| file.text.len() + 5).sum();
    if size as u64 > BYTES_MAX {
        bail!("the documents have {size} bytes, at most {BYTES_MAX} are taken: apply them in several calls");
    }
    let suite = Suite::of(&common).await?;
    let mut path = format!("/admin/apply?dry_run={}", args.dry_run);
    if let Some(tenant) = &args.tenant {
        spine::address::check_tenant(tenant)?;
        path.push_str(&format!("&tenant={tenant}"));
    }
    let report = match suite.post_text(&path, joined(&files)).await? {
        Ok(report) => report,
        Err(problem) => bail!(told(&problem, &files)),
    };
    if args.form.json {
        output::json(&report)?;
    } else {
        show(&report)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> anyhow::Result<File> {
    let (name, text) = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().take(BYTES_MAX + 1).read_to_string(&mut text).context("read standard input")?;
        ("standard input".to_owned(), text)
    } else {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        (path.display().to_string(), text)
    };
    let documents = documents(&text);
    Ok(File { name, text, documents })
}

/// How many documents the text has, counted as the suite counts them; a broken one ends the count.
fn documents(text: &str) -> u64 {
    let mut count = 0;
    for document in yaml_serde::Deserializer::from_str(text) {
        count += 1;
        if yaml_serde::Value::deserialize(document).is_err() {
            break;
        }
    }
    count
}

/// One text of all files, so that all are applied or none.
fn joined(files: &[File]) -> String {
    let texts: Vec<&str> = files.iter().map(|file| file.text.trim_end()).collect();
    texts.join("\n---\n")
}

/// The refusal, with each wrong document found again in its file.
fn told(problem: &Value, files: &[File]) -> String {
    let mut lines = vec![crate::suite::words(problem)];
    for wrong in list(problem, "wrong") {
        let number = wrong.get("document").and_then(Value::as_u64).unwrap_or(0);
        let (name, number) = place(files, number);
        let at = match text(wrong, "path") {
            "" => String::new(),
            path => format!(", {path}"),
        };
        lines.push(format!(
            "  {name}, document {number}{at}: {}; {}",
            text(wrong, "reason"),
            text(wrong, "remedy")
        ));
    }
    lines.join("\n")
}

/// The file and the number in it of a document's number among all.
fn place(files: &[File], mut number: u64) -> (&str, u64) {
    for file in files {
        if number <= file.documents {
            return (&file.name, number);
        }
        number -= file.documents;
    }
    (files.last().map_or("", |file| &file.name), number)
}

fn show(report: &Value) -> anyhow::Result<()> {
    for change in list(report, "changes") {
        let sign = match text(change, "action") {
            "created" => '+',
            "removed" => '-',
            _ => '~',
        };
        let name = match (text(change, "kind"), text(change, "tenant"), text(change, "name")) {
            ("Tenant", _, name) => format!("Tenant {name}"),
            (kind, tenant, name) => format!("{kind} {tenant}/{name}"),
        };
        output::line(format_args!("{sign} {name}"))?;
        for field in list(change, "fields") {
            output::line(format_args!("    {}", field_line(field)))?;
        }
    }
    let count =
        |name: &str| report.pointer(&format!("/summary/{name}")).and_then(Value::as_u64).unwrap_or_default();
    if count("unchanged") > 0 {
        output::line(format_args!("= {} as they were", count("unchanged")))?;
    }
    let dry = report.get("dry_run").and_then(Value::as_bool).unwrap_or(false);
    let ending = if dry { " (dry run: nothing was changed)" } else { "" };
    output::line(format_args!(
        "{} created, {} changed, {} removed{ending}",
        count("created"),
        count("changed"),
        count("removed")
    ))
}

fn field_line(field: &Value) -> String {
    let name = text(field, "field");
    let side = |side: &str| field.get(side).and_then(Value::as_str);
    match (side("from"), side("to")) {
        (Some(from), Some(to)) => format!("{name}: {from:?} → {to:?}"),
        (None, Some(to)) => format!("{name}: {to:?}"),
        (Some(from), None) => format!("{name}: {from:?} → none"),
        (None, None) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file(name: &str, text: &str) -> File {
        File { name: name.into(), text: text.into(), documents: documents(text) }
    }

    #[test]
    fn a_document_is_found_again_in_its_file() {
        let files =
            [file("a.yaml", "a: 1\n---\nb: 2\n"), file("b.yaml", "c: 3"), file("c.json", "{\"d\":4}")];
        let places: Vec<(&str, u64)> = (1..=4).map(|number| place(&files, number)).collect();
        assert_eq!(places, [("a.yaml", 1), ("a.yaml", 2), ("b.yaml", 1), ("c.json", 1)]);
        assert_eq!(documents(&joined(&files)), 4);
    }

    #[test]
    fn a_refusal_names_file_field_and_remedy() {
        let files = [file("a.yaml", "a: 1"), file("b.yaml", "c: 3")];
        let problem = json!({
            "title": "The input is not valid",
            "wrong": [{ "document": 2, "path": "slug", "reason": "it is taken", "remedy": "choose another" }],
        });
        let told = told(&problem, &files);
        assert!(told.contains("b.yaml, document 1, slug: it is taken; choose another"), "{told}");
    }

    #[test]
    fn a_changed_field_shows_both_sides() {
        let line = field_line(&json!({ "field": "capacity", "from": "5", "to": "8" }));
        assert_eq!(line, r#"capacity: "5" → "8""#);
        assert_eq!(field_line(&json!({ "field": "secrets.token", "to": "***" })), r#"secrets.token: "***""#);
    }
}
