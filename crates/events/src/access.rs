//! Access: the record that somebody opened personal data.

use crate::Micros;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantNames;

/// What happens to the record of who saw what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, VariantNames)]
#[serde(tag = "type")]
pub enum AccessEvent {
    /// Sealed values were shown in clear. `what` is a subject or a range, never the values.
    Opened { by: String, role: String, reason: String, what: String, at: Micros },
}
