//! Account: one of the tenant's accounts on a channel.

use crate::{Micros, Sealed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use strum::VariantNames;

/// What happens to a channel account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, VariantNames)]
#[serde(tag = "type")]
pub enum AccountEvent {
    Configured {
        setup: Setup,
        at: Micros,
    },
    /// The account takes and sends nothing until it is configured again.
    Disabled {
        at: Micros,
    },
}

/// How an account is reached. Every secret is sealed under the tenant's own key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Setup {
    /// The channel's folder name, such as `wechat_oa`.
    pub channel: String,
    /// The name in webhook addresses, unique in the suite.
    pub slug: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Sealed>,
}
