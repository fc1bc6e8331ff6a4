//! The feed for those who have no NATS: the stream's own words, from any cursor on, and nothing of erased people.

use crate::queries::{Client, client, openings};
use crate::stream::{Message, all, wanted};
use crate::world::{TENANT, World, on_each};
use ground::Server;
use proto::v1::{FeedBreak, ReadFeedRequest, ReadFeedResponse};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tonic::{Code, Status};

async fn ask(client: &mut Client, after: &str, limit: u32, wait_ms: u32) -> Result<ReadFeedResponse, Status> {
    let (tenant, actor) = (TENANT.into(), "token:crm".into());
    let request = ReadFeedRequest { tenant, after: after.into(), limit, wait_ms, actor };
    Ok(client.read_feed(request).await?.into_inner())
}

/// Everything behind the cursor, page by page, and the last cursor.
async fn rest(client: &mut Client, mut after: String, limit: u32) -> (Vec<Vec<u8>>, String) {
    let mut found = Vec::new();
    loop {
        let page = ask(client, &after, limit, 0).await.unwrap();
        assert!(page.events.len() <= limit as usize);
        found.extend(page.events.into_iter().map(|event| event.event));
        after = page.next;
        if !page.more {
            return (found, after);
        }
    }
}

async fn fed(world: &World, server: &Server) -> Vec<Message> {
    world
        .until("everything is fed", async |world| {
            let ids: BTreeSet<String> = all(server).await.iter().map(|m| m.event.id.clone()).collect();
            ids.is_superset(&wanted(world).await)
        })
        .await;
    all(server).await
}

async fn leads(world: &World, count: usize) {
    for number in 0..count {
        World::customer().says(world, &format!("我要买，电话 136{number:08}")).await;
    }
    world.at_rest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_the_stream_s_own_words_in_order_and_a_cursor_outlives_a_restart() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        leads(&world, 7).await;
        let first = fed(&world, &server).await;
        let mut asking = client(&world).await;
        let (pages, after) = rest(&mut asking, String::new(), 2).await;
        assert!(pages.len() >= 14);
        assert_eq!(pages, first.iter().map(|message| message.bytes.clone()).collect::<Vec<_>>());
        let middle = ask(&mut asking, "", 3, 0).await.unwrap().events.remove(2).cursor;
        world.kill().await;

        let world = World::start(&place, &server).await;
        leads(&world, 3).await;
        let both = fed(&world, &server).await;
        let mut asking = client(&world).await;
        for (after, from) in [(after, first.len()), (middle, 3)] {
            let (found, _) = rest(&mut asking, after, 500).await;
            let expected: Vec<_> = both[from..].iter().map(|message| message.bytes.clone()).collect();
            assert_eq!(found, expected);
        }
        let shown = openings(&world).await;
        let told = serde_json::to_string(&shown).unwrap();
        assert!(told.contains("token:crm") && told.contains("read_feed"), "{told}");
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_told_as_soon_as_something_happens_and_not_later_than_asked() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let mut asking = client(&world).await;
        let began = Instant::now();
        let nothing = ask(&mut asking, "", 10, 700).await.unwrap();
        assert!(nothing.events.is_empty() && !nothing.more);
        assert!((700..4_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());

        let (mut waiting, mut customer) = (client(&world).await, World::customer());
        let (page, ()) = tokio::join!(ask(&mut waiting, &nothing.next, 10, 5_000), async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            customer.says(&world, "电话 13812345678").await;
        });
        let page = page.unwrap();
        assert_eq!(page.events.len(), 1);
        assert!(String::from_utf8_lossy(&page.events[0].event).contains("13812345678"));
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bodies_of_an_erased_lead_stay_closed_before_they_are_deleted_too() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let (mut gone, mut stays) = (World::customer(), World::customer());
        gone.says(&world, "电话 13812345678").await;
        stays.says(&world, "电话 13900001111").await;
        world.at_rest().await;
        fed(&world, &server).await;
        let lead = gone.lead(1);
        // As if identity had died before it came to the stream.
        world.erases_lead(&lead, spine::new_id()).await;
        world.caught_up().await;
        world
            .until("the word of it", async |_| {
                all(&server).await.iter().any(|message| message.subject.contains(".erased."))
            })
            .await;
        assert!(all(&server).await.iter().any(|m| String::from_utf8_lossy(&m.bytes).contains("13812345678")));
        let mut asking = client(&world).await;
        // One at a time, so that what is closed and the word of it are never on one page.
        for limit in [1, 500] {
            let (found, _) = rest(&mut asking, String::new(), limit).await;
            let text = found.iter().map(|event| String::from_utf8_lossy(event)).collect::<Vec<_>>();
            assert!(text.iter().all(|event| !event.contains("13812345678")), "{text:?}");
            assert!(text.iter().any(|event| event.contains("13900001111")));
            let of_it: Vec<_> = text.iter().filter(|event| event.contains(&lead)).collect();
            assert!(of_it.len() == 1 && of_it[0].contains("lead.erased"), "{of_it:?}");
        }
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_nobody_or_of_another_tenant_is_refused_and_a_tenant_sees_its_own_alone() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        leads(&world, 2).await;
        let own = fed(&world, &server).await.len();
        let mut asking = client(&world).await;
        let cursor = ask(&mut asking, "", 1, 0).await.unwrap().next;
        for (after, limit) in [("nonsense", 10), (&cursor[1..], 10), (cursor.as_str(), 501)] {
            let refused = ask(&mut asking, after, limit, 0).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{after}");
        }
        let request = |tenant: &str, after: &str, actor: &str| ReadFeedRequest {
            tenant: tenant.into(),
            after: after.into(),
            actor: actor.into(),
            ..ReadFeedRequest::default()
        };
        for wrong in [request("other", &cursor, "x"), request("*", "", "x"), request(TENANT, "", "")] {
            assert_eq!(asking.read_feed(wrong).await.unwrap_err().code(), Code::InvalidArgument);
        }
        let others = asking.read_feed(request("other", "", "x")).await.unwrap().into_inner();
        assert!(others.events.is_empty() && !others.more && own > 0);
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_a_stream_that_was_made_anew_says_so() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        leads(&world, 2).await;
        fed(&world, &server).await;
        let cursor = ask(&mut client(&world).await, "", 1, 0).await.unwrap().next;
        // Restored from an older copy and grown again: the number is there, and it is another message.
        let mut restored: spine::feed::Place = cursor.parse().unwrap();
        restored.at -= 1;
        let other = ask(&mut client(&world).await, &restored.to_string(), 10, 0).await.unwrap();
        assert_eq!(other.broken(), FeedBreak::MadeAnew);
        world.kill().await;
        let nats = server.nats().await;
        async_nats::jetstream::new(nats.client().clone()).delete_stream("LEADS").await.unwrap();
        spine::streams::provision(&nats, &spine::streams::StreamSettings::default()).await.unwrap();
        let world = World::start(&place, &server).await;
        let all = fed(&world, &server).await.len();
        let mut asking = client(&world).await;
        let broken = ask(&mut asking, &cursor, 10, 0).await.unwrap();
        assert_eq!((broken.broken(), broken.events.len()), (FeedBreak::MadeAnew, 0));
        assert_eq!(rest(&mut asking, String::new(), 500).await.0.len(), all);
        world.kill().await;
    })
    .await;
}
