//! Replays: the log as it stood, a JSON value a line.

use super::stream;
use crate::replay::{Ask, Stage, play};
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use runtime::Problem;

/// The route; the caller puts the service credential before it.
pub(crate) fn routes(stage: Stage) -> Router {
    Router::new().route("/admin/replay", post(replay)).with_state(stage)
}

async fn replay(State(stage): State<Stage>, ask: Result<Json<Ask>, JsonRejection>) -> Response {
    match ask {
        Ok(Json(ask)) => stream::lines(|sender| async move { play(&stage, &ask, &sender).await }),
        Err(rejection) => Problem::from(rejection).into_response(),
    }
}
