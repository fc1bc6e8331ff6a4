//! Changing who may connect to the data folder's nats-server while it runs: the server reads its users again, and no
//! connection is lost but those of users that are gone.

use super::credentials::Keys;
use super::error::Error;
use super::home::Home;
use super::process::Process;
use super::{Consumer, Register};
use async_nats::ConnectOptions;
use events::feed::LeadFeedType;
use rustix::process::Signal;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

const TAKEN_WITHIN: Duration = Duration::from_secs(15);
/// The server may just be starting, and then it did not hear, or with the list as it was.
const TELL_AGAIN: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The users of a running server, held against other changes.
pub(crate) struct Users {
    home: Home,
    register: Register,
    _changing: File,
}

impl Users {
    /// The users of the server that runs on the data folder.
    ///
    /// # Errors
    /// [`Error::NotRunning`].
    pub(crate) fn of(data: &Path) -> Result<Self, Error> {
        let home = Home::of(data)?;
        let runs = home.folder().is_dir() && home.lock()?.is_none();
        if !runs {
            return Err(Error::NotRunning { folder: data.to_path_buf() });
        }
        let register = home.consumers();
        let changing = register.lock()?;
        Ok(Self { home, register, _changing: changing })
    }

    /// The consumers that are kept.
    pub(crate) fn register(&self) -> &Register {
        &self.register
    }

    /// Lets a consumer in, and waits until the server does. Again changes nothing.
    ///
    /// # Errors
    /// When a file cannot be written, or the server does not take it.
    pub(crate) async fn add(
        &self,
        name: &str,
        tenant: Option<String>,
        types: Vec<LeadFeedType>,
    ) -> Result<Consumer, Error> {
        let consumer = self.register.add(name, tenant, types)?;
        let path = self.register.seed_file(name);
        let seed = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        self.tell(&seed, true).await?;
        Ok(consumer)
    }

    /// Shuts a consumer out, also one that is connected, and forgets it. Again changes nothing.
    ///
    /// # Errors
    /// As [`Users::add`].
    pub(crate) async fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.register.seed_file(name);
        let seed = fs::read_to_string(&path).unwrap_or_default();
        self.register.remove(name)?;
        self.tell(&seed, false).await
    }

    /// Writes all users down and has the server read them, until it lets the holder of `seed` in, or no more.
    async fn tell(&self, seed: &str, is_let_in: bool) -> Result<(), Error> {
        let keys = Keys::ensure(&self.home.credentials())?;
        let began = Instant::now();
        let mut tell_at = began;
        loop {
            if Instant::now() >= tell_at {
                self.home.record_users(&keys)?;
                Process::Adopted.signal(&self.home, Signal::HUP);
                tell_at += TELL_AGAIN;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            // Without a seed there is nobody to try as.
            if seed.is_empty() || self.lets_in(seed).await == Some(is_let_in) {
                return Ok(());
            }
            if began.elapsed() >= TAKEN_WITHIN {
                return Err(Error::NotTaken { seconds: TAKEN_WITHIN.as_secs(), log: self.home.log() });
            }
        }
    }

    /// None when the server says nothing.
    async fn lets_in(&self, seed: &str) -> Option<bool> {
        let url = self.home.url().ok()?;
        let connecting = ConnectOptions::with_nkey(seed.trim().into()).name("supervisor").connect(url);
        match tokio::time::timeout(ANSWER_WITHIN, connecting).await.ok()? {
            Ok(_) => Some(true),
            Err(error) if error.kind() == async_nats::ConnectErrorKind::AuthorizationViolation => Some(false),
            Err(_) => None,
        }
    }
}
