//! The published description of the feed: made from the types, kept in docs/schema, and never broken.
//!
//! `UPDATE=1 cargo test -p lead-capture --test schema` writes the files after a change of the types, but not after
//! one that would break what consumers rely on.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod asyncapi;
mod compatible;
mod described;

use serde_json::Value;
use std::path::PathBuf;

const SCHEMA: &str = "lead-event.schema.json";
const ASYNCAPI: &str = "asyncapi.json";

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema").join(name)
}

fn committed(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(path(name)).ok()?;
    Some(serde_json::from_str(&text).expect("a committed description is JSON"))
}

/// Compares a file with what the types say, or writes it when asked to.
fn keep(name: &str, made: &Value) {
    let text = format!("{}\n", serde_json::to_string_pretty(made).unwrap());
    if std::env::vars().any(|(key, value)| key == "UPDATE" && value == "1") {
        std::fs::create_dir_all(path("")).unwrap();
        std::fs::write(path(name), &text).unwrap();
    }
    let stands = std::fs::read_to_string(path(name)).unwrap_or_default();
    assert_eq!(stands, text, "docs/schema/{name} is not what the types say; write it with UPDATE=1");
}

#[test]
fn the_schema_in_the_documents_is_that_of_the_types_and_breaks_nobody() {
    let made = described::schema();
    if let Some(old) = committed(SCHEMA) {
        let broken = compatible::breaks(&old, &made);
        assert!(broken.is_empty(), "this breaks consumers: {broken:#?}");
    }
    keep(SCHEMA, &made);
}

#[test]
fn the_asyncapi_document_is_that_of_the_types() {
    keep(ASYNCAPI, &asyncapi::document());
}

#[test]
fn the_examples_in_the_documents_are_events() {
    let document = asyncapi::document();
    let messages = document["components"]["messages"].as_object().unwrap();
    assert_eq!(messages.len(), described::TYPES.len());
    for message in messages.values() {
        let payload = message["examples"][0]["payload"].clone();
        let event: events::feed::LeadCloudEvent = serde_json::from_value(payload.clone()).unwrap();
        assert_eq!(serde_json::to_value(event).unwrap(), payload);
    }
}
