//! A message in, an answer out: the way of a customer's question over two channels.

use crate::shop;
use events::ThreadEvent;
use integration::{Place, World, eventually, on_each};
use runtime::Role;
use simulators::http::Item;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_question_over_the_http_channel_is_answered_from_knowledge() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let item = Item { id: "q-1".into(), user: "u-1".into(), text: "退货运费谁承担？".into() };
        assert!(outside.partner.post(&[item]).await.accepted);
        let received =
            eventually("the answer", async || outside.ledger.all_received().first().cloned()).await;
        assert!(received.text.contains("运费由我们承担"), "{}", received.text);
        world.settle().await;
        let events = world.thread_events().await;
        let count =
            |wanted: fn(&ThreadEvent) -> bool| events.iter().filter(|(_, event)| wanted(event)).count();
        assert_eq!(count(|event| matches!(event, ThreadEvent::Received { .. })), 1);
        assert_eq!(count(|event| matches!(event, ThreadEvent::Replied { .. })), 1);
        assert_eq!(count(|event| matches!(event, ThreadEvent::SendStarted { .. })), 1);
        assert_eq!(count(|event| matches!(event, ThreadEvent::Sent { .. })), 1);
        world.stop().await;
    })
    .await;
}

/// A stopped replica gives its parts back, so the next one need not wait for leases to expire.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_clean_restart_the_next_question_is_answered_at_once() {
    on_each(async |place: Place| {
        let mut world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        for n in 0..4 {
            let item =
                Item {
                    id: format!("q-{n}"), user: "u-1".into(), text: format!("退货运费谁承担？{n}")
                };
            let asked = Instant::now();
            assert!(outside.partner.post(&[item]).await.accepted);
            eventually("the answer", async || (outside.ledger.counts().1 == n + 1).then_some(())).await;
            assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
            world = world.again(&Role::ALL).await;
            world.is_reached_by(&outside);
        }
        world.stop().await;
    })
    .await;
}
