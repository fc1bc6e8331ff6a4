//! The world outside a suite of processes: two partner systems, an official account and a site with the widget, all
//! simulated, and the documents that make the suite know them.

use crate::suite::{QUESTION, Wanted};
use serde_json::{Value, json};
use simulators::http::{self, Item, Partner};
use simulators::widget::{Site, Visitor};
use simulators::{Clock, Ledger, wechat};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longer than any answer takes of which a figure is made.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Everybody outside. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) partner: Arc<Partner>,
    /// Another partner, whose system takes a few messages a second.
    pub(crate) slow: Arc<Partner>,
    pub(crate) wechat: Arc<wechat::Platform>,
    pub(crate) site: Site,
    pub(crate) ledger: Ledger,
    pub(crate) stop: CancellationToken,
}

/// Entries of knowledge beside the one that is asked for.
const ENTRIES: usize = 5_000;
const ENTRIES_OF_SMOKE: usize = 100;
const HOUR_MS: u64 = 3_600_000;
/// What the slow partner's system takes a second.
pub(crate) const SLOW_PER_SECOND: u32 = 10;

impl Outside {
    /// Starts everybody; they do not know the suite yet.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let (ledger, clock, stop) = (Ledger::default(), Clock::world(), CancellationToken::new());
        let mut shop = http::Config::new("shop");
        (shop.pause_ms, shop.posts_max, shop.timeout_ms) = (100, 300, 10_000);
        let slow = http::Config { account: "slow".into(), ..shop.clone() };
        let mut desk = wechat::Config::new("oa");
        (desk.pause_ms, desk.timeout_ms) = (200, 10_000);
        Ok(Self {
            partner: Arc::new(Partner::start(shop, clock.clone(), ledger.clone(), &stop).await?),
            slow: Arc::new(Partner::start(slow, clock.clone(), ledger.clone(), &stop).await?),
            wechat: Arc::new(wechat::Platform::start(desk, clock.clone(), ledger.clone(), &stop).await?),
            site: Site {
                socket: String::new(),
                account: "site".into(),
                page: "https://shop.example/?utm_source=bench".into(),
                patience_ms: 60_000,
                clock,
                ledger: ledger.clone(),
            },
            ledger,
            stop,
        })
    }

    /// From now on they reach the suite at this address.
    pub(crate) fn point_at(&mut self, http: &str) {
        self.partner.point_at(&format!("{http}/channels/http/shop/messages"));
        self.slow.point_at(&format!("{http}/channels/http/slow/messages"));
        self.wechat.point_at(&format!("{http}/channels/wechat_oa/oa"));
        self.site.socket = format!("{}/channels/widget/site/socket", http.replace("http://", "ws://"));
    }

    /// The tenant, its accounts, its agents and what the AI knows, as documents that the suite applies.
    pub(crate) fn documents(&self, wanted: &Wanted<'_>) -> String {
        let shop = http::Config::new("shop");
        let partner = |slug: &str, partner: &Partner, per_second: u32| {
            account(
                "http",
                slug,
                json!({ "callback_url": partner.callback_url(), "timeout_ms": "5000",
                "rate_per_second": per_second.to_string() }),
                json!({ "webhook_secret": shop.secret }),
            )
        };
        let desk = wechat::Config::new("oa");
        let oa = account(
            "wechat_oa",
            "oa",
            json!({ "app_id": desk.app_id, "mode": "safe", "api_base": self.wechat.url(), "timeout_ms": "5000",
                "rate_per_second": "10000" }),
            json!({ "token": desk.token, "encoding_aes_key": desk.encoding_aes_key,
                "app_secret": desk.app_secret }),
        );
        let secret = json!({ "widget_secret": "a-secret-of-the-widget-0123456789abcdef" });
        let settings = match wanted.is_patient {
            true => json!({ "answer_deadline_ms": HOUR_MS }),
            false => json!({}),
        };
        let mut documents = vec![
            json!({ "kind": "Tenant", "name": TENANT, "title": "店", "settings": settings }),
            partner("shop", &self.partner, 10_000),
            partner("slow", &self.slow, SLOW_PER_SECOND),
            oa,
            account("widget", "site", json!({ "rate_per_second": "10000" }), secret),
            knowledge(if wanted.smoke { ENTRIES_OF_SMOKE } else { ENTRIES }),
        ];
        documents.extend((0..wanted.agents).map(|number| {
            json!({ "kind": "Agent", "tenant": TENANT, "name": format!("agent-{number}"), "capacity": 1_000,
                "presence": "online" })
        }));
        let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
        texts.join("\n---\n")
    }

    /// A customer of the partner writes once: whether it was taken at the first post.
    pub(crate) async fn writes(&self, user: &str, id: &str) -> bool {
        let item = Item { id: id.into(), user: user.into(), text: QUESTION.into() };
        let posted = self.partner.post(&[item]).await;
        posted.accepted && posted.posts == 1
    }

    /// A customer of the partner writes and waits: milliseconds from `asked` to the call of the platform.
    pub(crate) async fn asks(&self, user: &str, id: &str, asked: std::time::Instant) -> Option<f64> {
        let mut answers = self.ledger.follow(user);
        self.writes(user, id).await;
        arrival(&mut answers, asked).await
    }

    /// A new follower of the official account writes and waits.
    pub(crate) async fn asks_on_wechat(&self, user: &str, asked: std::time::Instant) -> Option<f64> {
        let mut answers = self.ledger.follow(user);
        self.wechat.push(wechat::Push::text(user, QUESTION)).await;
        arrival(&mut answers, asked).await
    }

    /// A new visitor of the site opens the widget, writes and waits.
    pub(crate) async fn asks_on_site(&self, user: &str, asked: std::time::Instant) -> Option<f64> {
        let mut visitor = Visitor::new(&self.site, user);
        visitor.open().await.ok()?;
        visitor.write(QUESTION).await.ok()?;
        let seen = visitor.reply(PATIENCE.as_millis() as u64).await.ok()?;
        seen.map(|_| asked.elapsed().as_secs_f64() * 1_000.0)
    }
}

async fn arrival<T>(answers: &mut tokio::sync::mpsc::Receiver<T>, asked: std::time::Instant) -> Option<f64> {
    let arrived = tokio::time::timeout(PATIENCE, answers.recv()).await.ok().flatten();
    arrived.map(|_| asked.elapsed().as_secs_f64() * 1_000.0)
}

/// The tenant of the suites of processes.
pub(crate) const TENANT: &str = "shop";

fn account(channel: &str, slug: &str, settings: Value, secrets: Value) -> Value {
    json!({ "kind": "Account", "tenant": TENANT, "slug": slug, "channel": channel, "title": slug,
        "settings": settings, "secrets": secrets })
}

/// One entry that answers the question, among others that do not.
fn knowledge(entries: usize) -> Value {
    let mut all = vec![json!({ "id": "return-freight", "question": "退货运费谁承担",
        "answer": "质量问题退货，运费由我们承担。" })];
    all.extend((0..entries).map(|number| {
        json!({ "id": format!("filler-{number}"), "question": format!("型号{number}的配件{}怎么购买", number * 7),
            "answer": "请到配件专区购买。" })
    }));
    json!({ "kind": "Knowledge", "tenant": TENANT, "entries": all })
}
