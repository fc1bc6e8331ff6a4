//! The published language against its stored forms: what was once written is read for ever.
//!
//! `golden/<entity>/<type>[-n].json` holds one event each. A file that is there is never changed: a new field is
//! optional and comes with a new file, and a file that lacks a field with a default is listed in [`OLDER`].

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod words;

use events::feed::LeadCloudEvent;
use events::{
    AccessEvent, AccountEvent, AgentEvent, CustomerEvent, KnowledgeEvent, LeadEvent, TenantEvent, ThreadEvent,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use strum::VariantNames;
use words::Language;

/// Files from before a field that is always written: what is written now has more, and nothing less.
const OLDER: [&str; 2] = ["thread/Received-10", "tenant/Configured-2"];

/// What an event's enum is to this test.
struct Entity {
    name: &'static str,
    types: Vec<String>,
    schema: Value,
    again: fn(&Value) -> Result<Value, serde_json::Error>,
}

fn entities() -> Vec<Entity> {
    vec![
        entity::<ThreadEvent>("thread"),
        entity::<LeadEvent>("lead"),
        entity::<CustomerEvent>("customer"),
        entity::<AgentEvent>("agent"),
        entity::<KnowledgeEvent>("knowledge"),
        entity::<AccountEvent>("account"),
        entity::<TenantEvent>("tenant"),
        entity::<AccessEvent>("access"),
        feed(),
    ]
}

fn entity<E: Serialize + DeserializeOwned + JsonSchema + VariantNames>(name: &'static str) -> Entity {
    let types = E::VARIANTS.iter().map(ToString::to_string).collect();
    Entity { name, types, schema: schema::<E>(), again: again::<E> }
}

/// The lead feed is one struct; its types are the words of a field.
fn feed() -> Entity {
    let types = Language::of(&schema::<events::feed::LeadFeedType>()).words();
    Entity { name: "feed", types, schema: schema::<LeadCloudEvent>(), again: again::<LeadCloudEvent> }
}

fn schema<E: JsonSchema>() -> Value {
    schemars::schema_for!(E).to_value()
}

fn again<E: Serialize + DeserializeOwned>(stored: &Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<E>(stored.clone())?)
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The stored forms of an entity by the file's name without its ending, such as `Received-2`.
fn stored(entity: &Entity) -> Vec<(String, Value)> {
    let files = std::fs::read_dir(golden().join(entity.name)).unwrap().map(|file| file.unwrap().path());
    let mut forms: Vec<(String, Value)> = files
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let value =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), value)
        })
        .collect();
    forms.sort_by(|a, b| a.0.cmp(&b.0));
    forms
}

#[test]
fn every_stored_form_is_read_and_written_again_as_it_was() {
    for entity in entities() {
        for (file, stored) in stored(&entity) {
            let place = format!("{}/{file}", entity.name);
            let written = (entity.again)(&stored).unwrap_or_else(|error| panic!("{place}: {error}"));
            if OLDER.contains(&place.as_str()) {
                assert!(keeps(&stored, &written), "{place} lost something: {written:#}");
                assert_ne!(stored, written, "{place} lacks nothing and is no older form");
            } else {
                assert_eq!(stored, written, "{place} is written differently now");
            }
        }
    }
}

/// Whether all of `stored` is in `written`, and what came to it is a value and not null.
fn keeps(stored: &Value, written: &Value) -> bool {
    match (stored, written) {
        (Value::Object(old), Value::Object(new)) => {
            old.iter().all(|(name, value)| new.get(name).is_some_and(|now| keeps(value, now)))
                && new.iter().all(|(name, value)| old.contains_key(name) || !value.is_null())
        }
        (Value::Array(old), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| keeps(old, new))
        }
        (old, new) => old == new,
    }
}

#[test]
fn every_variant_has_a_stored_form_under_its_name() {
    for entity in entities() {
        let mut seen = BTreeSet::new();
        for (file, stored) in stored(&entity) {
            let kind =
                stored["type"].as_str().unwrap_or_else(|| panic!("{}/{file} has no type", entity.name));
            let number = file.strip_prefix(kind).map(|rest| rest.strip_prefix('-').unwrap_or(rest));
            let named = number.is_some_and(|number| number.is_empty() || number.parse::<u32>().is_ok());
            assert!(named, "{}/{file} holds a {kind}", entity.name);
            seen.insert(kind.to_owned());
        }
        let known: BTreeSet<String> = entity.types.iter().cloned().collect();
        assert!(!known.is_empty(), "{} has no types", entity.name);
        assert_eq!(seen, known, "{}: the stored forms and the variants differ", entity.name);
    }
}

#[test]
fn every_field_and_every_word_stands_in_a_stored_form() {
    for entity in entities() {
        let mut language = Language::of(&entity.schema);
        for (_, stored) in stored(&entity) {
            language.read(&stored);
        }
        let unread = language.unread();
        assert!(unread.is_empty(), "{}: no stored form has {unread:#?}", entity.name);
    }
}

#[test]
fn every_folder_of_stored_forms_belongs_to_an_entity() {
    let folders: BTreeSet<String> = std::fs::read_dir(golden())
        .unwrap()
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect();
    let known: BTreeSet<String> = entities().iter().map(|entity| entity.name.to_owned()).collect();
    assert_eq!(folders, known);
}

#[test]
fn every_file_of_events_with_types_is_an_entity_here() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for source in std::fs::read_dir(sources).unwrap().map(|source| source.unwrap().path()) {
        let name = source.file_stem().unwrap().to_str().unwrap().to_owned();
        let has_types = std::fs::read_to_string(&source).unwrap().contains("#[serde(tag = \"type\")]");
        assert!(!has_types || entities().iter().any(|entity| entity.name == name), "{name}.rs is not tested");
    }
}
