//! How fast a conversation gets its agent while a hundred arrive in a second. Measured and printed.

use crate::people::text;
use crate::world::on_each;
use conversation::{AiReply, Attempt, Proof, StartSend, reply_by_ai, sent, start_send};
use events::ThreadEvent;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const PER_SECOND: u64 = 100;
const COUNT: u64 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_conversations_a_second_are_assigned_as_they_come() {
    on_each(async |place| {
        let world = Arc::new(place.start().await);
        for number in 1..=10 {
            world.agent(number, 100).await;
        }
        let mut arrivals = JoinSet::new();
        let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / PER_SECOND));
        for _ in 0..COUNT {
            tick.tick().await;
            let world = world.clone();
            arrivals.spawn(async move { world.waiting().await });
        }
        let threads = arrivals.join_all().await;
        let mut waits = Vec::new();
        for thread in threads {
            world.assigned(thread).await;
            let (mut handed, mut assigned) = (0, 0);
            for (stored_at, event) in world.story(thread).await {
                match event {
                    ThreadEvent::HandedOver { .. } => handed = stored_at,
                    ThreadEvent::Assigned { .. } => assigned = stored_at,
                    _ => {}
                }
            }
            waits.push(assigned - handed);
        }
        waits.sort_unstable();
        let at = |share: usize| waits[(waits.len() - 1) * share / 100] as f64 / 1e3;
        eprintln!(
            "{} at {PER_SECOND}/s: handed over to assigned p50 {} ms, p90 {} ms, p99 {} ms, max {} ms",
            if place.is_postgres() { "Postgres" } else { "SQLite" },
            at(50),
            at(90),
            at(99),
            at(100)
        );
        Arc::into_inner(world).unwrap().stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answered_message_costs_the_reader_little() {
    const THREADS: usize = 200;
    const ROUNDS: usize = 5;
    on_each(async |place| {
        let world = place.start().await;
        let answered = futures::stream::iter(0..THREADS).map(|_| async {
            let thread = world.customer().await;
            for round in 0..ROUNDS {
                if round > 0 {
                    world.write(thread).await;
                }
                let state = world.state(thread).await;
                let reply = AiReply {
                    message: spine::new_id(),
                    tenure: state.tenure(),
                    seen: state.last_message(),
                    content: text(),
                    citations: vec![],
                    confidence: None,
                    worded_by: None,
                };
                world.decide(thread, |state| reply_by_ai(state, &reply, world.now())).await;
                let attempt = Attempt { message: reply.message, number: 1 };
                let start = StartSend { message: reply.message, attempt: 1, proof: Proof::Receipt, parts: 1 };
                world.decide(thread, |state| start_send(state, &start, world.now())).await;
                world.decide(thread, |state| sent(state, attempt, None, world.now())).await;
            }
        });
        answered.buffer_unordered(32).collect::<Vec<()>>().await;
        world.read_all().await;
        let since = std::time::Instant::now();
        world.reader.rebuild(|_, _| {}).await.unwrap();
        let rate = (THREADS * ROUNDS * 4) as f64 / since.elapsed().as_secs_f64();
        eprintln!(
            "{}: the reader takes in {rate:.0} messages/s, {:.0} answered messages/s",
            if place.is_postgres() { "Postgres" } else { "SQLite" },
            rate / 4.0
        );
        world.stop().await;
    })
    .await;
}
