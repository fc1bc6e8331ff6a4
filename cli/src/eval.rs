//! `tributary eval`: how well knowledge answers questions, and how well contact details are found, on your files.

use crate::output::{self, Form};
use ai_agent::evaluate::{self, FaqReport, Query};
use ai_agent::knowledge::{self, Entry, Format, Source};
use anyhow::{Context, bail};
use lead_capture::evaluate::{Gold, LeadReport, Score};
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Problems of a file that are shown one by one.
const PROBLEMS_SHOWN_MAX: usize = 5;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Ask a knowledge base questions whose right entries are known
    ///
    /// The knowledge is a file of .jsonl, .yaml, .csv or .md with a list of entries, as a document for `tributary apply`
    /// holds it and the console imports it; not such a document itself. The questions are JSON lines of
    /// {"id","text","relevant":[ids]}; an empty `relevant` means that the knowledge has no answer. Example:
    ///   tributary eval faq --kb knowledge.yaml --queries questions.jsonl
    #[command(verbatim_doc_comment)]
    Faq(Faq),
    /// Find contact details in messages in which they are marked
    ///
    /// The messages are JSON lines of {"id","text","entities":[{"type","value","start","end","norm","form"}]};
    /// offsets count code points, half open. Example:
    ///   tributary eval lead --gold messages.jsonl
    #[command(verbatim_doc_comment)]
    Lead(Lead),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Faq {
    /// The knowledge base
    #[arg(long, value_name = "FILE")]
    kb: PathBuf,
    /// The questions
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// The confidence from which the AI answers; a tenant's setting is confidence_min / 1000
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share)]
    threshold: f32,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Lead {
    /// The marked messages
    #[arg(long, value_name = "FILE")]
    gold: PathBuf,
    /// Also write what was found, as JSON lines of {"id","entities"}
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
}

fn share(text: &str) -> Result<f32, String> {
    let share: f32 = text.parse().map_err(|_| "it is no number")?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("it is not between 0 and 1".into()) }
}

/// Measures.
///
/// # Errors
/// When a file cannot be read.
pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let measured = tokio::task::spawn_blocking(move || match command {
        Command::Faq(args) => faq(&args),
        Command::Lead(args) => lead(&args),
    });
    measured.await??;
    Ok(ExitCode::SUCCESS)
}

fn faq(args: &Faq) -> anyhow::Result<()> {
    let entries = entries(&args.kb)?;
    let queries: Vec<Line<Query>> = lines(&args.queries)?;
    known(&entries, &args.kb, &args.queries, &queries)?;
    let queries = queries.into_iter().map(|line| line.value);
    let report = evaluate::faq(entries, queries, args.threshold);
    if args.form.json {
        return output::json(&serde_json::to_value(&report)?);
    }
    show_faq(&report)
}

/// Refuses questions whose right entry the knowledge does not hold: they could only be answered wrongly.
fn known(entries: &[Entry], kb: &Path, path: &Path, queries: &[Line<Query>]) -> anyhow::Result<()> {
    let ids: HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    for Line { number, value } in queries {
        if let Some(id) = value.relevant.iter().find(|id| !ids.contains(id.as_str())) {
            bail!(
                "{}, line {number}: `relevant` names {id}, which is no id of an entry of {} that can be used",
                path.display(),
                kb.display()
            );
        }
    }
    Ok(())
}

fn entries(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let name = path.display().to_string();
    let Some(format) = Format::of_name(&name) else {
        bail!("{name} does not end in .jsonl, .yaml, .csv or .md, which tells how it is written");
    };
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let source = Source { name: &name, format, zone: &jiff::tz::TimeZone::UTC };
    let imported = knowledge::import(&source, &bytes);
    for problem in imported.problems.iter().take(PROBLEMS_SHOWN_MAX) {
        eprintln!("warning: {problem}");
    }
    let more = imported.problems.len().saturating_sub(PROBLEMS_SHOWN_MAX) + imported.problems_unlisted;
    if more > 0 {
        eprintln!("warning: and {more} more entries that cannot be used");
    }
    if imported.entries.is_empty() {
        bail!("{name} holds no entry that can be used");
    }
    Ok(imported.entries)
}

/// A line of a file, counted from 1.
struct Line<T> {
    number: usize,
    value: T,
}

fn lines<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<Line<T>>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read: anyhow::Result<Vec<Line<T>>> = lines
        .map(|(index, line)| {
            let number = index + 1;
            let place = || format!("{}, line {number} is not of the format; see --help", path.display());
            Ok(Line { number, value: serde_json::from_str(line).with_context(place)? })
        })
        .collect();
    let read = read?;
    if read.is_empty() {
        bail!("{} holds no line", path.display());
    }
    Ok(read)
}

fn show_faq(report: &FaqReport) -> anyhow::Result<()> {
    let share = |share: Option<f64>| share.map_or("-".into(), |share| format!("{:.2} %", share * 100.0));
    let FaqReport { entries, answerable, unanswerable, threshold, .. } = report;
    output::line(format_args!(
        "{entries} entries, {answerable} questions with and {unanswerable} without an answer"
    ))?;
    let rows = [
        ("right entry first (R@1)", share(report.recall_at_1)),
        ("right entry among five (R@5)", share(report.recall_at_5)),
        ("answered", share(report.answered)),
        ("answered and right", share(report.answered_right)),
        ("right of all answers", share(report.right_of_answered)),
        ("unanswerable left to people", share(report.unanswerable_rejected)),
        ("AUROC of the confidence", share(report.auroc)),
    ];
    for (name, value) in rows {
        output::line(format_args!("  {name:<30} {value:>9}"))?;
    }
    let time = &report.latency_us;
    output::line(format_args!(
        "at the threshold {threshold}; one search takes {:.0} µs, {:.0} µs at p99",
        time.mean, time.p99
    ))
}

fn lead(args: &Lead) -> anyhow::Result<()> {
    let gold: Vec<Line<Gold>> = lines(&args.gold)?;
    for Line { number, value } in &gold {
        if let Some(problem) = value.problem() {
            bail!("{}, line {number}: {problem}", args.gold.display());
        }
    }
    if let Some(path) = &args.predictions {
        predict(&args.gold, path)?;
    }
    let report = lead_capture::evaluate::lead(gold.into_iter().map(|line| line.value));
    if args.form.json {
        return output::json(&serde_json::to_value(&report)?);
    }
    show_lead(&report)
}

/// What is needed of a marked message to write down what was found in it.
#[derive(serde::Deserialize)]
struct Message {
    id: serde_json::Value,
    text: String,
}

fn predict(gold: &Path, path: &Path) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let mut out = std::io::BufWriter::new(std::fs::File::create(path).with_context(failed)?);
    for Line { value: Message { id, text }, .. } in lines::<Message>(gold)? {
        let found: Vec<serde_json::Value> = lead_capture::extract::captured(&text)
            .iter()
            .map(|detail| {
                let (kind, norm) = (detail.kind.name(), &detail.norm);
                serde_json::json!({ "type": kind, "start": detail.start, "end": detail.end, "norm": norm })
            })
            .collect();
        writeln!(out, "{}", serde_json::json!({ "id": id, "entities": found })).with_context(failed)?;
    }
    out.flush().with_context(failed)
}

fn show_lead(report: &LeadReport) -> anyhow::Result<()> {
    output::line(format_args!("{} messages, {:.0} µs each", report.n, report.mean_us))?;
    output::line(format_args!("  {:<12} {:>7} {:>7} {:>7} {:>6}", "", "P %", "R %", "F1 %", "n"))?;
    let row = |name: &str, score: &Score| {
        let Score { p, r, f1, labelled } = score;
        output::line(format_args!("  {name:<12} {p:>7.2} {r:>7.2} {f1:>7.2} {labelled:>6}"))
    };
    row("contact", &report.contact_micro)?;
    for (name, score) in &report.by_type {
        row(name, score)?;
    }
    if !report.recall_by_form.is_empty() {
        output::line("found, by how it was written:")?;
    }
    for (form, (found, all)) in &report.recall_by_form {
        output::line(format_args!("  {form:<28} {found:>7.2} % of {all}"))?;
    }
    let clean = report.clean_negatives.map_or_else(|| "-".to_owned(), |share| format!("{share:.2} %"));
    output::line(format_args!("messages without details in which none was found: {clean}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_line_is_named_with_its_number() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{\"id\":\"1\",\"text\":\"x\"}\n\nnonsense\n").unwrap();
        let Err(error) = lines::<Query>(file.path()) else { panic!("it is read") };
        assert!(error.to_string().contains("line 3"), "{error}");
    }

    #[test]
    fn knowledge_of_an_unknown_ending_is_refused() {
        assert!(entries(Path::new("kb.docx")).unwrap_err().to_string().contains(".jsonl"));
    }

    #[test]
    fn a_threshold_is_a_share() {
        assert!(share("1.5").is_err());
        assert!(share("x").is_err());
        assert_eq!(share("0.25"), Ok(0.25));
    }
}
