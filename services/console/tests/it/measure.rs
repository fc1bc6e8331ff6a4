//! How fast the tables follow the log.

use crate::world::on_each;
use events::ThreadEvent;
use futures::stream::{self, StreamExt};
use std::time::Instant;

const THREADS: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_reads_many_messages_a_second() {
    on_each(async |world| {
        let start = Instant::now();
        let world = &world;
        stream::iter(0..THREADS)
            .for_each_concurrent(64, async |_| {
                let customer = world.customer();
                let seen = world.writes(&customer, "请问这件大衣多久发货，到北京要几天？").await;
                let reply = conversation::AiReply {
                    message: spine::new_id(),
                    tenure: 0,
                    seen: Some(seen),
                    content: world.content(&customer, "现货当天发出，到北京两到三天。").await,
                    citations: vec![],
                    confidence: Some(900),
                    worded_by: None,
                };
                let (message, at) = (reply.message, world.spine.log.clock().now());
                world.decide(&customer, |thread| conversation::reply_by_ai(thread, &reply, at)).await;
                let started = ThreadEvent::SendStarted { message, attempt: 1, parts: None, at };
                world.decide(&customer, |_| Ok(vec![started.clone()])).await;
                let sent = ThreadEvent::Sent { message, attempt: 1, provider: None, at };
                world.decide(&customer, |_| Ok(vec![sent.clone()])).await;
            })
            .await;
        let written = start.elapsed();
        world.caught_up().await;
        let start = Instant::now();
        world.reader().rebuild(|_, _| {}).await.unwrap();
        let rebuilt = start.elapsed();
        let rate = (4 * THREADS) as f64 / rebuilt.as_secs_f64();
        eprintln!("{} messages written in {written:?}, rebuilt in {rebuilt:?}: {rate:.0}/s", 4 * THREADS);
        assert!(rate > 200.0, "{rate}");
    })
    .await;
}
