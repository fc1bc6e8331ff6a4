//! The nats-server that the suite runs for itself: finding it, its configuration and credentials, its life.
//!
//! A laptop and a small installation have no NATS of their own. The one started here listens on this machine
//! only, syncs every append, and gives each role a key of its own that may write only that role's subjects.

mod binary;
mod config;
mod consumers;
mod credentials;
mod error;
mod home;
mod permissions;
mod port;
mod process;
mod reload;
mod role;
mod room;
mod start;
mod supervise;

#[cfg(test)]
mod access_tests;
#[cfg(test)]
mod consumer_tests;
#[cfg(test)]
mod permission_tests;
#[cfg(test)]
mod supervise_tests;
#[cfg(test)]
mod testing;

pub(crate) use config::{guard, user};
pub(crate) use consumers::{CONSUMERS_MAX, Consumer, Register, TYPES, is_name};
pub(crate) use error::Error;
pub(crate) use home::{Access, Place, supervisor};
pub(crate) use reload::Users;
pub(crate) use role::Role;
pub(crate) use supervise::{Running, Server};

use std::path::PathBuf;
use std::time::Duration;

/// The nats-server that a start would use, and its version.
///
/// # Errors
/// When there is none, or the ones found are too old.
pub(crate) async fn found(settings: &Settings) -> Result<(PathBuf, String), Error> {
    let binary = binary::find(settings).await?;
    Ok((binary.path, binary.version.to_string()))
}

/// The keys of an installation whose nats-server is not ours.
pub(crate) struct Fresh {
    /// Each role's secret seed.
    pub(crate) seeds: Vec<(Role, String)>,
    /// For the server's configuration: users by their public keys with what each may do, and what nobody may.
    pub(crate) block: String,
}

/// New keys for all roles; nothing is written anywhere.
pub(crate) fn fresh() -> Fresh {
    let (keys, seeds) = credentials::Keys::fresh();
    Fresh { block: config::authorization(&keys), seeds }
}

/// The block for keys that were made before: what a release allows its roles may differ from the last.
///
/// # Errors
/// When a role's seed is missing or broken.
pub(crate) fn authorization(folder: &std::path::Path) -> Result<String, Error> {
    Ok(config::authorization(&credentials::Keys::read(folder)?))
}

/// What the nats-server of this data folder is run with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The suite's data folder. The server's own files are below `nats` in it.
    pub(crate) data: PathBuf,
    /// The server's program; without one PATH, `bin` in the data folder and our own folder are searched.
    pub(crate) binary: Option<PathBuf>,
    /// Port on 127.0.0.1; 0 takes a free one, which later starts keep while it is free.
    pub(crate) port: u16,
    /// Port of the server's monitoring on 127.0.0.1. It asks for no password, so there is none by default.
    pub(crate) monitor_port: Option<u16>,
    /// The server's soft limit of memory (`GOMEMLIMIT`), in bytes.
    pub(crate) memory_max_bytes: u64,
    /// How long a start may take before it counts as failed. Four million subjects take 15 s.
    pub(crate) ready_within: Duration,
}

impl Settings {
    /// The defaults of a laptop: a free port, no monitoring, 1 GiB, two minutes.
    pub(crate) fn of(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            binary: None,
            port: 0,
            monitor_port: None,
            memory_max_bytes: 1 << 30,
            ready_within: Duration::from_secs(120),
        }
    }
}
