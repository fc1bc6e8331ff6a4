//! Access tokens in channel-ingest's state: one refresh for all who need one, also over processes.

use crate::service::{Replica, TENANT};
use channel_ingest::state::StateStore;
use channels::tokens::{Fetch, Token, TokenStore};
use directory::Directory;
use events::Micros;
use ground::{Place, Server, on_each};
use laws::account::Account;
use spine::{Address, Entity, new_id};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// A platform that hands out `token-1`, `token-2`, ... and takes a while for it.
#[derive(Default)]
struct Handed(AtomicUsize);

impl Handed {
    fn fetch(&self, expires_at: Micros) -> Fetch<'_> {
        Box::new(move |_| {
            Box::pin(async move {
                let n = self.0.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(Token { value: format!("token-{n}"), expires_at })
            })
        })
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// An account that needs tokens, and as many stores of it as processes share the place.
async fn stores(place: &Place, replica: &Replica) -> (Uuid, Vec<StateStore>) {
    let id = new_id();
    let address = Address::of(TENANT, Account::KIND, id).unwrap();
    let setup = replica.setup(("wechat_oa", "oa"), &address, &[("app_id", "wx1")], &[]).await;
    replica.configure(&address, &setup).await;
    let (spine, mut stores) = (&replica.spine, Vec::new());
    for _ in 0..if place.is_sqlite() { 1 } else { 3 } {
        let directory = Directory::default();
        directory.load(&spine.readers.find("ingest").unwrap().model().store).await.unwrap();
        let clock = spine.log.clock().clone();
        let store = StateStore::open(&spine.database, spine.keys.clone(), clock, directory).await;
        stores.push(store.unwrap());
    }
    (id, stores)
}

/// Fifty ask at once, over all stores; what each got.
async fn fifty(
    stores: &[StateStore],
    account: Uuid,
    refused: Option<&str>,
    (at, handed): (Micros, &Handed),
) -> Vec<String> {
    let asked = stores.iter().cycle().take(50).map(async |store| {
        store.token(account, refused.map(str::to_owned), at, handed.fetch(1_000)).await.unwrap().value
    });
    futures::future::join_all(asked).await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_need_a_token_at_once_cause_one_refresh_over_all_processes() {
    on_each(async |place: Place| {
        let server = Server::start().await;
        let replica = Replica::start(&place, server.log().await).await;
        let (account, stores) = stores(&place, &replica).await;
        let handed = Handed::default();
        assert_eq!(fifty(&stores, account, None, (0, &handed)).await, ["token-1"; 50]);
        assert_eq!(handed.count(), 1);
        // All were told by the platform that it does not take the token any more.
        assert_eq!(fifty(&stores, account, Some("token-1"), (0, &handed)).await, ["token-2"; 50]);
        assert_eq!(handed.count(), 2);
        // It lives until its last microsecond, and is not used after it.
        assert_eq!(fifty(&stores, account, None, (999, &handed)).await, ["token-2"; 50]);
        assert_eq!(handed.count(), 2);
        let renewed = stores[0].token(account, None, 1_000, handed.fetch(2_000)).await.unwrap();
        assert_eq!((renewed.value.as_str(), handed.count()), ("token-3", 3));
        replica.stop().await;
    })
    .await;
}
