//! The lead feed for those without NATS, from a customer's message to a system that reads over HTTP.

use crate::shop;
use console::access::Role as Holder;
use console::tokens::{self, NewToken};
use integration::{Place, World, eventually, on_each};
use runtime::Role;
use simulators::http::Item;
use spine::log::consume::Consumption;
use std::time::Duration;

const ROLES: [Role; 3] = [Role::ChannelIngest, Role::LeadCapture, Role::Console];

/// The token of another system of the tenant's.
async fn token(world: &World, tenant: &str) -> String {
    let (role, tenant) = (Holder::Integration, tenant.into());
    let new = NewToken { role, tenant, agent: None, name: "crm".into(), expires_at: None };
    let store = world.console.as_ref().unwrap().tokens().clone();
    tokens::create(&store, &new, world.spine.log.clock().now()).await.unwrap().1
}

/// What consumers of the stream read, in its order.
async fn stream(world: &World) -> Vec<String> {
    let nats = world.server.nats().await;
    let mut reading = Consumption::with_gaps(&nats, "LEADS".into(), 1);
    let mut found = Vec::new();
    while let Ok(Ok(stored)) = tokio::time::timeout(Duration::from_millis(700), reading.next()).await {
        found.push(String::from_utf8(stored.payload.to_vec()).unwrap());
    }
    found
}

/// Reads server-sent events until so many came; each with its id.
async fn events(world: &World, token: &str, last: &str, wanted: usize) -> Vec<(String, String)> {
    let url = format!("{}/api/v1/leads/feed", world.peers[&Role::Console]);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.get(url).bearer_auth(token).header("accept", "text/event-stream");
    let mut response = request.header("last-event-id", last).send().await.unwrap();
    assert!(response.status().is_success(), "{:?}", response.text().await);
    let (mut text, mut found) = (Vec::new(), Vec::new());
    while found.len() < wanted {
        let chunk = tokio::time::timeout(Duration::from_secs(20), response.chunk()).await;
        text.extend_from_slice(&chunk.expect("the line is not silent").unwrap().expect("the stream goes on"));
        let whole = String::from_utf8_lossy(&text);
        let of = |block: &str| {
            let (id, data) = block.split_once("\ndata: ")?;
            Some((id.strip_prefix("id: ")?.to_owned(), data.to_owned()))
        };
        let ended = whole.rfind("\n\n").unwrap_or(0);
        found = whole[..ended].split("\n\n").filter_map(of).collect();
    }
    found.truncate(wanted);
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_without_nats_reads_each_lead_event_once_and_in_order_across_restarts() {
    on_each(async |place: Place| {
        let mut world = World::start(&place, &ROLES).await;
        let outside = world.furnish(&shop()).await;
        let mut read: Vec<(String, String)> = Vec::new();
        let token = token(&world, world.tenant()).await;
        for round in 0..3 {
            for number in 0..4 {
                let id = format!("m-{round}-{number}");
                let item =
                    Item {
                        user: id.clone(), id, text: format!("我要买，电话 1380000{round}00{number}")
                    };
                assert!(outside.partner.post(&[item]).await.accepted);
            }
            // A lead and its score each.
            eventually("the leads", async || (stream(&world).await.len() >= (round + 1) * 8).then_some(()))
                .await;
            // Of what is there some is left for the reader that comes again after the restart.
            let last = read.last().map_or(String::new(), |(cursor, _)| cursor.clone());
            let wanted = if round == 2 { stream(&world).await.len() - read.len() } else { 5 };
            read.extend(events(&world, &token, &last, wanted).await);
            world = world.again(&ROLES).await;
            world.is_reached_by(&outside);
        }
        let told: Vec<String> = read.into_iter().map(|(_, event)| event).collect();
        assert_eq!(told, stream(&world).await);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_another_tenant_reads_nothing_of_this_one() {
    on_each(async |place: Place| {
        let world = World::start(&place, &ROLES).await;
        let outside = world.furnish(&shop()).await;
        let item = Item { id: "m-1".into(), user: "u-1".into(), text: "电话 13800001111".into() };
        assert!(outside.partner.post(&[item]).await.accepted);
        eventually("a lead", async || (!stream(&world).await.is_empty()).then_some(())).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let ask = async |token: &str, query: &str| {
            let url = format!("{}/api/v1/leads/feed{query}", world.peers[&Role::Console]);
            let answer = client.get(url).bearer_auth(token).send().await.unwrap();
            let status = answer.status().as_u16();
            (status, answer.json::<serde_json::Value>().await.unwrap())
        };
        let (own, other) = (token(&world, world.tenant()).await, token(&world, "another").await);
        let (status, page) = ask(&own, "").await;
        assert_eq!((status, page["events"].as_array().unwrap().is_empty()), (200, false));
        let (status, nothing) = ask(&other, "").await;
        assert_eq!((status, nothing["events"].as_array().unwrap().len()), (200, 0));
        let (status, refused) = ask(&other, &format!("?after={}", page["next"].as_str().unwrap())).await;
        assert_eq!((status, refused["field"].as_str()), (422, Some("after")), "{refused}");
        world.stop().await;
    })
    .await;
}
