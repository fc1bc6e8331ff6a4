//! A person erased from the whole suite while it works for them: nothing comes back, and no byte is left.

use crate::receipts::{journal, journalled};
use crate::shop;
use events::ThreadEvent;
use futures::future::join_all;
use identity::erase::{Step, Subject};
use integration::{Place, World, eventually, everywhere, on_each};
use runtime::Role;
use simulators::Fault;
use simulators::http::Item;
use std::time::Duration;
use uuid::Uuid;

const SECRET: &str = "请叫我王小明，住在西湖区";
const PHONE: &str = "13987654321";
const USER: &str = "partner-user-0042";
const OTHER: &str = "另一位顾客想问发货";

async fn says(world: &World, outside: &integration::Outside, user: &str, text: &str) -> Uuid {
    let id = format!("{user}-{}", text.len());
    assert!(outside.partner.post(&[Item { id, user: user.into(), text: text.into() }]).await.accepted);
    let thread = world.thread_of(outside.shop, user).await;
    world.until("the message", thread, |events| (!events.is_empty()).then_some(())).await;
    thread
}

pub(crate) async fn erased(world: &World, thread: Uuid) {
    let asked = asked_to_erase(world, thread).await;
    erased_until(world, asked, |step| step == Step::Done).await;
}

async fn asked_to_erase(world: &World, thread: Uuid) -> Uuid {
    let erasures = world.identity.clone().unwrap().erasures;
    erasures.ask(world.tenant(), Subject::Thread(thread), "ticket-7").await.unwrap().id
}

async fn erased_until(world: &World, erasure: Uuid, is_there: impl Fn(Step) -> bool) {
    let erasures = world.identity.clone().unwrap().erasures;
    eventually("the erasure", async || is_there(erasures.get(erasure).await.unwrap()?.step).then_some(()))
        .await;
}

/// Nothing is due any more for the thread, in any role.
async fn nothing_is_due(world: &World, thread: Uuid) {
    let subject = integration::address(thread).subject();
    eventually("nothing to be due for an erased thread", async || {
        for reader in world.spine.readers.all() {
            let rows: Vec<(String,)> = sqlx::query_as("SELECT kind FROM due WHERE entity = $1")
                .bind(&subject)
                .fetch_all(reader.model().store.reads())
                .await
                .ok()?;
            if !rows.is_empty() {
                return None;
            }
        }
        Some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_flight_writes_nothing_back_after_its_customer_was_erased() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        // The last two are at the platform when they are erased.
        for user in ["u-6", "u-7"] {
            outside.partner.faults().user(user, Fault::Hang, 1);
        }
        let (world, outside) = (&world, &outside);
        let one = async |n: u64| {
            let thread = says(world, outside, &format!("u-{n}"), "退货运费谁承担？").await;
            if n >= 6 {
                let started = |event: &ThreadEvent| matches!(event, ThreadEvent::SendStarted { .. });
                world.until("the call", thread, |events| events.iter().any(started).then_some(())).await;
            } else {
                tokio::time::sleep(Duration::from_millis(n * 25)).await;
            }
            erased(world, thread).await;
            thread
        };
        for thread in join_all((0..8).map(one)).await {
            nothing_is_due(world, thread).await;
            let events = world.history(thread).await;
            assert!(matches!(events.last(), Some(ThreadEvent::Erased { .. })), "{events:?}");
            assert!(world.texts(thread).await.is_empty());
        }
        assert!(world.parked().await.is_empty());
        world.every_model_equals_the_log().await;
        // Who writes again is somebody new.
        let before =
            world.spine.keys.find_thread(world.tenant(), &outside.shop.to_string(), "u-0", None).await;
        assert_eq!(before.unwrap(), None);
        let thread = says(world, outside, "u-0", "多久能发货？又来了").await;
        world.quiet(thread).await;
        assert_eq!(world.texts(thread).await, ["多久能发货？又来了"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_in_no_byte_of_the_whole_suite() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let thread = says(&world, &outside, USER, SECRET).await;
        says(&world, &outside, USER, &format!("我的手机号是{PHONE}，请联系我")).await;
        let other = says(&world, &outside, "u-other", OTHER).await;
        for thread in [thread, other] {
            world.until("both messages", thread, |events| (events.len() > 2).then_some(())).await;
            world.quiet(thread).await;
        }
        let lead = spine::Address::new(world.tenant(), "lead", &format!("{thread}-1"), &thread.to_string());
        let lead = lead.unwrap();
        eventually("the lead", async || {
            let known = world.spine.log.history(&lead, None).await.ok()?;
            (!known.is_empty()).then_some(())
        })
        .await;
        world.settle().await;
        // The name that the partner gives the person is sealed everywhere, so only the others are found.
        for text in [SECRET, PHONE, OTHER] {
            eventually("the text before", async || (!everywhere(&place, text).is_empty()).then_some(()))
                .await;
        }
        erased(&world, thread).await;
        for text in [SECRET, PHONE, USER] {
            let found = everywhere(&place, text);
            assert!(found.is_empty(), "{text}: {found:?}");
        }
        assert!(!everywhere(&place, OTHER).is_empty(), "others are still there");
        world.every_model_equals_the_log().await;
        world.stop().await;
        for text in [SECRET, PHONE, USER] {
            let found = everywhere(&place, text);
            assert!(found.is_empty(), "after the stop, {text}: {found:?}");
        }
    })
    .await;
}

/// How many raw requests the journal holds.
async fn requests(world: &World) -> u64 {
    let client = async_nats::connect(world.server.url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let mut count = 0;
    for part in 0..spine::PARTS {
        let mut stream = jetstream.get_stream(format!("INBOUND_{part}")).await.unwrap();
        count += stream.info().await.unwrap().state.messages;
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn no_raw_request_of_an_erased_person_stays_whatever_it_came_to() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        // The first that they ever send says nothing, and goes to quarantine.
        let sent_at = world.spine.log.clock().now() / 1_000;
        let broken = serde_json::json!({ "id": "broken", "user": USER, "sent_at": sent_at, "text": "" });
        assert_eq!(outside.partner.post_raw(&broken.to_string()).await, Some(202));
        let thread = says(&world, &outside, USER, SECRET).await;
        // Again under the same id, which decides nothing; and too long to be decided, which goes to quarantine.
        let again = Item { id: format!("{USER}-{}", SECRET.len()), user: USER.into(), text: SECRET.into() };
        let long = Item { id: "long".into(), user: USER.into(), text: "长".repeat(70_000) };
        for item in [again.clone(), long, again] {
            assert!(outside.partner.post(&[item]).await.accepted);
        }
        says(&world, &outside, "u-other", OTHER).await;
        let operations = world.ingest.clone().unwrap();
        let held = eventually("both in quarantine", async || {
            let held = operations.quarantine(Some(world.tenant())).await.ok()?;
            (held.len() == 2).then_some(held)
        })
        .await;
        assert!(held.iter().all(|held| held.thread == Some(thread) && !held.blocks), "{held:?}");
        world.journal_is_read(&outside).await;
        world.settle().await;
        // Theirs, the other's, and two that tell that the journal is read.
        assert_eq!(requests(&world).await, 5 + 1 + 2);
        erased(&world, thread).await;
        assert_eq!(requests(&world).await, 3, "only those of others");
        eventually("quarantine to forget them", async || {
            operations.quarantine(Some(world.tenant())).await.ok()?.is_empty().then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_erased_person_sent_and_nobody_decided_yet_makes_them_no_new_thread() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let thread = says(&world, &outside, USER, SECRET).await;
        world.quiet(thread).await;
        let sent = journalled(&world, USER).await.remove(0);
        let without_channels = Role::ALL.into_iter().filter(|role| *role != Role::ChannelIngest);
        let world = world.again(&without_channels.collect::<Vec<_>>()).await;
        let redelivered = sent.request.unwrap();
        let id = format!("{USER}-{}", SECRET.len());
        let another = String::from_utf8(redelivered.clone()).unwrap().replace(&id, "not-decided-yet");
        let broken = String::from_utf8(redelivered.clone())
            .unwrap()
            .replace("\"text\":", "\"kind\":\"none\",\"text\":");
        for request in [redelivered, another.into_bytes(), broken.into_bytes()] {
            journal(&world).append(world.tenant(), sent.account, &request, None).await.unwrap();
        }
        let erasure = asked_to_erase(&world, thread).await;
        let keys_are_gone = |step| !matches!(step, Step::Collect | Step::Append | Step::Keys);
        erased_until(&world, erasure, keys_are_gone).await;
        let world = world.again(&Role::ALL).await;
        world.is_reached_by(&outside);
        erased_until(&world, erasure, |step| step == Step::Done).await;
        world.journal_is_read(&outside).await;
        let account = outside.shop.to_string();
        assert_eq!(world.spine.keys.find_thread(world.tenant(), &account, USER, None).await.unwrap(), None);
        // In time for the certificate, or for the next sweep.
        eventually("their requests to be noted", async || {
            let left = world.spine.keys.requests_left(10).await.unwrap();
            let kept = journalled(&world, USER).await;
            kept.iter().all(|kept| left.contains(&kept.place.to_string())).then_some(())
        })
        .await;
        let new = says(&world, &outside, USER, OTHER).await;
        assert_ne!(new, thread, "who writes again is somebody new");
        assert_eq!(world.texts(new).await, [OTHER]);
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}
