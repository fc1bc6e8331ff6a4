//! A server that can shut its door (connections are refused) and cut a single connection.

use crate::Error;
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A server on a port of its own.
pub struct Door {
    address: SocketAddr,
    router: Router,
    shutdown: CancellationToken,
    open: Mutex<Option<Open>>,
}

struct Open {
    closing: CancellationToken,
    tasks: JoinSet<()>,
}

impl Door {
    /// Serves until `shutdown`, at an address of this machine.
    ///
    /// # Errors
    /// When no port is free, or the address is another machine's.
    pub async fn open(host: IpAddr, router: Router, shutdown: &CancellationToken) -> Result<Self, Error> {
        let listener = TcpListener::bind((host, 0)).await.map_err(Error::Listen)?;
        let address = listener.local_addr().map_err(Error::Listen)?;
        let shutdown = shutdown.clone();
        let open = Mutex::new(Some(serve(listener, router.clone(), &shutdown)));
        Ok(Self { address, router, shutdown, open })
    }

    /// `http://<address>:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on connections are refused; those that stand idle end.
    pub async fn shut(&self) {
        if let Some(mut open) = self.open.lock().await.take() {
            open.closing.cancel();
            open.tasks.shutdown().await;
        }
    }

    /// Listens again, on the same port.
    ///
    /// # Errors
    /// When the port was taken in between.
    pub async fn reopen(&self) -> Result<(), Error> {
        let mut open = self.open.lock().await;
        if open.is_none() {
            let listener = TcpListener::bind(self.address).await.map_err(Error::Listen)?;
            *open = Some(serve(listener, self.router.clone(), &self.shutdown));
        }
        Ok(())
    }
}

fn serve(listener: TcpListener, router: Router, shutdown: &CancellationToken) -> Open {
    let closing = shutdown.child_token();
    let ended = closing.clone().cancelled_owned();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let service = router.into_make_service_with_connect_info::<Line>();
        if let Err(error) = axum::serve(Lines(listener), service).with_graceful_shutdown(ended).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a simulated server ended");
        }
    });
    Open { closing, tasks }
}

/// A connection, as a request sees it.
#[derive(Clone, Debug, Default)]
pub struct Line(Arc<AtomicBool>);

impl Line {
    /// Nothing more is written: the caller sees the connection break.
    pub fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }
}

struct Lines(TcpListener);

impl Listener for Lines {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Answers are one small packet each; without this they wait for the peer's acknowledgement.
        let _kept_slow = stream.set_nodelay(true);
        (Stream { stream, line: Line::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.io().line.clone()
    }
}

struct Stream {
    stream: TcpStream,
    line: Line,
}

impl Stream {
    fn live(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if self.line.0.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut().live() {
            Ok(stream) => stream.poll_read(cx, buf),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut().live() {
            Ok(stream) => stream.poll_write(cx, buf),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut().live() {
            Ok(stream) => stream.poll_flush(cx),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
