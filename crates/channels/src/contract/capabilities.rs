//! What a channel can do, as a table that people and programs read.

use events::thread::{ReceiptState, Window};
use events::{ContentKind, Micros};
use serde::Serialize;

/// What a channel can do; the composer, the AI and the documentation read the same table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Capabilities {
    /// The longest text of one message.
    pub text: TextLimit,
    /// What we may send after an action of the customer; `None` means no limit.
    pub after_message: Option<Allowance>,
    pub after_follow: Option<Allowance>,
    pub after_scan: Option<Allowance>,
    pub after_menu: Option<Allowance>,
    /// The states of our messages that the platform reports.
    pub receipts: &'static [ReceiptState],
    /// The kinds that can be received.
    pub receives: &'static [ContentKind],
    /// How an unknown outcome of a send can be resolved.
    pub proof: Proof,
    /// Messages per second and account; the sender is paced by it.
    pub rate_per_second: u32,
    /// Within how many milliseconds a webhook must be answered.
    pub answer_within_ms: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TextLimit {
    pub max: usize,
    pub unit: Unit,
}

/// In what a platform counts the length of a text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Bytes,
    Utf16,
    Graphemes,
}

/// How many messages, and for how long, after an action of the customer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Allowance {
    pub ms: u64,
    /// None when the number is not limited.
    pub count: Option<u32>,
}

impl Allowance {
    /// The window that an action at `at` opens.
    pub fn window(self, at: Micros) -> Window {
        Window { until: at.saturating_add_unsigned(self.ms.saturating_mul(1000)), left: self.count }
    }
}

/// What proves that a message arrived although the answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Sending the same id again cannot double the message.
    IdempotencyKey,
    /// The platform tells later.
    Receipt,
    /// Our own message comes back through the webhook.
    Echo,
    None,
}
