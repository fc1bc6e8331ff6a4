//! What comes twice, at once, under one id, too late, or wrapped up with something broken.

use crate::shop;
use events::ThreadEvent;
use futures::future::join_all;
use integration::{
    Order, Outside, Place, World, account, account_state, address, count, eventually, on_each,
};
use runtime::Role;
use serde_json::{Value, json};
use simulators::Plan;
use simulators::http::{Config, Item};
use spine::journal::{Journal, Place as Spot};
use uuid::Uuid;

const DAY_S: u32 = 24 * 3_600;

fn item(id: &str, user: &str, text: &str) -> Item {
    Item { id: id.into(), user: user.into(), text: text.into() }
}

fn received(events: &[ThreadEvent]) -> usize {
    count(events, |event| matches!(event, ThreadEvent::Received { .. }))
}

async fn closed(world: &World, thread: Uuid) {
    let agent = world.agent("小美", 5).await;
    let at = world.spine.log.clock().now();
    let wish = conversation::TakeOver { agent, from: None };
    world.decide(thread, "take_over", |state| conversation::take_over(state, &wish, at)).await.unwrap();
    let decide = |state: &conversation::Thread| {
        let close = conversation::Close::ByAgent { n: 1, agent, seen: state.last_message() };
        conversation::close(state, &close, at)
    };
    world.decide(thread, "close", decide).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivery_changes_nothing_for_a_week_and_after_nine_days_it_is_set_aside() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let sent_at = world.spine.log.clock().now() / 1_000;
        let body =
            json!({ "id": "r-1", "user": "u-1", "text": "退货运费谁承担？", "sent_at": sent_at }).to_string();
        for _ in 0..3 {
            assert_eq!(outside.partner.post_raw(&body).await, Some(202));
        }
        world.journal_is_read(&outside).await;
        let thread = world.thread_of(outside.shop, "u-1").await;
        world.quiet(thread).await;
        assert_eq!(received(&world.history(thread).await), 1, "in the same conversation");
        closed(&world, thread).await;
        for days in [0, 7] {
            world.pass(&outside, days * DAY_S);
            assert_eq!(outside.partner.post_raw(&body).await, Some(202));
            world.journal_is_read(&outside).await;
            let events = world.history(thread).await;
            assert_eq!(received(&events), 1, "after {days} days");
            assert_eq!(count(&events, |event| matches!(event, ThreadEvent::Opened { .. })), 1);
        }
        world.pass(&outside, 2 * DAY_S);
        let (held, thread) = too_late(&world, &outside, &body).await;
        assert_eq!(held.thread, Some(thread));
        assert!(held.error.contains("too old"), "{}", held.error);
        // It holds nobody up, least of all the customer.
        assert!(outside.partner.post(&[item("r-3", "u-1", "多久能发货？")]).await.accepted);
        world.until("the third message", thread, |events| (received(events) == 3).then_some(())).await;
        let operations = world.ingest.clone().unwrap();
        assert_eq!(
            operations.reingest(None, false).await.unwrap(),
            (0, 1),
            "it stays for a person to look at"
        );
        // An operator has it taken all the same. It was a redelivery, so it stands there twice now, as two messages.
        assert_eq!(operations.reingest(Some("nobody"), true).await.unwrap(), (0, 0));
        assert_eq!(operations.reingest(None, true).await.unwrap(), (1, 0));
        assert_eq!(operations.reingest(None, true).await.unwrap(), (0, 0), "once");
        world.until("the one from before", thread, |events| (received(events) == 4).then_some(())).await;
        let log = world.spine.log.history(&address(thread), None).await.unwrap();
        let late: Vec<_> =
            log.iter().filter(|record| &*record.meta.decision == "thread.receive_late").collect();
        assert_eq!(late.len(), 1, "the log says that it was taken so");
        world.quiet(thread).await;
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}

/// Delivers the body after the customer wrote something new, and answers what quarantine holds then.
async fn too_late(world: &World, outside: &Outside, body: &str) -> (channel_ingest::quarantine::Held, Uuid) {
    assert!(outside.partner.post(&[item("r-2", "u-1", "可以开发票吗？")]).await.accepted);
    let thread = world.thread_of(outside.shop, "u-1").await;
    world.until("the new message", thread, |events| (received(events) == 2).then_some(())).await;
    assert_eq!(outside.partner.post_raw(body).await, Some(202));
    let operations = world.ingest.clone().unwrap();
    let held = eventually("the late redelivery in quarantine", async || {
        operations.quarantine(None).await.unwrap().into_iter().next()
    })
    .await;
    assert_eq!(received(&world.history(thread).await), 2);
    (held, thread)
}

#[tokio::test(flavor = "multi_thread")]
async fn first_deliveries_at_once_make_one_thread_each() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let items: Vec<Item> = (0..12)
            .map(|n| item(&format!("f-{n}"), &format!("u-{}", n % 6), &format!("退货运费谁承担？{n}")))
            .collect();
        let plan = Plan { duplicated_permille: 1_000, reordered_within: 8, ..Plan::default() };
        outside.partner.storm(&items, plan).await;
        world.everything_is_there_once(&outside, Order::Any).await;
        for user in 0..6 {
            let thread = world.thread_of(outside.shop, &format!("u-{user}")).await;
            let events = world.history(thread).await;
            assert_eq!(count(&events, |event| matches!(event, ThreadEvent::Began { .. })), 1);
            assert_eq!(count(&events, |event| matches!(event, ThreadEvent::Opened { .. })), 1);
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_of_two_people_and_on_two_accounts_is_three_messages() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let secret = Config::new("branch").secret;
        let callback = outside.partner.callback_url();
        let settings = [("callback_url", callback.as_str()), ("rate_per_second", "10000")];
        let branch = account(&world.spine, "http", "branch", &settings, &[("webhook_secret", &secret)]).await;
        world.settle().await;
        let both = [item("same", "anna", "退货运费谁承担？"), item("same", "bob", "退货运费谁承担？")];
        join_all(both.iter().map(|item| outside.partner.post(std::slice::from_ref(item)))).await;
        outside.partner.point_at(&format!("{}/channels/http/branch/messages", world.http));
        assert!(outside.partner.post(&both[..1]).await.accepted);
        let mut threads = Vec::new();
        for (account, user) in [(outside.shop, "anna"), (outside.shop, "bob"), (branch, "anna")] {
            let thread = world.thread_of(account, user).await;
            world.until("the message", thread, |events| (received(events) == 1).then_some(())).await;
            threads.push(thread);
        }
        threads.sort();
        threads.dedup();
        assert_eq!(threads.len(), 3);
        eventually("three answers", async || (outside.ledger.counts().1 == 3).then_some(())).await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_of_one_customer_store_each_message_once() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let items: Vec<Item> =
            (0..60).map(|n| item(&format!("w-{n}"), "u-1", &format!("可以开发票吗？{n}"))).collect();
        let plan = Plan { duplicated_permille: 500, in_flight_max: 24, ..Plan::default() };
        outside.partner.storm(&items, plan).await;
        world.everything_is_there_once(&outside, Order::Any).await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_body_for_many_customers_only_the_poison_is_set_aside() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let sent_at = world.spine.log.clock().now() / 1_000;
        assert!(outside.partner.post(&[item("b-0", "u-5", "你好")]).await.accepted);
        let known = world.thread_of(outside.shop, "u-5").await;
        let items: Vec<Value> = (0..12)
            .map(|n| {
                let mut item =
                    json!({ "id": format!("p-{n}"), "user": format!("u-{n}"), "sent_at": sent_at });
                if n != 5 {
                    item["text"] = json!(format!("退货运费谁承担？{n}"));
                }
                item
            })
            .collect();
        assert_eq!(outside.partner.post_raw(&Value::Array(items).to_string()).await, Some(202));
        for user in (0..12).filter(|user| *user != 5) {
            let thread = world.thread_of(outside.shop, &format!("u-{user}")).await;
            world.until("the message", thread, |events| (received(events) == 1).then_some(())).await;
        }
        // The poisoned customer goes on too, also over a restart.
        assert!(outside.partner.post(&[item("b-1", "u-5", "多久能发货？")]).await.accepted);
        world.until("the next message", known, |events| (received(events) == 2).then_some(())).await;
        let held = world.ingest.as_ref().unwrap().quarantine(None).await.unwrap();
        assert_eq!(held.len(), 1);
        assert_eq!((held[0].thread, held[0].number), (Some(known), 5));
        let world = world.again(&Role::ALL).await;
        outside.partner.point_at(&format!("{}/channels/http/shop/messages", world.http));
        assert!(outside.partner.post(&[item("b-2", "u-5", "可以开发票吗？")]).await.accepted);
        world.until("the message after", known, |events| (received(events) == 3).then_some(())).await;
        assert_eq!(world.ingest.as_ref().unwrap().reingest(None, false).await.unwrap(), (0, 1));
        world.stop().await;
    })
    .await;
}

/// The account is taken out of use between the acknowledgement of three requests and their normalising.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_account_comes_back_in_order() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        assert!(outside.partner.post(&[item("id-0000", "us-0", "第0句")]).await.accepted);
        let known = world.thread_of(outside.shop, "us-0").await;
        world.until("the message", known, |events| (received(events) == 1).then_some(())).await;
        account_state(&world.spine, outside.shop, false).await;
        world.settle().await;
        let journal = Journal::new(
            world.spine.log.nats().clone(),
            world.spine.keys.clone(),
            world.spine.log.clock().clone(),
        );
        let spot: Spot = first_raw(&world.history(known).await).parse().unwrap();
        let first = journal.read(spot.part, spot.sequence).next().await.unwrap().request.unwrap();
        for n in 1..=3 {
            let request = String::from_utf8(first.clone()).unwrap().replace("id-0000", &format!("id-000{n}"));
            let request = request.replace("us-0", "us-1").replace("第0句", &format!("第{n}句"));
            journal.append(world.tenant(), outside.shop, request.as_bytes(), None).await.unwrap();
        }
        let operations = world.ingest.clone().unwrap();
        eventually("three in quarantine", async || {
            (operations.quarantine(None).await.unwrap().len() == 3).then_some(())
        })
        .await;
        account_state(&world.spine, outside.shop, true).await;
        world.settle().await;
        assert_eq!(operations.reingest(None, false).await.unwrap(), (3, 0));
        let thread = world.thread_of(outside.shop, "us-1").await;
        assert_eq!(world.texts(thread).await, ["第1句", "第2句", "第3句"]);
        assert!(operations.quarantine(None).await.unwrap().is_empty());
        world.stop().await;
    })
    .await;
}

fn first_raw(events: &[ThreadEvent]) -> String {
    let raw = events.iter().find_map(|event| match event {
        ThreadEvent::Received { raw, .. } => raw.clone(),
        _ => None,
    });
    raw.expect("a message names its request")
}
