//! The outside of a journey: a partner system and an official account, simulated.

use crate::setup;
use crate::world::World;
use events::knowledge::Entry;
use events::tenant::Settings;
use simulators::http::{Config, Partner};
use simulators::{Ledger, wechat};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The simulated outside of a world: a partner system on the generic channel and an official account.
pub struct Outside {
    pub partner: Partner,
    pub wechat: wechat::Platform,
    pub ledger: Ledger,
    /// The outside's time.
    pub clock: simulators::Clock,
    /// The partner's account.
    pub shop: Uuid,
    /// The official account.
    pub oa: Uuid,
    pub stop: CancellationToken,
}

impl Outside {
    /// The account on a channel.
    ///
    /// # Panics
    /// On a channel that the furnished outside does not speak.
    pub fn account(&self, channel: &str) -> Uuid {
        match channel {
            "http" => self.shop,
            "wechat_oa" => self.oa,
            other => panic!("no account on {other}"),
        }
    }
}

impl World {
    /// The tenant with settings and knowledge, and the outside with an account on each of two channels.
    pub async fn furnish(&self, entries: &[Entry]) -> Outside {
        self.furnish_with(&setup::settings(), entries).await
    }

    /// As [`World::furnish`], with settings of the journey's own.
    pub async fn furnish_with(&self, settings: &Settings, entries: &[Entry]) -> Outside {
        let (ledger, stop) = (Ledger::default(), CancellationToken::new());
        let mut config = Config::new("shop");
        // The partner goes on until it is heard.
        (config.pause_ms, config.posts_max, config.timeout_ms) = (100, 300, 5_000);
        let secret = config.secret.clone();
        let clock = simulators::Clock::world();
        let partner =
            Partner::start(config, clock.clone(), ledger.clone(), &stop).await.expect("the partner starts");
        let mut config = wechat::Config::new("oa");
        config.pause_ms = 200;
        let secrets = [
            ("token", config.token.clone()),
            ("encoding_aes_key", config.encoding_aes_key.clone()),
            ("app_secret", config.app_secret.clone()),
        ];
        let app_id = config.app_id.clone();
        let wechat = wechat::Platform::start(config, clock.clone(), ledger.clone(), &stop)
            .await
            .expect("the platform starts");
        setup::tenant(&self.spine, settings).await;
        let callback = partner.callback_url();
        let http =
            [("callback_url", callback.as_str()), ("timeout_ms", "2000"), ("rate_per_second", "10000")];
        let shop = setup::account(&self.spine, "http", "shop", &http, &[("webhook_secret", &secret)]).await;
        let base = wechat.url();
        let desk = [
            ("app_id", app_id.as_str()),
            ("mode", "safe"),
            ("api_base", base.as_str()),
            ("timeout_ms", "2000"),
        ];
        let secrets: Vec<(&str, &str)> =
            secrets.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let oa = setup::account(&self.spine, "wechat_oa", "oa", &desk, &secrets).await;
        for entry in entries {
            setup::entry(&self.spine, entry).await;
        }
        let outside = Outside { partner, wechat, ledger, clock, shop, oa, stop };
        self.is_reached_by(&outside);
        self.settle().await;
        outside
    }

    /// Points the outside at this suite, which has other ports after each start.
    pub fn is_reached_by(&self, outside: &Outside) {
        outside.partner.point_at(&format!("{}/channels/http/shop/messages", self.http));
        outside.wechat.point_at(&format!("{}/channels/wechat_oa/oa", self.http));
    }
}
