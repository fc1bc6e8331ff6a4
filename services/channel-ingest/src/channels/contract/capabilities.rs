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

/// Joins the window that a thread has with the one that a new action at `at` opens. Allowances do not add up:
/// the count becomes the larger, the end the later one (Tencent's customer-message guide); a window that is
/// over counts for nothing.
pub fn join(open: Option<Window>, new: Window, at: Micros) -> Window {
    let Some(open) = open.filter(|open| open.until > at) else { return new };
    let left = match (open.left, new.left) {
        (Some(a), Some(b)) => Some(a.max(b)),
        _ => None,
    };
    Window { until: open.until.max(new.until), left }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Micros = 1_000_000;

    fn window(until: Micros, left: u32) -> Window {
        Window { until, left: Some(left) }
    }

    #[test]
    fn a_menu_tap_keeps_the_larger_count_and_the_later_end() {
        assert_eq!(join(Some(window(AT + 9, 5)), window(AT + 1, 3), AT), window(AT + 9, 5));
        assert_eq!(join(Some(window(AT + 9, 1)), window(AT + 1, 3), AT), window(AT + 9, 3));
    }

    #[test]
    fn a_window_that_is_over_adds_nothing() {
        assert_eq!(join(Some(window(AT, 5)), window(AT + 1, 3), AT), window(AT + 1, 3));
        assert_eq!(join(None, window(AT + 1, 3), AT), window(AT + 1, 3));
    }
}
