//! Echoes that come while a message of ours is under way.

use crate::service::{Replica, TENANT};
use conversation::{Owner, Thread};
use events::ThreadEvent;
use ground::{Place, Server, eventually, on_each};
use laws::account::Account;
use serde_json::{Value, json};
use simulators::http::{Config, Partner};
use simulators::{Clock, Fault, Ledger};
use spine::{Address, Entity, new_id};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The partner's own people answer, while the call for `message` of ours hangs.
struct Scene {
    replica: Replica,
    partner: Partner,
    account: Uuid,
}

impl Scene {
    async fn set(place: &Place, server: &Server, shutdown: &CancellationToken) -> Self {
        let replica = Replica::start(place, server.log().await).await;
        let config = Config { pause_ms: 1, ..Config::new("desk") };
        let secret = config.secret.clone();
        let partner = Partner::start(config, Clock::world(), Ledger::default(), shutdown).await.unwrap();
        partner.point_at(&format!("{}/channels/http/desk/messages", replica.url));
        let account = new_id();
        let address = Address::of(TENANT, Account::KIND, account).unwrap();
        let callback = partner.callback_url();
        let settings = [("callback_url", callback.as_str()), ("timeout_ms", "20000")];
        let secrets = [("webhook_secret", secret.as_str())];
        let setup = replica.setup(("http", "desk"), &address, &settings, &secrets).await;
        replica.configure(&address, &setup).await;
        Self { replica, partner, account }
    }

    async fn post(&self, user: &str, fields: Value) {
        let mut item = json!({ "user": user, "sent_at": Clock::world().now() / 1_000 });
        item.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        assert_eq!(self.partner.post_raw(&item.to_string()).await, Some(202));
    }

    /// A customer who wrote, and the message of ours to them that the partner answers `late_ms` after it took it.
    async fn hanging(&self, user: &str, late_ms: u64) -> (Address, Uuid) {
        self.partner.faults().user(user, Fault::Late { ms: late_ms }, 1);
        self.post(user, json!({ "id": "m-1", "text": "在吗" })).await;
        let thread = self.replica.thread_of(self.account, user).await;
        eventually("the message", async || self.replica.says(&thread, Thread::last_message).await).await;
        let message = self.replica.notify(&thread, "请稍等").await;
        self.until(&thread, |event| matches!(event, ThreadEvent::SendStarted { .. })).await;
        (thread, message)
    }

    async fn until(&self, thread: &Address, wanted: impl Fn(&ThreadEvent) -> bool) {
        eventually("an event", async || self.replica.history(thread).await.iter().any(&wanted).then_some(()))
            .await;
    }

    /// How many items are set aside, and why the first is.
    async fn set_aside(&self) -> (usize, String) {
        let held = self.replica.operations.quarantine(None).await.unwrap();
        (held.len(), held.first().map(|held| held.error.clone()).unwrap_or_default())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_that_may_be_of_a_send_under_way_is_taken_after_it_and_before_what_came_later() {
    on_each(async |place: Place| {
        let (server, shutdown) = (Server::start().await, CancellationToken::new());
        let scene = Scene::set(&place, &server, &shutdown).await;
        let (thread, _) = scene.hanging("anna", 4_000).await;
        scene.post("anna", json!({ "id": "e-1", "kind": "echo", "text": "我来回答" })).await;
        scene.post("anna", json!({ "id": "m-2", "text": "好的" })).await;
        eventually("two that wait", async || (scene.set_aside().await.0 == 2).then_some(())).await;
        assert!(scene.set_aside().await.1.contains("in flight"), "{:?}", scene.set_aside().await);
        assert_eq!(scene.replica.says(&thread, Thread::owner).await, Some(Owner::Ai));

        eventually("nothing that waits", async || (scene.set_aside().await.0 == 0).then_some(())).await;
        let history = scene.replica.history(&thread).await;
        let place = |wanted: fn(&ThreadEvent) -> bool| history.iter().rposition(wanted).unwrap();
        let (sent, echo, last) = (
            place(|event| matches!(event, ThreadEvent::Sent { .. })),
            place(|event| matches!(event, ThreadEvent::AnsweredOutside { .. })),
            place(|event| matches!(event, ThreadEvent::Received { .. })),
        );
        assert!(sent < echo && echo < last, "{history:?}");
        assert_eq!(scene.replica.says(&thread, Thread::owner).await, Some(Owner::Outside));
        assert_eq!(scene.replica.says(&thread, |thread| thread.awaiting().len()).await, 1);
        shutdown.cancel();
        scene.replica.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_settles_the_send_goes_past_the_echo_that_waits_for_it() {
    on_each(async |place: Place| {
        let (server, shutdown) = (Server::start().await, CancellationToken::new());
        let scene = Scene::set(&place, &server, &shutdown).await;
        // Later than anybody waits here.
        let (thread, message) = scene.hanging("bob", 15_000).await;
        scene.post("bob", json!({ "id": "e-1", "kind": "echo", "text": "我来回答" })).await;
        eventually("one that waits", async || (scene.set_aside().await.0 == 1).then_some(())).await;
        let of = message.to_string();
        scene.post("bob", json!({ "id": "r-1", "kind": "receipt", "of": of, "state": "read" })).await;
        scene.until(&thread, |event| matches!(event, ThreadEvent::AnsweredOutside { .. })).await;
        let history = scene.replica.history(&thread).await;
        let sent = history.iter().filter(|event| matches!(event, ThreadEvent::Sent { .. })).count();
        assert_eq!((sent, scene.set_aside().await.0), (1, 0));
        shutdown.cancel();
        scene.replica.stop().await;
    })
    .await;
}
