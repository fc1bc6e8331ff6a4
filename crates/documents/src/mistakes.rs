//! Finding every mistake of a document: each is mended in the copy at hand, so that the next one is found too.

use crate::document::Wrong;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use yaml_serde::Value;

/// Mistakes of one document that are told at once.
const MISTAKES_MAX: usize = 50;

/// The document as `T`, or everything that is wrong with its fields.
pub(crate) fn typed<T: DeserializeOwned>(place: usize, mut value: Value) -> Result<T, Vec<Wrong>> {
    let mut wrong: Vec<Wrong> = Vec::new();
    // Twice: a field of a wrong type is taken away first and then missing.
    for _ in 0..2 * MISTAKES_MAX {
        let error = match serde_path_to_error::deserialize(&value) {
            Ok(spec) if wrong.is_empty() => return Ok(spec),
            Ok(_) => break,
            Err(error) => error,
        };
        let mistake = Mistake::of(&error);
        let path = written(&mistake.path);
        let is_known = wrong.iter().any(|known| known.path == path);
        if !is_known {
            wrong.push(Wrong::new(place, &path, mistake.reason.clone(), mistake.remedy()));
        }
        // What stays as it is would be found again and again.
        if !mistake.mend(&mut value)
            || (is_known && mistake.kind != Kind::Missing)
            || wrong.len() >= MISTAKES_MAX
        {
            break;
        }
    }
    Err(wrong)
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Unknown,
    Missing,
    Type,
}

#[derive(Clone, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

struct Mistake {
    kind: Kind,
    path: Vec<Step>,
    reason: String,
}

impl Mistake {
    fn of(error: &serde_path_to_error::Error<yaml_serde::Error>) -> Self {
        let mut path: Vec<Step> = error
            .path()
            .iter()
            .filter_map(|segment| match segment {
                Segment::Seq { index } => Some(Step::Index(*index)),
                Segment::Map { key } => Some(Step::Key(key.clone())),
                Segment::Enum { .. } | Segment::Unknown => None,
            })
            .collect();
        let mut reason = error.inner().to_string();
        // The tenant's settings are read on their own, and say themselves where.
        if path == [Step::Key("settings".into())]
            && let Some((name, rest)) = reason.split_once(": ")
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            path.push(Step::Key(name.to_owned()));
            reason = rest.to_owned();
        }
        let kind = match &reason {
            reason if reason.contains("unknown field") => Kind::Unknown,
            reason if reason.contains("missing field") => Kind::Missing,
            _ => Kind::Type,
        };
        let named = reason.split('`').nth(1).map(|name| Step::Key(name.to_owned()));
        if let Some(named) = named.filter(|named| kind != Kind::Type && path.last() != Some(named)) {
            path.push(named);
        }
        Self { kind, path, reason }
    }

    fn remedy(&self) -> &'static str {
        match self.kind {
            Kind::Unknown => "check the spelling, or remove it",
            Kind::Missing => "add it",
            Kind::Type => "write a value of the expected type",
        }
    }

    /// Takes the mistake away; false when it cannot be.
    fn mend(&self, value: &mut Value) -> bool {
        let Some((last, parents)) = self.path.split_last() else { return false };
        let mut at = value;
        for step in parents {
            let next = match step {
                Step::Key(key) => at.get_mut(key.as_str()),
                Step::Index(index) => at.get_mut(*index),
            };
            let Some(next) = next else { return false };
            at = next;
        }
        // Every field that must be there is a text.
        let filler = Value::String("x".into());
        match (at, last) {
            (Value::Mapping(fields), Step::Key(key)) if self.kind == Kind::Missing => {
                fields.insert(Value::String(key.clone()), filler);
                true
            }
            (Value::Mapping(fields), Step::Key(key)) => fields.remove(key.as_str()).is_some(),
            (Value::Sequence(items), Step::Index(index)) => {
                items.get_mut(*index).map(|item| *item = filler).is_some()
            }
            _ => false,
        }
    }
}

/// A path as a person writes it, such as `entries[3].answer`.
fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.push_str(&format!(".{key}")),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// Where `${NAME}` stands in the document: whoever fills it in before an apply did not. What customers read may hold
/// anything, so entries of knowledge are passed over.
pub(crate) fn placeholders(place: usize, value: &Value) -> Vec<Wrong> {
    let mut found = Vec::new();
    look(value, &mut Vec::new(), &mut found);
    found.sort();
    let wrong = |(path, name): (String, String)| {
        let reason = format!("the placeholder `${{{name}}}` was not filled in");
        Wrong::new(place, &path, reason, "put its value there before applying, for instance with envsubst")
    };
    found.into_iter().map(wrong).collect()
}

fn look(value: &Value, path: &mut Vec<Step>, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => {
            if let Some(name) = placeholder(text) {
                found.push((written(path), name.to_owned()));
            }
        }
        Value::Mapping(fields) => {
            for (key, value) in fields {
                path.push(Step::Key(key.as_str().unwrap_or_default().to_owned()));
                look(value, path, found);
                path.pop();
            }
        }
        Value::Sequence(items) if path.first() != Some(&Step::Key("entries".into())) => {
            for (index, value) in items.iter().enumerate() {
                path.push(Step::Index(index));
                look(value, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The name in the first placeholder of a text.
fn placeholder(text: &str) -> Option<&str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.');
    text.split("${").skip(1).find_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        (!name.is_empty() && name.chars().all(allowed)).then_some(name)
    })
}
