//! The outside, running: the platform, the partner and the site, with the demo's accounts pointing at them.

use super::cast::{Channel, Player};
use super::connection::Connection;
use super::pace::Pace;
use super::secrets::{Store, Values};
use super::tenant::{self, DOCUMENTS, Demo, TENANT};
use anyhow::{Context, bail};
use rand::TryRngCore;
use serde_json::{Value, json};
use simulators::http::Partner;
use simulators::wechat::Platform;
use simulators::widget::Site;
use simulators::{Clock, Ledger, http, wechat};
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the suite may take to learn of its accounts.
const ACCOUNTS_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);
/// How often the partner posts an item, half a second apart: a killed suite is back meanwhile.
const POSTS_MAX: u32 = 60;
/// A run reads as a supervisor at its end, however long it plays; no run plays a day.
const TOKEN_ENDS_US: simulators::Micros = 24 * 60 * 60 * 1_000_000;
/// How long a visitor's browser waits for the server.
const PATIENCE_MS: u64 = 15_000;

/// What the outside is like.
pub(crate) struct Outside {
    pub(crate) clock: Clock,
    /// Where the suite reaches it: an address of this machine.
    pub(crate) host: IpAddr,
    pub(crate) per_second: u32,
}

/// The outside of the suite.
pub(crate) struct Stage {
    pub(crate) platform: Platform,
    pub(crate) partner: Partner,
    pub(crate) site: Site,
    pub(crate) clock: Clock,
    pub(crate) ledger: Ledger,
    pub(crate) pace: Pace,
    /// What customers read when people take over.
    pub(crate) notice: String,
    /// Slugs of the accounts.
    pub(crate) accounts: Vec<String>,
    /// The partner's last id.
    items: AtomicI64,
}

impl Stage {
    /// Starts the simulators and points the demo's accounts at them.
    ///
    /// # Errors
    /// When a simulator cannot listen, or the suite refuses the accounts.
    pub(crate) async fn set(
        connection: &Connection,
        http: &reqwest::Client,
        outside: &Outside,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let mut demo = Demo::with(&values(&connection.data)?)?;
        let ledger = Ledger::default();
        let base = &connection.http_url;
        let platform = platform(&demo, outside, &ledger, shutdown).await?;
        let partner = partner(&demo, outside, &ledger, shutdown).await?;
        let clock = outside.clock.clone();
        demo.point_at(&tenant::Outside { wechat_api: platform.url(), callback: partner.callback_url() });
        apply(connection, http, &demo).await?;
        let slug = |channel: Channel| demo.account(channel.name()).map(|account| account.slug);
        platform.point_at(&format!("{base}/channels/wechat_oa/{}", slug(Channel::Wechat)?));
        partner.point_at(&format!("{base}/channels/http/{}/messages", slug(Channel::Http)?));
        let widget = slug(Channel::Widget)?;
        let site = Site {
            socket: format!("{}/channels/widget/{widget}/socket", base.replacen("http", "ws", 1)),
            account: widget,
            page: "https://shop.example/spring?utm_source=demo&utm_campaign=spring".into(),
            patience_ms: PATIENCE_MS,
            clock: clock.clone(),
            ledger: ledger.clone(),
        };
        let accounts = Channel::ALL.into_iter().map(slug).collect::<anyhow::Result<_>>()?;
        let notice = demo.phrase("handover_notice").unwrap_or_default().to_owned();
        let (pace, items) = (Pace::of(outside.per_second), AtomicI64::new(clock.now()));
        let stage = Self { platform, partner, site, clock, ledger, pace, notice, accounts, items };
        stage.wait_for_accounts().await?;
        Ok(stage)
    }

    /// The partner's next id: a whole number that rises, also from run to run.
    pub(crate) fn next_item(&self) -> String {
        (self.items.fetch_add(1, Ordering::Relaxed) + 1).to_string()
    }

    /// Plans what goes wrong for whom.
    pub(crate) fn plan_faults(&self, players: &[Player]) {
        for (player, fault) in players.iter().filter_map(|player| Some((player, player.fault?))) {
            match player.channel {
                Channel::Wechat => self.platform.faults().user(&player.name, fault, 1),
                Channel::Http => self.partner.faults().user(&player.name, fault, 1),
                Channel::Widget => {}
            }
        }
    }

    /// The platform's own check of the webhook tells that the suite knows the account.
    async fn wait_for_accounts(&self) -> anyhow::Result<()> {
        let known = async {
            while !self.platform.handshake().await {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(ACCOUNTS_WITHIN, known)
            .await
            .context("the suite does not answer the platform's check of the demo's official account")
    }
}

/// The demo's secrets in the data folder, made if they are not there yet.
///
/// # Errors
/// When they cannot be read or written, or the machine gives no random bytes.
pub(crate) fn values(data: &Path) -> anyhow::Result<Values> {
    let mut failed = None;
    let fresh = || {
        let mut bytes = [0; 32];
        failed = failed.take().or(rand::rngs::OsRng.try_fill_bytes(&mut bytes).err());
        // Without random bytes there is an error to tell, so any value ends the search for one.
        if failed.is_some() { [0; 32] } else { bytes }
    };
    let values = Store::of(data).values_for(DOCUMENTS, fresh)?;
    match failed {
        Some(error) => Err(error).context("the machine gives no random bytes"),
        None => Ok(values),
    }
}

async fn platform(
    demo: &Demo,
    outside: &Outside,
    ledger: &Ledger,
    shutdown: &CancellationToken,
) -> anyhow::Result<Platform> {
    let account = demo.account(Channel::Wechat.name())?;
    let word = |values: &Values, name: &str| values.get(name).cloned().unwrap_or_default();
    let config = wechat::Config {
        app_id: word(&account.settings, "app_id"),
        app_secret: word(&account.secrets, "app_secret"),
        token: word(&account.secrets, "token"),
        encoding_aes_key: word(&account.secrets, "encoding_aes_key"),
        // Ids are numbers that rise from run to run.
        first_message: u64::try_from(outside.clock.now()).unwrap_or_default(),
        host: outside.host,
        ..wechat::Config::new(&account.slug)
    };
    Ok(Platform::start(config, outside.clock.clone(), ledger.clone(), shutdown).await?)
}

async fn partner(
    demo: &Demo,
    outside: &Outside,
    ledger: &Ledger,
    shutdown: &CancellationToken,
) -> anyhow::Result<Partner> {
    let account = demo.account(Channel::Http.name())?;
    let secret = account.secrets.get("webhook_secret").cloned().unwrap_or_default();
    let config = http::Config {
        secret,
        host: outside.host,
        numbered: true,
        posts_max: POSTS_MAX,
        ..http::Config::new(&account.slug)
    };
    Ok(Partner::start(config, outside.clock.clone(), ledger.clone(), shutdown).await?)
}

async fn apply(connection: &Connection, http: &reqwest::Client, demo: &Demo) -> anyhow::Result<()> {
    let request = http
        .post(format!("{}/admin/apply", connection.admin_url))
        .header("content-type", "application/yaml")
        .body(demo.to_yaml()?);
    operate(connection, request).await.context("the demo's accounts cannot be applied").map(|_| ())
}

/// A token for reading texts and figures in clear.
pub(crate) struct Token {
    id: String,
    pub(crate) text: String,
}

impl Token {
    /// Made by the operator's route. It ends by itself `TOKEN_ENDS_US` after `now`, for a run that is killed.
    ///
    /// # Errors
    /// When the suite refuses.
    pub(crate) async fn make(
        connection: &Connection,
        http: &reqwest::Client,
        now: simulators::Micros,
    ) -> anyhow::Result<Self> {
        let end = super::written(now + TOKEN_ENDS_US)?;
        let request = http.post(format!("{}/admin/tokens", connection.admin_url)).json(
            &json!({ "tenant": TENANT, "role": "supervisor", "name": "tributary demo", "expires_at": end }),
        );
        let made = operate(connection, request).await.context("no API token can be made")?;
        let field = |name: &str| made[name].as_str().map(str::to_owned);
        let shown = field("id").zip(field("token")).context("the suite made a token and did not show it")?;
        Ok(Self { id: shown.0, text: shown.1 })
    }

    /// Ends it at once.
    ///
    /// # Errors
    /// When the suite does not do it.
    pub(crate) async fn revoke(self, connection: &Connection, http: &reqwest::Client) -> anyhow::Result<()> {
        let request = http.delete(format!("{}/admin/tokens/{}", connection.admin_url, self.id));
        operate(connection, request).await.context("the demo's API token cannot be revoked").map(|_| ())
    }
}

async fn operate(connection: &Connection, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
    let response = request.bearer_auth(&connection.admin_credential.0).send().await?;
    let status = response.status();
    let body = response.bytes().await?;
    if !status.is_success() {
        bail!("{status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
}
