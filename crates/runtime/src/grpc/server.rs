//! The answering side.

use super::{Check, DEADLINE_MAX};
use crate::health::{Checks, Health};
use crate::trace::TRACEPARENT;
use crate::{Error, Secret, TraceContext};
use std::convert::Infallible;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};

/// One connection carries at most this many calls at a time.
const STREAMS_MAX: u32 = 1_024;

/// Connections are renewed after this, so that callers find new replicas.
const CONNECTION_AGE: Duration = Duration::from_secs(300);

/// How long calls in flight may take after shutdown began; watches of health would never end by themselves.
const DRAIN: Duration = DEADLINE_MAX;

/// What a gRPC server offers: services behind the credential, reflection likewise, health open to all.
pub struct Services {
    routes: Routes,
    names: Vec<&'static str>,
    check: Check,
    descriptors: &'static [u8],
}

impl Services {
    /// `descriptors` is the encoded file descriptor set in which the services stand.
    pub fn new(credential: Secret, descriptors: &'static [u8]) -> Self {
        Self { routes: Routes::default(), names: Vec::new(), check: Check(credential), descriptors }
    }

    /// Adds a generated server, which from here on answers only callers who show the credential.
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        self.names.push(S::NAME);
        self.routes = self.routes.add_service(InterceptedService::new(service, self.check.clone()));
        self
    }

    /// The routes, what reports health to them, and the services' names.
    fn routes(self) -> Result<(Routes, HealthReporter, Vec<&'static str>), Error> {
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(self.descriptors)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health")
            .with_service_name("grpc.reflection.v1.ServerReflection");
        let named = self.names.iter().fold(reflection, |builder, name| builder.with_service_name(*name));
        let reflection = named
            .build_v1()
            .map_err(|error| Error::Setting { setting: "the descriptor set", why: error.to_string() })?;
        let (reporter, health) = health_reporter();
        let routes = self.routes.add_service(InterceptedService::new(reflection, self.check));
        Ok((routes.add_service(health).prepare(), reporter, self.names))
    }
}

/// Answers on `listener` until `shutdown`, then finishes calls in flight. `grpc.health.v1` tells the process's
/// readiness, for the whole server and for each service.
///
/// # Errors
/// When the descriptor set cannot be read or the server fails.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    health: Health,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let address = listener.local_addr().map_or_else(|_| "?".to_owned(), |address| address.to_string());
    let (routes, reporter, names) = services.routes()?;
    let server = Server::builder()
        .trace_fn(span)
        .timeout(DEADLINE_MAX)
        .max_concurrent_streams(STREAMS_MAX)
        .max_connection_age(CONNECTION_AGE)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(5)))
        .add_routes(routes)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            shutdown.clone().cancelled_owned(),
        );
    let drained = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = server => served.map_err(|source| Error::Serve { address, source: source.into() }),
        () = drained => Ok(()),
        never = report(reporter, &names, health.subscribe()) => match never {},
    }
}

async fn report(reporter: HealthReporter, names: &[&str], mut checks: watch::Receiver<Checks>) -> Infallible {
    loop {
        let status = match checks.borrow_and_update().ready() {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        reporter.set_service_status("", status).await;
        for name in names {
            reporter.set_service_status(*name, status).await;
        }
        if checks.changed().await.is_err() {
            // Nobody can change it any more.
            std::future::pending::<()>().await;
        }
    }
}

/// One span per call, named as the semantic conventions for RPC say.
fn span(request: &http::Request<()>) -> tracing::Span {
    let span = tracing::info_span!(
        "grpc",
        rpc.system = "grpc",
        rpc.method = request.uri().path(),
        trace.id = tracing::field::Empty
    );
    let parent = request.headers().get(TRACEPARENT).and_then(|value| value.to_str().ok());
    if let Some(context) = parent.and_then(TraceContext::parse) {
        span.record("trace.id", context.trace_id());
        context.continue_in(&span);
    }
    span
}
