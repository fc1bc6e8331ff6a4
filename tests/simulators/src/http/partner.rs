//! The partner: its settings, its callback, its record of messages.

use super::callback;
use crate::door::Door;
use crate::{Clock, Error, Faults, Ledger};
use standardwebhooks::Webhook;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// The partner's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// How the ledger calls the account.
    pub account: String,
    /// Where it listens: an address of this machine that the suite can reach.
    pub host: IpAddr,
    /// `whsec_` and base64, shared with the account.
    pub secret: String,
    /// Within how long an answer must come.
    pub timeout_ms: u64,
    /// How often items are posted at most.
    pub posts_max: u32,
    /// How long after a failed post the next one follows.
    pub pause_ms: u64,
    /// Whether ids are rising whole numbers, which then go along as the items' `order` too.
    pub numbered: bool,
}

impl Config {
    /// A partner with a made-up secret.
    pub fn new(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            host: Ipv4Addr::LOCALHOST.into(),
            secret: "whsec_c2ltdWxhdGVkLXBhcnRuZXItc2VjcmV0LTAx".into(),
            timeout_ms: 15_000,
            posts_max: 4,
            pause_ms: 500,
            numbered: false,
        }
    }
}

/// The partner, running.
pub struct Partner {
    pub(super) office: Arc<Office>,
    door: Door,
}

pub(super) struct Office {
    pub(super) config: Config,
    pub(super) webhook: Webhook,
    pub(super) clock: Clock,
    pub(super) ledger: Ledger,
    pub(super) faults: Faults,
    pub(super) shutdown: CancellationToken,
    pub(super) client: reqwest::Client,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) target: String,
    pub(super) posts: u64,
    /// The ids of messages that were taken.
    pub(super) taken: HashSet<String>,
    /// Those whom no message reaches.
    pub(super) gone: HashSet<String>,
    /// Callbacks that were refused, and why.
    pub(super) refused: Vec<&'static str>,
}

impl Office {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partner {
    /// Starts the callback on a free port.
    ///
    /// # Errors
    /// When the secret is none or no port is free.
    pub async fn start(
        config: Config,
        clock: Clock,
        ledger: Ledger,
        shutdown: &CancellationToken,
    ) -> Result<Self, Error> {
        let office = Arc::new(Office {
            webhook: Webhook::new(&config.secret).map_err(|_| Error::Secret)?,
            client: crate::client(config.timeout_ms)?,
            config,
            clock,
            ledger,
            faults: Faults::default(),
            shutdown: shutdown.clone(),
            state: Mutex::default(),
        });
        let door = Door::open(office.config.host, callback::router(Arc::clone(&office)), shutdown).await?;
        Ok(Self { office, door })
    }

    /// What the account's `callback_url` must be.
    pub fn callback_url(&self) -> String {
        format!("{}/callback", self.door.url())
    }

    /// Where items go from now on.
    pub fn point_at(&self, target: &str) {
        self.office.state().target = target.to_owned();
    }

    /// What goes wrong when messages arrive.
    pub fn faults(&self) -> &Faults {
        &self.office.faults
    }

    /// The server, to shut its door.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// No message reaches that person any more: their callbacks are answered 410.
    pub fn lose(&self, user: &str) {
        self.office.state().gone.insert(user.to_owned());
    }

    /// Why callbacks were refused so far; an honest sender leaves this empty.
    pub fn refused(&self) -> Vec<&'static str> {
        self.office.state().refused.clone()
    }
}
