//! The admin port as probes and Prometheus see it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::routing::get;
use runtime::metrics::Label;
use runtime::{Health, Metrics, Secret, State, Tasks, admin, credential};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

async fn answer(router: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn get_path(router: &Router, path: &str) -> (StatusCode, String) {
    answer(router, Request::get(path).body(Body::empty()).unwrap()).await
}

fn router(health: &Health) -> Router {
    admin::router(health.clone(), Metrics::new("test", None).unwrap())
}

#[tokio::test]
async fn readyz_says_what_is_missing_and_why() {
    let health = Health::new();
    let router = router(&health);
    health.started();
    health.set("reader.routing", State::not_ready("4711 messages behind"));
    health.set("reader.analytics", State::Ready);
    health.note("nats", State::not_ready("connection lost"));

    let (status, text) = get_path(&router, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let expected = json!({
        "ready": false,
        "not_ready": [{"check": "reader.routing", "reason": "4711 messages behind"}],
        "degraded": [{"check": "nats", "reason": "connection lost"}],
    });
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);

    health.set("reader.routing", State::Ready);
    assert_eq!(get_path(&router, "/readyz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn livez_does_not_depend_on_others() {
    let health = Health::new();
    let router = router(&health);
    health.set("database", State::not_ready("refused"));
    assert_eq!(get_path(&router, "/livez").await.0, StatusCode::OK);
    assert_eq!(get_path(&router, "/startupz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    health.started();
    assert_eq!(get_path(&router, "/startupz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_admin_route_takes_only_callers_with_the_credential() {
    let secret = "0123456789abcdef0123456789abcdef";
    let routes = Router::new().route("/parked", get(async || "none"));
    let routes = credential::require(routes, Secret::new(secret));
    let ask = |token: Option<String>| {
        let request = Request::get("/parked");
        let request = match token {
            Some(token) => request.header(header::AUTHORIZATION, token),
            None => request,
        };
        answer(&routes, request.body(Body::empty()).unwrap())
    };
    let (status, text) = ask(None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(text.contains("urn:tributary:problem:credential"), "{text}");
    assert_eq!(ask(Some("Bearer wrong".into())).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(Some(format!("Basic {secret}"))).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(Some(format!("Bearer {secret}"))).await, (StatusCode::OK, "none".into()));
}

#[tokio::test]
async fn metrics_are_in_the_prometheus_text_format() {
    let metrics = Metrics::new("routing", None).unwrap();
    let scope = metrics.scope("ai-agent");
    scope
        .counter("answers", "Answers decided.", vec![Label::of("outcome", &["sent", "refused"])])
        .add(2, &["sent"]);
    scope.gauge("in_flight", "Answers being made.", vec![]).set(3.0, &[]);
    scope.seconds("answer", "From message to answer.", vec![]).record(0.2, &[]);
    let lag = || vec![(vec!["routing".to_owned()], 1.5)];
    metrics.scope("reader").observe(
        "age_seconds",
        "Age of the oldest.",
        vec![Label::up_to("reader", 10)],
        lag,
    );

    let router = admin::router(Health::new(), metrics);
    let (status, text) = get_path(&router, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("tributary_ai_agent_answers_total{outcome=\"sent\"} 2\n"), "{text}");
    assert!(text.contains("tributary_ai_agent_in_flight 3\n"), "{text}");
    assert!(text.contains("tributary_ai_agent_answer_seconds_bucket{le=\"0.25\"} 1\n"), "{text}");
    assert!(text.contains("tributary_reader_age_seconds{reader=\"routing\"} 1.5\n"), "{text}");
    let target = "target_info{service_name=\"routing\",service_namespace=\"tributary\"} 1\n";
    assert!(text.contains(target), "{text}");
    for line in text.lines() {
        assert!(well_formed(line), "{line}");
    }
}

/// A comment of one of the two kinds, or a sample: name, labels in braces, a number.
fn well_formed(line: &str) -> bool {
    if line.starts_with("# HELP ") || line.starts_with("# TYPE ") {
        return true;
    }
    let Some((series, figure)) = line.rsplit_once(' ') else { return false };
    let name = series.split_once('{').map_or(series, |(name, _)| name);
    let named = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    named && series.contains('{') == series.ends_with('}') && figure.parse::<f64>().is_ok()
}

#[tokio::test]
async fn a_label_cannot_grow_without_bound() {
    let metrics = Metrics::new("test", None).unwrap();
    let scope = metrics.scope("ingest");
    let known = scope.counter("requests", "Requests.", vec![Label::of("channel", &["mail"])]);
    known.add(1, &["mail"]);
    known.add(1, &["mail2"]);
    let first = scope.counter("items", "Items.", vec![Label::up_to("kind", 2)]);
    for kind in ["a", "b", "c", "d", "a"] {
        first.add(1, &[kind]);
    }
    let text = metrics.text().unwrap();
    assert!(text.contains("tributary_ingest_requests_total{channel=\"other\"} 1\n"), "{text}");
    assert!(text.contains("tributary_ingest_items_total{kind=\"a\"} 2\n"), "{text}");
    assert!(text.contains("tributary_ingest_items_total{kind=\"other\"} 2\n"), "{text}");
    assert!(!text.contains("kind=\"c\""), "{text}");
}

/// What a raw HTTP/1.1 request gets back, head and body.
async fn raw(address: SocketAddr, path: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn the_admin_port_still_answers_while_the_process_drains() {
    let shutdown = CancellationToken::new();
    let listener = runtime::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = Tasks::new(shutdown.clone());
    let extra = Router::new().route("/extra", get(async || "more"));
    let metrics = Metrics::new("test", None).unwrap();
    let health = Health::new();
    let server = admin::serve(listener, extra, health.clone(), metrics, shutdown.clone());
    tasks.beside("admin", async { Ok(server.await) });
    health.started();
    let until = shutdown.clone();
    tasks.spawn("worker", async move {
        assert!(raw(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        assert!(raw(address, "/extra").await.ends_with("more"));
        until.cancel();
        while health.is_ready() {
            tokio::task::yield_now().await;
        }
        let text = raw(address, "/readyz").await;
        assert!(text.starts_with("HTTP/1.1 503") && text.contains("draining"), "{text}");
        Ok(())
    });
    tasks.supervise(Duration::from_secs(5)).await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
