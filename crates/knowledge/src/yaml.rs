//! Owns reading knowledge from a YAML list.

use serde::Deserialize;

use super::draft::{Draft, Field, Problem};
use super::{Drafts, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    /// `slug` in a document of `apply`.
    #[serde(default, alias = "slug", deserialize_with = "text")]
    id: Option<String>,
    #[serde(default)]
    question: String,
    #[serde(default, alias = "similar")]
    variants: Vec<String>,
    #[serde(default)]
    answer: String,
    #[serde(default)]
    valid_from: Option<String>,
    #[serde(default)]
    valid_until: Option<String>,
}

/// An id may be written as a number.
fn text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Text(String),
        Number(u64),
    }
    Ok(Option::<Id>::deserialize(deserializer)?.map(|id| match id {
        Id::Text(id) => id,
        Id::Number(id) => id.to_string(),
    }))
}

/// Each item of the list is parsed by itself, so that a wrong one costs only itself and its line is known.
pub(super) fn read<'t>(source: &'t Source<'_>, text: &str) -> Drafts<'t> {
    let Some(items) = items(text) else {
        let reason = "the file is no list of entries".to_owned();
        let remedy = "begin each entry with \"- question: ...\" at the same depth";
        return Box::new(std::iter::once(Err(Problem::new(source, 1, Field::File, reason, remedy))));
    };
    Box::new(items.into_iter().map(|(line, item)| one(source, line, &item)))
}

/// The items with their first lines. None if anything but comments stands outside the list.
fn items(text: &str) -> Option<Vec<(usize, String)>> {
    let mut items: Vec<(usize, String)> = Vec::new();
    let mut depth = None;
    for (at, line) in text.lines().enumerate() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        let opens = bare == "-" || bare.starts_with("- ");
        if opens && indent == *depth.get_or_insert(indent) {
            items.push((at + 1, String::new()));
        }
        match items.last_mut() {
            Some((_, item)) => {
                if line.starts_with("---") || line.starts_with("...") {
                    continue;
                }
                item.push_str(line);
                item.push('\n');
            }
            None if bare.is_empty()
                || bare.starts_with('#')
                || bare.starts_with("---")
                || bare.starts_with('%') => {}
            None => return None,
        }
    }
    Some(items)
}

fn one(source: &Source<'_>, line: usize, item: &str) -> Result<Draft, Problem> {
    // First what needs no parser, which is slow for what nests deeply.
    if documents::nests_too_deeply(item) {
        let reason = "it nests more brackets than can be read".to_owned();
        return Err(Problem::new(
            source,
            line,
            Field::Entry,
            reason,
            "close them, or put the text in quotation marks",
        ));
    }
    if documents::repeats_too_much(item) {
        let reason = "with all aliases written out it is far larger than it looks".to_owned();
        return Err(Problem::new(source, line, Field::Entry, reason, "write out what is repeated"));
    }
    let parsed: Result<Vec<Item>, _> = yaml_serde::from_str(item);
    let item = match parsed {
        Ok(mut items) if items.len() == 1 => items.remove(0),
        Ok(_) => {
            let reason = "it is no entry".to_owned();
            return Err(Problem::new(source, line, Field::Entry, reason, "write \"- question: ...\""));
        }
        Err(error) => {
            let at = line + error.location().map_or(0, |place| place.line().saturating_sub(1));
            let remedy = "an entry has id, question, variants (a list), answer, valid_from, valid_until; put texts with \": \" or \"#\" in quotation marks";
            return Err(Problem::new(source, at, field_of(&error.to_string()), error.to_string(), remedy));
        }
    };
    Ok(Draft {
        line,
        id: item.id,
        question: item.question,
        variants: item.variants,
        answer: item.answer,
        valid_from: item.valid_from,
        valid_until: item.valid_until,
        ..Draft::default()
    })
}

/// The parser names the path of what it refused in its message.
fn field_of(message: &str) -> Field {
    let names = [
        ("question", Field::Question),
        ("variants", Field::Variants),
        ("answer", Field::Answer),
        ("valid_from", Field::ValidFrom),
        ("valid_until", Field::ValidUntil),
        (".id", Field::Id),
    ];
    let head = message.split(':').next().unwrap_or("");
    names.into_iter().find(|(name, _)| head.contains(name)).map_or(Field::Entry, |(_, field)| field)
}
