//! A suite with a role stopped or left out: the rest works.

use crate::shop;
use events::ThreadEvent;
use events::tenant::Settings;
use events::thread::{Author, HandoverReason};
use integration::{Order, Place, World, count, eventually, on_each};
use runtime::Role;
use simulators::http::Item;
use simulators::wechat::Push;

fn all_but(left_out: Role) -> Vec<Role> {
    Role::ALL.into_iter().filter(|role| *role != left_out).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_ai_is_stopped_customers_are_handed_to_people_at_the_deadline() {
    on_each(async |place: Place| {
        let world = World::start(&place, &all_but(Role::AiAgent)).await;
        let outside = world.furnish(&shop()).await;
        let agent = world.agent("小美", 5).await;
        let item = Item { id: "a-1".into(), user: "u-1".into(), text: "退货运费谁承担？".into() };
        assert!(outside.partner.post(&[item]).await.accepted);
        let thread = world.thread_of(outside.shop, "u-1").await;
        let assigned =
            |event: &ThreadEvent| matches!(event, ThreadEvent::Assigned { agent: to, .. } if *to == agent);
        world.until("an agent", thread, |events| (count(events, assigned) == 1).then_some(())).await;
        world.quiet(thread).await;
        let events = world.history(thread).await;
        let late = |event: &ThreadEvent| {
            matches!(event, ThreadEvent::HandedOver { reason: HandoverReason::Deadline, .. })
        };
        assert_eq!(count(&events, late), 1, "{events:?}");
        assert_eq!(count(&events, |event| matches!(event, ThreadEvent::Replied { by: Author::Ai, .. })), 0);
        assert_eq!(outside.ledger.counts().1, 1, "the customer was told");
        // The AI comes back and leaves the person's conversation alone.
        let world = world.again(&Role::ALL).await;
        world.is_reached_by(&outside);
        let item = Item { id: "a-2".into(), user: "u-2".into(), text: "退货运费谁承担？".into() };
        assert!(outside.partner.post(&[item]).await.accepted);
        world.everything_is_there_once(&outside, Order::Kept).await;
        let events = world.history(thread).await;
        assert_eq!(count(&events, |event| matches!(event, ThreadEvent::Replied { by: Author::Ai, .. })), 0);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_with_a_kind_that_nobody_knows_behind_it_is_answered() {
    on_each(async |place: Place| {
        // Both are there before anybody answers.
        let world = World::start(&place, &all_but(Role::AiAgent)).await;
        let patient = Settings { answer_deadline_ms: 60_000, ..integration::settings() };
        let outside = world.furnish_with(&patient, &shop()).await;
        assert!(outside.wechat.push(Push::text("w-1", "退货运费谁承担？")).await.acknowledged);
        assert!(outside.wechat.push(Push::Strange { openid: "w-1".into() }).await.acknowledged);
        let thread = world.thread_of(outside.oa, "w-1").await;
        let received = |event: &ThreadEvent| matches!(event, ThreadEvent::Received { .. });
        world.until("both", thread, |events| (count(events, received) == 2).then_some(())).await;
        let world = world.again(&Role::ALL).await;
        world.is_reached_by(&outside);
        let answered = |event: &ThreadEvent| matches!(event, ThreadEvent::Replied { by: Author::Ai, .. });
        world.until("its answer", thread, |events| (count(events, answered) == 1).then_some(())).await;
        world.quiet(thread).await;
        let events = world.history(thread).await;
        assert_eq!(count(&events, |event| matches!(event, ThreadEvent::HandedOver { .. })), 0, "{events:?}");
        assert_eq!(count(&events, answered), 1, "once");
        world.stop().await;
    })
    .await;
}

async fn works_without(left_out: Role) {
    on_each(async |place: Place| {
        let world = World::start(&place, &all_but(left_out)).await;
        let outside = world.furnish(&shop()).await;
        let ask = [("1", "退货运费谁承担？"), ("2", "我的电话是13812345678，想买两台")];
        for (id, text) in ask {
            let item = Item { id: format!("p-{id}"), user: "u-1".into(), text: text.into() };
            assert!(outside.partner.post(&[item]).await.accepted);
        }
        assert!(outside.wechat.push(Push::text("w-1", "多久能发货？")).await.acknowledged);
        eventually("answers on both channels", async || {
            let all = outside.ledger.all_received();
            let on = |channel| all.iter().any(|received| received.channel == channel);
            (on("http") && on("wechat_oa")).then_some(())
        })
        .await;
        let thread = world.thread_of(outside.shop, "u-1").await;
        let lead = spine::Address::new(world.tenant(), "lead", &format!("{thread}-1"), &thread.to_string());
        let lead = lead.unwrap();
        eventually("the lead", async || {
            let known = world.spine.log.history(&lead, None).await.ok()?;
            (!known.is_empty()).then_some(())
        })
        .await;
        world.every_model_equals_the_log().await;
        assert!(world.health.is_ready(), "{:?}", world.health.report().not_ready);
        assert!(world.parked().await.is_empty());
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_routing_the_rest_works() {
    works_without(Role::Routing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_identity_the_rest_works() {
    works_without(Role::Identity).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_analytics_the_rest_works() {
    works_without(Role::Analytics).await;
}
