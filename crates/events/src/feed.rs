//! The public lead feed: what other systems read on the stream LEADS, as CloudEvents JSON.

use crate::lead::{Consent, DetailKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A CloudEvents 1.0 envelope in structured JSON mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeadCloudEvent {
    /// Always `1.0`.
    pub specversion: String,
    /// Stable: the same after the feed is rebuilt.
    pub id: String,
    /// `/tenants/<tenant>`.
    pub source: String,
    #[serde(rename = "type")]
    pub kind: LeadFeedType,
    /// The lead's id.
    pub subject: String,
    /// RFC 3339, UTC.
    pub time: String,
    pub datacontenttype: String,
    pub data: LeadNotice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum LeadFeedType {
    /// A lead's first contact detail.
    #[serde(rename = "lead.created")]
    Created,
    /// A further detail of a known lead.
    #[serde(rename = "lead.updated")]
    Updated,
    /// The lead is the same person as an earlier one.
    #[serde(rename = "lead.joined")]
    Joined,
    #[serde(rename = "lead.parted")]
    Parted,
    #[serde(rename = "lead.qualified")]
    Qualified,
    /// The person was erased; delete what you hold.
    #[serde(rename = "lead.erased")]
    Erased,
}

impl LeadFeedType {
    /// The token in the subject `leads.<tenant>.<token>.<lead>`.
    pub fn token(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Joined => "joined",
            Self::Parted => "parted",
            Self::Qualified => "qualified",
            Self::Erased => "erased",
        }
    }
}

/// What a consumer learns. `details` holds what this event added, in clear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeadNotice {
    pub lead: String,
    pub tenant: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<LeadDetail>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_into: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeadDetail {
    pub kind: DetailKind,
    pub value: String,
    pub consent: Consent,
    /// The id of the customer's message that it was written in.
    pub message: String,
}
