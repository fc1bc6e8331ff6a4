//! The outside of the suite: platforms, a partner system and visitors, speaking their real protocols.
//!
//! Used by the tests and by the demo command. Nothing here shares code with the suite: signatures and envelopes
//! are written a second time, so that a mistake in one is found by the other. All state is in memory, servers
//! listen on loopback and end with the token they were given.

pub mod clock;
pub mod door;
pub mod fault;
pub mod http;
pub mod ledger;
pub mod llm;
pub mod plan;
pub mod wechat;
pub mod widget;

pub use clock::Clock;
pub use fault::{Fault, Faults};
pub use ledger::Ledger;
pub use plan::Plan;

/// Microseconds since the Unix epoch, UTC.
pub type Micros = i64;

/// What a simulator itself can fail at; refusals by the suite are results, not errors.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the simulator cannot listen")]
    Listen(#[source] std::io::Error),
    #[error("the simulator has no HTTP client")]
    Client(#[source] reqwest::Error),
    #[error("the socket failed")]
    Socket(#[source] Box<tokio_tungstenite::tungstenite::Error>),
    #[error("the server said {0}")]
    Refused(String),
    #[error("the other side stayed silent")]
    Silent,
    #[error("the secret or key is unreadable")]
    Secret,
}

/// A client that gives up after `timeout_ms`.
fn client(timeout_ms: u64) -> Result<reqwest::Client, Error> {
    // Fails when the process has a provider already, which is as good.
    let _present = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(std::time::Duration::from_millis(timeout_ms))
        .redirect(reqwest::redirect::Policy::none())
        // Everything is on this machine; a proxy of the surroundings is on none of these ways.
        .no_proxy()
        .pool_max_idle_per_host(256)
        .build()
        .map_err(Error::Client)
}
