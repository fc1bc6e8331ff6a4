//! A data folder, a suite on it, and what a person does with both.

mod following;
mod http;
mod nats;
mod postgres;
mod probe;
mod terminal;

pub(crate) use nats::Nats;
pub(crate) use postgres::Postgres;

use base64::Engine;
use following::Following;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sqlx::Connection;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use terminal::signal;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tributary");
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
const SECRET: [u8; 32] = [7; 32];

/// What a command answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The account that the customer of the tests writes to; nobody listens at its partner's end.
pub(crate) fn account() -> String {
    let secret = base64::engine::general_purpose::STANDARD.encode(SECRET);
    format!(
        "kind: Account\ntenant: shop\nslug: shop-http\nchannel: http\nsettings:\n  \
         callback_url: http://127.0.0.1:9/callback\nsecrets:\n  webhook_secret: whsec_{secret}\n"
    )
}

/// Gone with the test, with the suite and its nats-server.
pub(crate) struct World {
    folder: tempfile::TempDir,
    suite: Option<Child>,
}

impl World {
    /// A folder on which nothing ever ran.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), suite: None }
    }

    /// A folder with a suite that is ready.
    pub(crate) fn started() -> Self {
        Self::started_with(&[])
    }

    /// As [`World::started`] with more on its command line.
    pub(crate) fn started_with(args: &[&str]) -> Self {
        let mut world = Self::empty();
        world.start(args);
        world
    }

    /// Starts a suite on the folder and waits until it is ready.
    pub(crate) fn start(&mut self, args: &[&str]) {
        self.launch(self.command(&["run"]), args);
    }

    fn launch(&mut self, mut command: Command, args: &[&str]) {
        let world = self;
        let log = std::fs::File::create(world.folder.path().join("suite.log")).expect("a log");
        let ports = ["--listen-http", "--listen-api", "--listen-admin", "--listen-grpc"];
        command.args(args);
        command.args(ports.iter().flat_map(|name| [*name, "127.0.0.1:0"]));
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("the suite starts");
        world.suite = Some(child);
        let said = || std::fs::read_to_string(world.folder.path().join("suite.log")).unwrap_or_default();
        world.until(|| said().contains(" is ready on ").then_some(()));
    }

    /// The number of the suite's process.
    pub(crate) fn pid(&self) -> u32 {
        self.suite.as_ref().expect("it runs").id()
    }

    /// The data folder.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Ends the suite as an operator does.
    pub(crate) fn stop(&mut self) {
        if let Some(suite) = &self.suite {
            signal(suite, Signal::TERM);
            self.ends_well();
        }
    }

    /// Ends the suite as a power cut does; its nats-server lives on.
    pub(crate) fn kill(&mut self) {
        let mut suite = self.suite.take().expect("it runs");
        suite.kill().expect("it is killed");
        suite.wait().expect("it ends");
    }

    /// The nats-server that lives on the folder.
    pub(crate) fn nats_server(&self) -> Option<Pid> {
        let folder = self.data().join("nats");
        let lock = std::fs::File::options().write(true).open(folder.join("store.lock")).ok()?;
        if lock.try_lock().is_ok() {
            return None;
        }
        let pid = std::fs::read_to_string(folder.join("nats-server.pid")).ok()?;
        Pid::from_raw(pid.trim().parse().ok()?)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        // The environment may name another installation.
        for name in ["NATS_URL", "DATABASE_URL", "TRIBUTARY_TENANT", "TRIBUTARY_MASTER_KEY", "LOG"] {
            command.env_remove(name);
        }
        command.args(args).arg("--data").arg(self.folder.path().join("data")).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Answer {
        answer(self.command(args).output().expect("the command runs"))
    }

    /// As a shell that finds no programs.
    pub(crate) fn run_without_path(&self, args: &[&str]) -> Answer {
        answer(self.command(args).env("PATH", "").output().expect("the command runs"))
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Answer {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command runs");
        child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads");
        answer(child.wait_with_output().expect("it ends"))
    }

    /// The JSON answer of a command that must be done well.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let answer = self.run(args);
        assert_eq!(answer.code, 0, "{answer:?}");
        serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }

    /// The events from a time on, as a replay tells them.
    pub(crate) fn events(&self, from: &str) -> Vec<Value> {
        let answer = self.run(&["replay", "range", from, "--json"]);
        assert_eq!(answer.code, 0, "{answer:?}");
        answer.out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    pub(crate) fn apply(&self, documents: &[&str]) {
        let applied = self.run_with_input(&["apply", "-f", "-"], &documents.join("\n---\n"));
        assert_eq!(applied.code, 0, "{applied:?}");
    }

    /// A command that goes on until it is interrupted.
    pub(crate) fn follow(&self, args: &[&str]) -> Following {
        Following::of(self.command(args))
    }

    /// The first event of this name from a time on, of one entity if it is named.
    pub(crate) fn event(&self, from: &str, name: &str, of: Option<&str>) -> Option<Value> {
        let wanted = |event: &Value| event["event"] == name && of.is_none_or(|of| event["id"] == of);
        self.events(from).into_iter().find(wanted)
    }

    /// Changes a row of a live model behind its back.
    pub(crate) fn change(&self, model: &str, statement: &'static str) {
        let models = self.folder.path().join("data").join("models");
        let pointer: Value =
            serde_json::from_slice(&self.read(&format!("models/{model}.live"))).expect("a pointer");
        let live = &pointer["live"];
        let file = models.join(format!("{model}@{}.{}.db", live["version"], live["number"]));
        let change = async {
            sqlx::any::install_default_drivers();
            let url = format!("sqlite://{}", file.display());
            let mut connection = sqlx::AnyConnection::connect(&url).await.expect("the file opens");
            let changed = sqlx::query(statement).execute(&mut connection).await.expect("the row changes");
            assert!(changed.rows_affected() > 0);
        };
        tokio::runtime::Runtime::new().expect("a runtime").block_on(change);
    }

    pub(crate) fn open_to_others(&self, file: &str) {
        let path = self.folder.path().join("data").join(file);
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).expect("the file is ours");
    }

    pub(crate) fn has(&self, file: &str) -> bool {
        self.folder.path().join("data").join(file).exists()
    }

    /// A file of a command's input.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }

    fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join("data").join(file)).expect("the suite wrote it")
    }

    /// Looks until there is something.
    pub(crate) fn until<T>(&self, look: impl Fn() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            let log = || std::fs::read_to_string(self.folder.path().join("suite.log")).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "it did not come; the suite said: {}", log());
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(suite) = &mut self.suite {
            // Asked to end, it ends its nats-server too.
            signal(suite, Signal::TERM);
            let began = Instant::now();
            while matches!(suite.try_wait(), Ok(None)) && began.elapsed() < PATIENCE {
                std::thread::sleep(LOOK_AGAIN);
            }
            let _ended = suite.kill();
            let _ended = suite.wait();
        }
        // One that nobody cares for any more.
        if let Some(server) = self.nats_server() {
            let _gone = kill_process(server, Signal::KILL);
        }
    }
}

fn answer(output: std::process::Output) -> Answer {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Answer { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}
