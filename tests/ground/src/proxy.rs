//! A line between a client and its nats-server that loses messages, or goes dead without a reset.

use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What becomes of a message from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Deliver,
    Lose,
}

type Judge = Arc<dyn Fn(&[u8]) -> Verdict + Send + Sync>;

/// A proxy before a nats-server on this machine, gone when dropped.
pub struct Proxy {
    port: u16,
    /// Lines of an earlier count are dead.
    dead: watch::Sender<u64>,
    _lines: JoinSet<()>,
}

impl Proxy {
    /// Listens for clients of the server at `port`. Each whole message of the server (its head and its payload) is shown to
    /// `judge` before it is delivered; what clients send passes as it is.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn before(port: u16, judge: impl Fn(&[u8]) -> Verdict + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let own = listener.local_addr().expect("a bound socket has an address").port();
        let (dead, judge) = (watch::Sender::new(0), Arc::new(judge) as Judge);
        let mut lines = JoinSet::new();
        lines.spawn(accept(listener, port, judge, dead.clone()));
        Self { port: own, dead, _lines: lines }
    }

    /// Where clients reach the server by it.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// From now on nothing passes on the lines that are there, in neither direction, and nobody is told: they stay
    /// open. New ones are as before.
    pub fn deaden(&self) {
        self.dead.send_modify(|count| *count += 1);
    }
}

async fn accept(listener: TcpListener, port: u16, judge: Judge, dead: watch::Sender<u64>) {
    let mut lines = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { return };
        // A server that is away is a client's connection that ends.
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
        let (judge, mut dead) = (judge.clone(), dead.subscribe());
        let made_at = *dead.borrow_and_update();
        lines.spawn(async move {
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let ended = tokio::select! {
                () = forward(&mut from_client, &mut to_server) => true,
                () = deliver(&mut from_server, &mut to_client, &judge) => true,
                _ = dead.wait_for(|count| *count > made_at) => false,
            };
            if !ended {
                // Both sockets stay open, and nobody reads them.
                std::future::pending::<()>().await;
            }
        });
    }
}

async fn forward(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count) = from.read(&mut bytes).await {
        if count == 0 || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

async fn deliver(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, judge: &Judge) {
    let mut from = BufReader::with_capacity(64 << 10, from);
    loop {
        let mut message = Vec::new();
        match from.read_until(b'\n', &mut message).await {
            Ok(count) if count > 0 => {}
            _ => return,
        }
        let mut verdict = Verdict::Deliver;
        if let Some(length) = payload_length(&message) {
            let head = message.len();
            message.resize(head + length, 0);
            if from.read_exact(&mut message[head..]).await.is_err() {
                return;
            }
            verdict = judge(&message);
        }
        if verdict == Verdict::Deliver && to.write_all(&message).await.is_err() {
            return;
        }
    }
}

/// The bytes that follow the head of a message, with their line end; none if the line is no message's head.
fn payload_length(line: &[u8]) -> Option<usize> {
    let line = std::str::from_utf8(line).ok()?;
    if !(line.starts_with("MSG ") || line.starts_with("HMSG ")) {
        return None;
    }
    let length: usize = line.trim_end().rsplit(' ').next()?.parse().ok()?;
    Some(length + 2)
}
