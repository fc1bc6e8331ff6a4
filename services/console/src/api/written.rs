//! Decisions on a thread, and what a write answers.

use super::extract::id_in_path;
use crate::caller::Caller;
use crate::refusal::Refusal;
use crate::state::App;
use axum::Json;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use conversation::{Decision, Thread};
use runtime::Problem;
use serde::Serialize;
use spine::{Address, Cause, Entity, Position, Refused};
use sqlx::Row;
use utoipa::ToSchema;
use uuid::Uuid;

/// The header that says where in the log a write stands.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("tributary-position");

/// What a write came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Written {
    /// Where it stands in the log; a query with it as `at_least` sees it.
    pub(crate) position: String,
    /// The thread's tenure after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenure: Option<u32>,
    /// The message that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// A warning: the customer wrote these messages after what the writer had seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) newer: Vec<String>,
}

impl Written {
    pub(crate) fn at(position: Position) -> Self {
        Self { position: position.to_string(), tenure: None, message: None, newer: vec![] }
    }
}

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        let position = HeaderValue::from_str(&self.position).expect("a position is digits, dots and colons");
        ([(POSITION, position)], Json(self)).into_response()
    }
}

/// A thread of the caller's tenant.
pub(super) fn address(caller: &Caller, thread: &str) -> Result<Address, Refusal> {
    Ok(Address::of(&caller.tenant, Thread::KIND, id_in_path("thread", thread)?)?)
}

/// Decides on the thread on behalf of the caller, and tells a refused one who has it.
pub(super) async fn decide(
    app: &App,
    caller: &Caller,
    address: &Address,
    purpose: &'static str,
    decision: impl Fn(&Thread) -> Decision,
) -> Result<Written, Refusal> {
    let cause = Cause::new(caller.request, purpose, &caller.actor());
    let refused = match app.log().transact::<Thread, _>(address, &cause, decision).await {
        Ok(decided) => {
            let tenure = app.log().read::<Thread, _>(address, Thread::tenure).await?;
            return Ok(Written { tenure: Some(tenure), ..Written::at(decided.position()) });
        }
        Err(Refused::Failed(error)) => return Err(error.into()),
        Err(Refused::Rejected(rejection)) => rejection,
    };
    let mut refusal = Refusal::of_law(&refused);
    if refusal.0.owner.is_some() && refusal.0.tenure.is_none() {
        refusal.0.tenure = Some(app.log().read::<Thread, _>(address, Thread::tenure).await?);
    }
    if let Some(agent) = refusal.0.agent.clone() {
        refusal.0.agent_name = agent_name(app, caller, &agent).await?;
    }
    if let Some(owner) = refusal.0.owner {
        let who = refusal.0.agent_name.as_deref().or(refusal.0.agent.as_deref()).unwrap_or(owner);
        refusal.0.problem.detail = Some(format!("The conversation belongs to {who} now."));
    }
    Err(refusal)
}

async fn agent_name(app: &App, caller: &Caller, agent: &str) -> Result<Option<String>, Refusal> {
    let store = app.store();
    let row = sqlx::query("SELECT name FROM agents WHERE agent = $1 AND tenant = $2")
        .bind(agent)
        .bind(&*caller.tenant)
        .fetch_optional(store.reads())
        .await
        .map_err(spine::Error::database("find an agent"))?;
    Ok(row.map(|row| row.get(0)))
}

/// Refuses an agent who is not one of the team.
pub(super) async fn check_agent(app: &App, caller: &Caller, agent: Uuid) -> Result<(), Refusal> {
    let address = Address::of(&caller.tenant, laws::agent::Agent::KIND, agent)?;
    let known = app
        .log()
        .read::<laws::agent::Agent, _>(&address, |agent| agent.profile.is_some() && !agent.left)
        .await?;
    if known {
        return Ok(());
    }
    Err(Problem::invalid("to.agent", format!("There is no agent {agent} in the team.")).into())
}
