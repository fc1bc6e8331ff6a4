//! The HTTP server as slow and strange callers see it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use runtime::{Tasks, http};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

async fn start(router: Router) -> (SocketAddr, Tasks) {
    let listener = runtime::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = Tasks::new(CancellationToken::new());
    let server = http::serve(listener, router, tasks.shutdown().clone());
    tasks.spawn("http", async {
        server.await;
        Ok(())
    });
    (address, tasks)
}

async fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

async fn answer(mut socket: TcpStream) -> String {
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn a_request_in_flight_is_answered_after_shutdown_began_and_no_other_is_accepted() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (begun.clone(), go.clone());
    let handler = async move || {
        tell.notify_one();
        wait.notified().await;
        "done"
    };
    let (address, tasks) = start(Router::new().route("/slow", get(handler))).await;
    let socket = ask(address, "/slow").await;
    begun.notified().await;
    tasks.shutdown().cancel();
    let caller = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        go.notify_one();
        answer(socket).await
    };
    let (ended, text) = tokio::join!(tasks.supervise(Duration::from_secs(5)), caller);
    ended.unwrap();
    assert!(text.ends_with("done"), "{text}");
}

#[tokio::test]
async fn handlers_know_the_peer() {
    let handler = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string();
    let (address, tasks) = start(Router::new().route("/who", get(handler))).await;
    let socket = ask(address, "/who").await;
    let peer = socket.local_addr().unwrap();
    assert!(answer(socket).await.ends_with(&peer.to_string()));
    tasks.shutdown().cancel();
    tasks.supervise(Duration::from_secs(5)).await.unwrap();
}
