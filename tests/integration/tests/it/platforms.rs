//! Platforms that fail, hang, cut and answer late, with a proof of sending and without.

use crate::shop;
use events::ThreadEvent;
use events::thread::{FailureClass, HandoverReason};
use futures::future::join_all;
use integration::{Order, Outside, Place, World, count, eventually, on_each};
use runtime::Role;
use simulators::Fault;
use simulators::http::Item;
use simulators::wechat::Push;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The account's timeout is 2 s.
const LATE: Fault = Fault::Late { ms: 3_000 };

/// WeChat's code for a text that it does not let through.
const REFUSED_TEXT: i64 = 87_014;

async fn ask(outside: &Outside, user: &str, number: u32) {
    let text = format!("退货运费谁承担？{number}");
    let item = Item { id: format!("{user}-{number}"), user: user.into(), text };
    assert!(outside.partner.post(&[item]).await.accepted);
}

fn arrivals(outside: &Outside, user: &str) -> (usize, usize) {
    let all = outside.ledger.all_received();
    let own = all.iter().filter(|received| received.user == user);
    let (again, first): (Vec<_>, Vec<_>) = own.partition(|received| received.repeated);
    (first.len(), again.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_fails_in_any_way_gets_each_answer_once_by_its_id() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let faults = [
            ("u-500", Fault::status(500)),
            ("u-429", Fault::Status { status: 429, retry_after_s: Some(1) }),
            ("u-hang", Fault::Hang),
            ("u-cut", Fault::Cut),
            ("u-taken", Fault::TakenThenCut),
            ("u-late", LATE),
        ];
        for (user, fault) in faults {
            outside.partner.faults().user(user, fault, 1);
        }
        let others = (0..6).map(|n| format!("u-{n}"));
        let users: Vec<String> = faults.iter().map(|(user, _)| (*user).to_owned()).chain(others).collect();
        join_all(users.iter().map(|user| ask(&outside, user, 1))).await;
        join_all(users.iter().map(|user| ask(&outside, user, 2))).await;
        world.everything_is_there_once(&outside, Order::Kept).await;
        for user in &users {
            let (first, again) = arrivals(&outside, user);
            // A burst may be answered at once.
            assert!((1..=2).contains(&first), "{user}: {first}");
            let taken = matches!(user.as_str(), "u-taken" | "u-late");
            assert_eq!(again, usize::from(taken), "{user}: only an answer that got lost is repeated");
        }
        assert!(outside.partner.refused().is_empty());
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_whose_answers_get_lost_is_called_less_and_less_often() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        outside.partner.faults().user("u-1", Fault::TakenThenCut, 3);
        let asked = Instant::now();
        ask(&outside, "u-1", 1).await;
        world.everything_is_there_once(&outside, Order::Kept).await;
        assert_eq!(arrivals(&outside, "u-1"), (1, 3));
        // After the second half a second goes by at least, after the third a whole one.
        assert!(asked.elapsed() >= Duration::from_millis(1_500), "{:?}", asked.elapsed());
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_refuses_connections_gets_its_answers_when_it_is_back() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        outside.partner.door().shut().await;
        ask(&outside, "u-1", 1).await;
        let thread = world.thread_of(outside.shop, "u-1").await;
        let failed = |events: &[ThreadEvent]| {
            count(events, |event| {
                matches!(event, ThreadEvent::Failed { class: FailureClass::Retryable, retry_at: Some(_), .. })
            })
        };
        world.until("two failures", thread, |events| (failed(events) >= 2).then_some(())).await;
        let unknown =
            count(&world.history(thread).await, |event| matches!(event, ThreadEvent::Unknown { .. }));
        assert_eq!(unknown, 0, "what never left is not unknown");
        outside.partner.door().reopen().await.unwrap();
        world.everything_is_there_once(&outside, Order::Kept).await;
        assert_eq!(arrivals(&outside, "u-1"), (1, 0));
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_hanging_platform_delays_nobody_on_another_account_nor_others_on_its_own() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        for n in 0..12 {
            outside.wechat.faults().user(&format!("w-{n}"), Fault::Hang, 1);
        }
        let pushes = (0..12).map(|n| Push::text(&format!("w-{n}"), "退货运费谁承担？"));
        for pushed in join_all(pushes.map(|push| outside.wechat.push(push))).await {
            assert!(pushed.acknowledged);
        }
        let started = |thread| {
            world.until("a send that hangs", thread, |events| {
                let started = count(events, |event| matches!(event, ThreadEvent::SendStarted { .. }));
                (started > 0).then_some(())
            })
        };
        started(world.thread_of(outside.oa, "w-0").await).await;
        let asked = Instant::now();
        assert!(outside.wechat.push(Push::text("w-healthy", "退货运费谁承担？")).await.acknowledged);
        let users: Vec<String> = (0..10).map(|n| format!("u-{n}")).collect();
        join_all(users.iter().map(|user| ask(&outside, user, 1))).await;
        eventually("the answers of the others", async || {
            let others = (0..10).map(|n| format!("u-{n}")).chain(["w-healthy".to_owned()]);
            let mut all = others.map(|user| arrivals(&outside, &user).0);
            all.all(|arrived| arrived == 1).then_some(())
        })
        .await;
        // The hanging calls end after 2 s each; twelve of them in a row would be 24 s.
        assert!(asked.elapsed() < Duration::from_secs(12), "{:?}", asked.elapsed());
        world.stop().await;
    })
    .await;
}

/// The events of the thread once its `answers` answers are settled.
async fn settled(world: &World, thread: Uuid, answers: usize) -> Vec<ThreadEvent> {
    world
        .until("the answers' outcomes", thread, |events| {
            let done = count(events, |event| {
                matches!(
                    event,
                    ThreadEvent::Sent { .. }
                        | ThreadEvent::Unknown { last: true, .. }
                        | ThreadEvent::Failed { retry_at: None, .. }
                )
            });
            (done == answers).then(|| events.to_vec())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_proof_an_answer_that_may_have_arrived_is_never_sent_again_and_the_next_goes_on() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let faults = [
            ("w-taken", Fault::TakenThenCut, 1),
            ("w-late", LATE, 1),
            ("w-hang", Fault::Hang, 0),
            ("w-cut", Fault::Cut, 0),
            ("w-500", Fault::status(500), 0),
        ];
        for (user, fault, _) in faults {
            outside.wechat.faults().user(user, fault, 1);
        }
        join_all(faults.map(|(user, ..)| outside.wechat.push(Push::text(user, "退货运费谁承担？")))).await;
        for (user, _, arrived) in faults {
            let thread = world.thread_of(outside.oa, user).await;
            let events = settled(&world, thread, 1).await;
            let first = count(&events, |event| matches!(event, ThreadEvent::Unknown { last: false, .. }));
            let last = count(&events, |event| matches!(event, ThreadEvent::Unknown { last: true, .. }));
            assert_eq!((first, last), (1, 1), "{user}: {events:?}");
            assert!(outside.wechat.push(Push::text(user, "多久能发货？")).await.acknowledged);
            let events = settled(&world, thread, 2).await;
            assert!(matches!(events.last(), Some(ThreadEvent::Sent { .. })), "{user}: {events:?}");
            assert_eq!(arrivals(&outside, user).0, arrived + 1, "{user}");
        }
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_window_ends_an_answer_and_a_stale_token_is_refreshed_once() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        outside.wechat.faults().user("w-window", Fault::Code(45_015), 1);
        assert!(outside.wechat.push(Push::text("w-window", "退货运费谁承担？")).await.acknowledged);
        let thread = world.thread_of(outside.oa, "w-window").await;
        let events = settled(&world, thread, 1).await;
        let closed = count(&events, |event| {
            matches!(event, ThreadEvent::Failed { class: FailureClass::WindowClosed, retry_at: None, .. })
        });
        assert_eq!(closed, 1, "{events:?}");
        assert_eq!(arrivals(&outside, "w-window").0, 0);
        // The customer writes, so the window is open again.
        assert!(outside.wechat.push(Push::text("w-window", "多久能发货？")).await.acknowledged);
        settled(&world, thread, 2).await;
        outside.wechat.revoke_tokens();
        let users: Vec<String> = (0..6).map(|n| format!("w-{n}")).collect();
        join_all(users.iter().map(|user| outside.wechat.push(Push::text(user, "退货运费谁承担？")))).await;
        for user in &users {
            let thread = world.thread_of(outside.oa, user).await;
            let events = settled(&world, thread, 1).await;
            assert!(matches!(events.last(), Some(ThreadEvent::Sent { attempt: 1, .. })), "{events:?}");
            assert_eq!(arrivals(&outside, user).0, 1);
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_asked_to_answer_in_place_of_what_the_platform_refused_for_good() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        outside.wechat.faults().user("w-1", Fault::Code(REFUSED_TEXT), 1);
        assert!(outside.wechat.push(Push::text("w-1", "退货运费谁承担？")).await.acknowledged);
        let thread = world.thread_of(outside.oa, "w-1").await;
        let handed = |events: &[ThreadEvent]| {
            events.iter().find_map(|event| match event {
                ThreadEvent::HandedOver { reason, .. } => Some(*reason),
                _ => None,
            })
        };
        assert_eq!(world.until("a handover", thread, handed).await, HandoverReason::Failure);
        let events = world.history(thread).await;
        let replied = count(&events, |event| matches!(event, ThreadEvent::Replied { .. }));
        assert_eq!(replied, 1, "no notice takes of what the platform may still take: {events:?}");
        let agent = world.spine.readers.find("agent").unwrap();
        eventually("nothing more to be done for it", async || {
            let backlog = agent.backlog().await.ok()?;
            backlog.first_due.is_empty().then_some(())
        })
        .await;
        // People have it now, so the next message is theirs.
        assert!(outside.wechat.push(Push::text("w-1", "多久能发货？")).await.acknowledged);
        world.quiet(thread).await;
        assert_eq!(arrivals(&outside, "w-1").0, 0);
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}
