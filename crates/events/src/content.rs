//! What a message contains, with the unsealed facts that metrics need.

use crate::Sealed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A message's content. `text` and `media` are sealed; everything else is an unsealed fact, so that a
/// projection never needs a key to branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Content {
    pub kind: ContentKind,
    /// The text as the customer or the author wrote it, cleaned at the edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Sealed>,
    /// Where the picture, voice or file lies: a platform's media id or an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Sealed>,
    /// Graphemes of `text`.
    #[serde(default)]
    pub length: u32,
    /// `zh`, `en` or empty when undecided.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
}

impl Content {
    /// Whether a person wrote words that can be answered.
    pub fn has_text(&self) -> bool {
        self.text.is_some() && self.length > 0
    }
}

/// The kind of a message. `Unsupported` is the visible placeholder for what an adapter does not know: shown,
/// never answered, never counted as 开口.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    Text,
    Image,
    Voice,
    Video,
    File,
    Location,
    Link,
    Menu,
    Unsupported,
}
