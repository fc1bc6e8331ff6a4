//! A nats-server of the journey's own, which can be killed.

use spine::{Nats, NatsAccess};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A real nats-server on a free port, syncing every append, gone when dropped.
pub struct Server {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Server {
    /// Starts it on a fresh store below `folder`.
    ///
    /// # Panics
    /// When no nats-server is installed or it does not come up.
    pub async fn start(folder: &Path) -> Self {
        let folder = folder.join("nats");
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = free.local_addr().expect("a bound socket has an address").port();
        drop(free);
        let server = Self { child: spawn(&folder, port), port, folder };
        server.until_ready().await;
        server
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, as a power cut of the process would be.
    ///
    /// # Panics
    /// When the process cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("the process is ours");
        self.child.wait().expect("the process is ours");
    }

    /// Starts it again on the same store and port.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn restart(&mut self) {
        self.child = spawn(&self.folder, self.port);
        self.until_ready().await;
    }

    /// A connection.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn nats(&self) -> Nats {
        let access =
            NatsAccess { url: self.url(), nkey_seed: None, inbox_prefix: None, name: "journey".into() };
        Nats::connect(&access).await.expect("the server is ready")
    }

    async fn until_ready(&self) {
        for _ in 0..400 {
            if let Ok(client) = async_nats::connect(self.url()).await
                && async_nats::jetstream::new(client).query_account().await.is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("nats-server did not become ready within 10 s");
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
    let text = format!(
        "listen: 127.0.0.1:{port}\nmax_payload: 6MB\njetstream {{ store_dir: {:?}, sync_interval: always }}\n",
        folder.join("store")
    );
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
