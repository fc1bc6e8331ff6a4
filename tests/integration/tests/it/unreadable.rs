//! Events that cannot be read or applied, and a database that fails: what stands, what parks, what goes on.

use crate::database::{cut_connections, lock_files};
use crate::erasing::erased;
use crate::picky::{Picky, Shared};
use crate::shop;
use events::ThreadEvent;
use identity::erase::Subject;
use integration::{Order, Outside, Place, World, address, count, eventually, on_each};
use runtime::Role;
use simulators::http::Item;
use spine::{Reader, new_id};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

async fn write(outside: &Outside, user: &str, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let text = format!("退货运费谁承担？{number}");
        let item = Item { id: format!("{user}-{number}"), user: user.into(), text };
        assert!(outside.partner.post(&[item]).await.accepted);
    }
}

async fn stored(world: &World, thread: Uuid, messages: usize) {
    world
        .until("the messages", thread, |events| {
            (count(events, |event| matches!(event, ThreadEvent::Received { .. })) == messages).then_some(())
        })
        .await;
}

/// Appends a payload to a thread, under the headers of its last decision and an id of its own.
pub(crate) async fn inject(world: &World, thread: Uuid, payload: &str) {
    let client = async_nats::connect(world.server.url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let (subject, name) = (address(thread).subject(), address(thread).stream());
    let stream = jetstream.get_stream(name).await.unwrap();
    let mut headers = stream.get_last_raw_message_by_subject(&subject).await.unwrap().headers;
    let id = new_id().to_string();
    headers.insert("ce-id", id.as_str());
    headers.insert("Nats-Msg-Id", id.as_str());
    let version: u64 = headers.get("tributary-version").unwrap().as_str().parse().unwrap();
    headers.insert("tributary-version", (version + 1).to_string());
    let mut kept = async_nats::HeaderMap::new();
    for (name, values) in headers.iter() {
        if !name.to_string().starts_with("Nats-Expected") {
            values.iter().for_each(|value| kept.append(name.clone(), value.clone()));
        }
    }
    let published = jetstream.publish_with_headers(subject, kept, payload.to_owned().into()).await.unwrap();
    published.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_one_thread_parks_it_alone_and_its_messages_wait() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        write(&outside, "u-1", 0..1).await;
        let thread = world.thread_of(outside.shop, "u-1").await;
        stored(&world, thread, 1).await;
        world.quiet(thread).await;
        inject(&world, thread, r#"{"events":[{"type":"Received","n":"three"}]}"#).await;
        world.settle().await;
        let subject = address(thread).subject();
        let parked = world.parked().await;
        assert!(!parked.is_empty() && parked.iter().all(|(_, entity)| *entity == subject), "{parked:?}");
        write(&outside, "u-2", 0..3).await;
        let other = world.thread_of(outside.shop, "u-2").await;
        stored(&world, other, 3).await;
        world.quiet(other).await;
        assert!(outside.ledger.all_received().iter().any(|received| received.user == "u-2"));
        // What the broken thread's customer writes is kept, in order.
        write(&outside, "u-1", 1..3).await;
        let operations = world.ingest.clone().unwrap();
        let held = eventually("two in quarantine", async || {
            let held = operations.quarantine(None).await.unwrap();
            (held.len() == 2).then_some(held)
        })
        .await;
        assert!(held.iter().all(|held| held.thread == Some(thread) && held.blocks), "{held:?}");
        for (reader, entity) in &parked {
            let reader = world.spine.readers.find(reader).unwrap();
            assert!(reader.unpark(entity).await.is_err(), "garbage stays garbage");
        }
        assert_eq!(world.parked().await, parked);
        assert!(world.health.is_ready(), "one entity stops nobody");
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_newer_release_stands_its_part_and_holds_its_thread_in_order() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        write(&outside, "u-1", 0..1).await;
        let thread = world.thread_of(outside.shop, "u-1").await;
        stored(&world, thread, 1).await;
        world.quiet(thread).await;
        inject(&world, thread, r#"{"events":[{"type":"Teleported","n":1}]}"#).await;
        write(&outside, "u-1", 1..4).await;
        let operations = world.ingest.clone().unwrap();
        let held = eventually("three in quarantine", async || {
            let held = operations.quarantine(None).await.unwrap();
            (held.len() == 3).then_some(held)
        })
        .await;
        assert!(held.iter().all(|held| held.thread == Some(thread)));
        assert!(held[0].error.contains("Teleported"), "{}", held[0].error);
        assert!(held.is_sorted_by_key(|held| held.place.sequence));
        assert_eq!(operations.reingest(None, false).await.unwrap(), (0, 3), "they stay, in order");
        let reasons = eventually("the readers to say so", async || {
            let report = world.health.report();
            let stands = |reason: &str| reason.contains("stands") && reason.contains("Teleported");
            let standing: Vec<_> =
                report.not_ready.into_iter().filter(|missing| stands(&missing.reason)).collect();
            (!standing.is_empty()).then_some(standing)
        })
        .await;
        assert!(reasons.iter().all(|missing| missing.check.starts_with("reader.")));
        assert!(world.parked().await.is_empty(), "it is not the thread's fault");
        // Threads of other parts are answered.
        let mut answered = None;
        for n in 0..20 {
            let user = format!("o-{n}");
            write(&outside, &user, 0..1).await;
            if address(world.thread_of(outside.shop, &user).await).part != address(thread).part {
                answered = Some(user);
                break;
            }
        }
        let user = answered.expect("of twenty threads one is in another part");
        eventually("the answer in another part", async || {
            let all = outside.ledger.all_received();
            all.iter().any(|received| received.user == user).then_some(())
        })
        .await;
        world.stop().await;
    })
    .await;
}

/// A model of the suite that parks on demand, its reader, and how that is stopped.
async fn with_picky(
    world: &World,
) -> (Arc<Picky>, Reader, CancellationToken, JoinSet<Result<(), spine::Error>>) {
    let picky = Arc::new(Picky::default());
    let reader = world.spine.reader(Arc::new(Shared(picky.clone()))).await.unwrap();
    let (stop, mut running) = (CancellationToken::new(), JoinSet::new());
    let (runs, until) = (reader.clone(), stop.clone());
    running.spawn(async move { runs.run(&until).await });
    (picky, reader, stop, running)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_thread_holds_nobody_up_and_comes_back_in_order() {
    on_each(async |place: Place| {
        let world = World::start(&place, &[Role::ChannelIngest, Role::AiAgent]).await;
        let outside = world.furnish(&shop()).await;
        let (picky, reader, stop, running) = with_picky(&world).await;
        write(&outside, "u-1", 0..2).await;
        let thread = world.thread_of(outside.shop, "u-1").await;
        stored(&world, thread, 2).await;
        world.settle().await;
        *picky.thread.lock().unwrap() = Some(thread);
        picky.refuses.store(true, Ordering::SeqCst);
        tokio::join!(write(&outside, "u-1", 2..5), write(&outside, "u-2", 0..4));
        let other = world.thread_of(outside.shop, "u-2").await;
        stored(&world, thread, 5).await;
        stored(&world, other, 4).await;
        world.settle().await;
        let subject = address(thread).subject();
        assert_eq!(world.parked().await, [("picky".to_owned(), subject.clone())]);
        assert!(reader.unpark(&subject).await.is_err());
        picky.refuses.store(false, Ordering::SeqCst);
        reader.unpark(&subject).await.unwrap();
        write(&outside, "u-1", 5..7).await;
        stored(&world, thread, 7).await;
        world.settle().await;
        assert!(world.parked().await.is_empty());
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT message FROM picked WHERE thread = $1 ORDER BY place")
                .bind(thread.to_string())
                .fetch_all(reader.model().store.reads())
                .await
                .unwrap();
        let received = |event: &ThreadEvent| match event {
            ThreadEvent::Received { message, .. } => Some((message.to_string(),)),
            _ => None,
        };
        let wanted: Vec<_> = world.history(thread).await.iter().filter_map(received).collect();
        assert_eq!(rows, wanted);
        world.every_model_equals_the_log().await;
        stop.cancel();
        running.join_all().await;
        drop(reader);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_reaches_what_a_model_holds_of_a_thread_that_it_had_parked() {
    on_each(async |place: Place| {
        let world = World::start(&place, &[Role::ChannelIngest, Role::Identity]).await;
        let outside = world.furnish(&shop()).await;
        let (picky, reader, stop, running) = with_picky(&world).await;
        for (user, stubborn) in [("u-1", false), ("u-2", true)] {
            write(&outside, user, 0..2).await;
            let thread = world.thread_of(outside.shop, user).await;
            stored(&world, thread, 2).await;
            world.settle().await;
            *picky.thread.lock().unwrap() = Some(thread);
            picky.refuses.store(true, Ordering::SeqCst);
            picky.refuses_erasure.store(stubborn, Ordering::SeqCst);
            write(&outside, user, 2..3).await;
            stored(&world, thread, 3).await;
            world.settle().await;
            let subject = address(thread).subject();
            assert_eq!(world.parked().await, [("picky".to_owned(), subject.clone())]);
            if stubborn {
                waits_for_the_parked(&world, thread, &subject).await;
                picky.refuses_erasure.store(false, Ordering::SeqCst);
                picky.refuses.store(false, Ordering::SeqCst);
                reader.unpark(&subject).await.unwrap();
            }
            erased(&world, thread).await;
            assert!(world.parked().await.is_empty());
            let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM picked WHERE thread = $1")
                .bind(thread.to_string())
                .fetch_one(reader.model().store.reads())
                .await
                .unwrap();
            assert_eq!(left, 0, "{user}");
        }
        stop.cancel();
        running.join_all().await;
        drop(reader);
        world.stop().await;
    })
    .await;
}

/// The erasure is asked for, and certifies nothing while a model may hold texts.
async fn waits_for_the_parked(world: &World, thread: Uuid, subject: &str) {
    let erasures = world.identity.clone().unwrap().erasures;
    let asked = erasures.ask(world.tenant(), Subject::Thread(thread), "ticket-8").await.unwrap();
    let waits = eventually("an erasure that waits", async || {
        let waits = erasures.get(asked.id).await.unwrap()?.waits;
        (!waits.is_empty()).then_some(waits)
    })
    .await;
    assert!(waits.contains("picky") && waits.contains(subject), "{waits}");
}

/// Longer than SQLite waits for a lock.
const LOCKED: Duration = Duration::from_millis(5_500);

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_fails_under_load_parks_nobody_and_loses_nothing() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = Arc::new(world.furnish(&shop()).await);
        let mut customers = JoinSet::new();
        for customer in 0..6 {
            let outside = outside.clone();
            customers.spawn(async move {
                for number in 0..12 {
                    write(&outside, &format!("u-{customer}"), number..number + 1).await;
                    tokio::time::sleep(Duration::from_millis(150)).await;
                }
            });
        }
        match &place.url {
            Some(url) => cut_connections(url, 5).await,
            None => lock_files(&world, LOCKED).await,
        }
        customers.join_all().await;
        world.everything_is_there_once(&outside, Order::Kept).await;
        assert!(world.parked().await.is_empty());
        world.every_model_equals_the_log().await;
        assert!(world.health.is_ready(), "{:?}", world.health.report().not_ready);
        world.stop().await;
    })
    .await;
}
