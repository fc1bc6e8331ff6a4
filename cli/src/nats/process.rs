//! One nats-server process: starting it, noticing its end, its last words, stopping it.

use super::binary::Binary;
use super::error::Error;
use super::home::Home;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// A server that is told to stop finishes its writes; after this long it is killed, which loses nothing either,
/// since every acknowledged append is on the disk.
const STOP_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(250);
const LAST_WORDS_BYTES_MAX: u64 = 64 * 1024;

/// A server that lives on our store.
pub(super) enum Process {
    Child(Child),
    /// Its parent is gone. Its life is seen by the lock that it holds.
    Adopted,
}

/// Starts the server with its configuration; it inherits the lock of the store.
///
/// It is in a process group of its own, so that Ctrl-C ends the roles first and they can still write. It gets no
/// environment of ours, which may hold secrets.
pub(super) async fn spawn(
    home: &Home,
    binary: &Binary,
    memory_max_bytes: u64,
    lock: File,
) -> Result<Process, Error> {
    // The server writes its own number there; an old one must not be taken for it.
    match fs::remove_file(home.pid()) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(Error::file("remove", &home.pid())(e)),
        _ => {}
    }
    let stderr = File::create(home.stderr()).map_err(Error::file("write", &home.stderr()))?;
    let mut command = Command::new(&binary.path);
    command
        .arg("-c")
        .arg(home.config())
        .current_dir(home.folder())
        .env_clear()
        .env("GOMEMLIMIT", format!("{memory_max_bytes}B"))
        .stdin(Stdio::from(lock))
        .stdout(Stdio::null())
        .stderr(Stdio::from(stderr))
        .process_group(0);
    // A process has the priority of the thread that starts it.
    let started = runtime::front::spawn(async move { command.spawn() }).await.map_err(|_| Error::Stopped)?;
    let child = started.map_err(Error::file("run", &binary.path))?;
    Ok(Process::Child(child))
}

impl Process {
    /// Waits for the end of the process and tells how it ended. May be dropped and called again.
    pub(super) async fn ended(&mut self, home: &Home) -> String {
        match self {
            Self::Child(child) => match child.wait().await {
                Ok(status) => status.to_string(),
                Err(e) => format!("its end could not be seen: {e}"),
            },
            Self::Adopted => {
                released(home).await;
                "the adopted server is gone".into()
            }
        }
    }

    /// Stops the process and waits for its end.
    pub(super) async fn stop(mut self, home: &Home) {
        self.signal(home, Signal::TERM);
        if tokio::time::timeout(STOP_WITHIN, self.ended(home)).await.is_err() {
            tracing::warn!("nats-server did not stop in {} s and is killed", STOP_WITHIN.as_secs());
            self.signal(home, Signal::KILL);
            self.ended(home).await;
        }
    }

    pub(super) fn signal(&self, home: &Home, signal: Signal) {
        let id = match self {
            Self::Child(child) => child.id().and_then(|id| i32::try_from(id).ok()),
            Self::Adopted => home.recorded_pid(),
        };
        // An error means that the process is gone already, which is what was wanted.
        if let Some(pid) = id.and_then(Pid::from_raw) {
            let _gone = kill_process(pid, signal);
        }
    }
}

/// Waits until no server holds the store.
async fn released(home: &Home) {
    while !matches!(home.lock(), Ok(Some(_))) {
        tokio::time::sleep(POLL).await;
    }
}

/// How long the server's log is now; what comes later is of the next start.
pub(super) fn log_end(home: &Home) -> u64 {
    fs::metadata(home.log()).map_or(0, |log| log.len())
}

/// What the server said of its end: the last lines of its standard error, and the errors in its log after `from`.
pub(super) fn last_words(home: &Home, from: u64) -> String {
    let log = tail(&home.log(), from);
    let errors = log.lines().filter(|line| line.contains("[FTL]") || line.contains("[ERR]"));
    let stderr = tail(&home.stderr(), 0);
    let mut lines: Vec<&str> = errors.chain(stderr.lines()).filter(|line| !line.trim().is_empty()).collect();
    lines.drain(..lines.len().saturating_sub(4));
    if lines.is_empty() { "it said nothing".into() } else { lines.join(" | ") }
}

fn tail(path: &Path, from: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let end = file.metadata()?.len();
        // A log shorter than before was rotated meanwhile, and all of it is new.
        let from = if from > end { 0 } else { from };
        file.seek(SeekFrom::Start(from.max(end.saturating_sub(LAST_WORDS_BYTES_MAX))))?;
        let mut bytes = Vec::new();
        file.take(LAST_WORDS_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_default()
}
