//! The life of the suite's nats-server: started or adopted, ready, started again when it dies, stopped.

use super::binary::{self, Binary};
use super::credentials::Keys;
use super::error::Error;
use super::home::{Home, Place, url_of};
use super::process::{self, Process};
use super::role::Role;
use super::{Settings, config, port, room};
use rustix::process::Signal;
use std::fs::{self, File};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const LOOK_AGAIN: Duration = Duration::from_millis(100);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const TELL_FIRST: Duration = Duration::from_secs(2);
const TELL_EVERY: Duration = Duration::from_secs(5);
/// A server that dies is started again after this long, doubled each time up to the maximum.
const RESTART_DELAY_MIN: Duration = Duration::from_millis(200);
const RESTART_DELAY_MAX: Duration = Duration::from_secs(30);
/// A server that lived so long was well, and its next delay is the smallest again.
const WELL_AFTER: Duration = Duration::from_secs(60);
/// A free port may be taken by another program before the server binds it.
const PORT_TRIES_MAX: u32 = 3;

/// The suite's own nats-server.
pub(crate) struct Server;

impl Server {
    /// Starts the server of the data folder and waits until JetStream answers, or adopts one that outlived its
    /// parent. Only one process does this for a data folder at a time; another is refused.
    ///
    /// Cancel `shutdown` after the roles have drained: it stops the server under them.
    ///
    /// # Errors
    /// [`Error::Supervised`] when another process has the data folder; when no usable nats-server is found, when it
    /// does not become ready, or when the shutdown comes first.
    pub(crate) async fn start(settings: &Settings, shutdown: CancellationToken) -> Result<Running, Error> {
        let home = Home::prepare(&settings.data)?;
        let turn = home.turn().await?;
        let keys = Keys::ensure(&home.credentials())?;
        let launcher = Launcher { settings: settings.clone(), home, keys, shutdown, _turn: turn };
        let (process, port) = launcher.start_or_adopt().await?;
        let place = Place { url: url_of(port), home: launcher.home.clone() };
        Ok(Running { place, port, process, launcher })
    }
}

/// A server that is ready.
pub(crate) struct Running {
    /// How the roles reach it.
    pub(crate) place: Place,
    port: u16,
    process: Process,
    launcher: Launcher,
}

impl Running {
    /// After a start that failed: stops the server that this process started. One that it adopted lives on as it
    /// was found.
    pub(crate) async fn abandon(self) {
        if let Process::Child(_) = self.process {
            self.process.stop(&self.launcher.home).await;
            tracing::info!("nats-server has stopped");
        }
    }

    /// Starts the server again whenever it dies, on the same port and never faster than the delays allow, until
    /// the shutdown, and then stops it. A server dropped without this lives on, and the next start adopts it.
    pub(crate) async fn supervise(self) {
        let Self { port, mut process, launcher, .. } = self;
        let mut delay = RESTART_DELAY_MIN;
        loop {
            let (began, log_end) = (Instant::now(), process::log_end(&launcher.home));
            let store = launcher.home.store();
            let how = tokio::select! {
                () = launcher.shutdown.cancelled() => {
                    process.stop(&launcher.home).await;
                    tracing::info!("nats-server has stopped");
                    return;
                }
                () = room::again(&store) => {
                    tracing::warn!("the disk has room again: nats-server is started anew, since it goes on refusing");
                    process.stop(&launcher.home).await;
                    delay = RESTART_DELAY_MIN;
                    match launcher.restart(port, &mut delay).await {
                        Some(next) => process = next,
                        None => return,
                    }
                    continue;
                }
                how = process.ended(&launcher.home) => how,
            };
            let last_words = process::last_words(&launcher.home, log_end);
            tracing::error!(nats.exit = %how, nats.last_words = %last_words, "nats-server died; it is started again");
            if began.elapsed() >= WELL_AFTER {
                delay = RESTART_DELAY_MIN;
            }
            match launcher.restart(port, &mut delay).await {
                Some(next) => process = next,
                None => return,
            }
        }
    }
}

/// All that a start needs.
struct Launcher {
    settings: Settings,
    home: Home,
    keys: Keys,
    shutdown: CancellationToken,
    /// Held for as long as the server is this process's business.
    _turn: File,
}

/// What a server is that holds our store.
enum Orphan {
    Current(u16),
    /// Its version or its configuration is not what ours would be now.
    Outdated,
    Silent,
}

impl Launcher {
    async fn start_or_adopt(&self) -> Result<(Process, u16), Error> {
        let binary = binary::find(&self.settings).await?;
        let (mut told, began) = (false, Instant::now());
        loop {
            if let Some(lock) = self.home.lock()? {
                return self.launch(&binary, lock).await;
            }
            match self.orphan(&binary).await {
                Orphan::Current(port) => {
                    // Whoever changed the users may have died before the server was told.
                    Process::Adopted.signal(&self.home, Signal::HUP);
                    tracing::info!(nats.port = port, "a nats-server that outlived its parent is adopted");
                    // Whoever waits for this start waits for it to be written.
                    self.home.record_url(&url_of(port))?;
                    return Ok((Process::Adopted, port));
                }
                Orphan::Outdated => {
                    tracing::info!("a nats-server of an older version or configuration is replaced");
                    Process::Adopted.stop(&self.home).await;
                }
                // It may be recovering its store, or stopping.
                Orphan::Silent if began.elapsed() < self.settings.ready_within => {
                    if !told && began.elapsed() > TELL_FIRST {
                        tracing::info!("waiting for the nats-server that holds the store");
                        told = true;
                    }
                }
                Orphan::Silent => {
                    let pid =
                        self.home.recorded_pid().map_or(String::new(), |pid| format!(" (process {pid})"));
                    return Err(Error::Held { pid, store: self.home.store() });
                }
            }
            self.pause(LOOK_AGAIN).await?;
        }
    }

    /// Ours is what answers to our key under our name: both exist only in this data folder.
    async fn orphan(&self, binary: &Binary) -> Orphan {
        let Some(port) = self.home.recorded_port() else { return Orphan::Silent };
        let Some(answer) = self.answer(port).await else { return Orphan::Silent };
        let written = fs::read_to_string(self.home.config()).unwrap_or_default();
        let wanted = config::render(&self.settings, &self.home, &self.keys, port);
        let users = fs::read_to_string(self.home.users()).unwrap_or_default();
        let current = written == wanted
            && self.home.users_text(&self.keys).is_ok_and(|wanted| users == wanted)
            && answer.server_name == self.keys.server_name()
            && binary::Version::parse(&answer.version) == Some(binary.version)
            && (self.settings.port == 0 || self.settings.port == port);
        if current { Orphan::Current(port) } else { Orphan::Outdated }
    }

    /// Starts a server on the wanted port or on a free one.
    async fn launch(&self, binary: &Binary, mut lock: File) -> Result<(Process, u16), Error> {
        let mut tries = 1;
        loop {
            let port = port::choose(&self.home, self.settings.port)?;
            match self.launch_on(binary, lock, port).await {
                Ok(process) => return Ok((process, port)),
                Err(Error::Ended { last_words })
                    if tries < PORT_TRIES_MAX && last_words.contains("address already in use") =>
                {
                    tries += 1;
                    lock = self.lock_soon().await?;
                }
                Err(e) => return Err(e),
            }
        }
    }

    async fn launch_on(&self, binary: &Binary, lock: File, port: u16) -> Result<Process, Error> {
        let path = self.home.config();
        let text = config::render(&self.settings, &self.home, &self.keys, port);
        fs::write(&path, text).map_err(Error::file("write", &path))?;
        // Who changes the users just now writes them again until the server took them.
        self.home.record_users(&self.keys)?;
        let log_end = process::log_end(&self.home);
        // Recorded first: if we die while it recovers, the next start knows where it will answer.
        self.home.record_url(&url_of(port))?;
        let mut process = process::spawn(&self.home, binary, self.settings.memory_max_bytes, lock).await?;
        tracing::info!(nats.port = port, nats.version = %binary.version, "nats-server is starting");
        match self.until_ready(&mut process, port, log_end).await {
            Ok(()) => Ok(process),
            Err(e) => {
                process.stop(&self.home).await;
                Err(e)
            }
        }
    }

    async fn until_ready(&self, process: &mut Process, port: u16, log_end: u64) -> Result<(), Error> {
        let began = Instant::now();
        let mut tell_at = TELL_FIRST;
        loop {
            tokio::select! {
                how = process.ended(&self.home) => {
                    let last_words = format!("{how}: {}", process::last_words(&self.home, log_end));
                    return Err(Error::Ended { last_words });
                }
                () = self.shutdown.cancelled() => return Err(Error::Stopped),
                answer = self.answer(port) => if answer.is_some() {
                    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                    tracing::info!(nats.port = port, duration_ms, "nats-server is ready");
                    return Ok(());
                },
            }
            let seconds = began.elapsed().as_secs();
            if began.elapsed() >= self.settings.ready_within {
                return Err(Error::NotReady { seconds, log: self.home.log() });
            }
            if began.elapsed() >= tell_at {
                tracing::info!("nats-server is not ready yet, {seconds} s: it may be recovering the log");
                tell_at += TELL_EVERY;
            }
            self.pause(LOOK_AGAIN).await?;
        }
    }

    /// Whether a server on this port takes our key and JetStream answers.
    async fn answer(&self, port: u16) -> Option<async_nats::ServerInfo> {
        let access = self.home.access(&url_of(port), Role::Operator);
        let seed = fs::read_to_string(&access.credentials).ok()?;
        let ask = async {
            let client = async_nats::ConnectOptions::with_nkey(seed.trim().to_owned())
                .custom_inbox_prefix(&access.inbox_prefix)
                .name("supervisor")
                .connect(&access.url)
                .await
                .ok()?;
            let server = client.server_info();
            async_nats::jetstream::new(client).query_account().await.ok()?;
            Some(server)
        };
        tokio::time::timeout(ANSWER_WITHIN, ask).await.ok().flatten()
    }

    /// Starts the server again until it is ready; none when the shutdown comes first.
    async fn restart(&self, port: u16, delay: &mut Duration) -> Option<Process> {
        loop {
            self.pause(*delay).await.ok()?;
            *delay = (*delay * 2).min(RESTART_DELAY_MAX);
            // The program is looked for anew: it may have been replaced by a newer one meanwhile.
            let again = async {
                let binary = binary::find(&self.settings).await?;
                let lock = self.lock_soon().await?;
                self.launch_on(&binary, lock, port).await
            };
            match again.await {
                Ok(process) => return Some(process),
                Err(Error::Stopped) => return None,
                Err(e) => tracing::error!(error = %e, "nats-server could not be started again"),
            }
        }
    }

    /// The lock of a server that has just ended.
    async fn lock_soon(&self) -> Result<File, Error> {
        let began = Instant::now();
        loop {
            match self.home.lock()? {
                Some(lock) => return Ok(lock),
                None if began.elapsed() < ANSWER_WITHIN => self.pause(LOOK_AGAIN).await?,
                None => return Err(Error::Held { pid: String::new(), store: self.home.store() }),
            }
        }
    }

    /// Sleeps, unless the shutdown comes.
    async fn pause(&self, duration: Duration) -> Result<(), Error> {
        tokio::select! {
            () = self.shutdown.cancelled() => Err(Error::Stopped),
            () = sleep(duration) => Ok(()),
        }
    }
}
