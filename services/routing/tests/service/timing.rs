//! Timers: answer deadlines, idle conversations, agents who are gone.

use crate::world::{QUEUE, TENANT, World, on_each};
use conversation::{AiReply, Owner, reply_by_ai};
use events::agent::Presence;
use events::tenant::Settings;
use events::thread::{Author, ClosedBy, HandoverReason};
use events::{Content, ThreadEvent};
use ground::eventually;
use spine::Address;
use spine::keys::Opened;
use spine::lease::Leases;
use std::time::Duration;
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(30 * 60);

async fn answer(world: &World, thread: Uuid, message: Uuid) {
    let reply = AiReply {
        message: spine::new_id(),
        tenure: world.state(thread).await.tenure(),
        seen: Some(message),
        content: crate::people::text(),
        citations: vec![],
        confidence: None,
        worded_by: None,
    };
    world.decide(thread, |state| reply_by_ai(state, &reply, world.now())).await;
}

async fn opened(world: &World, thread: Uuid, content: &Content) -> Option<String> {
    let subject = Address::of(TENANT, "thread", thread).unwrap().subject();
    let sealed = content.text.as_ref().unwrap();
    let opened: Opened = world.spine.keys.open_text(sealed.as_str(), &subject, "content.text").await.unwrap();
    opened.text()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_ai_answers_goes_to_people_at_the_deadline_and_what_was_answered_does_not() {
    on_each(async |place| {
        let world = place.start().await;
        let settings = Settings { handover_notice: "稍等，马上来人。".into(), ..Settings::default() };
        world.settle(&settings).await;
        let (silent, answered) = (world.customer().await, world.customer().await);
        let message = world.write(answered).await;
        answer(&world, answered, message).await;
        world.read_all().await;
        place.pass(DEADLINE - Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(world.state(silent).await.owner(), Some(Owner::Ai), "not before the deadline");
        place.pass(Duration::from_secs(10));
        eventually("the deadline passes", async || {
            (world.state(silent).await.owner() == Some(Owner::Queue)).then_some(())
        })
        .await;
        let story = world.story(silent).await;
        let [
            ..,
            (_, ThreadEvent::HandedOver { reason, queue, .. }),
            (_, ThreadEvent::Replied { by, content, .. }),
        ] = story.as_slice()
        else {
            panic!("handed over with a notice: {story:?}")
        };
        assert_eq!(
            (*reason, queue.as_str(), *by),
            (HandoverReason::Deadline, routing::QUEUE_DEFAULT, Author::System)
        );
        assert_eq!(opened(&world, silent, content).await.as_deref(), Some("稍等，马上来人。"));
        assert_eq!(world.state(answered).await.owner(), Some(Owner::Ai));
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tenant_has_its_own_deadline_and_each_account_its_queue() {
    on_each(async |place| {
        let world = place.start().await;
        let (quick, silent) = (world.tenant("quick"), world.tenant("silent"));
        let five = Settings { answer_deadline_ms: 5_000, ..Settings::default() };
        quick.settle(&five).await;
        quick.account_queue("care").await;
        silent.settle(&Settings { handover_notice: String::new(), ..five }).await;
        let slow = world.customer().await;
        let (first, second) = (quick.customer().await, silent.customer().await);
        world.read_all().await;
        place.pass(Duration::from_secs(6));
        for (people, thread, queue) in [(&quick, first, "care"), (&silent, second, routing::QUEUE_DEFAULT)] {
            eventually("the short deadline passes", async || {
                (people.state(thread).await.queue() == Some(queue)).then_some(())
            })
            .await;
        }
        let story = silent.story(second).await;
        assert!(
            matches!(story.last(), Some((_, ThreadEvent::HandedOver { .. }))),
            "a tenant may say nothing"
        );
        assert_eq!(world.state(slow).await.owner(), Some(Owner::Ai));
        world.stop().await;
    })
    .await;
}

/// A new thread in this part of the log.
fn thread_in(part: u8) -> Uuid {
    std::iter::repeat_with(spine::new_id)
        .find(|thread| spine::address::part_of(TENANT, &thread.to_string()) == part)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_are_late_in_a_part_whose_holder_stands_those_of_other_parts_are_seen() {
    on_each(async |place| {
        // On SQLite one process reads all parts.
        if !place.is_postgres() {
            return;
        }
        let world = place.start().await;
        let first = thread_in(0);
        world.write(first).await;
        for _ in 0..100 {
            world.write(thread_in(0)).await;
        }
        let other = thread_in(1);
        world.write(other).await;
        world.read_all().await;
        world.stop().await;

        // It has the part, and does nothing.
        let people = place.people().await;
        let holder = Leases::open(&people.spine.database, people.spine.log.clock()).await.unwrap();
        holder.acquire("routing.0").await.unwrap().expect("nobody has it");
        let world = place.start().await;
        place.pass(DEADLINE);
        let still = holder.acquire("routing.0").await.unwrap();
        assert!(still.is_some(), "it has stood all the time");
        eventually("the other part's is handed over", async || {
            (world.state(other).await.owner() == Some(Owner::Queue)).then_some(())
        })
        .await;
        assert_eq!(world.state(first).await.owner(), Some(Owner::Ai), "its holder stands");
        holder.release_all().await.unwrap();
        eventually("the part passes on", async || {
            (world.state(first).await.owner() == Some(Owner::Queue)).then_some(())
        })
        .await;
        world.stop().await;
        people.spine.database.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_conversation_is_closed_and_one_in_which_the_customer_wrote_is_not() {
    on_each(async |place| {
        let world = place.start().await;
        let (idle, active) = (world.customer().await, world.customer().await);
        for thread in [idle, active] {
            let message = world.state(thread).await.last_message().unwrap();
            answer(&world, thread, message).await;
        }
        let waiting = world.waiting().await;
        place.pass(IDLE - Duration::from_secs(20));
        let message = world.write(active).await;
        answer(&world, active, message).await;
        world.read_all().await;
        place.pass(Duration::from_secs(20));
        eventually("the idle one is closed", async || {
            world.state(idle).await.owner().is_none().then_some(())
        })
        .await;
        let story = world.story(idle).await;
        assert!(matches!(story.last(), Some((_, ThreadEvent::Closed { by: ClosedBy::Idle, .. }))));
        assert_eq!(world.state(active).await.owner(), Some(Owner::Ai));
        assert_eq!(world.state(waiting).await.owner(), Some(Owner::Queue), "who waits is not sent away");
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_of_an_agent_who_is_gone_go_back_to_the_queue() {
    on_each(async |place| {
        let world = place.start().await;
        let anna = world.agent(1, 2).await;
        let (first, second) = (world.waiting().await, world.waiting().await);
        for thread in [first, second] {
            assert_eq!(world.assigned(thread).await, anna);
        }
        world.present(anna, Presence::Offline).await;
        world.read_all().await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(
            world.state(first).await.owner(),
            Some(Owner::Agent(anna)),
            "a grace for broken connections"
        );
        place.pass(Duration::from_micros(routing::OFFLINE_GRACE_US.unsigned_abs()));
        for thread in [first, second] {
            eventually("it waits again", async || {
                (world.state(thread).await.owner() == Some(Owner::Queue)).then_some(())
            })
            .await;
            assert_eq!(world.state(thread).await.queue(), Some(QUEUE));
        }
        let bob = world.agent(2, 2).await;
        for thread in [first, second] {
            assert_eq!(world.assigned(thread).await, bob);
        }
        world.leave(bob).await;
        for thread in [first, second] {
            eventually("those who left own nothing", async || {
                (world.state(thread).await.owner() == Some(Owner::Queue)).then_some(())
            })
            .await;
        }
        world.stop().await;
    })
    .await;
}
