//! The documents as they are written: kinds, fields, and what is wrong with them.

use events::tenant::Settings;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use spine::address::check_tenant;
use std::collections::{BTreeMap, HashSet};
use utoipa::ToSchema;
use yaml_serde::Value;

const KINDS: &str = "Tenant, Account, Agent, Knowledge";

/// A statement that cannot be, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Wrong {
    /// From 1, in the order of the text.
    pub document: usize,
    /// The field, such as `settings.greeting` or `entries[3].answer`.
    pub path: String,
    pub reason: String,
    pub remedy: String,
}

impl Wrong {
    pub(super) fn new(document: usize, path: &str, reason: impl Into<String>, remedy: &str) -> Self {
        Self { document, path: path.into(), reason: reason.into(), remedy: remedy.into() }
    }
}

/// One document with its tenant.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) place: usize,
    pub(super) tenant: String,
    pub(super) body: Body,
}

impl Document {
    /// Whether planning looks at more than the entities that it names: at slugs taken and entries to prune.
    pub(super) fn asks_tables(&self) -> bool {
        match &self.body {
            Body::Account(_) => true,
            Body::Knowledge(spec) => spec.prune,
            Body::Tenant(_) | Body::Agent(_) => false,
        }
    }
}

#[derive(Debug)]
pub(super) enum Body {
    Tenant(TenantSpec),
    Account(AccountSpec),
    Agent(AgentSpec),
    Knowledge(KnowledgeSpec),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantSpec {
    pub(super) name: String,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default, deserialize_with = "settings")]
    pub(super) settings: Settings,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountSpec {
    #[serde(default)]
    tenant: Option<String>,
    pub(super) slug: String,
    pub(super) channel: String,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) settings: BTreeMap<String, Scalar>,
    #[serde(default)]
    pub(super) secrets: BTreeMap<String, Scalar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentSpec {
    #[serde(default)]
    tenant: Option<String>,
    pub(super) name: String,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default = "usual_capacity")]
    pub(super) capacity: u32,
    #[serde(default)]
    pub(super) skills: Vec<String>,
    #[serde(default)]
    pub(super) channels: Vec<String>,
    #[serde(default)]
    pub(super) queues: Vec<String>,
    #[serde(default)]
    pub(super) presence: Option<events::agent::Presence>,
}

fn usual_capacity() -> u32 {
    5
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KnowledgeSpec {
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default)]
    pub(super) entries: Vec<EntrySpec>,
    /// Whether entries of the tenant that are not listed are removed.
    #[serde(default)]
    pub(super) prune: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntrySpec {
    #[serde(alias = "id")]
    pub(super) slug: Scalar,
    pub(super) question: String,
    #[serde(default, alias = "similar")]
    pub(super) variants: Vec<String>,
    pub(super) answer: String,
    #[serde(default)]
    pub(super) valid_from: Option<String>,
    #[serde(default)]
    pub(super) valid_until: Option<String>,
}

/// A value that is text also when it is written as a number or a truth value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scalar(pub(super) String);

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

/// Reads all documents, or tells everything that is wrong with their form.
pub(super) fn parse(text: &str, tenant: Option<&str>) -> Result<Vec<Document>, Vec<Wrong>> {
    let (mut documents, mut wrong) = (Vec::new(), Vec::new());
    let mut last_tenant = tenant.map(str::to_owned);
    for (place, part) in yaml_serde::Deserializer::from_str(text).enumerate() {
        let place = place + 1;
        let value = match Value::deserialize(part) {
            Ok(Value::Null) => continue,
            Ok(value) => value,
            Err(error) => {
                // What follows a broken document cannot be told from it.
                wrong.push(Wrong::new(place, "", error.to_string(), "mend the YAML or JSON at that place"));
                break;
            }
        };
        match document(place, value, last_tenant.as_deref()) {
            Ok(document) => {
                if let Body::Tenant(spec) = &document.body {
                    last_tenant = Some(spec.name.clone());
                }
                documents.push(document);
            }
            Err(found) => wrong.push(found),
        }
    }
    wrong.extend(repeated(&documents));
    if documents.is_empty() && wrong.is_empty() {
        wrong.push(Wrong::new(
            1,
            "",
            "there is no document",
            &format!("begin with `kind: …`, one of {KINDS}"),
        ));
    }
    if wrong.is_empty() { Ok(documents) } else { Err(wrong) }
}

fn document(place: usize, mut value: Value, last_tenant: Option<&str>) -> Result<Document, Wrong> {
    let remedy = format!("write one of {KINDS}");
    let Value::Mapping(fields) = &mut value else {
        return Err(Wrong::new(place, "", "the document is no mapping", "begin it with `kind: …`"));
    };
    let Some(kind) = fields.remove("kind") else {
        return Err(Wrong::new(place, "kind", "missing field `kind`", &remedy));
    };
    let (body, own) = match kind.as_str().unwrap_or_default() {
        "Tenant" => {
            let spec: TenantSpec = typed(place, value)?;
            let own = Some(spec.name.clone());
            (Body::Tenant(spec), own)
        }
        "Account" => {
            let mut spec: AccountSpec = typed(place, value)?;
            let own = spec.tenant.take();
            (Body::Account(spec), own)
        }
        "Agent" => {
            let mut spec: AgentSpec = typed(place, value)?;
            let own = spec.tenant.take();
            (Body::Agent(spec), own)
        }
        "Knowledge" => {
            let mut spec: KnowledgeSpec = typed(place, value)?;
            let own = spec.tenant.take();
            (Body::Knowledge(spec), own)
        }
        other => return Err(Wrong::new(place, "kind", format!("unknown kind `{other}`"), &remedy)),
    };
    let Some(tenant) = own.or(last_tenant.map(str::to_owned)) else {
        let remedy = "add `tenant: …`, or put a document of the kind Tenant before it";
        return Err(Wrong::new(place, "tenant", "nothing says whose this is", remedy));
    };
    if check_tenant(&tenant).is_err() {
        let path = if matches!(body, Body::Tenant(_)) { "name" } else { "tenant" };
        let remedy = "use at most 40 lower case letters, digits and dashes";
        return Err(Wrong::new(place, path, format!("`{tenant}` cannot name a tenant"), remedy));
    }
    Ok(Document { place, tenant, body })
}

fn typed<T: DeserializeOwned>(place: usize, value: Value) -> Result<T, Wrong> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner().to_string();
        let remedy = if reason.contains("unknown field") {
            "check the spelling, or remove it"
        } else if reason.contains("missing field") {
            "add it"
        } else {
            "write a value of the expected type"
        };
        Wrong::new(place, if path == "." { "" } else { &path }, reason, remedy)
    })
}

/// The same entity in two documents: one of them would win by chance.
fn repeated(documents: &[Document]) -> Vec<Wrong> {
    let mut seen = HashSet::new();
    let mut wrong = Vec::new();
    for document in documents {
        let (kind, name, path) = match &document.body {
            Body::Tenant(spec) => ("tenant", spec.name.as_str(), "name"),
            Body::Account(spec) => ("account", spec.slug.as_str(), "slug"),
            Body::Agent(spec) => ("agent", spec.name.as_str(), "name"),
            Body::Knowledge(_) => continue,
        };
        if !seen.insert((kind, document.tenant.as_str(), name)) {
            let reason = format!("the {kind} `{name}` stands here a second time");
            wrong.push(Wrong::new(document.place, path, reason, "remove one of the two"));
        }
    }
    wrong
}

/// Whether a name can be one: 1 to 64 letters, digits, dashes and underscores.
pub(super) fn check_name(place: usize, path: &str, name: &str) -> Result<(), Wrong> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(allowed) {
        return Ok(());
    }
    let remedy = "use 1 to 64 letters, digits, dashes and underscores";
    Err(Wrong::new(place, path, format!("`{name}` cannot be a name"), remedy))
}
