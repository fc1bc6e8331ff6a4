//! What becomes of a message on its way out: why it was withdrawn, how it failed, what its platform reported.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why an answer that waited to be sent never will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawnReason {
    /// The AI's tenure was over.
    Tenure,
    /// The customer cannot be reached or the window is closed.
    Window,
    /// A person or the tenant gave it up.
    Cancelled,
}

/// What a refused send means for the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FailureClass {
    /// The platform was busy or the connection was never made.
    Retryable,
    RateLimited,
    TokenStale,
    WindowClosed,
    Unreachable,
    /// The platform refused the content.
    Rejected,
    Permanent,
    Configuration,
}

/// What the platform reported of a sent message; a later state implies the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    Delivered,
    Read,
}
