//! An account that is taken out of use: nothing comes in or leaves by it, and afterwards it goes on as it was.

use crate::shop;
use crate::widget::site;
use events::ThreadEvent;
use events::thread::WithdrawnReason;
use integration::{Place, World, account_state, count, eventually, on_each};
use runtime::Role;
use serde_json::{Value, json};
use simulators::Fault;
use simulators::http::Item;
use simulators::widget::Visitor;

fn item(n: u32, text: &str) -> Item {
    Item { id: format!("u-1-{n}"), user: "u-1".into(), text: text.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_to_leave_by_a_disabled_account_is_withdrawn_and_it_comes_back_as_it_was() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        outside.partner.faults().user("u-1", Fault::Status { status: 503, retry_after_s: Some(1) }, 100);
        for (n, text) in [(1, "退货运费谁承担？"), (2, "多久能发货？")] {
            assert!(outside.partner.post(&[item(n, text)]).await.accepted);
            let thread = world.thread_of(outside.shop, "u-1").await;
            let replied = |events: &[ThreadEvent]| {
                count(events, |event| matches!(event, ThreadEvent::Replied { .. })) == n as usize
            };
            world.until("an answer", thread, |events| replied(events).then_some(())).await;
        }
        let thread = world.thread_of(outside.shop, "u-1").await;
        let tried = |event: &ThreadEvent| matches!(event, ThreadEvent::Failed { retry_at: Some(_), .. });
        world.until("a try", thread, |events| events.iter().any(tried).then_some(())).await;

        account_state(&world.spine, outside.shop, false).await;
        // Both are: the one that waits for its next try, and the one that waits behind it.
        let withdrawn = |event: &ThreadEvent| {
            matches!(event, ThreadEvent::Withdrawn { reason: WithdrawnReason::Cancelled, .. })
        };
        world.until("both", thread, |events| (count(events, withdrawn) == 2).then_some(())).await;
        eventually("a refusal", async || {
            let body = json!({"id": "u-1-3", "user": "u-1", "text": "在吗"}).to_string();
            (outside.partner.post_raw(&body).await == Some(403)).then_some(())
        })
        .await;
        world.quiet(thread).await;
        assert_eq!(outside.ledger.counts().1, 0, "nothing arrived");

        account_state(&world.spine, outside.shop, true).await;
        eventually("it takes messages again", async || {
            outside.partner.post(&[item(4, "可以开发票吗？")]).await.accepted.then_some(())
        })
        .await;
        assert_eq!(
            world.thread_of(outside.shop, "u-1").await,
            thread,
            "of the same customer, in the same thread"
        );
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_of_a_disabled_account_is_cut_and_told_why_at_the_next_try() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let (site, id) = site(&world).await;
        let mut visitor = Visitor::new(&site, "visitor-1");
        visitor.open().await.unwrap();
        visitor.write("在吗").await.unwrap();
        let thread = visitor.thread().unwrap().parse().unwrap();
        let texts = world.texts(thread).await;

        account_state(&world.spine, id, false).await;
        world.settle().await;
        assert!(visitor.write("还在吗").await.is_err(), "the open socket takes nothing more");
        assert!(visitor.open().await.is_err());
        assert_eq!(world.texts(thread).await, texts);
        // As a browser asks for the socket; the refusal says why in words.
        let asked = reqwest::Client::new()
            .get(format!("{}/channels/widget/site/socket", world.http))
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), 403);
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["type"], "urn:tributary:problem:webhook-disabled-account", "{problem}");

        account_state(&world.spine, id, true).await;
        world.settle().await;
        visitor.open().await.unwrap();
        visitor.write("我回来了").await.unwrap();
        world.stop().await;
    })
    .await;
}
