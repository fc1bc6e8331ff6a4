//! The documents as they are written: kinds, fields, and what is wrong with them.

use events::tenant::Settings;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use yaml_serde::Value;

/// A statement that cannot be, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// From 1, in the order of the text.
    pub document: usize,
    /// The field, such as `settings.greeting` or `entries[3].answer`.
    pub path: String,
    pub reason: String,
    pub remedy: String,
}

impl Wrong {
    /// A mistake at that field of the document of that number.
    pub fn new(document: usize, path: &str, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { document, path: path.into(), reason: reason.into(), remedy: remedy.into() }
    }
}

/// One document with its tenant.
#[derive(Debug)]
pub struct Document {
    pub place: usize,
    pub tenant: String,
    pub body: Body,
}

impl Document {
    /// Whether planning looks at more than the entities that it names: at slugs taken and entries to prune.
    pub fn asks_tables(&self) -> bool {
        match &self.body {
            Body::Account(_) => true,
            Body::Knowledge(spec) => spec.prune,
            Body::Tenant(_) | Body::Agent(_) => false,
        }
    }
}

/// What a document is of, with its fields.
#[derive(Debug)]
pub enum Body {
    Tenant(TenantSpec),
    Account(AccountSpec),
    Agent(AgentSpec),
    Knowledge(KnowledgeSpec),
}

/// A tenant and its settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantSpec {
    pub name: String,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default, deserialize_with = "settings")]
    pub settings: Settings,
}

/// A tenant's account on a channel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSpec {
    #[serde(default)]
    pub tenant: Option<String>,
    pub slug: String,
    pub channel: String,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub settings: BTreeMap<String, Scalar>,
    #[serde(default)]
    pub secrets: BTreeMap<String, Scalar>,
    /// Whether it takes and sends nothing.
    #[serde(default)]
    pub disabled: bool,
}

/// Somebody of the team.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSpec {
    #[serde(default)]
    pub tenant: Option<String>,
    pub name: String,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default = "usual_capacity")]
    pub capacity: u32,
    #[serde(default)]
    pub skills: Vec<String>,
    #[serde(default)]
    pub channels: Vec<String>,
    #[serde(default)]
    pub queues: Vec<String>,
    #[serde(default)]
    pub presence: Option<events::agent::Presence>,
    /// Whether they left the team.
    #[serde(default)]
    pub left: bool,
}

fn usual_capacity() -> u32 {
    5
}

/// A tenant's entries of knowledge, or some of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnowledgeSpec {
    #[serde(default)]
    pub tenant: Option<String>,
    #[serde(default)]
    pub entries: Vec<EntrySpec>,
    /// Whether entries of the tenant that are not listed are removed.
    #[serde(default)]
    pub prune: bool,
}

/// One entry of knowledge.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntrySpec {
    #[serde(alias = "id")]
    pub slug: Scalar,
    pub question: String,
    #[serde(default, alias = "similar")]
    pub variants: Vec<String>,
    pub answer: String,
    #[serde(default)]
    pub valid_from: Option<String>,
    #[serde(default)]
    pub valid_until: Option<String>,
}

/// A value that is text also when it is written as a number or a truth value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar(pub String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            Value::Bool(truth) => Ok(Self(truth.to_string())),
            // A fraction would not read back as it was written.
            Value::Number(number) if number.is_i64() || number.is_u64() => Ok(Self(number.to_string())),
            _ => Err(D::Error::custom("invalid type: this is no text; put it in quotes")),
        }
    }
}

/// The tenant's choices; unlike in the log, an unknown one is a mistake.
fn settings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Settings, D::Error> {
    let given = BTreeMap::<String, Value>::deserialize(deserializer)?;
    let known = serde_json::to_value(Settings::default()).map_err(D::Error::custom)?;
    let known = known.as_object().cloned().unwrap_or_default();
    if let Some(unknown) = given.keys().find(|key| !known.contains_key(*key)) {
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        let expected = names.join("`, `");
        return Err(D::Error::custom(format!("unknown field `{unknown}`, expected one of `{expected}`")));
    }
    let mapping = given.into_iter().map(|(key, value)| (Value::String(key), value)).collect();
    serde_path_to_error::deserialize(Value::Mapping(mapping))
        .map_err(|error| D::Error::custom(format!("{}: {}", error.path(), error.inner())))
}

/// Whether a name can be one: 1 to 64 letters, digits, dashes and underscores.
///
/// # Errors
/// Says so at that path.
pub fn check_name(place: usize, path: &str, name: &str) -> Result<(), Wrong> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(allowed) {
        return Ok(());
    }
    let remedy = "use 1 to 64 letters, digits, dashes and underscores";
    Err(Wrong::new(place, path, format!("`{name}` cannot be a name"), remedy))
}
