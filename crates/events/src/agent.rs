//! Agent: a person who answers customers.

use crate::Micros;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantNames;

/// What happens to a person who answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, VariantNames)]
#[serde(tag = "type")]
pub enum AgentEvent {
    Registered {
        profile: Profile,
        at: Micros,
    },
    Changed {
        profile: Profile,
        at: Micros,
    },
    /// The agent came, paused or went.
    Presented {
        presence: Presence,
        at: Micros,
    },
    /// The agent left the team; nothing is assigned to them any more.
    Left {
        at: Micros,
    },
}

/// What routing knows of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// The name in documents, by which people who operate the suite know the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The name that customers see.
    pub name: String,
    /// Conversations at the same time, at most.
    pub capacity: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
    /// Channels served; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// Queues served; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<String>,
}

#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::AsRefStr,
    strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Presence {
    Online,
    Away,
    #[default]
    Offline,
}
