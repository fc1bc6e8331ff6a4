//! Quarantine: what waits there, and taking it again.

use super::stream::{Progress, answer};
use anyhow::Context;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use channel_ingest::quarantine::Held;
use channel_ingest::{Operations, is_reference};
use runtime::Problem;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Default, Deserialize)]
struct Asked {
    tenant: Option<String>,
}

pub(super) fn routes(operations: Option<Operations>) -> Router {
    Router::new()
        .route("/admin/quarantine", get(list))
        .route("/admin/quarantine/discard", post(discard))
        .route("/admin/quarantine/discarded", get(discarded))
        .route("/admin/reingest", post(reingest))
        .with_state(operations)
}

async fn list(
    State(operations): State<Option<Operations>>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Problem> {
    let operations = operations.ok_or_else(elsewhere)?;
    let held = operations.quarantine(asked.tenant.as_deref()).await.map_err(|_| Problem::internal())?;
    let items: Vec<Value> = held.iter().map(told).collect();
    Ok(Json(json!({ "quarantine": items })))
}

/// `POST /admin/quarantine/discard`: throws one item away.
#[derive(Deserialize)]
struct Discard {
    id: Uuid,
    /// Who does it and why: references, since both stay for good.
    by: String,
    reason: String,
}

async fn discard(
    State(operations): State<Option<Operations>>,
    Json(asked): Json<Discard>,
) -> Result<Json<Value>, Problem> {
    let operations = operations.ok_or_else(elsewhere)?;
    for (field, words) in [("by", &asked.by), ("reason", &asked.reason)] {
        if !is_reference(words) {
            let rule = "a reference of at most 80 letters, digits, spaces and -_./#: signs, never anything of a person";
            return Err(Problem::invalid(field, rule));
        }
    }
    let discarded = operations.discard(asked.id, &asked.by, &asked.reason).await;
    match discarded.map_err(|_| Problem::internal())? {
        true => Ok(Json(json!({ "discarded": asked.id }))),
        false => Err(Problem::not_found("item in quarantine")),
    }
}

async fn discarded(
    State(operations): State<Option<Operations>>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Problem> {
    let operations = operations.ok_or_else(elsewhere)?;
    let found = operations.discarded(asked.tenant.as_deref()).await.map_err(|_| Problem::internal())?;
    let items: Vec<Value> = found
        .iter()
        .map(|discarded| {
            let mut item = told(&discarded.held);
            item["discarded_at_us"] = json!(discarded.at);
            item["by"] = json!(&*discarded.by);
            item["reason"] = json!(&*discarded.reason);
            item
        })
        .collect();
    Ok(Json(json!({ "discarded": items })))
}

fn told(held: &Held) -> Value {
    json!({
        "id": held.id,
        "tenant": &*held.tenant,
        "account": held.account,
        "thread": held.thread,
        "place": held.place.to_string(),
        "number": held.number,
        "received_at_us": held.received_at,
        "error": held.error,
        "blocks": held.blocks,
    })
}

/// `POST /admin/reingest`: takes again what can be taken.
#[derive(Deserialize)]
struct Reingest {
    tenant: Option<String>,
    /// Also messages that are too old to be told from a redelivery.
    #[serde(default)]
    late: bool,
}

async fn reingest(State(operations): State<Option<Operations>>, Json(asked): Json<Reingest>) -> Response {
    let Some(operations) = operations else { return elsewhere().into_response() };
    answer(Progress::default(), async move {
        let (taken, stay) =
            operations.reingest(asked.tenant.as_deref(), asked.late).await.context("reingest")?;
        Ok(json!({ "taken": taken, "stay": stay }))
    })
}

fn elsewhere() -> Problem {
    Problem::conflict("channel-ingest runs in another process").remedy("ask the admin port of that process")
}
