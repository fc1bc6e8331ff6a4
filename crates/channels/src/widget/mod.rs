//! The website widget: our own protocol over a socket, as pure frames and a pure session.
//!
//! The socket server owns the socket, the log and the clock; this folder says what each frame means. Settings:
//! `origins` (addresses that may embed the widget, by commas; none set means any). Secrets: `widget_secret` signs
//! visitor tokens, `identity_secret` proves a shop's own sign-in (`identity.rs`) and may be left out.

mod form;
pub mod frames;
pub mod identity;
pub mod page;
pub mod session;
pub mod token;

pub use frames::{ClientFrame, Code, Event, ServerFrame, Shown};
pub use session::{Action, Opening, Session};

use super::contract::{Account, Capabilities, Channel, Proof, TextLimit, Unit};
use events::ContentKind;
use events::thread::ReceiptState;

/// The longest text of one message.
pub const TEXT_MAX_GRAPHEMES: usize = 4000;

/// The channel's line of the list.
pub static CHANNEL: Channel = Channel {
    name: "widget",
    capabilities: Capabilities {
        text: TextLimit { max: TEXT_MAX_GRAPHEMES, unit: Unit::Graphemes },
        after_message: None,
        after_follow: None,
        after_scan: None,
        after_menu: None,
        receipts: &[ReceiptState::Delivered, ReceiptState::Read],
        receives: &[ContentKind::Text],
        // The visitor's browser reports what it has shown, and resumes from there.
        proof: Proof::Receipt,
        rate_per_second: 2000,
        answer_within_ms: 1000,
    },
    webhook: None,
    sender: None,
    profile: None,
    form: form::FORM,
};

/// The identity of a visitor's message, for the thread's law.
pub fn item_id(client_id: &str) -> String {
    format!("widget:{client_id}")
}

/// Whether a page of that origin may open the widget's socket.
pub fn origin_allowed(account: &Account, origin: Option<&str>) -> bool {
    let Some(allowed) = account.setting("origins") else { return true };
    let plain = |origin: &str| origin.trim().trim_end_matches('/').to_ascii_lowercase();
    origin.is_some_and(|origin| allowed.split(',').any(|allowed| plain(allowed) == plain(origin)))
}
