//! Rebuilding beside the live models: under load, killed half way, switched and switched back, after an erasure.

use crate::shop;
use identity::erase::{Step, Subject};
use integration::{Order, Place, World, eventually, on_each};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use runtime::Role;
use simulators::http::Item;
use spine::db::SlotState;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// An answer slower than this was delayed by a rebuild; the deadline is 3 s.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn rebuilding_under_load_killed_anywhere_gives_equal_rows_and_delays_no_answer() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = Arc::new(world.furnish(&shop()).await);
        let writing = CancellationToken::new();
        let mut customers = JoinSet::new();
        for customer in 0..4 {
            let (outside, writing) = (outside.clone(), writing.clone());
            customers.spawn(async move {
                let (mut number, mut slowest) = (0, Duration::ZERO);
                while !writing.is_cancelled() {
                    let user = format!("u-{customer}-{number}");
                    let mut arrivals = outside.ledger.follow(&user);
                    let asked = Instant::now();
                    let text = "退货运费谁承担？".to_owned();
                    outside.partner.post(&[Item { id: user.clone(), user, text }]).await;
                    arrivals.recv().await.expect("the ledger follows");
                    slowest = slowest.max(asked.elapsed());
                    number += 1;
                }
                slowest
            });
        }
        let mut dice = StdRng::seed_from_u64(7);
        for reader in world.spine.readers.all() {
            for _ in 0..2 {
                let after = Duration::from_millis(dice.random_range(1..60));
                // The future is dropped wherever it stands.
                let _ = tokio::time::timeout(after, reader.rebuild(|_, _| {})).await;
            }
            reader.rebuild(|_, _| {}).await.unwrap();
        }
        writing.cancel();
        for slowest in customers.join_all().await {
            assert!(slowest < ANSWERED_WITHIN, "{slowest:?}");
        }
        world.every_model_equals_the_log().await;
        drop_what_was_left(&world).await;
        for reader in world.spine.readers.all() {
            reader.switch_back().await.unwrap();
        }
        world.every_model_equals_the_log().await;
        world.everything_is_there_once(&outside, Order::Kept).await;
        after_an_erasure(&world, outside.shop).await;
        world.stop().await;
    })
    .await;
}

/// What the killed rebuilds left, as the operator's command drops it: an erasure waits for that.
async fn drop_what_was_left(world: &World) {
    let database = &world.spine.database;
    for place in database.models().await.unwrap() {
        if place.state == SlotState::Beside {
            database.drop_model(&place.name, place.slot).await.unwrap();
        }
    }
}

async fn after_an_erasure(world: &World, shop: uuid::Uuid) {
    let thread = world.thread_of(shop, "u-0-0").await;
    let erasures = world.identity.clone().unwrap().erasures;
    let asked = erasures.ask(world.tenant(), Subject::Thread(thread), "ticket-1").await.unwrap();
    eventually("the erasure", async || {
        let erasure = erasures.get(asked.id).await.unwrap()?;
        (erasure.step == Step::Done).then_some(())
    })
    .await;
    world.every_model_equals_the_log().await;
    for reader in world.spine.readers.all() {
        for _ in 0..3 {
            reader.rebuild(|_, _| {}).await.unwrap();
        }
    }
    world.every_model_equals_the_log().await;
    let left: Vec<_> = world.spine.database.models().await.unwrap();
    let beside: Vec<_> = left.iter().filter(|place| place.state == SlotState::Beside).collect();
    assert!(beside.is_empty(), "a rebuild keeps one way back, not {beside:?}");
}
