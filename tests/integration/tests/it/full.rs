//! A journal that takes nothing more, as on a full disk: platforms are told to come again, and nothing is lost.

use crate::shop;
use async_nats::jetstream::stream::Config;
use events::ThreadEvent;
use integration::{Order, Outside, Place, World, count, on_each};
use runtime::Role;
use simulators::http::Item;
use simulators::wechat::Push;
use std::collections::BTreeSet;
use uuid::Uuid;

fn item(n: u32) -> Item {
    Item { id: format!("full-{n}"), user: "u-1".into(), text: format!("退货运费谁承担？{n}") }
}

/// Sets how many bytes the accounts' parts of the journal may have: none beyond what they have, or as many as there is
/// room.
async fn limit(world: &World, outside: &Outside, full: bool) {
    let client = async_nats::connect(world.server.url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let part = |account: Uuid| spine::address::part_of(world.tenant(), &account.to_string());
    for part in BTreeSet::from([part(outside.shop), part(outside.oa)]) {
        let mut stream = jetstream.get_stream(format!("INBOUND_{part}")).await.unwrap();
        let info = stream.info().await.unwrap().clone();
        let bytes = i64::try_from(info.state.bytes).unwrap().max(1);
        let config = Config { max_bytes: if full { bytes } else { -1 }, ..info.config };
        jetstream.update_stream(config).await.unwrap();
    }
}

fn received(events: &[ThreadEvent]) -> usize {
    count(events, |event| matches!(event, ThreadEvent::Received { .. }))
}

async fn asked(world: &World, outside: &Outside) -> Uuid {
    assert!(outside.partner.post(&[item(0)]).await.accepted);
    let thread = world.thread_of(outside.shop, "u-1").await;
    world.until("the message", thread, |events| (received(events) == 1).then_some(())).await;
    world.quiet(thread).await;
    thread
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_journal_is_full_platforms_come_again_and_what_they_bring_is_taken_once() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let thread = asked(&world, &outside).await;
        limit(&world, &outside, true).await;
        // There must be room before the platform gives up, also on a machine that is busy with other journeys.
        outside.wechat.pause_for(3_000);
        let body = serde_json::json!({ "id": "raw-1", "user": "u-2", "text": "可以开发票吗？",
            "sent_at": outside.clock.now() / 1_000 });
        // 5xx: the partner and the platform both deliver again after it.
        assert_eq!(outside.partner.post_raw(&body.to_string()).await, Some(503));
        let item = [item(1)];
        let (posted, pushed, ()) = futures::join!(
            outside.partner.post(&item),
            outside.wechat.push(Push::text("w-1", "多久能发货？")),
            async {
                assert_eq!(outside.partner.post_raw(&body.to_string()).await, Some(503));
                assert_eq!(received(&world.history(thread).await), 1, "nothing is taken that is not durable");
                limit(&world, &outside, false).await;
            }
        );
        assert!(posted.accepted, "{posted:?}");
        assert!(pushed.acknowledged, "{pushed:?}");
        world.everything_is_there_once(&outside, Order::Kept).await;
        assert_eq!(outside.partner.post_raw(&body.to_string()).await, Some(202));
        let refused = world.thread_of(outside.shop, "u-2").await;
        world.until("what was refused", refused, |events| (received(events) == 1).then_some(())).await;
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}
