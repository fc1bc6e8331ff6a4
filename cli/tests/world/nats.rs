//! A nats-server that is not the suite's own.

use rustix::process::Signal;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Gone with the test.
pub(crate) struct Nats {
    folder: tempfile::TempDir,
    child: Child,
    url: String,
}

impl Nats {
    /// One with a user for each role, as `tributary nats` runs it.
    pub(crate) fn started() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(super::PROGRAM);
        command.args(["nats", "--data"]).arg(folder.path().join("data"));
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut nats = Self { folder, child, url: String::new() };
        nats.until_it_listens(|nats| {
            let url = std::fs::read_to_string(nats.folder.path().join("data/nats/url")).ok()?;
            Some(url.trim().to_owned())
        });
        nats
    }

    /// One with JetStream and this in its configuration.
    pub(crate) fn with(configuration: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a port")
            .port();
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\nmax_payload: 6MB\njetstream {{ store_dir: \"{}\" }}\n{configuration}",
            folder.path().join("store").display()
        );
        let path = folder.path().join("nats.conf");
        std::fs::write(&path, text).expect("a file");
        let child = Command::new("nats-server")
            .arg("-c")
            .arg(&path)
            .stderr(std::fs::File::create(folder.path().join("log")).expect("a file"))
            .spawn()
            .expect("nats-server is in PATH");
        let mut nats = Self { folder, child, url: String::new() };
        nats.until_it_listens(|_| Some(format!("nats://127.0.0.1:{port}")));
        nats
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// A folder with the seeds of all roles but these.
    pub(crate) fn credentials(&self, without: &[&str]) -> tempfile::TempDir {
        let (folder, made): (_, PathBuf) =
            (tempfile::tempdir().expect("a folder"), self.folder.path().join("data/nats/credentials"));
        for entry in std::fs::read_dir(made).expect("the credentials") {
            let entry = entry.expect("an entry");
            if !without.iter().any(|role| entry.file_name() == *role) {
                std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("a copy");
            }
        }
        folder
    }

    fn until_it_listens(&mut self, url: impl Fn(&Self) -> Option<String>) {
        let began = Instant::now();
        loop {
            if let Some(url) = url(self)
                && let Some(place) = url.strip_prefix("nats://")
                && std::net::TcpStream::connect(place).is_ok()
            {
                self.url = url;
                return;
            }
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(began.elapsed() < super::PATIENCE, "no nats-server: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        super::signal(&self.child, Signal::TERM);
        let _ended = self.child.wait();
    }
}
