//! What every process needs: configuration, telemetry, health, shutdown, the gRPC server and the admin port.
//!
//! Nothing here knows conversations, streams or tables. A service gets what it needs as arguments; only the
//! binary reads the environment, listens for signals and ends the process.

pub mod admin;
pub mod config;
pub mod credential;
pub mod front;
pub mod grpc;
pub mod health;
pub mod host;
pub mod http;
pub mod metrics;
pub mod problem;
pub mod secret;
pub mod shutdown;
pub mod telemetry;
pub mod trace;

pub use config::{Common, Role};
pub use health::{Health, State};
pub use host::Host;
pub use metrics::Metrics;
pub use problem::Problem;
pub use secret::Secret;
pub use shutdown::Tasks;
pub use trace::TraceContext;

use std::net::SocketAddr;
use tokio::net::TcpListener;

/// What the machine around a service refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the server on {address} failed")]
    Serve { address: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{address:?} is no address of a service")]
    Address { address: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the service credential in {path} cannot be used: {why}")]
    Credential { path: String, why: String },
    #[error("{setting} cannot be used: {why}")]
    Setting { setting: &'static str, why: String },
    #[error("metrics cannot be set up or written")]
    Metrics { source: Box<dyn std::error::Error + Send + Sync> },
}

/// Listens on `address`; port 0 takes a free one.
///
/// # Errors
/// Names the address, since "address in use" alone helps nobody.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}
