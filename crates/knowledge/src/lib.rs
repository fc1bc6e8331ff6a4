//! Owns what a business knows: entries of question, variants and answer, and reading them from files. Pure.

mod csv;
mod draft;
mod jsonl;
mod markdown;
mod yaml;

pub use draft::{Field, Problem};

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use words::fold::fold;

/// Entries of one knowledge base, and of one file.
pub const ENTRIES_MAX: usize = 20_000;
/// Bytes of one file.
pub const FILE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Graphemes (what a reader calls characters) of a question or a variant.
pub const QUESTION_GRAPHEMES_MAX: usize = 500;
/// Variants of one entry.
pub const VARIANTS_MAX: usize = 100;
/// Graphemes of an answer.
pub const ANSWER_GRAPHEMES_MAX: usize = 8_000;
/// Characters of an id that a file gives.
pub const ID_CHARS_MAX: usize = 128;
/// Problems that are listed; of more it is only said how many.
pub const PROBLEMS_MAX: usize = 200;

/// One piece of knowledge: a question, other ways to ask it, the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Stable: given by the file, else derived from the folded question.
    pub id: String,
    /// The editor's own name of it; for what a file holds, the id.
    #[serde(default)]
    pub slug: String,
    /// Counted up by whoever keeps the entry, with each change; a citation names it.
    #[serde(default)]
    pub version: u64,
    /// As the editor wrote it; empty for a document that is found by its text alone.
    pub question: String,
    /// Other ways to ask.
    #[serde(default)]
    pub variants: Vec<String>,
    /// Sent to the customer as it stands.
    #[serde(default)]
    pub answer: String,
    /// First instant at which it may be used, µs since 1970; none: always.
    #[serde(default)]
    pub valid_from: Option<i64>,
    /// First instant at which it may no longer be used, µs since 1970; none: never.
    #[serde(default)]
    pub valid_until: Option<i64>,
}

impl Entry {
    /// Whether it may be used at `at`, µs since 1970.
    pub fn is_valid(&self, at: i64) -> bool {
        self.valid_from.is_none_or(|from| from <= at) && self.valid_until.is_none_or(|until| at < until)
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A header `question,variants,answer` (问题, 变体, 答案), variants parted by `|`.
    Csv,
    /// A list of `{id?, question, variants, answer, valid_from?, valid_until?}`.
    Yaml,
    /// `## question`, a list of variants right after it, the rest is the answer.
    Markdown,
    /// One object per line: `{id, question, similar, answer?}`; a document has a `title` in place of a question.
    Jsonl,
}

impl Format {
    /// The format that a file's name tells by its ending.
    pub fn of_name(name: &str) -> Option<Format> {
        let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
        Some(match ending.as_str() {
            "csv" | "tsv" | "txt" => Format::Csv,
            "yaml" | "yml" => Format::Yaml,
            "md" | "markdown" => Format::Markdown,
            "jsonl" | "ndjson" => Format::Jsonl,
            _ => return None,
        })
    }
}

/// A file to be read.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// Named in each problem.
    pub name: &'a str,
    /// How it is written.
    pub format: Format,
    /// Where a date without a time begins and ends.
    pub zone: &'a jiff::tz::TimeZone,
}

/// What a file held: every good entry, and a problem for every other.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// In the order of the file.
    pub entries: Vec<Entry>,
    /// At most [`PROBLEMS_MAX`], in the order of the file.
    pub problems: Vec<Problem>,
    /// Problems beyond those listed.
    pub problems_unlisted: usize,
}

impl Imported {
    fn refuse(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        } else {
            self.problems_unlisted += 1;
        }
    }
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        if self.problems_unlisted > 0 {
            writeln!(f, "and {} more problems", self.problems_unlisted)?;
        }
        write!(f, "{} entries read", self.entries.len())
    }
}

/// Reads a file's entries; one that is wrong takes no other with it.
pub fn import(source: &Source<'_>, bytes: &[u8]) -> Imported {
    let mut imported = Imported::default();
    if bytes.len() > FILE_BYTES_MAX {
        let reason = format!("the file has {} bytes, at most {FILE_BYTES_MAX} are read", bytes.len());
        imported.refuse(Problem::new(source, 1, Field::File, reason, "split it into several files"));
        return imported;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            let remedy = "save the file as UTF-8 (in Excel: \"CSV UTF-8\", 另存为 CSV UTF-8)";
            imported.refuse(Problem::new(
                source,
                line,
                Field::File,
                "the text is not UTF-8".to_owned(),
                remedy,
            ));
            return imported;
        }
    };
    let drafts = match source.format {
        Format::Csv => csv::read(source, text),
        Format::Yaml => yaml::read(source, text),
        Format::Markdown => markdown::read(source, text),
        Format::Jsonl => jsonl::read(source, text),
    };
    collect(source, drafts, imported)
}

/// What a file holds, read as it is asked for: a large file of nothing but mistakes must not lie in memory as such.
type Drafts<'t> = Box<dyn Iterator<Item = Result<draft::Draft, Problem>> + 't>;

fn collect(source: &Source<'_>, drafts: Drafts<'_>, mut imported: Imported) -> Imported {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for draft in drafts {
        let line = match &draft {
            Ok(draft) => draft.line,
            Err(problem) => problem.line,
        };
        let entry = match draft.and_then(|draft| draft.check(source)) {
            Ok(entry) => entry,
            Err(problem) => {
                imported.refuse(problem);
                continue;
            }
        };
        if let Some(first) = seen.get(&entry.id) {
            let reason = format!("\"{}\" is already the entry of line {first}", entry.id);
            let remedy = "give each entry its own id, or join the two as variants of one question";
            imported.refuse(Problem::new(source, line, Field::Id, reason, remedy));
        } else if imported.entries.len() >= ENTRIES_MAX {
            let reason = format!("more than {ENTRIES_MAX} entries");
            imported.refuse(Problem::new(
                source,
                line,
                Field::File,
                reason,
                "part the knowledge into several bases",
            ));
            break;
        } else {
            seen.insert(entry.id.clone(), line);
            imported.entries.push(entry);
        }
    }
    imported
}

/// The id of a question that was given none: the same for every spelling that folds alike.
pub fn id_of_question(question: &str) -> String {
    let folded: String = fold(question).chars().filter(|c| c.is_alphanumeric()).collect();
    let digest = Sha256::digest(folded.as_bytes());
    let hex: String = digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    format!("q-{hex}")
}

/// Entries in the form in which the index takes them.
pub fn shared(entries: Vec<Entry>) -> impl Iterator<Item = Arc<Entry>> {
    entries.into_iter().map(Arc::new)
}
