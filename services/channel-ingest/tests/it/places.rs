//! How far the journal is taken in, across a clean stop.

use crate::service::{Replica, TENANT};
use events::ThreadEvent;
use ground::{Place, Server, eventually, on_each};
use laws::account::Account;
use simulators::http::{Config, Item, Partner};
use simulators::{Clock, Ledger};
use spine::backup::{StoreName, rows};
use spine::{Address, Entity, new_id};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const USER: &str = "anna";

/// Posts messages one after the other, each taken in before the next.
async fn post(replica: &Replica, partner: &Partner, account: Uuid, count: usize) {
    for n in 1..=count {
        let item = Item { id: n.to_string(), user: USER.into(), text: "在吗".into() };
        assert!(partner.post(&[item]).await.accepted);
        let thread = replica.thread_of(account, USER).await;
        eventually("the message in its thread", async || {
            let history = replica.history(&thread).await;
            let received = history.iter().filter(|event| matches!(event, ThreadEvent::Received { .. }));
            (received.count() == n).then_some(())
        })
        .await;
    }
}

/// How many requests are noted as taken in.
async fn noted(place: &Place) -> u64 {
    let text = "SELECT sequence FROM inbound";
    let rows = rows::look(&place.settings(), StoreName::State("ingest"), text).await.unwrap();
    rows.iter().map(|row| row[0].as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_notes_how_far_the_journal_is_taken_in() {
    on_each(async |place: Place| {
        let server = Server::start().await;
        let replica = Replica::start(&place, server.log().await).await;
        let (config, shutdown) = (Config::new("desk"), CancellationToken::new());
        let secret = config.secret.clone();
        let partner = Partner::start(config, Clock::world(), Ledger::default(), &shutdown).await.unwrap();
        partner.point_at(&format!("{}/channels/http/desk/messages", replica.url));
        let id = new_id();
        let address = Address::of(TENANT, Account::KIND, id).unwrap();
        let callback = partner.callback_url();
        let setup = replica
            .setup(("http", "desk"), &address, &[("callback_url", &callback)], &[("webhook_secret", &secret)])
            .await;
        replica.configure(&address, &setup).await;
        // The last comes less than a note's time after another one was noted.
        post(&replica, &partner, id, 5).await;
        replica.stop().await;
        assert_eq!(noted(&place).await, 5);
        shutdown.cancel();
    })
    .await;
}
