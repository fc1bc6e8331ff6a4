//! A real nats-server of its own for each test, on a free port with a temporary store.

use spine::{Clock, Log, LogSettings, Nats, NatsAccess};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A nats-server with its store.
pub(crate) struct Server {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = spawn(folder.path(), port);
        let server = Self { child, port, _folder: folder };
        for _ in 0..400 {
            if let Ok(client) = async_nats::connect(server.url()).await
                && async_nats::jetstream::new(client).query_account().await.is_ok()
            {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("nats-server did not start");
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn nats(&self) -> Nats {
        let access = NatsAccess { url: self.url(), nkey_seed: None, inbox_prefix: None, name: "test".into() };
        Nats::connect(&access).await.unwrap()
    }

    pub(crate) async fn log(&self) -> Log {
        let nats = self.nats().await;
        spine::streams::provision(&nats, &Default::default()).await.unwrap();
        Log::new(nats, Clock::system(), LogSettings::default())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &Path, port: u16) -> Child {
    let config = folder.join("nats.conf");
    let store = folder.join("store");
    let text = format!(
        "listen: 127.0.0.1:{port}\nmax_payload: 6MB\njetstream {{ store_dir: {store:?}, sync_interval: always }}\n"
    );
    std::fs::write(&config, text).unwrap();
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.tributary/bin/nats-server");
    let binary = if own.exists() { own } else { "nats-server".into() };
    Command::new(binary)
        .arg("-c")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nats-server 2.12 or later is needed: `make setup` installs it")
}
