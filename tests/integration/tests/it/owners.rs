//! Races for a conversation: the AI against a person, a close against a message, two people at once.

use crate::shop;
use conversation::{Close, Owner, Rejection, TakeOver, Thread};
use events::ThreadEvent;
use events::thread::{Author, WithdrawnReason};
use futures::future::join_all;
use integration::{Outside, Place, World, address, count, on_each};
use runtime::Role;
use simulators::Fault;
use simulators::http::Item;
use spine::{Cause, Log, LogSettings, Refused, new_id};
use std::collections::HashSet;
use uuid::Uuid;

async fn ask(world: &World, outside: &Outside, user: &str, id: &str, text: &str) -> Uuid {
    let item = Item { id: format!("{user}-{id}"), user: user.into(), text: text.into() };
    assert!(outside.partner.post(&[item]).await.accepted);
    let thread = world.thread_of(outside.shop, user).await;
    world.until("the thread's beginning", thread, |events| (!events.is_empty()).then_some(())).await;
    thread
}

async fn take_over(world: &World, thread: Uuid, agent: Uuid) {
    let at = world.spine.log.clock().now();
    let wish = TakeOver { agent, from: None };
    world.decide(thread, "take_over", |state| conversation::take_over(state, &wish, at)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_the_ai_between_two_attempts_is_withdrawn_at_a_takeover_and_never_arrives() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let agent = world.agent("小美", 5).await;
        outside.partner.faults().user("u-1", Fault::Status { status: 503, retry_after_s: Some(2) }, 1);
        let thread = ask(&world, &outside, "u-1", "1", "退货运费谁承担？").await;
        let failed = |events: &[ThreadEvent]| {
            count(events, |event| matches!(event, ThreadEvent::Failed { retry_at: Some(_), .. }))
        };
        world.until("the failed attempt", thread, |events| (failed(events) == 1).then_some(())).await;
        take_over(&world, thread, agent).await;
        let reason = world
            .until("the withdrawal", thread, |events| {
                events.iter().find_map(|event| match event {
                    ThreadEvent::Withdrawn { reason, .. } => Some(*reason),
                    _ => None,
                })
            })
            .await;
        assert_eq!(reason, WithdrawnReason::Tenure);
        world.quiet(thread).await;
        assert_eq!(outside.ledger.counts().1, 0, "nothing arrived");
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_takeover_no_answer_of_the_ai_starts_whenever_it_came() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let agent = world.agent("小美", 50).await;
        let (world, outside) = (&world, &outside);
        let one = async |n: u64| {
            let thread = ask(world, outside, &format!("u-{n}"), "1", "退货运费谁承担？").await;
            // Each at another moment of the answer's way.
            tokio::time::sleep(std::time::Duration::from_millis(n * 12)).await;
            take_over(world, thread, agent).await;
            thread
        };
        let threads = join_all((0..16).map(one)).await;
        for thread in threads {
            world.quiet(thread).await;
            let events = world.history(thread).await;
            let taken =
                events.iter().position(|event| matches!(event, ThreadEvent::TakenOver { .. })).unwrap();
            let by_ai: HashSet<Uuid> = events.iter().filter_map(answer_of_ai).collect();
            let late = events[taken..].iter().any(
                |event| matches!(event, ThreadEvent::SendStarted { message, .. } if by_ai.contains(message)),
            );
            assert!(!late, "{events:?}");
        }
        let sent: usize = {
            let all = world.thread_events().await;
            all.iter().filter(|(_, event)| matches!(event, ThreadEvent::Sent { .. })).count()
        };
        assert_eq!(outside.ledger.counts().1, sent, "what the log calls sent arrived, and nothing else");
    })
    .await;
}

fn answer_of_ai(event: &ThreadEvent) -> Option<Uuid> {
    match event {
        ThreadEvent::Replied { message, by: Author::Ai, .. } => Some(*message),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_against_a_message_loses_no_word() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let agent = world.agent("小美", 50).await;
        let (world, outside) = (&world, &outside);
        let one = async |n: u64| {
            let user = format!("u-{n}");
            let thread = ask(world, outside, &user, "1", "退货运费谁承担？").await;
            take_over(world, thread, agent).await;
            let seen =
                world.spine.log.read::<Thread, _>(&address(thread), Thread::last_message).await.unwrap();
            let at = world.spine.log.clock().now();
            let close = Close::ByAgent { n: 1, agent, seen };
            let decide = |state: &Thread| conversation::close(state, &close, at);
            let ends = async {
                tokio::time::sleep(std::time::Duration::from_millis(n * 6)).await;
                world.decide(thread, "close", decide).await
            };
            let (ended, _) = tokio::join!(ends, ask(world, outside, &user, "2", "多久能发货？"));
            (thread, ended)
        };
        for (thread, ended) in join_all((0..12).map(one)).await {
            let messages = world.until("both messages", thread, |events| {
                let numbers: Vec<u32> = events.iter().filter_map(number).collect();
                (numbers.len() == 2).then_some(numbers)
            });
            let second = messages.await[1];
            match ended {
                // The close came first, so the message began a conversation.
                Ok(_) => assert_eq!(second, 2),
                Err(Refused::Rejected(Rejection::Newer { .. })) => assert_eq!(second, 1),
                Err(other) => panic!("{other:?}"),
            }
            let open =
                world.spine.log.read::<Thread, _>(&address(thread), Thread::open_number).await.unwrap();
            assert_eq!(open, Some(second), "the word stands in an open conversation");
        }
    })
    .await;
}

fn number(event: &ThreadEvent) -> Option<u32> {
    match event {
        ThreadEvent::Received { n, .. } => Some(*n),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_take_over_at_once_one_wins_and_the_other_is_told_who() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        // Two processes, each with its own idea of the thread.
        let clock = world.spine.log.clock().clone();
        let other = Log::new(world.server.nats().await, clock.clone(), LogSettings::default());
        for n in 0..8 {
            let thread = ask(&world, &outside, &format!("u-{n}"), "1", "退货运费谁承担？").await;
            let agents = [new_id(), new_id()];
            let takes = [&world.spine.log, &other].into_iter().zip(agents).map(async |(log, agent)| {
                let (at, wish) = (clock.now(), TakeOver { agent, from: None });
                let cause = Cause::new(new_id(), "take_over", "journey");
                let decide = |state: &Thread| conversation::take_over(state, &wish, at);
                log.transact(&address(thread), &cause, decide).await
            });
            let ended = join_all(takes).await;
            let winner = ended.iter().position(Result::is_ok).expect("one wins");
            let loser = ended[1 - winner].as_ref().expect_err("one loses");
            let owner = Owner::Agent(agents[winner]);
            assert!(matches!(loser, Refused::Rejected(Rejection::OwnedBy { owner: told }) if *told == owner));
        }
        world.stop().await;
    })
    .await;
}
