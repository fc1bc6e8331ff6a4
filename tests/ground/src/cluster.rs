//! A cluster of three nats-servers of the test's own, each of which can be killed, frozen and started again.

use crate::server::{self, Syncing};
use async_nats::jetstream;
use spine::streams::{StreamSettings, provision};
use spine::{Clock, Log, LogSettings};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;
use tempfile::TempDir;

const NODES: u16 = 3;
/// Three servers need a while to find each other, longer still on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Three real nats-servers with routes between them, gone when dropped. They tell clients nothing
/// of each other, so that a connection has just the addresses that a test gives it.
pub struct Cluster {
    nodes: Vec<Child>,
    /// Three for clients, then three for routes.
    ports: u16,
    folder: TempDir,
    sync: Syncing,
}

impl Cluster {
    /// Starts all three on fresh stores and waits until they are a cluster with JetStream.
    ///
    /// # Panics
    /// When they do not come up; so do all functions here when a server does not do what it must.
    pub async fn start() -> Self {
        Self::start_with(Syncing::Always).await
    }

    /// As [`Cluster::start`], with another moment of syncing.
    pub async fn start_with(sync: Syncing) -> Self {
        let folder = tempfile::tempdir().expect("the machine has room for a temporary folder");
        let mut cluster = Self { nodes: Vec::new(), ports: crate::free_ports(2 * NODES), folder, sync };
        cluster.nodes = (0..NODES).map(|node| cluster.spawn(node)).collect();
        for node in 0..NODES {
            cluster.until_ready(node).await;
        }
        cluster
    }

    /// How many there are.
    pub fn nodes(&self) -> impl Iterator<Item = u16> + use<> {
        0..NODES
    }

    /// The port where a node listens to clients.
    pub fn port(&self, node: u16) -> u16 {
        self.ports + node
    }

    /// Where one node listens.
    pub fn url_of(&self, node: u16) -> String {
        format!("nats://127.0.0.1:{}", self.port(node))
    }

    /// Where all of them listen.
    pub fn url(&self) -> String {
        (0..NODES).map(|node| self.url_of(node)).collect::<Vec<_>>().join(",")
    }

    /// Makes the log's streams on all three nodes with this window for repeated ids.
    pub async fn provision(&self, duplicate_window: Duration) {
        let nats = crate::connect(&self.url()).await;
        let settings =
            StreamSettings { replicas: usize::from(NODES), duplicate_window, ..Default::default() };
        let made = async {
            // While a cluster is young, a node may not know yet that the others are there.
            while let Err(error) = provision(&nats, &settings).await {
                assert!(!matches!(error, spine::Error::StreamDiffers { .. }), "{error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(PATIENCE, made).await.expect("the streams can be made");
        self.until_whole().await;
    }

    /// The log over a connection of its own to whichever node answers.
    pub async fn log(&self) -> Log {
        self.log_over(&self.url(), LogSettings::default()).await
    }

    /// The log over a connection of its own to these addresses, such as those of proxies before the nodes.
    pub async fn log_over(&self, url: &str, settings: LogSettings) -> Log {
        Log::new(crate::connect(url).await, Clock::system(), settings)
    }

    /// SIGKILL to one node.
    pub fn kill(&mut self, node: u16) {
        let child = &mut self.nodes[usize::from(node)];
        child.kill().expect("the process is ours");
        child.wait().expect("the process is ours");
    }

    /// Starts a node again on its store.
    pub async fn restart(&mut self, node: u16) {
        self.nodes[usize::from(node)] = self.spawn(node);
        self.until_ready(node).await;
    }

    /// Stops a node as a partition would: its connections stay and carry nothing.
    pub fn freeze(&self, node: u16) {
        self.signal(node, "-STOP");
    }

    /// Lets a frozen node go on.
    pub fn thaw(&self, node: u16) {
        self.signal(node, "-CONT");
    }

    /// Makes a stream's leader step down. Whether it did is not waited for: without a leader nobody answers.
    pub async fn step_down(&self, stream: &str, client: &async_nats::Client) -> bool {
        let request = client.request(format!("$JS.API.STREAM.LEADER.STEPDOWN.{stream}"), "".into());
        let answered = tokio::time::timeout(Duration::from_secs(2), request).await;
        let answer = answered.ok().and_then(Result::ok);
        let answer: Option<serde_json::Value> =
            answer.and_then(|answer| serde_json::from_slice(&answer.payload).ok());
        answer.is_some_and(|answer| answer["success"] == true)
    }

    /// The node that leads a stream, if one does at this moment.
    pub async fn leader_of(&self, stream: &str) -> Option<u16> {
        let client = async_nats::connect(self.addresses()).await.ok()?;
        let mut stream = jetstream::new(client).get_stream(stream).await.ok()?;
        let leader = stream.info().await.ok()?.cluster.as_ref()?.leader.clone()?;
        leader.strip_prefix("node-")?.parse().ok()
    }

    /// Waits until every stream has a leader and two followers that have all that it has.
    pub async fn until_whole(&self) {
        let whole = async {
            while !self.is_whole().await.unwrap_or(false) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, whole).await.expect("the cluster is whole again");
    }

    async fn is_whole(&self) -> Option<bool> {
        use futures::TryStreamExt;
        let client = async_nats::connect(self.addresses()).await.ok()?;
        let mut streams = jetstream::new(client).streams();
        while let Some(info) = streams.try_next().await.ok()? {
            let cluster = info.cluster?;
            let current =
                cluster.replicas.iter().filter(|replica| replica.current && !replica.offline).count();
            if cluster.leader.is_none_or(|leader| leader.is_empty()) || current + 1 < usize::from(NODES) {
                return Some(false);
            }
        }
        Some(true)
    }

    fn addresses(&self) -> Vec<String> {
        (0..NODES).map(|node| self.url_of(node)).collect()
    }

    fn signal(&self, node: u16, signal: &str) {
        let pid = self.nodes[usize::from(node)].id().to_string();
        let ended = Command::new("kill").args([signal, &pid]).status().expect("kill is installed");
        assert!(ended.success(), "the process is ours");
    }

    fn spawn(&self, node: u16) -> Child {
        let folder: PathBuf = self.folder.path().join(node.to_string());
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let routes = self.ports + NODES;
        let others: Vec<String> =
            (0..NODES).map(|other| format!("nats://127.0.0.1:{}", routes + other)).collect();
        let text = format!(
            "server_name: node-{node}\nlisten: 127.0.0.1:{}\nmax_payload: {}\n\
             jetstream {{ store_dir: {:?}{} }}\n\
             cluster {{ name: ground, listen: 127.0.0.1:{}, no_advertise: true, routes: [{}] }}\n",
            self.port(node),
            server::Limits::default().payload_bytes_max,
            folder.join("store"),
            self.sync.setting(),
            routes + node,
            others.join(", ")
        );
        server::run(&folder, &text)
    }

    async fn until_ready(&self, node: u16) {
        let ready = async {
            loop {
                if let Ok(client) = async_nats::connect(self.url_of(node)).await
                    && jetstream::new(client).query_account().await.is_ok()
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("the node is ready");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // It may have been killed before; one that is frozen dies all the same.
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}
