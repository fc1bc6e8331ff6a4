//! A message in, an answer out: the way of a customer's question over two channels.

use crate::shop;
use events::ThreadEvent;
use integration::{Place, World, eventually, on_each};
use runtime::Role;
use simulators::http::Item;

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
