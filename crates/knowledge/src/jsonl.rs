//! Owns reading knowledge from JSON lines, the form in which it is measured and moved.

use serde::Deserialize;

use super::draft::{Draft, Field, Problem};
use super::{Drafts, Source};

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    question: String,
    #[serde(default, alias = "variants")]
    similar: Vec<String>,
    #[serde(default)]
    answer: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    valid_from: Option<String>,
    #[serde(default)]
    valid_until: Option<String>,
}

pub(super) fn read<'t>(source: &'t Source<'_>, text: &'t str) -> Drafts<'t> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    Box::new(lines.map(|(at, line)| one(source, at + 1, line)))
}

fn one(source: &Source<'_>, line: usize, text: &str) -> Result<Draft, Problem> {
    let parsed: Line = serde_json::from_str(text).map_err(|error| {
        let remedy = "each line is one object with id, question, similar (a list) and answer";
        Problem::new(source, line, Field::Entry, error.to_string(), remedy)
    })?;
    let titled = parsed.question.trim().is_empty();
    Ok(Draft {
        line,
        id: parsed.id,
        question: if titled { parsed.title.unwrap_or_default() } else { parsed.question },
        variants: parsed.similar,
        answer: parsed.answer.unwrap_or_default(),
        valid_from: parsed.valid_from,
        valid_until: parsed.valid_until,
        document: titled,
        answer_optional: !titled,
    })
}
