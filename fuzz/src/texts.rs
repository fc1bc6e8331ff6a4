//! Documents that an operator applies, and files of knowledge.

use jiff::tz::TimeZone;
use knowledge::{Format, Source, import};
use std::hint::black_box;

/// The time of the YAML parser grows with the square of the depth. `documents` refuses nesting that it sees, and this much
/// may be hidden from it; a text made on purpose can hide more, which is the one thing here that nobody is held to.
const BRACKETS_HIDDEN_MAX: usize = 512;

fn hides_brackets(text: &str) -> bool {
    let opening = text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count();
    opening > BRACKETS_HIDDEN_MAX && !documents::nests_too_deeply(text)
}

/// Documents of `tributary apply`.
pub fn apply(input: &[u8]) {
    if let Some(text) = std::str::from_utf8(input).ok().filter(|text| !hides_brackets(text)) {
        black_box(documents::parse(text, Some("demo"), |name| name.len() <= 40));
    }
}

pub fn knowledge_csv(input: &[u8]) {
    knowledge(Format::Csv, input);
}

pub fn knowledge_jsonl(input: &[u8]) {
    knowledge(Format::Jsonl, input);
}

pub fn knowledge_markdown(input: &[u8]) {
    knowledge(Format::Markdown, input);
}

pub fn knowledge_yaml(input: &[u8]) {
    if !std::str::from_utf8(input).is_ok_and(hides_brackets) {
        knowledge(Format::Yaml, input);
    }
}

fn knowledge(format: Format, input: &[u8]) {
    let imported = import(&Source { name: "faq", format, zone: &TimeZone::UTC }, input);
    black_box(imported.to_string());
}
