//! The real binary as a process of its own, which can be killed.

use anyhow::Context;
use ground::Place;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// `tributary run` on fixed ports, started and killed as often as a journey wants. Its nats-server outlives a
/// kill and is adopted by the next start.
pub struct Process {
    place: Place,
    child: Option<Child>,
    /// Webhooks, REST, probes, then gRPC with one for each role.
    ports: u16,
    client: reqwest::Client,
}

impl Process {
    /// A process for this place, not yet started.
    ///
    /// # Panics
    /// When no ports are free; so do all functions here when the process does not do what it must.
    pub fn new(place: &Place) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
        Self { place: place.clone(), child: None, ports: ground::free_ports(PORTS), client }
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.place.folder.join("tributary.log"))
            .expect("the folder can be written to");
        let [http, api, admin, grpc] = [0, 1, 2, 3].map(|place| self.ports + place);
        let mut command = Command::new(binary());
        command
            .arg("run")
            .arg("--data")
            .arg(self.place.folder.join("data"))
            .args([format!("--listen-http=127.0.0.1:{http}"), format!("--listen-api=127.0.0.1:{api}")])
            .args([format!("--listen-admin=127.0.0.1:{admin}"), format!("--listen-grpc=127.0.0.1:{grpc}")])
            .stdout(Stdio::null())
            .stderr(log);
        if let Some(url) = &self.place.url {
            command.arg("--database-url").arg(url);
        }
        self.child = Some(command.spawn().expect("the binary is built: `cargo build -p tributary`"));
        let url = format!("http://127.0.0.1:{admin}/readyz");
        let client = self.client.clone();
        ground::eventually("the process to be ready", async || {
            let answer = client.get(&url).timeout(Duration::from_secs(2)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("the process is ours");
        child.wait().expect("the process is ours");
    }

    /// The address of webhooks.
    pub fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports)
    }

    /// Applies documents.
    pub async fn apply(&self, documents: &str) {
        let request = self.admin("/admin/apply").body(documents.to_owned());
        let answer = request.send().await.expect("the process answers");
        let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
        assert!(status.is_success(), "{status}: {text}");
    }

    /// Posts to the admin port and reads the last line of the answer.
    pub async fn operate(&self, path: &str, body: Value) -> Value {
        let answer = self.admin(path).json(&body).send().await.expect("the process answers");
        let text = answer.text().await.unwrap_or_default();
        serde_json::from_str(text.lines().last().unwrap_or("null")).unwrap_or(json!({ "error": text }))
    }

    fn admin(&self, path: &str) -> reqwest::RequestBuilder {
        let file = self.place.folder.join("data").join(runtime::credential::FILE);
        let credential = std::fs::read_to_string(file).expect("the process made its credential");
        let url = format!("http://127.0.0.1:{}{path}", self.ports + 2);
        self.client.post(url).bearer_auth(credential.trim())
    }

    /// A plain NATS client for the running nats-server, as the auditor.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn auditor(&self) -> anyhow::Result<async_nats::Client> {
        let nats = self.place.folder.join("data").join("nats");
        let url = std::fs::read_to_string(nats.join("url"))?;
        let folder = nats.join("credentials");
        let name = std::fs::read_dir(&folder)?
            .filter_map(Result::ok)
            .find(|entry| entry.file_name().to_string_lossy().starts_with("auditor"))
            .context("the auditor has credentials")?;
        let seed = std::fs::read_to_string(name.path())?;
        let options =
            async_nats::ConnectOptions::with_nkey(seed.trim().into()).custom_inbox_prefix("_INBOX_auditor");
        Ok(options.connect(url.trim()).await?)
    }
}

/// Three of its own and seven for gRPC.
const PORTS: u16 = 10;
/// Lines of the process's log that a failed journey shows.
const SHOWN_MAX: usize = 80;

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.place.folder.join("tributary.log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("{}", lines[lines.len().saturating_sub(SHOWN_MAX)..].join("\n"));
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        // The nats-server that outlived it, if the number is still its own.
        let pid = self.place.folder.join("data/nats/nats-server.pid");
        let Ok(pid) = std::fs::read_to_string(pid) else { return };
        let name = std::fs::read_to_string(format!("/proc/{}/comm", pid.trim())).unwrap_or_default();
        if name.trim() == "nats-server" {
            let _ = Command::new("kill").arg(pid.trim()).status();
        }
    }
}

/// The binary that was built beside this test.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a file");
    let profile =
        test.parent().and_then(std::path::Path::parent).expect("tests lie in deps of a profile's folder");
    profile.join("tributary")
}
