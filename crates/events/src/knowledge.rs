//! Knowledge: one question with its wordings and its answer.

use crate::Micros;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantNames;

/// What happens to an entry of the knowledge base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, VariantNames)]
#[serde(tag = "type")]
pub enum KnowledgeEvent {
    /// The entry was written or rewritten; `version` grows by one each time.
    Written {
        entry: Entry,
        version: u64,
        at: Micros,
    },
    Removed {
        at: Micros,
    },
}

/// A question in all its wordings, and the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// The editor's own stable name of the entry, unique in the tenant.
    pub slug: String,
    pub question: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<String>,
    pub answer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Micros>,
}
