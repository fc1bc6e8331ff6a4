//! A value that carries personal data and is unreadable without its key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ciphertext in the form `v1.<algorithm>.<key id>.<nonce>.<ciphertext>`. Sealed before a decision sees it;
/// opened only through the key register. Its associated data are the entity's subject and the field's name,
/// so a value copied to another place does not open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Sealed(pub String);

impl Sealed {
    /// The stored text, still sealed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Sealed {
    fn from(stored: String) -> Self {
        Self(stored)
    }
}
