//! Who the caller is, and what answers.

use super::time::Time;
use crate::access::{Act, Role};
use crate::caller::Caller;
use crate::refusal::{Refusal, RefusalBody};
use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// What a token is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// The token's id.
    pub(crate) token: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) tenant: String,
    /// The agent who answers with it.
    pub(crate) agent: Option<String>,
    pub(crate) expires_at: Option<Time>,
}

/// Who the caller is.
#[utoipa::path(
    get, path = "/me", operation_id = "getMe", tag = "self",
    responses((status = 200, body = Me), RefusalBody)
)]
pub(crate) async fn me(caller: Caller) -> Result<Json<Me>, Refusal> {
    caller.check(Act::SeeSelf)?;
    Ok(Json(Me {
        token: caller.token.to_string(),
        name: caller.name,
        role: caller.role,
        tenant: caller.tenant.to_string(),
        agent: caller.agent.map(|agent| agent.to_string()),
        expires_at: caller.expires_at.map(Time::of),
    }))
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    pub(crate) version: &'static str,
}

/// The release that answers; no token is needed.
#[utoipa::path(get, path = "/version", operation_id = "getVersion", tag = "self", security(()),
    responses((status = 200, body = Version)))]
pub(crate) async fn version() -> Json<Version> {
    Json(Version { version: env!("CARGO_PKG_VERSION") })
}
