//! Documents that an operator applies, and files of knowledge.

use jiff::tz::TimeZone;
use knowledge::{Format, Source, import};
use std::hint::black_box;

/// Documents of `tributary apply`.
pub fn apply(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
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
    knowledge(Format::Yaml, input);
}

fn knowledge(format: Format, input: &[u8]) {
    let imported = import(&Source { name: "faq", format, zone: &TimeZone::UTC }, input);
    black_box(imported.to_string());
}
