//! The people who answer.

use super::extract::{Body, Params, Place, id_in_path};
use super::page::{self, Page, PageQuery};
use super::written::{Written, decide};
use crate::access::Act;
use crate::caller::Caller;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use events::agent::{Presence, Profile};
use laws::agent::{Agent, Rejection, present as decide_presence};
use runtime::Problem;
use serde::{Deserialize, Serialize};
use spine::{Address, Entity, Error};
use sqlx::Row;
use sqlx::any::AnyRow;
use utoipa::ToSchema;

/// A person who answers customers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentView {
    pub(crate) id: String,
    /// The name in applied documents; absent of agents that were last applied before it was kept.
    pub(crate) slug: Option<String>,
    /// The name that customers see.
    pub(crate) name: String,
    /// `online`, `away` or `offline`.
    pub(crate) presence: String,
    /// Conversations at the same time, at most.
    pub(crate) capacity: u32,
    /// Conversations held now.
    pub(crate) load: i64,
    pub(crate) skills: Vec<String>,
    /// Channels served; empty means all.
    pub(crate) channels: Vec<String>,
    /// Queues served; empty means all.
    pub(crate) queues: Vec<String>,
}

/// The team by id, without those who left.
#[utoipa::path(
    get, path = "/agents", operation_id = "listAgents", tag = "team", params(PageQuery),
    responses((status = 200, body = Page<AgentView>), RefusalBody)
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<AgentView>>, Refusal> {
    caller.check(Act::ReadAgents)?;
    let size = page::size(query.page_size)?;
    let after: Option<String> = page::place(query.cursor.as_deref())?;
    super::at_least(&app, query.at_least.as_deref()).await?;
    let store = app.store();
    let rows = sqlx::query(
        "SELECT a.agent, a.name, a.profile, a.presence,
           (SELECT CAST(COUNT(*) AS BIGINT) FROM conversation_list c
             WHERE c.tenant = a.tenant AND c.is_open = 1 AND c.owner = 'agent' AND c.agent = a.agent) AS held
         FROM agents a WHERE a.tenant = $1 AND a.has_left = 0 AND a.agent > $2 ORDER BY a.agent LIMIT $3",
    )
    .bind(&*caller.tenant)
    .bind(after.unwrap_or_default())
    .bind(i64::from(size) + 1)
    .fetch_all(store.reads())
    .await
    .map_err(Error::database("list agents"))?;
    let (rows, next) = page::cut(rows, size, |row| row.get::<String, _>("agent"));
    let items = rows.iter().map(view).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next }))
}

fn view(row: &AnyRow) -> Result<AgentView, Error> {
    let broken = |error| Error::Other(format!("an agent's row is broken: {error}"));
    let profile: Profile = serde_json::from_str(&row.get::<String, _>("profile")).map_err(broken)?;
    Ok(AgentView {
        id: row.get("agent"),
        slug: profile.slug,
        name: profile.name,
        presence: row.get("presence"),
        capacity: profile.capacity,
        load: row.get("held"),
        skills: profile.skills,
        channels: profile.channels,
        queues: profile.queues,
    })
}

/// Whether an agent is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PresenceWord {
    Online,
    Away,
    Offline,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PresenceRequest {
    presence: PresenceWord,
}

/// The agent comes, pauses or goes.
#[utoipa::path(
    put, path = "/agents/{id}/presence", operation_id = "setPresence", tag = "team",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = PresenceRequest,
    responses(Written, RefusalBody)
)]
pub(crate) async fn present(
    State(app): State<App>,
    caller: Caller,
    Place(id): Place<String>,
    Body(request): Body<PresenceRequest>,
) -> Result<Written, Refusal> {
    caller.check(Act::SetPresence)?;
    let id = id_in_path("agent", &id)?;
    if caller.agent != Some(id) {
        caller.check(Act::SetPresenceOfOthers)?;
    }
    let presence = match request.presence {
        PresenceWord::Online => Presence::Online,
        PresenceWord::Away => Presence::Away,
        PresenceWord::Offline => Presence::Offline,
    };
    let address = Address::of(&caller.tenant, Agent::KIND, id)?;
    let at = app.now();
    let decision = |agent: &Agent| decide_presence(agent, presence, at);
    match decide(&app, &caller, &address, "present", decision).await? {
        Ok(position) => Ok(Written::at(position)),
        Err(Rejection::Unknown) => Err(Problem::not_found("agent").into()),
        Err(Rejection::Left) => Err(Problem::conflict("The agent has left the team.").into()),
    }
}
