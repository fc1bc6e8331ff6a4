//! What can go wrong with the suite's own nats-server, each with its remedy.

use super::binary::Version;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no nats-server found; scripts/nats-server.sh installs one (searched: {searched})")]
    Missing { searched: String },
    #[error(
        "nats-server {version} at {} is too old: 2.12 or newer is needed, and scripts/nats-server.sh installs one", path.display()
    )]
    TooOld { version: Version, path: PathBuf },
    #[error(
        "{} does not answer as a nats-server does: take it off PATH or put another before it; \
         scripts/nats-server.sh installs one", path.display()
    )]
    NotAServer { path: PathBuf },
    #[error(
        "`{} --version` does not end within {seconds} s: take it off PATH or put another before it; \
         scripts/nats-server.sh installs one", path.display()
    )]
    Hangs { path: PathBuf, seconds: u64 },
    #[error("cannot {what} {}", path.display())]
    File { what: &'static str, path: PathBuf, source: io::Error },
    #[error("{} holds no usable key; restore it, or delete it to have a new one made", path.display())]
    Key { path: PathBuf, source: nkeys::error::Error },
    #[error("port {port} on 127.0.0.1 is taken by another program; choose another port, or 0 for a free one")]
    PortTaken { port: u16 },
    #[error("nats-server ended while it started: {last_words}")]
    Ended { last_words: String },
    #[error("nats-server was not ready after {seconds} s; its log is {}", log.display())]
    NotReady { seconds: u64, log: PathBuf },
    #[error(
        "another nats-server{pid} holds {} and does not answer to our key; stop it first",
        store.display()
    )]
    Held { pid: String, store: PathBuf },
    #[error(
        "{holder} runs on this data folder and supervises its nats-server in {}: stop it first, \
         give this one a folder of its own with --data, or connect it to a NATS of its own with --nats", folder.display()
    )]
    Supervised { holder: String, folder: PathBuf },
    #[error("no nats-server runs on {}: start the suite there with `tributary run`, then do this again", folder.display())]
    NotRunning { folder: PathBuf },
    #[error("nats-server did not take the new list of users in {seconds} s; its log is {}", log.display())]
    NotTaken { seconds: u64, log: PathBuf },
    /// The shutdown came while the server started.
    #[error("stopped while nats-server started")]
    Stopped,
}

impl Error {
    /// For `map_err`: what was tried on which path.
    pub(super) fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { what, path, source }
    }
}
