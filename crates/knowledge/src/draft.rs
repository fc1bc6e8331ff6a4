//! Owns checking an entry that a file holds: limits, dates, and problems that say where, what and how to mend it.

use std::collections::HashSet;
use std::fmt;

use jiff::civil::Date;
use unicode_segmentation::UnicodeSegmentation;

use super::{
    ANSWER_GRAPHEMES_MAX, Entry, ID_CHARS_MAX, QUESTION_GRAPHEMES_MAX, Source, VARIANTS_MAX, id_of_question,
};

/// Part of a file that a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The file or its header.
    File,
    /// The whole entry.
    Entry,
    /// `id`
    Id,
    /// `question`
    Question,
    /// `variants`
    Variants,
    /// `answer`
    Answer,
    /// `valid_from`
    ValidFrom,
    /// `valid_until`
    ValidUntil,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::File => "file",
            Field::Entry => "entry",
            Field::Id => "id",
            Field::Question => "question",
            Field::Variants => "variants",
            Field::Answer => "answer",
            Field::ValidFrom => "valid_from",
            Field::ValidUntil => "valid_until",
        })
    }
}

/// Why an entry was not taken, where it stands, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {field}: {reason}; {remedy}")]
pub struct Problem {
    /// Name of the file.
    pub file: String,
    /// Line, from 1, at which the entry or the field begins.
    pub line: usize,
    /// The field that is wrong.
    pub field: Field,
    /// What is wrong.
    pub reason: String,
    /// What mends it.
    pub remedy: String,
}

impl Problem {
    pub(super) fn new(
        source: &Source<'_>,
        line: usize,
        field: Field,
        reason: String,
        remedy: &str,
    ) -> Problem {
        Problem { file: source.name.to_owned(), line, field, reason, remedy: remedy.to_owned() }
    }
}

/// An entry as it was read, not yet checked.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) line: usize,
    pub(super) id: Option<String>,
    pub(super) question: String,
    pub(super) variants: Vec<String>,
    pub(super) answer: String,
    pub(super) valid_from: Option<String>,
    pub(super) valid_until: Option<String>,
    /// Found by its answer alone, so a question may be missing.
    pub(super) document: bool,
    /// A file for measuring may hold questions alone.
    pub(super) answer_optional: bool,
}

impl Draft {
    pub(super) fn check(self, source: &Source<'_>) -> Result<Entry, Problem> {
        let wrong =
            |field, reason: String, remedy: &str| Problem::new(source, self.line, field, reason, remedy);
        let question = self.question.trim().to_owned();
        let answer = self.answer.trim().to_owned();
        if question.is_empty() && (!self.document || answer.is_empty()) {
            return Err(wrong(Field::Question, "it is empty".to_owned(), "write what customers ask"));
        }
        if answer.is_empty() && !self.answer_optional {
            return Err(wrong(Field::Answer, "it is empty".to_owned(), "write what the customer shall read"));
        }
        let mut seen = HashSet::from([""]);
        let variants = self.variants.iter().map(|variant| variant.trim());
        let variants: Vec<String> = variants
            .filter(|variant| *variant != question && seen.insert(variant))
            .map(str::to_owned)
            .collect();
        if variants.len() > VARIANTS_MAX {
            let reason = format!("{} variants, at most {VARIANTS_MAX} are kept", variants.len());
            return Err(wrong(
                Field::Variants,
                reason,
                "keep those that differ most, or part the entry in two",
            ));
        }
        let lengths = [
            (Field::Question, &question, QUESTION_GRAPHEMES_MAX),
            (Field::Answer, &answer, ANSWER_GRAPHEMES_MAX),
        ];
        let variants_too = variants.iter().map(|variant| (Field::Variants, variant, QUESTION_GRAPHEMES_MAX));
        for (field, text, graphemes_max) in lengths.into_iter().chain(variants_too) {
            let graphemes = text.graphemes(true).count();
            if graphemes > graphemes_max {
                let reason = format!("{graphemes} characters, at most {graphemes_max} are allowed");
                return Err(wrong(field, reason, "shorten it, or part the entry in two"));
            }
        }
        let id = self.checked_id(source, &question, &answer)?;
        let (valid_from, valid_until) = self.validity(source)?;
        Ok(Entry { slug: id.clone(), id, version: 0, question, variants, answer, valid_from, valid_until })
    }

    fn checked_id(&self, source: &Source<'_>, question: &str, answer: &str) -> Result<String, Problem> {
        match self.id.as_deref().map(str::trim).filter(|id| !id.is_empty()) {
            None if question.is_empty() => Ok(id_of_question(answer)),
            None => Ok(id_of_question(question)),
            Some(id) if id.chars().count() > ID_CHARS_MAX || id.chars().any(char::is_control) => {
                let reason =
                    format!("it is longer than {ID_CHARS_MAX} characters or holds control characters");
                Err(Problem::new(source, self.line, Field::Id, reason, "shorten it, or leave it out"))
            }
            Some(id) => Ok(id.to_owned()),
        }
    }

    fn validity(&self, source: &Source<'_>) -> Result<(Option<i64>, Option<i64>), Problem> {
        let read = |field: Field, text: &Option<String>, is_end: bool| match text.as_deref().map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) => instant(text, source.zone, is_end).map(Some).ok_or_else(|| {
                let remedy = "write 2026-03-01, or a time with its offset as 2026-03-01T08:00:00+08:00";
                Problem::new(source, self.line, field, format!("\"{text}\" is no date or time"), remedy)
            }),
        };
        let from = read(Field::ValidFrom, &self.valid_from, false)?;
        let until = read(Field::ValidUntil, &self.valid_until, true)?;
        if from.zip(until).is_some_and(|(from, until)| from >= until) {
            let reason = "it ends before it begins".to_owned();
            return Err(Problem::new(source, self.line, Field::ValidUntil, reason, "exchange the two dates"));
        }
        Ok((from, until))
    }
}

/// µs since 1970. A date alone begins at the start of its day there; as an end it includes the whole day.
fn instant(text: &str, zone: &jiff::tz::TimeZone, is_end: bool) -> Option<i64> {
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_microsecond());
    }
    let date: Date = text.replace('/', "-").parse().ok()?;
    let date = if is_end { date.tomorrow().ok()? } else { date };
    Some(date.to_zoned_datetime(zone.clone()).ok()?.timestamp().as_microsecond())
}
