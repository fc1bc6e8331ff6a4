//! Two replicas of channel-ingest on Postgres: each takes requests of the accounts that the other one read.

use crate::service::{Replica, TENANT, thread};
use events::account::Setup;
use ground::{Place, Server, eventually, on_each};
use laws::account::Account;
use serde_json::json;
use simulators::http::{Config, Partner};
use simulators::{Clock, Ledger};
use spine::read::Status;
use spine::{Address, Entity, new_id};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// What is promised, and no more.
const KNOWN_WITHIN: Duration = Duration::from_secs(2);

/// The parts that this replica reads.
fn live_parts(replica: &Replica) -> usize {
    let reader = replica.spine.readers.find("ingest").unwrap();
    let statuses = reader.statuses();
    let statuses = statuses.borrow();
    statuses.values().filter(|status| matches!(status, Status::Live)).count()
}

/// An account of the generic channel.
async fn setup(replica: &Replica, partner: &Partner, address: &Address, secret: &str) -> Setup {
    let callback = partner.callback_url();
    let settings = [("callback_url", callback.as_str())];
    replica.setup(("http", "desk"), address, &settings, &[("webhook_secret", secret)]).await
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
            (live_parts(&one) == usize::from(spine::PARTS)).then_some(())
        })
        .await;
        let two = Replica::start(&place, server.log().await).await;
        assert_eq!(live_parts(&two), 0, "the second reads no part itself");
        let (config, shutdown) = (Config::new("desk"), CancellationToken::new());
        let secret = config.secret.clone();
        let partner = Partner::start(config, Clock::world(), Ledger::default(), &shutdown).await.unwrap();
        partner.point_at(&format!("{}/channels/http/desk/messages", two.url));
        let id = new_id();
        let address = Address::of(TENANT, Account::KIND, id).unwrap();
        let first = setup(&one, &partner, &address, &secret).await;

        one.configure(&address, &first).await;
        until_answered(&partner, "anna", 202).await;
        // Whoever reads the journal makes the thread.
        eventually("a thread of anna", async || thread(&two.spine, id, "anna").await).await;

        // A secret that is replaced holds no longer, and an account that is disabled takes nothing.
        let replaced = setup(&one, &partner, &address, "whsec_YW5vdGhlci1zZWNyZXQtYWx0b2dldGhlcg==").await;
        one.configure(&address, &replaced).await;
        until_answered(&partner, "bob", 401).await;
        one.configure(&address, &first).await;
        until_answered(&partner, "carl", 202).await;
        one.disable(&address).await;
        until_answered(&partner, "dora", 403).await;
        shutdown.cancel();
        two.stop().await;
        one.stop().await;
    })
    .await;
}
