//! Who asks: the token that a request shows.

use crate::access::{Act, Role, may, sees_all};
use crate::refusal::Refusal;
use crate::state::App;
use crate::tokens;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use runtime::Problem;
use std::sync::Arc;
use uuid::Uuid;

/// Namespace of ids that a caller's idempotency key becomes.
const REQUESTS: Uuid = Uuid::from_u128(0x6f3c_1d52_9a0b_4e6e_8a57_1d0c_55ce_0a01);
/// Bytes of an idempotency key.
const KEY_BYTES_MAX: usize = 200;

/// The holder of a valid token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) token: Uuid,
    pub(crate) role: Role,
    pub(crate) tenant: Arc<str>,
    pub(crate) agent: Option<Uuid>,
    pub(crate) name: String,
    pub(crate) expires_at: Option<i64>,
    /// The id of what this request decides: of its idempotency key, or a new one.
    pub(crate) request: Uuid,
}

impl Caller {
    /// Refuses unless the role may do it.
    pub(crate) fn check(&self, act: Act) -> Result<(), Refusal> {
        if may(self.role, act) {
            return Ok(());
        }
        Err(Problem::forbidden(format!("A token of the role {} is not for this.", self.role)).into())
    }

    /// Refuses when the token was revoked or expired since the request began, for requests that take long.
    pub(crate) async fn still(&self, app: &App) -> Result<(), Refusal> {
        match tokens::holds(app.tokens(), self.token, app.now()).await? {
            true => Ok(()),
            false => Err(unknown().into()),
        }
    }

    /// The agent on whose behalf the caller answers.
    pub(crate) fn answering(&self) -> Result<Uuid, Refusal> {
        self.check(Act::Answer)?;
        let nobody = || {
            Problem::forbidden("This token names no agent, so there is nobody to answer as.")
                .remedy("Use a token that was created with an agent.")
        };
        Ok(self.agent.ok_or_else(nobody)?)
    }

    /// Whether the caller sees texts and names of a conversation that `agent` has or had.
    pub(crate) fn sees(&self, agent: Option<&str>) -> bool {
        if sees_all(self.role) {
            return true;
        }
        let own = self.agent.map(|own| own.to_string());
        self.role == Role::Agent && agent.is_some() && own.as_deref() == agent
    }

    /// The word by which the log knows the caller; never a name.
    pub(crate) fn actor(&self) -> String {
        match self.agent {
            Some(agent) => format!("agent:{agent}"),
            None => format!("token:{}", self.token),
        }
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let text = bearer(parts).ok_or_else(unknown)?;
        let token = tokens::verify(app.tokens(), text, app.now()).await?.ok_or_else(unknown)?;
        Ok(Self {
            request: request_id(parts, token.id)?,
            token: token.id,
            role: token.role,
            tenant: token.tenant.into(),
            agent: token.agent,
            name: token.name,
            expires_at: token.expires_at,
        })
    }
}

fn unknown() -> Problem {
    Problem::unauthenticated()
        .detail("The token is missing, wrong, revoked or expired.")
        .remedy("Send `Authorization: Bearer` with a token made by `tributary token create`.")
}

fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, token) = parts.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The same key of the same token is the same request.
fn request_id(parts: &Parts, token: Uuid) -> Result<Uuid, Refusal> {
    let Some(key) = parts.headers.get("idempotency-key") else { return Ok(spine::new_id()) };
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        let text = format!("1 to {KEY_BYTES_MAX} bytes are taken.");
        return Err(Problem::invalid("Idempotency-Key", text).into());
    }
    let name = [token.as_bytes(), key.as_bytes()].concat();
    Ok(Uuid::new_v5(&REQUESTS, &name))
}
