//! The console's part of the admin port: tokens and documents, for the command line and the operator.

use crate::access::Role;
use crate::api::BODY_BYTES_MAX;
use crate::api::extract::{Body, Params, Place, id_in_path, too_large};
use crate::api::time::{Time, micros};
use crate::apply::{self, Failure, Options, Report, Wrong, id_of};
use crate::refusal::Refusal;
use crate::state::App;
use crate::tokens::{self, NewToken, Token};
use axum::extract::rejection::StringRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use axum::{Json, Router};
use laws::agent::Agent;
use runtime::Problem;
use serde::{Deserialize, Serialize};
use spine::Entity;
use spine::address::check_tenant;
use uuid::Uuid;

/// Bytes of the documents of one apply.
const DOCUMENTS_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Characters of a token's name.
const NAME_MAX: usize = 80;

/// Routes for the admin port. They check nothing themselves: mount them behind
/// [`runtime::credential::require`].
///
/// - `POST /admin/tokens` makes a token and shows its text this once,
/// - `GET /admin/tokens?tenant=` lists a tenant's tokens,
/// - `DELETE /admin/tokens/{id}` revokes one; again changes nothing,
/// - `POST /admin/apply?dry_run=&tenant=` applies YAML or JSON documents.
pub fn admin_routes(app: App) -> Router {
    Router::new()
        .route("/admin/tokens", post(create).get(list))
        .route("/admin/tokens/{id}", delete(revoke))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .route("/admin/apply", post(applied).layer(DefaultBodyLimit::max(DOCUMENTS_BYTES_MAX)))
        .with_state(app)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateRequest {
    role: Role,
    tenant: String,
    /// The id of an agent, or its name in an applied document.
    agent: Option<String>,
    #[serde(default)]
    name: String,
    /// RFC 3339; without it the token does not expire.
    expires_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct TokenView {
    id: String,
    role: Role,
    tenant: String,
    agent: Option<String>,
    name: String,
    created_at: Time,
    expires_at: Option<Time>,
    revoked_at: Option<Time>,
    /// The text itself, shown only when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

fn view(token: Token, text: Option<String>) -> TokenView {
    TokenView {
        id: token.id.to_string(),
        role: token.role,
        tenant: token.tenant,
        agent: token.agent.map(|agent| agent.to_string()),
        name: token.name,
        created_at: Time::of(token.created_at),
        expires_at: token.expires_at.map(Time::of),
        revoked_at: token.revoked_at.map(Time::of),
        token: text,
    }
}

async fn create(
    State(app): State<App>,
    Body(request): Body<CreateRequest>,
) -> Result<(StatusCode, Json<TokenView>), Refusal> {
    check_tenant(&request.tenant)?;
    if !app.has_tenant(&request.tenant).await? {
        let text = format!("There is no tenant `{}`.", request.tenant);
        return Err(Problem::invalid("tenant", text)
            .remedy("Apply a document of the kind Tenant first.")
            .into());
    }
    if request.name.chars().count() > NAME_MAX || request.name.chars().any(char::is_control) {
        return Err(Problem::invalid("name", format!("At most {NAME_MAX} characters are taken.")).into());
    }
    let now = app.now();
    let expires_at = request.expires_at.as_deref().map(|text| micros("expires_at", text)).transpose()?;
    if expires_at.is_some_and(|end| end <= now) {
        return Err(Problem::invalid("expires_at", "This is past.").remedy("Name a time to come.").into());
    }
    let agent = match &request.agent {
        Some(agent) => Some(known_agent(&app, &request.tenant, agent).await?),
        None if request.role == Role::Agent => {
            let problem = Problem::invalid("agent", "A token of the role agent answers as somebody.");
            return Err(problem.remedy("Name the agent.").into());
        }
        None => None,
    };
    let CreateRequest { role, tenant, name, .. } = request;
    let new = NewToken { role, tenant, agent, name, expires_at };
    let (token, text) = tokens::create(app.tokens(), &new, now).await?;
    tracing::info!(token.id = %token.id, token.role = %token.role, tenant = token.tenant, "a token was made");
    Ok((StatusCode::CREATED, Json(view(token, Some(text)))))
}

async fn known_agent(app: &App, tenant: &str, agent: &str) -> Result<Uuid, Refusal> {
    let id = Uuid::try_parse(agent).unwrap_or_else(|_| id_of(tenant, Agent::KIND, agent));
    if app.has_agent(tenant, id).await? {
        return Ok(id);
    }
    let text = format!("There is no agent `{agent}` in the tenant.");
    let remedy = match app.agents_of(tenant).await?.join(", ") {
        none if none.is_empty() => {
            "It has no agents yet: apply a document of the kind Agent first.".to_owned()
        }
        known => format!(
            "Give the name in the applied document, or an id of {known}, or apply a document of the kind Agent first."
        ),
    };
    Err(Problem::invalid("agent", text).remedy(remedy).into())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    tenant: String,
}

async fn list(
    State(app): State<App>,
    Params(query): Params<ListQuery>,
) -> Result<Json<Vec<TokenView>>, Refusal> {
    let tokens = tokens::list(app.tokens(), &query.tenant).await?;
    Ok(Json(tokens.into_iter().map(|token| view(token, None)).collect()))
}

async fn revoke(State(app): State<App>, Place(id): Place<String>) -> Result<StatusCode, Refusal> {
    let id = id_in_path("token", &id)?;
    match tokens::revoke(app.tokens(), id, app.now()).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("token").into()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApplyQuery {
    #[serde(default)]
    dry_run: bool,
    tenant: Option<String>,
}

/// A problem with everything that is wrong.
#[derive(Serialize)]
struct WrongDocuments {
    #[serde(flatten)]
    problem: Problem,
    wrong: Vec<Wrong>,
}

async fn applied(
    State(app): State<App>,
    Params(query): Params<ApplyQuery>,
    text: Result<String, StringRejection>,
) -> Result<Json<Report>, Response> {
    let text = text.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(DOCUMENTS_BYTES_MAX).into_response(),
        status => Problem::new(status, "unreadable", "The documents cannot be read")
            .field("body")
            .detail(rejection.body_text())
            .remedy("Send them as UTF-8.")
            .into_response(),
    })?;
    let options = Options { tenant: query.tenant, dry_run: query.dry_run };
    match apply::apply(&app, &text, &options).await {
        Ok(report) => Ok(Json(report)),
        Err(Failure::Failed(error)) => Err(Refusal::from(error).into_response()),
        Err(Failure::Wrong(wrong)) => {
            let text = format!("{} statements are wrong; nothing was applied.", wrong.len());
            let problem = Problem::invalid("documents", text);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let kind = [(axum::http::header::CONTENT_TYPE, "application/problem+json")];
            Err((status, kind, Json(WrongDocuments { problem, wrong })).into_response())
        }
    }
}
