//! A journal or a log that takes nothing more, as on a full disk: platforms are told to come again, what came in waits, and
//! nothing is lost.

use crate::shop;
use async_nats::jetstream::stream::Config;
use events::ThreadEvent;
use integration::{Order, Outside, Place, World, address, count, on_each};
use runtime::Role;
use simulators::http::Item;
use simulators::wechat::Push;
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;

/// Long enough for what came in to be tried and refused at least once.
const TRIED_WITHIN: Duration = Duration::from_millis(500);

fn item(n: u32) -> Item {
    Item { id: format!("full-{n}"), user: "u-1".into(), text: format!("退货运费谁承担？{n}") }
}

/// Sets how many bytes the accounts' parts of the journal may have: none beyond what they have, or as many as there is
/// room.
async fn limit(world: &World, outside: &Outside, full: bool) {
    let part = |account: Uuid| spine::address::part_of(world.tenant(), &account.to_string());
    let parts = BTreeSet::from([part(outside.shop), part(outside.oa)]);
    limit_streams(world, parts.iter().map(|part| format!("INBOUND_{part}")), full).await;
}

async fn limit_streams(world: &World, streams: impl Iterator<Item = String>, full: bool) {
    let client = async_nats::connect(world.server.url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    for name in streams {
        let mut stream = jetstream.get_stream(name).await.unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn while_the_log_is_full_what_came_in_waits_and_keeps_its_order() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let thread = asked(&world, &outside).await;
        let log = || std::iter::once(address(thread).stream());
        limit_streams(&world, log(), true).await;
        for n in 1..4 {
            // The journal has room, so the platform need not come again.
            assert!(outside.partner.post(&[item(n)]).await.accepted);
        }
        tokio::time::sleep(TRIED_WITHIN).await;
        assert_eq!(received(&world.history(thread).await), 1, "nothing is taken that is not durable");
        limit_streams(&world, log(), false).await;
        world.until("what waited", thread, |events| (received(events) == 4).then_some(())).await;
        let quarantined = world.ingest.clone().unwrap().quarantine(None).await.unwrap();
        assert!(quarantined.is_empty(), "an operator has nothing to do: {quarantined:?}");
        world.everything_is_there_once(&outside, Order::Kept).await;
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}
