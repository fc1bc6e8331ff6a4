//! Tenant: one business with its own settings.

use crate::Micros;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantNames;

/// What happens to a tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, VariantNames)]
#[serde(tag = "type")]
pub enum TenantEvent {
    Configured { name: String, settings: Settings, at: Micros },
}

/// What a tenant chooses. Every field has a default, so a new one needs no migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// An AI turn unanswered for so long goes to people.
    pub answer_deadline_ms: u64,
    /// A waiting conversation is offered again, and counted as late, after so long.
    pub wait_deadline_ms: u64,
    /// A conversation without a message for so long is closed.
    pub idle_close_ms: u64,
    /// A send without proof stays unknown for so long before that is final.
    pub unknown_wait_ms: u64,
    /// Below this confidence, in thousandths, the AI says nothing and people answer.
    pub confidence_min: u32,
    pub greeting: String,
    pub handover_notice: String,
    pub contact_thanks: String,
    pub goodbye: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            answer_deadline_ms: 30_000,
            wait_deadline_ms: 60_000,
            idle_close_ms: 30 * 60_000,
            unknown_wait_ms: 60_000,
            confidence_min: 500,
            greeting: "您好，请问有什么可以帮您？".into(),
            handover_notice: "正在为您转接人工客服，请稍候。".into(),
            contact_thanks: "好的，已记下您的联系方式，稍后会有同事联系您。".into(),
            goodbye: "感谢您的咨询，祝您生活愉快！".into(),
        }
    }
}
