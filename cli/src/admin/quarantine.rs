//! Quarantine: what waits there, and taking it again.

use super::stream::{Progress, answer};
use anyhow::Context;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use channel_ingest::Operations;
use runtime::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Default, Deserialize)]
struct Asked {
    tenant: Option<String>,
}

pub(super) fn routes(operations: Option<Operations>) -> Router {
    Router::new()
        .route("/admin/quarantine", get(list))
        .route("/admin/reingest", post(reingest))
        .with_state(operations)
}

async fn list(
    State(operations): State<Option<Operations>>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Problem> {
    let operations = operations.ok_or_else(elsewhere)?;
    let held = operations.quarantine(asked.tenant.as_deref()).await.map_err(|_| Problem::internal())?;
    let items: Vec<Value> = held
        .iter()
        .map(|held| {
            json!({
                "id": held.id,
                "tenant": &*held.tenant,
                "account": held.account,
                "thread": held.thread,
                "place": held.place.to_string(),
                "number": held.number,
                "received_at_us": held.received_at,
                "error": held.error,
            })
        })
        .collect();
    Ok(Json(json!({ "quarantine": items })))
}

async fn reingest(State(operations): State<Option<Operations>>, Json(asked): Json<Asked>) -> Response {
    let Some(operations) = operations else { return elsewhere().into_response() };
    answer(Progress::default(), async move {
        let (taken, stay) = operations.reingest(asked.tenant.as_deref()).await.context("reingest")?;
        Ok(json!({ "taken": taken, "stay": stay }))
    })
}

fn elsewhere() -> Problem {
    Problem::conflict("channel-ingest runs in another process").remedy("ask the admin port of that process")
}
