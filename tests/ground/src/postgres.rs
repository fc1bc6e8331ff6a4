//! A Postgres of the test's own, which can be killed.

use crate::Place;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long a start may take, crash recovery included.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A real Postgres on a free port, gone when dropped. What is committed outlives its death, as with the server's own
/// defaults; only the machine's death would not be outlived, since nothing is synced.
pub struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    connections_max: u16,
}

impl Postgres {
    /// Starts it; none where no Postgres is asked for, as when there is no `TEST_DATABASE_URL`.
    ///
    /// # Panics
    /// When Postgres is asked for and does not start; so do all functions here when it does not do what it must.
    pub async fn start(connections_max: u16) -> Option<Self> {
        std::env::vars().find(|(name, _)| name == "TEST_DATABASE_URL")?;
        let folder = tempfile::tempdir().expect("the machine has room for a temporary folder");
        let programs = programs().expect("Postgres is installed: `make setup`");
        let server = Self { programs, folder, port: crate::free_ports(1), connections_max };
        server.initialise();
        server.launch().await;
        Some(server)
    }

    /// Its one database.
    pub fn url(&self) -> String {
        format!("postgres://tributary@127.0.0.1:{}/postgres", self.port)
    }

    /// A place for a suite on it.
    pub fn place(&self) -> Place {
        Place { folder: self.folder.path().join("suite"), url: Some(self.url()) }
    }

    /// SIGKILL to the server; its backends end when they notice.
    pub fn kill(&self) {
        let told = std::fs::read_to_string(self.data().join("postmaster.pid")).expect("it runs");
        let pid = told.lines().next().expect("the first line is the process").to_owned();
        let ended = Command::new("kill").args(["-9", &pid]).status().expect("kill is installed");
        assert!(ended.success(), "the process is ours");
    }

    /// Starts it again on its data.
    pub async fn restart(&self) {
        self.launch().await;
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("db")
    }

    fn initialise(&self) {
        let folder = self.folder.path();
        if is_root() {
            let given = Command::new("chown").arg(owner()).arg(folder).status().expect("chown is installed");
            assert!(given.success());
        }
        let made = self
            .command("initdb")
            .args(["-U", "tributary", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(self.data())
            .status();
        assert!(made.expect("initdb runs").success(), "initdb failed");
    }

    async fn launch(&self) {
        let settings = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off -c max_connections={}",
            self.port,
            self.folder.path().display(),
            self.connections_max
        );
        let log = self.folder.path().join("db").join("server.log");
        let started = async {
            // Backends of the one that was killed may still hold its memory.
            loop {
                let mut command = self.command("pg_ctl");
                command.arg("-D").arg(self.data()).arg("-l").arg(&log).args(["-w", "-t", "30", "-o"]);
                let done = tokio::process::Command::from(command).arg(&settings).arg("start").status().await;
                if done.expect("pg_ctl runs").success() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        if tokio::time::timeout(STARTS_WITHIN, started).await.is_err() {
            panic!("Postgres does not start: {}", std::fs::read_to_string(log).unwrap_or_default());
        }
    }

    /// One of its programs, as a user that it accepts: it refuses root.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", owner(), "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut command = self.command("pg_ctl");
        // It may have been killed before.
        let _ = command.arg("-D").arg(self.data()).args(["-m", "immediate", "stop"]).status();
    }
}

/// The newest of Debian's, else the folder of whatever is on PATH.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let folders = versions.filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        Some((number, version.path().join("bin")))
    });
    let debian = folders.filter(|(_, folder)| folder.join("pg_ctl").exists()).max().map(|(_, folder)| folder);
    debian.or_else(|| {
        let path = std::env::vars_os().find(|(name, _)| name == "PATH")?.1;
        std::env::split_paths(&path).find(|folder| folder.join("pg_ctl").exists())
    })
}

fn is_root() -> bool {
    let told = Command::new("id").arg("-u").output().expect("id is installed");
    told.stdout.starts_with(b"0\n")
}

/// Whom the server runs as where the test is root's.
fn owner() -> &'static str {
    let there = Command::new("id").arg("postgres").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if there.is_ok_and(|status| status.success()) { "postgres" } else { "nobody" }
}
