//! A nats-server of the test's own, which can be killed.

use crate::cluster::Cluster;
use spine::streams::StreamSettings;
use spine::{Clock, Log, LogSettings, Nats, NatsAccess, streams};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What the server takes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest message, in bytes. By default what a server of the suite takes.
    pub payload_bytes_max: u64,
    /// When it brings what it acknowledged to the disk.
    pub syncing: Syncing,
}

impl Default for Limits {
    fn default() -> Self {
        Self { payload_bytes_max: 6 << 20, syncing: Syncing::Always }
    }
}

/// When a server brings what it acknowledged to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncing {
    /// Before it acknowledges.
    Always,
    /// Every two minutes, which is the server's default: until then only memory keeps it.
    ByDefault,
}

impl Syncing {
    /// What stands in the server's settings of JetStream, after the others.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::Always => ", sync_interval: always",
            Self::ByDefault => "",
        }
    }
}

/// A real nats-server on a free port, gone when dropped, or three of them as a cluster. It syncs every append unless its
/// limits say otherwise.
pub struct Server {
    child: Option<Child>,
    port: u16,
    folder: PathBuf,
    limits: Limits,
    cluster: Option<Cluster>,
    /// Deleted with the server, if it is nobody else's.
    _temporary: Option<TempDir>,
}

impl Server {
    /// Starts it on a fresh store of its own.
    ///
    /// # Panics
    /// When no nats-server is installed or it does not come up; so do all functions here.
    pub async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    /// As [`Server::start`], with other limits.
    pub async fn start_with(limits: Limits) -> Self {
        let temporary = tempfile::tempdir().expect("the machine has room for a temporary folder");
        let folder = temporary.path().to_owned();
        Self::launch(folder, limits, Some(temporary)).await
    }

    /// Starts it on the store in `folder`, which stays when the server goes.
    pub async fn start_in(folder: &Path) -> Self {
        Self::start_in_with(folder, Limits::default()).await
    }

    /// As [`Server::start_in`], with other limits.
    pub async fn start_in_with(folder: &Path, limits: Limits) -> Self {
        Self::launch(folder.to_owned(), limits, None).await
    }

    /// Three of them; they are killed and asked through [`Server::cluster`] alone.
    pub async fn three() -> Self {
        let cluster = Cluster::start().await;
        cluster.provision(StreamSettings::default().duplicate_window).await;
        let (port, folder) = (cluster.port(0), PathBuf::new());
        let (child, limits) = (None, Limits::default());
        Self { child, port, folder, limits, cluster: Some(cluster), _temporary: None }
    }

    /// The cluster, where it is one.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    async fn launch(folder: PathBuf, limits: Limits, temporary: Option<TempDir>) -> Self {
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let port = crate::free_ports(1);
        let child = spawn(&folder, port, limits);
        let server = Self { child: Some(child), port, folder, limits, cluster: None, _temporary: temporary };
        server.until_ready().await;
        server
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        self.cluster.as_ref().map_or_else(|| format!("nats://127.0.0.1:{}", self.port), Cluster::url)
    }

    /// The port where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("one server").id()
    }

    /// Where its configuration and its store are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// SIGKILL, as a crash of the process would be.
    pub fn kill(&mut self) {
        let child = self.child.as_mut().expect("one server");
        child.kill().expect("the process is ours");
        child.wait().expect("the process is ours");
    }

    /// Starts it again on the same store and port.
    pub async fn restart(&mut self) {
        self.child = Some(spawn(&self.folder, self.port, self.limits));
        self.until_ready().await;
    }

    /// A connection.
    pub async fn nats(&self) -> Nats {
        connect(&self.url()).await
    }

    /// The log over a connection of its own, with its streams made, by the machine's clock.
    pub async fn log(&self) -> Log {
        self.log_by(Clock::system()).await
    }

    /// As [`Server::log`], by a clock that the test moves.
    pub async fn log_by(&self, clock: Clock) -> Log {
        let nats = self.nats().await;
        if self.cluster.is_none() {
            streams::provision(&nats, &Default::default()).await.expect("the streams can be made");
        }
        Log::new(nats, clock, LogSettings::default())
    }

    async fn until_ready(&self) {
        crate::eventually("nats-server to be ready", async || {
            let client = async_nats::connect(self.url()).await.ok()?;
            async_nats::jetstream::new(client).query_account().await.ok()
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have been killed before.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A connection to a server, or to whichever of several answers.
///
/// # Panics
/// When none does.
pub async fn connect(url: &str) -> Nats {
    let access = NatsAccess { url: url.into(), nkey_seed: None, inbox_prefix: None, name: "test".into() };
    Nats::connect(&access).await.expect("the server is ready")
}

fn spawn(folder: &Path, port: u16, limits: Limits) -> Child {
    let store = folder.join("store");
    let text = format!(
        "listen: 127.0.0.1:{port}\nmax_payload: {}\n\
         jetstream {{ store_dir: {store:?}{} }}\n",
        limits.payload_bytes_max,
        limits.syncing.setting()
    );
    run(folder, &text)
}

/// Runs nats-server with this configuration, which is kept in the folder.
pub(crate) fn run(folder: &Path, text: &str) -> Child {
    let config = folder.join("nats.conf");
    std::fs::write(&config, text).expect("the folder can be written to");
    let installed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.tributary/bin/nats-server");
    let program = if installed.exists() { installed } else { "nats-server".into() };
    Command::new(program)
        .arg("-c")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nats-server 2.12 or later is needed: `make setup` installs it")
}
