//! A real nats-server of its own for each test, on a free port with a temporary store.

use spine::{Nats, NatsAccess};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) struct Server {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = spawn(folder.path().into(), port);
        let server = Self { child, port, _folder: folder };
        server.ready().await;
        server
    }

    pub(crate) async fn nats(&self) -> Nats {
        let url = format!("nats://127.0.0.1:{}", self.port);
        Nats::connect(&NatsAccess { url, nkey_seed: None, inbox_prefix: None, name: "test".into() })
            .await
            .unwrap()
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
