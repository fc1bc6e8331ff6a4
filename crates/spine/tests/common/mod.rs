//! A real nats-server of its own for each test, on a free port with a temporary store.
#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

use spine::{Clock, Entity, Log, LogSettings, Nats, NatsAccess};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = spawn(folder.path().into(), port);
        let server = Self { child, port, folder };
        server.ready().await;
        server
    }

    /// SIGKILL and a new start on the same store and port.
    pub(crate) async fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = spawn(self.folder.path().into(), self.port);
        self.ready().await;
    }

    pub(crate) async fn nats(&self) -> Nats {
        let url = format!("nats://127.0.0.1:{}", self.port);
        Nats::connect(&NatsAccess { url, nkey_seed: None, inbox_prefix: None, name: "test".into() })
            .await
            .unwrap()
    }

    pub(crate) async fn log(&self) -> Log {
        let nats = self.nats().await;
        spine::streams::provision(&nats, &Default::default()).await.unwrap();
        Log::new(nats, Clock::system(), LogSettings::default())
    }

    async fn ready(&self) {
        let url = format!("nats://127.0.0.1:{}", self.port);
        for _ in 0..200 {
            if let Ok(client) = async_nats::connect(url.as_str()).await {
                let jetstream = async_nats::jetstream::new(client);
                if jetstream.query_account().await.is_ok() {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("nats-server did not start");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: PathBuf, port: u16) -> Child {
    let config = folder.join("nats.conf");
    let store = folder.join("store");
    let text = format!(
        "listen: 127.0.0.1:{port}\nmax_payload: 6MB\njetstream {{ store_dir: {:?}, sync_interval: always }}\n",
        store
    );
    std::fs::write(&config, text).unwrap();
    Command::new(binary())
        .arg("-c")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nats-server 2.12 or later is needed: `make setup` installs it")
}

fn binary() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let own = root.join(".tributary/bin/nats-server");
    if own.exists() { own } else { "nats-server".into() }
}

/// The smallest entity: a counter that refuses to pass ten thousand.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    pub(crate) total: u64,
    pub(crate) numbers: Vec<u64>,
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(tag = "type")]
pub(crate) enum CounterEvent {
    Added { number: u64 },
}

impl Entity for Counter {
    type Event = CounterEvent;
    const KIND: &'static str = "counter";
    const EVENTS: &'static [&'static str] = &["Added"];

    fn evolve(&mut self, event: &CounterEvent) {
        let CounterEvent::Added { number } = event;
        self.total += 1;
        self.numbers.push(*number);
    }
}

#[derive(Debug, PartialEq)]
pub(crate) struct Full;

pub(crate) fn add(_: &Counter, number: u64) -> Result<Vec<CounterEvent>, Full> {
    Ok(vec![CounterEvent::Added { number }])
}
