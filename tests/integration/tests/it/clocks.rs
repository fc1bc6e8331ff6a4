//! The clock jumps by an hour, forwards and back, under load: nothing is lost or doubled, and nobody waits for an hour.

use crate::shop;
use integration::{Order, Place, World, on_each};
use runtime::Role;
use simulators::http::Item;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const HOUR_US: i64 = 3_600_000_000;
const CUSTOMERS: u32 = 6;
/// Forwards and back to the right time, back and forwards again. While the clock is wrong the partner's signatures are too
/// old or too new, and it comes again.
const JUMPS: [i64; 8] = [HOUR_US, -HOUR_US, -HOUR_US, HOUR_US, HOUR_US, -HOUR_US, -HOUR_US, HOUR_US];

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_by_an_hour_both_ways_loses_and_doubles_nothing_and_stops_nobody() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = Arc::new(world.furnish(&shop()).await);
        let writing = CancellationToken::new();
        let mut customers = JoinSet::new();
        for customer in 0..CUSTOMERS {
            let (outside, writing) = (outside.clone(), writing.clone());
            customers.spawn(async move {
                let mut number = 0;
                while !writing.is_cancelled() {
                    let text = format!("退货运费谁承担？（{number}）");
                    let id = format!("c-{customer}-{number}");
                    outside.partner.post(&[Item { id, user: format!("u-{customer}"), text }]).await;
                    number += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            });
        }
        for jump in JUMPS {
            tokio::time::sleep(Duration::from_millis(700)).await;
            // The suite's clock alone: platforms and the nats-server have their own.
            world.spine.log.clock().shift(jump);
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
        writing.cancel();
        customers.join_all().await;
        world.everything_is_there_once(&outside, Order::Kept).await;
        world.every_model_equals_the_log().await;
        assert!(world.parked().await.is_empty());
        world.stop().await;
    })
    .await;
}
