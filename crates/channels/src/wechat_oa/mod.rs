//! WeChat official accounts (公众号, 服务号): pushes in, customer messages out.
//!
//! Source: Tencent's developer documentation, "公众号 / 接收普通消息", "接收事件推送", "客服消息",
//! "获取用户基本信息". Settings: `app_id`,
//! `mode` (`safe`, `compat` or `plain`), `kf_account`, `label_ai`, `api_base`, `tolerance_s`,
//! `timeout_ms`. Secrets: `token`, `encoding_aes_key`, `encoding_aes_key_previous`, `app_secret`.

mod codes;
mod form;
mod inbound;
mod item;
mod profile;
mod send;
mod settings;

pub use codes::class_of;
pub use inbound::OfficialAccount;

use super::contract::{Allowance, Capabilities, Channel, Proof, TextLimit, Unit};
use events::ContentKind;

const HOURS_48: u64 = 48 * 3600 * 1000;
const MINUTE: u64 = 60 * 1000;

/// The channel's line of the list.
pub static CHANNEL: Channel = Channel {
    name: "wechat_oa",
    capabilities: Capabilities {
        // The documentation names no number; 2048 bytes is what the family's other texts take.
        text: TextLimit { max: 2048, unit: Unit::Bytes },
        after_message: Some(Allowance { ms: HOURS_48, count: Some(5) }),
        after_follow: Some(AFTER_TAP),
        after_scan: Some(AFTER_TAP),
        after_menu: Some(AFTER_TAP),
        receipts: &[],
        receives: &[
            ContentKind::Text,
            ContentKind::Image,
            ContentKind::Voice,
            ContentKind::Video,
            ContentKind::Location,
            ContentKind::Link,
        ],
        proof: Proof::None,
        // The platform names no number; this is a pace of ours.
        rate_per_second: 50,
        answer_within_ms: 5000,
    },
    webhook: Some(&OfficialAccount),
    sender: Some(&OfficialAccount),
    profile: Some(&OfficialAccount),
    form: form::FORM,
};

/// Following, scanning and tapping a menu each allow three messages within a minute.
const AFTER_TAP: Allowance = Allowance { ms: MINUTE, count: Some(3) };
/// A message of the customer allows five within 48 hours.
const AFTER_MESSAGE: Allowance = Allowance { ms: HOURS_48, count: Some(5) };
