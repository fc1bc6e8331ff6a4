//! The fields and words that a type's schema knows, and which of them a stored form has.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Everything that a type can write, and what of it was read so far.
pub(crate) struct Language {
    schema: Value,
    known: BTreeSet<String>,
    read: BTreeSet<String>,
}

/// A part of a schema under the name of the type or field that it describes.
#[derive(Clone)]
struct Part<'a> {
    name: String,
    schema: &'a Value,
}

impl Language {
    pub(crate) fn of(schema: &Value) -> Self {
        let mut known = BTreeSet::new();
        let mut left = vec![root(schema)];
        let mut visited = BTreeSet::new();
        while let Some(part) = left.pop() {
            if !visited.insert(part.name.clone()) {
                continue;
            }
            known.extend(words(&part));
            for (field, inner) in fields(&part) {
                known.insert(format!("{}.{field}", part.name));
                left.push(resolved(schema, Part { name: format!("{}.{field}", part.name), schema: inner }));
            }
            left.extend(below(&part).into_iter().map(|part| resolved(schema, part)));
        }
        Self { schema: schema.clone(), known, read: BTreeSet::new() }
    }

    /// The words of an enum without fields, as they are written.
    pub(crate) fn words(&self) -> Vec<String> {
        self.known.iter().filter_map(|word| word.split_once('=')).map(|(_, word)| word.to_owned()).collect()
    }

    /// Notes what a value has.
    pub(crate) fn read(&mut self, value: &Value) {
        let mut read = std::mem::take(&mut self.read);
        note(&self.schema, &root(&self.schema), value, &mut read);
        self.read = read;
    }

    /// What no value had.
    pub(crate) fn unread(&self) -> Vec<&String> {
        self.known.difference(&self.read).collect()
    }
}

fn note(whole: &Value, part: &Part<'_>, value: &Value, read: &mut BTreeSet<String>) {
    if let Value::String(text) = value {
        read.extend(words(part).into_iter().filter(|word| word.ends_with(&format!("={text}"))));
    }
    for (field, inner) in fields(part) {
        if let Some(value) = value.get(field) {
            let name = format!("{}.{field}", part.name);
            read.insert(name.clone());
            note(whole, &resolved(whole, Part { name, schema: inner }), value, read);
        }
    }
    for inner in below(part).into_iter().map(|inner| resolved(whole, inner)) {
        match value {
            Value::Array(items) if part.schema.get("items").is_some() => {
                items.iter().for_each(|item| note(whole, &inner, item, read));
            }
            value if accepts(inner.schema, value) => note(whole, &inner, value, read),
            _ => {}
        }
    }
}

fn root(schema: &Value) -> Part<'_> {
    Part { name: schema["title"].as_str().unwrap_or_default().to_owned(), schema }
}

/// Follows a reference; what it leads to has a name of its own, wherever it is used.
fn resolved<'a>(whole: &'a Value, part: Part<'a>) -> Part<'a> {
    match part.schema["$ref"].as_str() {
        Some(reference) => {
            let schema = whole.pointer(reference.trim_start_matches('#')).expect("a schema is complete");
            Part { name: reference.rsplit('/').next().unwrap_or_default().to_owned(), schema }
        }
        None => part,
    }
}

/// The alternatives of an enum and of an optional field, and the items of a list.
fn below<'a>(part: &Part<'a>) -> Vec<Part<'a>> {
    let alternatives = ["oneOf", "anyOf"].into_iter().filter_map(|key| part.schema[key].as_array()).flatten();
    let mut parts: Vec<Part<'a>> = alternatives
        .filter(|schema| schema["type"] != "null")
        .enumerate()
        .map(|(number, schema)| {
            // An alternative without a name is a word, or a type that is referred to.
            let name =
                schema["properties"]["type"]["const"].as_str().map_or(number.to_string(), str::to_owned);
            Part { name: format!("{}::{name}", part.name), schema }
        })
        .collect();
    if let Some(items) = part.schema.get("items") {
        parts.push(Part { name: format!("{}[]", part.name), schema: items });
    }
    parts
}

fn fields<'a>(part: &Part<'a>) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
    part.schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

/// Words that a text can be here, each as `<name>=<word>`.
fn words(part: &Part<'_>) -> Vec<String> {
    let listed = part.schema["enum"].as_array().into_iter().flatten();
    let words = listed.chain(part.schema.get("const")).filter_map(Value::as_str);
    words.map(|word| format!("{}={word}", part.name)).collect()
}

/// Whether a value is of this alternative, as far as the alternatives of one enum differ.
fn accepts(schema: &Value, value: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let kind = &schema["properties"]["type"]["const"];
            schema["type"] != "string"
                && required.into_iter().all(|name| fields.contains_key(name))
                && (kind.is_null() || fields.get("type") == Some(kind))
        }
        Value::String(_) => schema["type"] != "object",
        _ => true,
    }
}
