//! The HTTP server of every port: HTTP/1.1 and WebSocket upgrades, with bounds for what strangers may do.

mod stall;

use crate::Problem;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use stall::Attended;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt as _};

/// Open connections per port; the next one waits in the kernel's queue. An upgraded socket no longer counts,
/// so its owner bounds those.
pub const CONNECTIONS_MAX: usize = 8_192;

/// A request's head arrives in this time, also the next one on an idle connection.
pub const HEAD_MAX: Duration = Duration::from_secs(30);

/// From the head's arrival to the answer's head, the reading of the body included. A body that is streamed
/// out may take longer.
pub const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How long a peer may take nothing of what it is sent before its connection is cut: a stream that nobody reads holds
/// its place no longer.
pub const STALL_MAX: Duration = Duration::from_secs(60);

/// How long requests in flight may take after shutdown began.
pub const DRAIN_MAX: Duration = Duration::from_secs(10);

/// How long to wait when the machine has no sockets left.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(200);

/// Serves `router` until `shutdown`, then finishes what is in flight, for [`DRAIN_MAX`] at most. Handlers
/// find the peer's address by [`ConnectInfo<SocketAddr>`]. What fails is one connection, never the server.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    serve_within(
        &Bounds { head: HEAD_MAX, answer: ANSWER_MAX, drain: DRAIN_MAX, stall: STALL_MAX },
        listener,
        router,
        shutdown,
    )
    .await;
}

/// How long a caller may take, so that tests need not wait for it.
struct Bounds {
    head: Duration,
    answer: Duration,
    drain: Duration,
    stall: Duration,
}

async fn serve_within(bounds: &Bounds, listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let router = router.layer(from_fn_with_state(bounds.answer, in_time));
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head);
    while let Some((socket, peer, place)) = next(&listener, &places, &shutdown).await {
        let (http, router, shutdown) = (http.clone(), router.clone(), shutdown.clone());
        // Small answers go out at once; without it the connection is only slower.
        let _ = socket.set_nodelay(true);
        let socket = Attended::new(socket, bounds.stall);
        connections.spawn(async move {
            connection(&http, socket, with_peer(router, peer), shutdown).await;
            drop(place);
        });
        // Ended ones are let go of here, so that the set stays as large as what is open.
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(bounds.drain, drained).await.is_err() {
        tracing::warn!(connections.open = connections.len(), "connections are cut at shutdown");
    }
    connections.shutdown().await;
}

/// The next connection and its place; `None` at shutdown.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let accepted = async {
        let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
        loop {
            match listener.accept().await {
                Ok((socket, peer)) => return (socket, peer, place),
                Err(error) if of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "cannot accept a connection");
                    tokio::time::sleep(EXHAUSTED_WAIT).await;
                }
            }
        }
    };
    shutdown.run_until_cancelled(accepted).await
}

/// The peer went away before we got to it.
fn of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The router for the requests of one peer.
fn with_peer(
    router: Router,
    peer: SocketAddr,
) -> impl Service<hyper::Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone + Send
{
    router.map_request(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    })
}

async fn connection<S>(
    http: &http1::Builder,
    socket: Attended<TcpStream>,
    service: S,
    shutdown: CancellationToken,
) where
    S: Service<hyper::Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let serving =
        http.serve_connection(TokioIo::new(socket), TowerToHyperService::new(service)).with_upgrades();
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke");
    }
}

async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "late", "No answer in time")
            .remedy("Try again; if the body was large, send it faster.")
            .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const SHORT: Duration = Duration::from_millis(50);

    /// What a server with short bounds answers to these bytes, until it closes the connection.
    async fn answer(bytes: &[u8]) -> String {
        let listener = crate::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let bounds = Bounds { head: SHORT, answer: SHORT, drain: SHORT, stall: SHORT };
        let router = Router::new().route("/never", get(std::future::pending::<()>));
        let shutdown = CancellationToken::new();
        let caller = async {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(bytes).await.unwrap();
            let mut text = String::new();
            socket.read_to_string(&mut text).await.unwrap();
            shutdown.cancel();
            text
        };
        tokio::join!(caller, serve_within(&bounds, listener, router, shutdown.clone())).0
    }

    #[tokio::test]
    async fn a_caller_who_does_not_finish_the_head_is_cut_off() {
        let text = answer(b"GET / HTTP/1.1\r\nhost: ").await;
        assert!(!text.contains("200"), "{text}");
    }

    #[tokio::test]
    async fn a_caller_who_takes_nothing_of_an_endless_answer_is_cut_off() {
        let (kept, dropped) = tokio::sync::oneshot::channel::<()>();
        let kept = Arc::new(std::sync::Mutex::new(Some(kept)));
        let endless = get(async move || {
            let kept = kept.lock().unwrap().take();
            Body::from_stream(futures::stream::unfold(kept, async |kept| {
                Some((Ok::<_, Infallible>(vec![0_u8; 65_536]), kept))
            }))
        });
        let listener = crate::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let bounds = Bounds { head: SHORT, answer: SHORT, drain: SHORT, stall: SHORT };
        let shutdown = CancellationToken::new();
        let caller = async {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            // The answer's body goes with its connection, although the socket is open.
            let gone = tokio::time::timeout(Duration::from_secs(10), dropped).await;
            gone.expect("the connection is cut").unwrap_err();
            shutdown.cancel();
            drop(socket);
        };
        let router = Router::new().route("/endless", endless);
        tokio::join!(caller, serve_within(&bounds, listener, router, shutdown.clone()));
    }

    #[tokio::test]
    async fn a_handler_that_does_not_answer_becomes_a_problem() {
        let text = answer(b"GET /never HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(text.starts_with("HTTP/1.1 503") && text.contains("urn:tributary:problem:late"), "{text}");
    }
}
