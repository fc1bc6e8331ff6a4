//! The nats-server killed and restarted again and again under load.

use crate::shop;
use integration::{Order, Place, World, effort, on_each};
use runtime::Role;
use simulators::http::Item;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// In the long form every three seconds for two minutes.
const KILLS: (usize, usize) = (10, 40);
const PAUSE_MS: (usize, usize) = (150, 2_600);
const CUSTOMERS: u32 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_killed_ten_times_under_load_loses_and_doubles_nothing() {
    on_each(async |place: Place| {
        let mut world = World::start(&place, &Role::ALL).await;
        let outside = Arc::new(world.furnish(&shop()).await);
        let writing = CancellationToken::new();
        let mut customers = JoinSet::new();
        for customer in 0..CUSTOMERS {
            let (outside, writing) = (outside.clone(), writing.clone());
            customers.spawn(async move {
                let mut number = 0;
                while !writing.is_cancelled() {
                    let text = format!("退货运费谁承担？（{number}）");
                    let id = format!("n-{customer}-{number}");
                    outside.partner.post(&[Item { id, user: format!("u-{customer}"), text }]).await;
                    number += 1;
                    tokio::time::sleep(Duration::from_millis(150)).await;
                }
            });
        }
        for kill in 0..effort(KILLS) {
            // Each kill at another distance from the restart before it.
            tokio::time::sleep(Duration::from_millis((effort(PAUSE_MS) + kill * 37 % 10 * 40) as u64)).await;
            world.server.kill();
            world.server.restart().await;
        }
        writing.cancel();
        customers.join_all().await;
        world.everything_is_there_once(&outside, Order::Kept).await;
        world.every_model_equals_the_log().await;
        assert!(world.parked().await.is_empty());
        world.stop().await;
    })
    .await;
}
