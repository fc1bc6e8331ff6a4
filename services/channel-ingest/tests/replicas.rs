//! Two replicas of channel-ingest on Postgres: each takes requests of the accounts that the other one read.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use channel_ingest::start;
use events::Sealed;
use events::account::Setup;
use ground::{Place, Server, eventually, on_each};
use laws::account::Account;
use runtime::{Health, Host, Metrics, Role, Secret, Tasks};
use serde_json::json;
use simulators::http::{Config, Partner};
use simulators::{Clock, Ledger};
use spine::keys::{KeySettings, Owner, Period, SealKey};
use spine::read::Status;
use spine::{Address, Cause, Entity, Log, Spine, new_id};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const TENANT: &str = "shop";
/// What is promised, and no more.
const KNOWN_WITHIN: Duration = Duration::from_secs(2);

struct Replica {
    spine: Spine,
    url: String,
    stop: CancellationToken,
    running: JoinSet<Result<(), runtime::shutdown::Crash>>,
}

impl Replica {
    async fn start(place: &Place, log: Log) -> Self {
        // As the program does it; the second time it is there.
        let _present = rustls::crypto::ring::default_provider().install_default();
        let spine = place.spine(log, KeySettings::default()).await;
        let (stop, health) = (CancellationToken::new(), Health::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let host = Host {
            role: Role::ChannelIngest,
            health: health.clone(),
            metrics: Metrics::new("replica", None).unwrap(),
            credential: Secret::new("a-credential-of-the-replicas-000"),
            peers: Arc::default(),
            shutdown: stop.clone(),
        };
        let mut tasks = Tasks::new(stop.clone());
        {
            let (spine, stop) = (spine.clone(), stop.clone());
            tasks.spawn("tail", async move { Ok(spine.tail.run(&spine.log, &stop).await?) });
        }
        let service = start(spine.clone(), host, listener).await.unwrap();
        tasks.spawn("channel-ingest", service.run());
        let mut running = JoinSet::new();
        running.spawn(tasks.supervise(Duration::from_secs(20)));
        health.started();
        health.until_ready().await;
        Self { spine, url, stop, running }
    }

    /// The parts that this replica reads.
    fn live_parts(&self) -> usize {
        let reader = self.spine.readers.find("ingest").unwrap();
        let statuses = reader.statuses();
        let statuses = statuses.borrow();
        statuses.values().filter(|status| matches!(status, Status::Live)).count()
    }

    async fn stop(mut self) {
        self.stop.cancel();
        self.running.join_next().await.unwrap().unwrap().unwrap();
        self.spine.database.close().await;
    }
}

/// What `tributary apply` writes for an account of the generic channel.
async fn setup(spine: &Spine, partner: &Partner, address: &Address, secret: &str) -> Setup {
    let key = SealKey {
        tenant: TENANT.into(),
        owner: Owner::tenant(TENANT),
        class: "secret".into(),
        period: Period::quarter(spine.log.clock().now()),
    };
    let sealed = spine.keys.seal(&key, &address.subject(), "secret.webhook_secret", secret).await.unwrap();
    Setup {
        channel: "http".into(),
        slug: "desk".into(),
        name: "desk".into(),
        settings: [("callback_url".to_owned(), partner.callback_url())].into(),
        secrets: [("webhook_secret".to_owned(), Sealed(sealed))].into(),
    }
}

async fn configure(spine: &Spine, address: &Address, setup: &Setup) {
    let (at, cause) = (spine.log.clock().now(), Cause::new(new_id(), "configure", "test"));
    let decide = |state: &Account| laws::account::configure(state, setup, false, at);
    spine.log.transact(address, &cause, decide).await.unwrap();
    ground::caught_up(spine).await;
}

async fn disable(spine: &Spine, address: &Address) {
    let (at, cause) = (spine.log.clock().now(), Cause::new(new_id(), "disable", "test"));
    let decide = |state: &Account| laws::account::disable(state, at);
    spine.log.transact(address, &cause, decide).await.unwrap();
    ground::caught_up(spine).await;
}

/// Posts messages of the user until one is answered with `wanted`.
async fn until_answered(partner: &Partner, user: &str, wanted: u16) {
    let since = Instant::now();
    eventually(&format!("{wanted} for {user}"), async || {
        let id = new_id().to_string();
        let item = json!({ "id": id, "user": user, "text": "在吗", "sent_at": Clock::world().now() / 1_000 });
        (partner.post_raw(&item.to_string()).await == Some(wanted)).then_some(())
    })
    .await;
    assert!(since.elapsed() < KNOWN_WITHIN, "{wanted} for {user}: {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_webhooks_of_an_account_whose_part_only_the_other_reads() {
    on_each(async |place: Place| {
        if place.is_sqlite() {
            return;
        }
        let server = Server::start().await;
        let one = Replica::start(&place, server.log().await).await;
        eventually("all parts with the first", async || {
            (one.live_parts() == usize::from(spine::PARTS)).then_some(())
        })
        .await;
        let two = Replica::start(&place, server.log().await).await;
        assert_eq!(two.live_parts(), 0, "the second reads no part itself");
        let (config, shutdown) = (Config::new("desk"), CancellationToken::new());
        let secret = config.secret.clone();
        let partner = Partner::start(config, Clock::world(), Ledger::default(), &shutdown).await.unwrap();
        partner.point_at(&format!("{}/channels/http/desk/messages", two.url));
        let id = new_id();
        let address = Address::of(TENANT, Account::KIND, id).unwrap();
        let first = setup(&one.spine, &partner, &address, &secret).await;

        configure(&one.spine, &address, &first).await;
        until_answered(&partner, "anna", 202).await;
        // Whoever reads the journal makes the thread.
        eventually("a thread of anna", async || thread(&two.spine, id, "anna").await).await;

        // A secret that is replaced holds no longer, and an account that is disabled takes nothing.
        let replaced =
            setup(&one.spine, &partner, &address, "whsec_YW5vdGhlci1zZWNyZXQtYWx0b2dldGhlcg==").await;
        configure(&one.spine, &address, &replaced).await;
        until_answered(&partner, "bob", 401).await;
        configure(&one.spine, &address, &first).await;
        until_answered(&partner, "carl", 202).await;
        disable(&one.spine, &address).await;
        until_answered(&partner, "dora", 403).await;
        shutdown.cancel();
        two.stop().await;
        one.stop().await;
    })
    .await;
}

async fn thread(spine: &Spine, account: Uuid, user: &str) -> Option<Uuid> {
    spine.keys.find_thread(TENANT, &account.to_string(), user).await.ok().flatten()
}
