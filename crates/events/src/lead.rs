//! Lead (线索): what was learned about a prospect in a thread. Its id is the thread's id, a dash, a number.

use crate::{Micros, Sealed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use uuid::Uuid;

/// What happens to a lead: what one conversation taught us about how to reach its customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, VariantNames)]
#[serde(tag = "type")]
pub enum LeadEvent {
    /// A contact detail was learned from a message.
    Captured {
        thread: Uuid,
        conversation: u32,
        /// The message it was written in.
        message: Uuid,
        kind: DetailKind,
        /// The canonical value.
        value: Sealed,
        /// How it was written: `plain`, or the name of an obfuscation.
        form: String,
        consent: Consent,
        account: Uuid,
        channel: String,
        at: Micros,
    },
    /// The customer allowed or refused to be contacted.
    Consented { message: Uuid, consent: Consent, at: Micros },
    /// The same person's earlier lead goes on; this one is a pointer to it.
    Joined { into: String, kind: DetailKind, at: Micros },
    /// `Joined` was wrong and is undone.
    Parted { from: String, at: Micros },
    /// The lead is good enough to be handed on, and why.
    Qualified { score: u32, reasons: Vec<String>, at: Micros },
    /// The person asked to be forgotten; nothing follows.
    Erased { erasure: Uuid, at: Micros },
}

#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::AsRefStr,
    strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DetailKind {
    Phone,
    Wechat,
    Qq,
    Email,
    Telegram,
    Name,
    Address,
    Company,
}

/// What the customer said about being contacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Consent {
    /// The customer volunteered the detail.
    Implied,
    Given,
    Refused,
}
