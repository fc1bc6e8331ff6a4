//! Traces across services and to a collector. One test, since telemetry starts once per process.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use runtime::{Tasks, TraceContext, telemetry};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

/// A collector that hands over the bytes it was sent.
#[derive(Clone)]
struct Collector(mpsc::UnboundedSender<Vec<u8>>);

impl tonic::server::NamedService for Collector {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl Service<http::Request<Body>> for Collector {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let sender = self.0.clone();
        Box::pin(async move {
            let body = axum::body::to_bytes(axum::body::Body::new(request.into_body()), 1 << 20).await;
            // The test may have ended.
            let _ = sender.send(body.unwrap().to_vec());
            Ok(tonic::Status::resource_exhausted("seen").into_http())
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_continues_a_trace_and_arrives_at_the_collector_when_the_guard_is_dropped() {
    let shutdown = CancellationToken::new();
    let listener = runtime::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, mut received) = mpsc::unbounded_channel();
    let server = Server::builder()
        .add_service(Collector(sender))
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), shutdown.clone().cancelled_owned());
    let mut tasks = Tasks::new(shutdown.clone());
    tasks.spawn("collector", async { Ok(server.await?) });

    let settings = telemetry::Settings {
        log: "warn".into(),
        log_format: telemetry::Format::Text,
        otlp_endpoint: Some(endpoint),
        trace_share: 0.0,
    };
    let guard = telemetry::init("test", &settings).unwrap();
    let parent = TraceContext::start();
    let span = tracing::info_span!("journey.step", entity.id = "42");
    parent.continue_in(&span);
    let inner = span.in_scope(|| TraceContext::current().unwrap());
    assert_eq!(inner.trace_id(), parent.trace_id());
    assert_ne!(inner, parent);
    drop(span);

    tokio::task::spawn_blocking(|| drop(guard)).await.unwrap();
    let bytes = received.recv().await.unwrap();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(holds(b"journey.step") && holds(b"entity.id") && holds(b"service.name"));
    shutdown.cancel();
    tasks.supervise(Duration::from_secs(5)).await.unwrap();
}
