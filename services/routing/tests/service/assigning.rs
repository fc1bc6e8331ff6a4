//! Waiting conversations get their agents: at once, the oldest first, and with a place meanwhile.

use crate::world::{QUEUE, TENANT, on_each};
use conversation::{Close, Owner, Release, close, release};
use events::ThreadEvent;
use events::agent::{Presence, Profile};
use events::thread::ReleasedTo;
use proto::v1::{GetPlaceRequest, GetQueueRequest, ListAgentsRequest};
use tonic::Code;
use uuid::Uuid;

fn place_of(thread: Uuid, at_least: String) -> GetPlaceRequest {
    GetPlaceRequest { tenant: TENANT.into(), thread: thread.to_string(), at_least }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handed_over_conversation_gets_its_agent() {
    on_each(async |place| {
        let world = place.start().await;
        let anna = world.agent(1, 3).await;
        let thread = world.waiting().await;
        assert_eq!(world.assigned(thread).await, anna);
        let story = world.story(thread).await;
        let at = |wanted: fn(&ThreadEvent) -> bool| story.iter().find(|(_, event)| wanted(event)).unwrap().0;
        let handed = at(|event| matches!(event, ThreadEvent::HandedOver { .. }));
        let assigned = at(|event| matches!(event, ThreadEvent::Assigned { .. }));
        eprintln!("from handed over to assigned: {} ms", (assigned - handed) as f64 / 1e3);
        assert!(assigned - handed < 2_000_000);
        let Some((_, ThreadEvent::Assigned { candidates, .. })) =
            story.into_iter().find(|(_, event)| matches!(event, ThreadEvent::Assigned { .. }))
        else {
            panic!("not assigned")
        };
        assert_eq!((candidates[0].agent, candidates[0].against.as_deref()), (anna, None));
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_sees_their_place_and_a_freed_agent_serves_the_oldest() {
    on_each(async |place| {
        let mut world = place.start().await;
        let anna = world.agent(1, 1).await;
        let first = world.waiting().await;
        assert_eq!(world.assigned(first).await, anna);
        let (second, third) = (world.waiting().await, world.waiting().await);
        let at_least = world.hand_over(third).await.position().to_string();
        world.read_all().await;
        let place = world.client.get_place(place_of(third, at_least)).await.unwrap().into_inner();
        let entry = place.entry.unwrap();
        assert_eq!((place.queue.as_str(), entry.position, entry.conversation), (QUEUE, 2, 1));
        assert!(entry.expected_wait_ms.unwrap() > 0);
        let ask = GetQueueRequest {
            tenant: TENANT.into(),
            queue: QUEUE.into(),
            page_size: 1,
            page_token: String::new(),
            at_least: String::new(),
        };
        let page = world.client.get_queue(ask.clone()).await.unwrap().into_inner();
        assert_eq!((page.waiting, page.entries[0].thread.clone()), (2, second.to_string()));
        let ask = GetQueueRequest { page_token: page.next_page_token, ..ask };
        let page = world.client.get_queue(ask).await.unwrap().into_inner();
        assert_eq!((page.entries[0].thread.clone(), page.entries[0].position), (third.to_string(), 2));
        assert_eq!(page.next_page_token, "");

        let wish = Close::ByAgent { n: 1, agent: anna, seen: world.state(first).await.last_message() };
        world.decide(first, |state| close(state, &wish, world.now())).await;
        assert_eq!(world.assigned(second).await, anna);
        assert_eq!(world.state(third).await.owner(), Some(Owner::Queue));
        world.read_all().await;
        let gone = world.client.get_place(place_of(second, String::new())).await.unwrap_err();
        assert_eq!(gone.code(), Code::NotFound);
        let ask = ListAgentsRequest {
            tenant: TENANT.into(),
            page_size: 0,
            page_token: String::new(),
            at_least: String::new(),
        };
        let agents = world.client.list_agents(ask).await.unwrap().into_inner().agents;
        assert_eq!((agents[0].load, agents[0].capacity, agents[0].name.as_str()), (1, 1, "小1"));
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_came_at_night_are_assigned_when_an_agent_comes_in_the_morning() {
    on_each(async |place| {
        let world = place.start().await;
        let mut threads = Vec::new();
        for _ in 0..3 {
            threads.push(world.waiting().await);
        }
        world.read_all().await;
        let profile = |queue: &str| Profile {
            slug: None,
            name: "早".into(),
            capacity: 2,
            skills: vec![],
            channels: vec![],
            queues: vec![queue.into()],
        };
        world.register(7, &profile("care")).await;
        world.present(Uuid::from_u128(7), Presence::Online).await;
        world.register(8, &profile(QUEUE)).await;
        world.present(Uuid::from_u128(8), Presence::Online).await;
        for thread in &threads[..2] {
            assert_eq!(world.assigned(*thread).await, Uuid::from_u128(8));
        }
        assert_eq!(world.state(threads[2]).await.owner(), Some(Owner::Queue));
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_returning_customer_gets_the_agent_they_know_and_one_given_back_gets_another() {
    on_each(async |place| {
        let world = place.start().await;
        let anna = world.agent(1, 5).await;
        let known = world.waiting().await;
        assert_eq!(world.assigned(known).await, anna);
        let bob = world.agent(2, 5).await;
        world.read_all().await;
        let wish = Close::ByAgent { n: 1, agent: anna, seen: world.state(known).await.last_message() };
        world.decide(known, |state| close(state, &wish, world.now())).await;
        let other = world.waiting().await;
        assert_eq!(world.assigned(other).await, bob);
        // Anna has had one for less time than Bob, but she knows this customer.
        world.write(known).await;
        world.hand_over(known).await;
        assert_eq!(world.assigned(known).await, anna);
        let tenure = world.state(known).await.tenure();
        let wish = Release { by: Some(anna), tenure, to: ReleasedTo::Queue };
        world.decide(known, |state| release(state, &wish, world.now())).await;
        assert_eq!(world.assigned(known).await, bob);
        world.stop().await;
    })
    .await;
}
