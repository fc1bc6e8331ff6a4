//! The admin port: probes, metrics, and what the binary adds.

use crate::health::Health;
use crate::http;
use crate::metrics::Metrics;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use std::convert::Infallible;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves for as long as the process lives, so that probes can also watch it stop: at `shutdown` it marks
/// `health` as draining and goes on. Run it by [`crate::Tasks::beside`].
///
/// - `/livez` is 200 as long as the process schedules tasks, whatever the state of others,
/// - `/startupz` is 200 once the process has started,
/// - `/readyz` is 200 or 503 with a [`crate::health::Report`] as JSON,
/// - `/metrics` is the Prometheus text format,
/// - and the routes of `extra`, for which the caller brings its own check of who asks
///   ([`crate::credential::require`]); the probes and metrics are open.
pub async fn serve(
    listener: TcpListener,
    extra: Router,
    health: Health,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Infallible {
    let router = router(health.clone(), metrics).merge(extra);
    let draining = async {
        shutdown.cancelled().await;
        health.draining();
    };
    tokio::join!(http::serve(listener, router, CancellationToken::new()), draining);
    std::future::pending().await
}

/// The probes and `/metrics` alone, for a caller with a server of its own.
pub fn router(health: Health, metrics: Metrics) -> Router {
    let probes = Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/startupz", get(startup))
        .route("/readyz", get(ready))
        .with_state(health);
    probes.merge(Router::new().route("/metrics", get(text)).with_state(metrics))
}

async fn startup(State(health): State<Health>) -> Response {
    match health.has_started() {
        true => "ok\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "starting\n").into_response(),
    }
}

async fn ready(State(health): State<Health>) -> Response {
    let report = health.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

async fn text(State(metrics): State<Metrics>) -> Response {
    match metrics.text() {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "metrics cannot be written");
            Problem::internal().into_response()
        }
    }
}
