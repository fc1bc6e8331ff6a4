//! What lasts: a rebuilt model equals the live one, also after an erasure, and a killed service goes on.

use crate::world::{Place, World, on_each};
use conversation::{Close, Owner, close, erase};
use events::agent::Presence;
use events::tenant::Settings;
use uuid::Uuid;

async fn rebuilt_is_the_same(world: &World) {
    world.read_all().await;
    assert!(ground::rebuilds_alike(&world.reader).await >= 5);
}

async fn count(world: &World, thread: Uuid) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM threads WHERE thread = $1")
        .bind(thread.to_string())
        .fetch_one(world.reader.model().store.reads())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_model_equals_the_live_one_also_after_an_erasure() {
    on_each(async |place: Place| {
        let world = place.start().await;
        world.settle(&Settings::default()).await;
        let anna = world.agent(1, 3).await;
        let bob = world.agent(2, 3).await;
        let mut threads = Vec::new();
        for place in 0..8 {
            threads.push(world.waiting().await);
            if place < 6 {
                assert!([anna, bob].contains(&world.assigned(threads[place]).await));
            }
        }
        let state = world.state(threads[0]).await;
        let Some(Owner::Agent(agent)) = state.owner() else { panic!("assigned before") };
        let wish = Close::ByAgent { n: 1, agent, seen: state.last_message() };
        world.decide(threads[0], |state| close(state, &wish, world.now())).await;
        world.assigned(threads[6]).await;
        // One of hers and one who waits: she is free again.
        let mut hers = threads[1];
        for thread in &threads[1..6] {
            if world.state(*thread).await.owner() == Some(Owner::Agent(anna)) {
                hers = *thread;
            }
        }
        for thread in [threads[7], hers] {
            world.decide(thread, |state| erase(state, spine::new_id(), world.now())).await;
        }
        world.present(bob, Presence::Away).await;
        rebuilt_is_the_same(&world).await;
        assert_eq!((count(&world, hers).await, count(&world, threads[7]).await), (0, 0));
        // The service goes on with the rebuilt model.
        let next = world.waiting().await;
        assert_eq!(world.assigned(next).await, anna);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_goes_on_where_it_was() {
    on_each(async |place: Place| {
        let world = place.start().await;
        let anna = world.agent(1, 2).await;
        let first = world.waiting().await;
        assert_eq!(world.assigned(first).await, anna);
        world.kill().await;

        // Meanwhile two more arrive and nobody assigns them.
        let people = place.people().await;
        let (second, third) = (people.waiting().await, people.waiting().await);
        let world = place.start().await;
        world.read_all().await;
        assert_eq!(world.assigned(second).await, anna);
        assert_eq!(world.state(third).await.owner(), Some(Owner::Queue), "two are her capacity");
        let bob = world.agent(2, 1).await;
        assert_eq!(world.assigned(third).await, bob);
        rebuilt_is_the_same(&world).await;
        world.stop().await;
    })
    .await;
}
