//! The generic HTTP channel: our own protocol for systems that have no adapter.
//!
//! In: `POST /channels/http/<account>/messages`, signed by Standard Webhooks, one item, a list of them, or
//! `{"items": [...]}`; see `item.rs` for the fields. Out: a signed POST per message to the account's `callback_url`,
//! whose `webhook-id` stays equal over all attempts; see `send.rs`. Settings: `callback_url`, `timeout_ms`. Secrets:
//! `webhook_secret` and, while it is being changed, `webhook_secret_previous`.

pub mod call;
mod form;
mod inbound;
mod item;
mod send;

pub use call::client;
pub use inbound::Http;
pub use item::item_id;

use super::contract::{Account, Capabilities, Channel, Misconfigured, Proof, TextLimit, Unit};
use super::form::address;
use super::standard_webhooks::Key;
use events::ContentKind;
use events::thread::ReceiptState;

/// The channel's line of the list.
pub static CHANNEL: Channel = Channel {
    name: "http",
    capabilities: Capabilities {
        text: TextLimit { max: 4000, unit: Unit::Graphemes },
        after_message: None,
        after_follow: None,
        after_scan: None,
        after_menu: None,
        receipts: &[ReceiptState::Delivered, ReceiptState::Read],
        receives: &[
            ContentKind::Text,
            ContentKind::Image,
            ContentKind::Voice,
            ContentKind::Video,
            ContentKind::File,
            ContentKind::Location,
            ContentKind::Link,
        ],
        proof: Proof::IdempotencyKey,
        // A protocol of ours: the partner slows us down with 429.
        rate_per_second: 200,
        answer_within_ms: 15_000,
    },
    webhook: Some(&Http),
    sender: Some(&Http),
    profile: None,
    form: form::FORM,
};

/// The current secret, then the one before.
fn keys(account: &Account) -> Result<Vec<Key>, Misconfigured> {
    let key = |name: &'static str| {
        let secret = account.secret(name)?;
        Some(Key::parse(secret).ok_or(Misconfigured { name, fault: "is not base64 of 24 to 64 bytes" }))
    };
    let current =
        key("webhook_secret").ok_or(Misconfigured { name: "webhook_secret", fault: "is missing" })??;
    let previous = key("webhook_secret_previous").transpose()?;
    Ok(std::iter::once(current).chain(previous).collect())
}

fn callback(account: &Account) -> Result<&str, Misconfigured> {
    let fault = |fault| Misconfigured { name: "callback_url", fault };
    let url = account.setting("callback_url").ok_or(fault("is missing"))?;
    if address(url).is_some() { Ok(url) } else { Err(fault("is no http address")) }
}
