//! One app on the platform: its settings, its people, its server.

use super::crypto::Sealer;
use super::tokens::Tokens;
use super::users::Users;
use super::{api, push};
use crate::door::Door;
use crate::{Clock, Error, Faults, Ledger};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// How pushes are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Plain,
    Compat,
    Safe,
}

/// What the app's owner set in the platform's console, and the platform's own numbers.
#[derive(Clone, Debug)]
pub struct Config {
    /// How the ledger calls the account.
    pub account: String,
    /// Where it listens: an address of this machine that the suite can reach.
    pub host: IpAddr,
    pub app_id: String,
    pub app_secret: String,
    pub original_id: String,
    pub token: String,
    pub encoding_aes_key: String,
    pub mode: Mode,
    /// JSON instead of XML.
    pub json: bool,
    /// Within how long a push must be answered; the platform's number is 5000.
    pub timeout_ms: u64,
    /// How often a push is delivered at most; the first and three redeliveries.
    pub deliveries_max: u32,
    /// How long after a failed delivery the next one follows.
    pub pause_ms: u64,
    /// Sends per day, after which 45009 is answered.
    pub sends_per_day: u32,
    /// Questions about people per day, after which 45009 is answered.
    pub infos_per_day: u32,
    /// The id before that of the first message; runs against one suite must not share ids.
    pub first_message: u64,
    pub seed: u64,
}

impl Config {
    /// An app with made-up credentials and the platform's own numbers.
    pub fn new(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            host: Ipv4Addr::LOCALHOST.into(),
            app_id: "wx0a1b2c3d4e5f6071".into(),
            app_secret: "simulated-app-secret".into(),
            original_id: "gh_0a1b2c3d4e5f".into(),
            token: "deskOaToken2026".into(),
            encoding_aes_key: "vzmY1UIDfAoGhk70zBbWqKxUkF7XRXKA1HKk4eAovWP".into(),
            mode: Mode::Safe,
            json: false,
            timeout_ms: 5000,
            deliveries_max: 4,
            pause_ms: 5000,
            sends_per_day: 500_000,
            infos_per_day: 5_000_000,
            first_message: 24_812_345_678_900_000,
            seed: 1,
        }
    }
}

/// The platform, running.
pub struct Platform {
    pub(super) desk: Arc<Desk>,
    door: Door,
}

/// What the server and the pusher share.
pub(super) struct Desk {
    pub(super) config: Config,
    pub(super) sealer: Sealer,
    pub(super) clock: Clock,
    pub(super) ledger: Ledger,
    pub(super) sends: Faults,
    pub(super) infos_fail: Faults,
    pub(super) tokens_fail: Faults,
    pub(super) shutdown: CancellationToken,
    pub(super) client: reqwest::Client,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) webhook: String,
    pub(super) pause_ms: u64,
    pub(super) users: Users,
    pub(super) tokens: Tokens,
    pub(super) rng: StdRng,
    pub(super) messages: u64,
    /// The day, and the calls of it.
    pub(super) sends_today: (i64, u32),
    pub(super) infos_today: (i64, u32),
    /// Questions about people so far, also those that were refused.
    pub(super) infos: u32,
}

impl Desk {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Platform {
    /// Starts the API on a free port; give [`Platform::url`] to the account as `api_base`, then point the platform at
    /// the account's webhook.
    ///
    /// # Errors
    /// When the key is none or no port is free.
    pub async fn start(
        config: Config,
        clock: Clock,
        ledger: Ledger,
        shutdown: &CancellationToken,
    ) -> Result<Self, Error> {
        let state = State {
            webhook: String::new(),
            pause_ms: config.pause_ms,
            users: Users::default(),
            tokens: Tokens::default(),
            rng: StdRng::seed_from_u64(config.seed),
            messages: 0,
            sends_today: (0, 0),
            infos_today: (0, 0),
            infos: 0,
        };
        let desk = Arc::new(Desk {
            sealer: Sealer::new(&config.encoding_aes_key, &config.app_id)?,
            client: crate::client(config.timeout_ms)?,
            config,
            clock,
            ledger,
            sends: Faults::default(),
            infos_fail: Faults::default(),
            tokens_fail: Faults::default(),
            shutdown: shutdown.clone(),
            state: Mutex::new(state),
        });
        let door = Door::open(desk.config.host, api::router(Arc::clone(&desk)), shutdown).await?;
        Ok(Self { desk, door })
    }

    /// The address of the API.
    pub fn url(&self) -> String {
        self.door.url()
    }

    /// Where pushes go from now on.
    pub fn point_at(&self, webhook: &str) {
        self.desk.state().webhook = webhook.to_owned();
    }

    /// How long after a failed delivery the next one follows, from now on.
    pub fn pause_for(&self, ms: u64) {
        self.desk.state().pause_ms = ms;
    }

    /// The console's check of a new webhook: whether it answers the signed GET with exactly `echostr`.
    pub async fn handshake(&self) -> bool {
        push::handshake(&self.desk).await
    }

    /// What goes wrong when customer messages are sent.
    pub fn faults(&self) -> &Faults {
        &self.desk.sends
    }

    /// What goes wrong when the platform is asked who somebody is.
    pub fn info_faults(&self) -> &Faults {
        &self.desk.infos_fail
    }

    /// How often the platform was asked who somebody is.
    pub fn infos(&self) -> u32 {
        self.desk.state().infos
    }

    /// The person's id across all apps of the owner, which a bound account is told.
    pub fn bind(&self, openid: &str, unionid: &str) {
        self.desk.state().users.bind(openid, unionid);
    }

    /// What goes wrong when tokens are asked for.
    pub fn token_faults(&self) -> &Faults {
        &self.desk.tokens_fail
    }

    /// The server, to shut its door.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Another system of the same owner refreshed by force: tokens given out before are dead.
    pub fn revoke_tokens(&self) {
        self.desk.state().tokens.revoke_all();
    }

    /// Closes a person's reply window before its time.
    pub fn close_window(&self, openid: &str) {
        self.desk.state().users.close(openid);
    }

    /// A follower switches receiving off or on.
    pub fn mute(&self, openid: &str, muted: bool) {
        self.desk.state().users.mute(openid, muted);
    }
}
