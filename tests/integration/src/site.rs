//! What a journey asks of a suite that runs as processes: addresses, documents, administration, a look at the streams.

use anyhow::Context;
use ground::Place;
use serde_json::{Value, json};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A suite of processes on the folder of a place.
pub struct Site {
    place: Place,
    http: u16,
    /// The admin port of the process with the console.
    admin: u16,
    client: reqwest::Client,
    /// What the processes find in their environment besides.
    pub environment: Vec<(&'static str, String)>,
    /// What is started from now on: the built program, or another release of it.
    pub program: PathBuf,
}

/// Lines of the processes' log that a failed journey shows.
const SHOWN_MAX: usize = 80;

impl Site {
    pub(crate) fn new(place: &Place, (http, admin): (u16, u16)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        std::fs::create_dir_all(&place.folder).expect("the folder can be made");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
        Self { place: place.clone(), http, admin, client, environment: Vec::new(), program: binary() }
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.place.folder.join("data")
    }

    /// The program with the place's database, its words in the place's log.
    pub fn command(&self, words: &[&str]) -> Command {
        let log = File::options().create(true).append(true).open(self.place.folder.join("tributary.log"));
        let mut command = Command::new(&self.program);
        command.args(words).arg("--data").arg(self.data());
        command.stdout(Stdio::null()).stderr(log.expect("the folder can be written to"));
        command.envs(self.environment.iter().cloned());
        if let Some(url) = &self.place.url {
            command.env("DATABASE_URL", url);
        }
        command
    }

    /// Waits until the process with this admin port is ready.
    pub(crate) async fn until_ready(&self, admin: u16) {
        let url = format!("http://127.0.0.1:{admin}/readyz");
        ground::eventually("the process to be ready", async || {
            let answer = self.client.get(&url).timeout(Duration::from_secs(2)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// The address of webhooks.
    pub fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
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
        let credential = self.credential().expect("the process made its credential");
        let url = format!("http://127.0.0.1:{}{path}", self.admin);
        self.client.post(url).bearer_auth(credential)
    }

    fn credential(&self) -> std::io::Result<String> {
        let text = std::fs::read_to_string(self.data().join(runtime::credential::FILE))?;
        Ok(text.trim().to_owned())
    }

    /// Reads from the admin port of the process with the console.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn look(&self, path: &str) -> anyhow::Result<Value> {
        self.look_at(self.admin, path).await
    }

    pub(crate) async fn look_at(&self, admin: u16, path: &str) -> anyhow::Result<Value> {
        let url = format!("http://127.0.0.1:{admin}{path}");
        let request = self.client.get(url).bearer_auth(self.credential()?);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// The nats-server of the folder, if the number that it wrote down is still its own.
    pub fn nats_pid(&self) -> Option<u32> {
        let pid = std::fs::read_to_string(self.data().join("nats/nats-server.pid")).ok()?;
        let name = std::fs::read_to_string(format!("/proc/{}/comm", pid.trim())).ok()?;
        if name.trim() == "nats-server" { pid.trim().parse().ok() } else { None }
    }

    /// A plain NATS client for the running nats-server, as the auditor.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn auditor(&self) -> anyhow::Result<async_nats::Client> {
        self.client_of("auditor").await
    }

    /// As [`Site::auditor`], with the credentials of a role, such as `lead-capture`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn client_of(&self, user: &str) -> anyhow::Result<async_nats::Client> {
        let nats = self.data().join("nats");
        let url = std::fs::read_to_string(nats.join("url"))?;
        let folder = nats.join("credentials");
        let name = std::fs::read_dir(&folder)?
            .filter_map(Result::ok)
            .find(|entry| entry.file_name().to_string_lossy().starts_with(user))
            .with_context(|| format!("{user} has credentials"))?;
        let seed = std::fs::read_to_string(name.path())?;
        let options = async_nats::ConnectOptions::with_nkey(seed.trim().into())
            .custom_inbox_prefix(format!("_INBOX_{user}"));
        Ok(options.connect(url.trim()).await?)
    }

    /// What the process with the console tells Prometheus.
    pub async fn metrics(&self) -> String {
        self.metrics_at(self.admin).await
    }

    pub(crate) async fn metrics_at(&self, admin: u16) -> String {
        let url = format!("http://127.0.0.1:{admin}/metrics");
        let answer = self.client.get(url).send().await.expect("the process answers");
        answer.text().await.expect("metrics are text")
    }

    /// The end of the log of a journey that fails.
    pub(crate) fn tell(&self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.place.folder.join("tributary.log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("{}", lines[lines.len().saturating_sub(SHOWN_MAX)..].join("\n"));
        }
    }
}

/// The built binary of the same profile: tests lie in `deps` of the profile's folder, other programs in the folder itself.
pub fn binary() -> PathBuf {
    let program = std::env::current_exe().expect("a running program has a file");
    let folder = program.parent().expect("a file lies in a folder");
    let profile =
        if folder.ends_with("deps") { folder.parent().expect("deps lies in a folder") } else { folder };
    profile.join("tributary")
}
