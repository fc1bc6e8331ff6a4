//! Echoes that come while a message of ours is under way.

use crate::service::{Replica, TENANT};
use conversation::{Owner, Thread};
use events::ThreadEvent;
use events::account::Setup;
use ground::{Place, Server, eventually, on_each};
use laws::account::Account;
use serde_json::{Value, json};
use simulators::http::{Config, Partner};
use simulators::{Clock, Fault, Ledger};
use spine::{Address, Entity, new_id};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// In 2020.
const AGES_AGO_MS: i64 = 1_600_000_000_000;

/// The partner's own people answer, while the call for `message` of ours hangs.
struct Scene {
    replica: Replica,
    partner: Partner,
    account: Uuid,
    setup: Setup,
}

fn address(account: Uuid) -> Address {
    Address::of(TENANT, Account::KIND, account).unwrap()
}

fn received(events: &[ThreadEvent]) -> usize {
    events.iter().filter(|event| matches!(event, ThreadEvent::Received { .. })).count()
}

impl Scene {
    async fn set(place: &Place, server: &Server, shutdown: &CancellationToken) -> Self {
        let replica = Replica::start(place, server.log().await).await;
        let config = Config { pause_ms: 1, ..Config::new("desk") };
        let secret = config.secret.clone();
        let partner = Partner::start(config, Clock::world(), Ledger::default(), shutdown).await.unwrap();
        partner.point_at(&format!("{}/channels/http/desk/messages", replica.url));
        let account = new_id();
        let address = address(account);
        let callback = partner.callback_url();
        let settings = [("callback_url", callback.as_str()), ("timeout_ms", "60000")];
        let secrets = [("webhook_secret", secret.as_str())];
        let setup = replica.setup(("http", "desk"), &address, &settings, &secrets).await;
        replica.configure(&address, &setup).await;
        Self { replica, partner, account, setup }
    }

    async fn post(&self, user: &str, fields: Value) {
        self.post_all(user, [fields]).await;
    }

    /// Several items in one request.
    async fn post_all<const N: usize>(&self, user: &str, items: [Value; N]) {
        let items = items.map(|fields| {
            let mut item = json!({ "user": user, "sent_at": Clock::world().now() / 1_000 });
            item.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            item
        });
        assert_eq!(self.partner.post_raw(&Value::from(items.to_vec()).to_string()).await, Some(202));
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

    /// The figure of what went to an operator, if anything did.
    fn quarantined(&self) -> Option<String> {
        let text = self.replica.metrics.text().unwrap();
        let line = text.lines().find(|line| line.contains("items_quarantined") && !line.starts_with('#'))?;
        line.rsplit(' ').next().filter(|figure| *figure != "0").map(str::to_owned)
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
        // A receipt alone, and one behind a message that has to wait.
        for (user, with_message) in [("bob", false), ("eve", true)] {
            // Later than anybody waits here.
            let (thread, message) = scene.hanging(user, 40_000).await;
            scene.post(user, json!({ "id": "e-1", "kind": "echo", "text": "我来回答" })).await;
            eventually("one that waits", async || (scene.set_aside().await.0 == 1).then_some(())).await;
            let receipt =
                json!({ "id": "r-1", "kind": "receipt", "of": message.to_string(), "state": "read" });
            match with_message {
                true => scene.post_all(user, [json!({ "id": "m-2", "text": "好的" }), receipt]).await,
                false => scene.post(user, receipt).await,
            }
            scene.until(&thread, |event| matches!(event, ThreadEvent::AnsweredOutside { .. })).await;
            eventually("nothing that waits", async || (scene.set_aside().await.0 == 0).then_some(())).await;
            let history = scene.replica.history(&thread).await;
            let sent = history.iter().filter(|event| matches!(event, ThreadEvent::Sent { .. })).count();
            assert_eq!((sent, received(&history)), (1, 1 + usize::from(with_message)), "{history:?}");
        }
        assert!(scene.quarantined().is_none(), "{:?}", scene.quarantined());
        shutdown.cancel();
        scene.replica.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_an_echo_that_waited_what_is_refused_alone_holds_nothing_up() {
    on_each(async |place: Place| {
        let (server, shutdown) = (Server::start().await, CancellationToken::new());
        let scene = Scene::set(&place, &server, &shutdown).await;
        let (thread, _) = scene.hanging("carl", 4_000).await;
        scene.post("carl", json!({ "id": "e-1", "kind": "echo", "text": "我来回答" })).await;
        let old = json!({ "id": "m-old", "text": "在吗", "sent_at": AGES_AGO_MS });
        scene.post_all("carl", [old, json!({ "id": "m-2", "text": "好的" })]).await;
        eventually("three that wait", async || (scene.set_aside().await.0 == 3).then_some(())).await;
        assert_eq!(scene.quarantined(), None, "they go on by themselves");

        eventually("one that stays", async || (scene.set_aside().await.0 == 1).then_some(())).await;
        assert!(scene.set_aside().await.1.contains("too old"), "{:?}", scene.set_aside().await);
        assert_eq!(scene.quarantined().as_deref(), Some("1"));
        assert_eq!(received(&scene.replica.history(&thread).await), 2);
        scene.post("carl", json!({ "id": "m-3", "text": "谢谢" })).await;
        eventually("the next", async || (received(&scene.replica.history(&thread).await) == 3).then_some(()))
            .await;
        shutdown.cancel();
        scene.replica.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_takes_again_and_is_refused_alone_holds_nothing_up() {
    on_each(async |place: Place| {
        let (server, shutdown) = (Server::start().await, CancellationToken::new());
        let scene = Scene::set(&place, &server, &shutdown).await;
        let (thread, _) = scene.hanging("dan", 15_000).await;
        scene.post("dan", json!({ "id": "e-1", "kind": "echo", "text": "我来回答" })).await;
        let old = json!({ "id": "m-old", "text": "在吗", "sent_at": AGES_AGO_MS });
        scene.post_all("dan", [old, json!({ "id": "m-2", "text": "好的" })]).await;
        eventually("three that wait", async || (scene.set_aside().await.0 == 3).then_some(())).await;
        let operations = &scene.replica.operations;
        let echo = operations.quarantine(None).await.unwrap()[0].id;
        assert!(operations.discard(echo, "li", "ticket-1").await.unwrap());
        assert_eq!(operations.reingest(None, false).await.unwrap(), (1, 1));
        let held = operations.quarantine(None).await.unwrap();
        assert!(!held[0].blocks && held[0].error.contains("too old"), "{held:?}");
        assert_eq!(received(&scene.replica.history(&thread).await), 2);
        shutdown.cancel();
        scene.replica.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_receipt_of_an_account_that_is_out_of_use_for_a_while_is_kept() {
    on_each(async |place: Place| {
        let (server, shutdown) = (Server::start().await, CancellationToken::new());
        let scene = Scene::set(&place, &server, &shutdown).await;
        let (thread, message) = scene.hanging("fay", 9_000).await;
        // By the partner's own name, which nobody here knows before the partner answered.
        let of = format!("p-{message}");
        scene.post("fay", json!({ "id": "r-1", "kind": "receipt", "of": of, "state": "read" })).await;
        eventually("an early one", async || {
            let text = scene.replica.metrics.text().unwrap();
            text.lines().any(|line| line.contains("receipts_early") && line.contains("held")).then_some(())
        })
        .await;
        scene.replica.disable(&address(scene.account)).await;
        // It is tried after half a second, and then after as long as it has waited.
        tokio::time::sleep(Duration::from_secs(4)).await;
        scene.replica.configure(&address(scene.account), &scene.setup).await;
        scene.until(&thread, |event| matches!(event, ThreadEvent::Sent { .. })).await;
        scene.until(&thread, |event| matches!(event, ThreadEvent::Receipt { .. })).await;
        shutdown.cancel();
        scene.replica.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_that_names_a_message_of_ours_in_any_way_is_nobodys_answer() {
    on_each(async |place: Place| {
        let (server, shutdown) = (Server::start().await, CancellationToken::new());
        let scene = Scene::set(&place, &server, &shutdown).await;
        let (thread, message) = scene.hanging("dora", 1_000).await;
        // The id of a part of it, while it is under way.
        scene
            .post(
                "dora",
                json!({ "id": "e-1", "kind": "echo", "of": format!("{message}-1"), "text": "请稍等" }),
            )
            .await;
        scene.until(&thread, |event| matches!(event, ThreadEvent::Sent { .. })).await;
        // An id that nobody knows.
        scene.post("dora", json!({ "id": "e-2", "kind": "echo", "of": "our-77", "text": "请稍等" })).await;
        scene.post("dora", json!({ "id": "m-2", "text": "好的" })).await;
        eventually("the next message", async || {
            (received(&scene.replica.history(&thread).await) == 2).then_some(())
        })
        .await;
        assert_eq!(scene.replica.says(&thread, Thread::owner).await, Some(Owner::Ai));
        assert_eq!(scene.set_aside().await, (0, String::new()));
        shutdown.cancel();
        scene.replica.stop().await;
    })
    .await;
}
