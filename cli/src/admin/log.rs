//! What the process logs, changed while it runs.

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use runtime::{Problem, telemetry};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Asked {
    filter: String,
}

pub(super) fn routes() -> Router {
    Router::new().route("/admin/log", post(change))
}

async fn change(Json(Asked { filter }): Json<Asked>) -> Result<Json<Value>, Problem> {
    telemetry::log_by(&filter).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, "invalid", "The filter cannot be used")
            .detail(error.to_string())
            .remedy("Give a level, or directives such as `info,routing=debug`.")
    })?;
    Ok(Json(json!({ "filter": filter })))
}
