//! A gRPC server as callers with and without the credential see it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use runtime::grpc::{self, Failure, Services};
use runtime::{Health, Problem, Secret, State, Tasks};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{FILE_DESCRIPTOR_SET, ServerReflectionRequest};

const CREDENTIAL: &str = "0123456789abcdef0123456789abcdef";
const NAME: &str = "tributary.test.Nothing";

/// Finds nothing, whatever it is asked: an answer that only a caller who was let in gets.
#[derive(Clone)]
struct Nothing;

impl tonic::server::NamedService for Nothing {
    const NAME: &'static str = NAME;
}

impl Service<http::Request<Body>> for Nothing {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        ready(Ok(Status::not_found("nothing is here").into_http()))
    }
}

struct Running {
    address: String,
    health: Health,
    tasks: Tasks,
}

async fn start() -> Running {
    let shutdown = CancellationToken::new();
    let listener = runtime::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let health = Health::new();
    let services = Services::new(Secret::new(CREDENTIAL), FILE_DESCRIPTOR_SET).with(Nothing);
    let server = grpc::serve(listener, services, health.clone(), shutdown.clone());
    let mut tasks = Tasks::new(shutdown);
    tasks.spawn("grpc", async { Ok(server.await?) });
    Running { address, health, tasks }
}

impl Running {
    async fn stop(self) {
        self.tasks.shutdown().cancel();
        self.tasks.supervise(Duration::from_secs(15)).await.unwrap();
    }

    fn with(&self, credential: &str) -> grpc::Client {
        grpc::client(&self.address, &Secret::new(credential)).unwrap()
    }

    fn without(&self) -> Channel {
        Endpoint::from_shared(self.address.clone()).unwrap().connect_lazy()
    }
}

/// The code that the service answers.
async fn ask<C>(channel: C) -> Status
where
    C: tonic::client::GrpcService<Body>,
    C::Error: Into<tonic::codegen::StdError>,
    C::ResponseBody: axum::body::HttpBody<Data = tonic::codegen::Bytes> + Send + 'static,
    <C::ResponseBody as axum::body::HttpBody>::Error: Into<tonic::codegen::StdError> + Send,
{
    let mut client = tonic::client::Grpc::new(channel);
    if let Err(error) = client.ready().await {
        return Status::from_error(error.into());
    }
    let path = http::uri::PathAndQuery::from_static("/tributary.test.Nothing/Ask");
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    client.unary(Request::new(()), path, codec).await.unwrap_err()
}

fn list() -> futures::stream::Iter<std::array::IntoIter<ServerReflectionRequest, 1>> {
    let question = MessageRequest::ListServices(String::new());
    futures::stream::iter([ServerReflectionRequest { host: String::new(), message_request: Some(question) }])
}

#[tokio::test]
async fn a_caller_without_the_credential_is_refused() {
    let running = start().await;
    let refused = ask(running.without()).await;
    assert_eq!(refused.code(), Code::Unauthenticated);
    let refused = ask(running.with("another credential, also long enough")).await;
    assert_eq!(refused.code(), Code::Unauthenticated);
    let refused =
        ServerReflectionClient::new(running.without()).server_reflection_info(list()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert_eq!(ask(running.with(CREDENTIAL)).await.code(), Code::NotFound);
    running.stop().await;
}

#[tokio::test]
async fn reflection_lists_the_services_of_this_server() {
    let running = start().await;
    let mut client = ServerReflectionClient::new(running.with(CREDENTIAL));
    let mut answers = client.server_reflection_info(list()).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(services) = answer else { panic!("{answer:?}") };
    let mut names: Vec<_> = services.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(names, ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", NAME]);
    drop((answers, client));
    running.stop().await;
}

#[tokio::test]
async fn health_is_open_and_follows_readiness() {
    let running = start().await;
    let mut client = HealthClient::new(running.without());
    for service in ["", NAME] {
        let question = HealthCheckRequest { service: service.into() };
        let mut watch = client.watch(question).await.unwrap().into_inner();
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        running.health.started();
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
        running.health.set("start", State::not_ready("again"));
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    }
    drop(client);
    running.stop().await;
}

#[tokio::test]
async fn a_stopped_service_is_called_stopped() {
    let running = start().await;
    let client = running.with(CREDENTIAL);
    assert_eq!(ask(client.clone()).await.code(), Code::NotFound);
    running.stop().await;
    let failure = Failure::of("routing", &ask(client).await);
    assert_eq!(failure.to_string(), "routing is stopped");
    let problem = Problem::from(failure);
    assert_eq!((problem.status, problem.detail.as_deref()), (503, Some("routing is stopped")));
}
