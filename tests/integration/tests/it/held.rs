//! Quarantine beside new messages: whatever an operator does meanwhile, nothing passes what came before it.

use crate::shop;
use crate::unreadable::inject;
use events::ThreadEvent;
use futures::future::join_all;
use identity::erase::Subject;
use integration::{Outside, Place, World, account_state, count, eventually, on_each};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use runtime::Role;
use simulators::http::Item;
use simulators::wechat::Push;
use spine::journal::{Journal, Place as Spot};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use std::time::Duration;
use uuid::Uuid;

const CUSTOMERS: usize = 12;
const MESSAGES: u32 = 8;

async fn post(outside: &Outside, user: usize, number: u32) {
    let item = Item {
        id: format!("id-{user:02}-{number}"),
        user: format!("us-{user:02}"),
        text: format!("第{number}句"),
    };
    assert!(outside.partner.post(&[item]).await.accepted);
}

fn received(events: &[ThreadEvent]) -> usize {
    count(events, |event| matches!(event, ThreadEvent::Received { .. }))
}

/// The request of the first message, as the journal holds it.
async fn first_request(world: &World, journal: &Journal, thread: Uuid) -> String {
    let events = world.history(thread).await;
    let raw = events.iter().find_map(|event| match event {
        ThreadEvent::Received { raw, .. } => raw.clone(),
        _ => None,
    });
    let spot: Spot = raw.expect("a message names its request").parse().unwrap();
    let request = journal.read(spot.part, spot.sequence).next().await.unwrap().request.unwrap();
    String::from_utf8(request).unwrap()
}

/// One message of each customer in quarantine, of which all that follows waits: journalled while their account is
/// out of use, then marked as what a newer release would take.
async fn hold_one_each(world: &World, outside: &Outside, threads: &[Uuid]) {
    let spine = &world.spine;
    let journal = Journal::new(spine.log.nats().clone(), spine.keys.clone(), spine.log.clock().clone());
    let first = first_request(world, &journal, threads[0]).await;
    account_state(spine, outside.shop, false).await;
    world.settle().await;
    for user in 0..threads.len() {
        let request = first.replace("id-00-0", &format!("id-{user:02}-1"));
        let request = request.replace("us-00", &format!("us-{user:02}")).replace("第0句", "第1句");
        journal.append(world.tenant(), outside.shop, request.as_bytes(), None).await.unwrap();
    }
    let operations = world.ingest.clone().unwrap();
    let held = eventually("all in quarantine", async || {
        let held = operations.quarantine(None).await.unwrap();
        (held.len() == threads.len()).then_some(held)
    })
    .await;
    account_state(spine, outside.shop, true).await;
    world.settle().await;
    let mut store = store(&world.place).await;
    for (held, thread) in held.iter().zip(threads) {
        let table = if world.place.is_sqlite() { "quarantine" } else { "state_ingest.quarantine" };
        let text = format!("UPDATE {table} SET thread = $1, blocks = 1 WHERE id = $2");
        let marked = sqlx::query(AssertSqlSafe(text)).bind(thread.to_string()).bind(held.id.to_string());
        assert_eq!(marked.execute(&mut store).await.unwrap().rows_affected(), 1);
    }
    store.close().await.unwrap();
}

async fn store(place: &Place) -> AnyConnection {
    let url = match &place.url {
        Some(url) => url.clone(),
        None => format!("sqlite://{}", place.folder.join("data/state/ingest.db").display()),
    };
    AnyConnection::connect(&url).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_again_beside_new_messages_is_passed_by_none_of_them() {
    on_each(async |place: Place| {
        let world = World::start(&place, &[Role::ChannelIngest]).await;
        let outside = world.furnish(&shop()).await;
        let mut threads = Vec::new();
        for user in 0..CUSTOMERS {
            post(&outside, user, 0).await;
            let thread = world.thread_of(outside.shop, &format!("us-{user:02}")).await;
            world.until("the message", thread, |events| (received(events) == 1).then_some(())).await;
            threads.push(thread);
        }
        hold_one_each(&world, &outside, &threads).await;
        let world = world.again(&[Role::ChannelIngest]).await;
        world.is_reached_by(&outside);
        let operations = world.ingest.clone().unwrap();
        let (writing, stop) = (&outside, tokio_util::sync::CancellationToken::new());
        let customers = async {
            join_all((0..CUSTOMERS).map(async |user| {
                let mut dice = StdRng::seed_from_u64(user as u64);
                for number in 2..MESSAGES {
                    post(writing, user, number).await;
                    tokio::time::sleep(Duration::from_millis(dice.random_range(0..30))).await;
                }
            }))
            .await;
            stop.cancel();
        };
        let operator = async {
            // Not at once, so that some wait behind what is held.
            tokio::time::sleep(Duration::from_millis(40)).await;
            while !stop.is_cancelled() {
                operations.reingest(None, false).await.unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        futures::join!(customers, operator);
        world.journal_is_read(&outside).await;
        while operations.reingest(None, false).await.unwrap() != (0, 0) {}
        let wanted: Vec<String> = (0..MESSAGES).map(|number| format!("第{number}句")).collect();
        for thread in threads {
            assert_eq!(world.texts(thread).await, wanted);
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_just_being_set_aside_is_forgotten_by_nobody_who_looks_at_quarantine() {
    on_each(async |place: Place| {
        let world = World::start(&place, &[Role::ChannelIngest]).await;
        let outside = world.furnish(&shop()).await;
        post(&outside, 0, 0).await;
        let thread = world.thread_of(outside.shop, "us-00").await;
        world.until("the message", thread, |events| (received(events) == 1).then_some(())).await;
        inject(&world, thread, r#"{"events":[{"type":"Teleported","n":1}]}"#).await;
        let operations = world.ingest.clone().unwrap();
        // The next message is refused, and the row that says so cannot be committed yet.
        let mut store = store(&place).await;
        let lock: &[&str] = match place.is_sqlite() {
            true => &["BEGIN IMMEDIATE"],
            false => &["BEGIN", "LOCK TABLE state_ingest.quarantine IN EXCLUSIVE MODE"],
        };
        for text in lock {
            store.execute(*text).await.unwrap();
        }
        post(&outside, 0, 1).await;
        for _ in 0..50 {
            assert_eq!(operations.reingest(Some("nobody"), false).await.unwrap(), (0, 0));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(operations.quarantine(None).await.unwrap().is_empty(), "it is not committed yet");
        store.execute("ROLLBACK").await.unwrap();
        for number in [2, 3] {
            let wanted = usize::try_from(number).unwrap() - 1;
            eventually("what came before", async || {
                (operations.quarantine(None).await.unwrap().len() == wanted).then_some(())
            })
            .await;
            post(&outside, 0, number).await;
        }
        let held = eventually("all three", async || {
            let held = operations.quarantine(None).await.unwrap();
            (held.len() == 3).then_some(held)
        })
        .await;
        assert!(held[0].error.contains("Teleported"), "{}", held[0].error);
        // What is behind it is not even tried: had the thread become readable meanwhile, it would pass.
        for behind in &held[1..] {
            assert!(behind.blocks && behind.error.contains("an earlier item"), "{}", behind.error);
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_was_thrown_away_is_recorded_and_lets_the_others_through() {
    on_each(async |place: Place| {
        let world = World::start(&place, &[Role::ChannelIngest]).await;
        let outside = world.furnish(&shop()).await;
        post(&outside, 0, 0).await;
        let thread = world.thread_of(outside.shop, "us-00").await;
        world.until("the message", thread, |events| (received(events) == 1).then_some(())).await;
        hold_one_each(&world, &outside, &[thread]).await;
        let world = world.again(&[Role::ChannelIngest]).await;
        world.is_reached_by(&outside);
        for number in 2..4 {
            post(&outside, 0, number).await;
        }
        let operations = world.ingest.clone().unwrap();
        let held = eventually("two more behind it", async || {
            let held = operations.quarantine(None).await.unwrap();
            (held.len() == 3).then_some(held)
        })
        .await;
        assert!(held.iter().all(|held| held.thread == Some(thread) && held.blocks), "{held:?}");
        let id = held[0].id;
        assert!(operations.discard(id, "operator-1", "ticket-4711").await.unwrap());
        assert!(!operations.discard(id, "operator-1", "ticket-4711").await.unwrap(), "it is gone");
        let noted = operations.discarded(Some(world.tenant())).await.unwrap();
        assert_eq!(noted.len(), 1);
        let noted = &noted[0];
        assert_eq!((noted.held.id, &*noted.by, &*noted.reason), (id, "operator-1", "ticket-4711"));
        assert!(noted.at > noted.held.received_at);
        // What came behind waits for the operator, and new messages wait behind that.
        post(&outside, 0, 4).await;
        eventually("the new one behind them", async || {
            (operations.quarantine(None).await.unwrap().len() == 3).then_some(())
        })
        .await;
        assert_eq!(operations.reingest(None, false).await.unwrap(), (3, 0));
        post(&outside, 0, 5).await;
        world.until("all but one", thread, |events| (received(events) == 5).then_some(())).await;
        assert_eq!(world.texts(thread).await, ["第0句", "第2句", "第3句", "第4句", "第5句"]);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platforms_demand_to_erase_waits_with_the_command_for_it_until_the_person_is_erased() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        assert!(outside.wechat.push(Push::text("w-known", "退货运费谁承担？")).await.acknowledged);
        let thread = world.thread_of(outside.oa, "w-known").await;
        world.quiet(thread).await;
        for (openid, event) in [
            ("w-unknown", "user_authorization_cancellation"),
            ("w-known", "user_info_modified"),
            ("w-known", "user_authorization_cancellation"),
        ] {
            let push = Push::Privacy { openid: openid.into(), event: event.into() };
            assert!(outside.wechat.push(push).await.acknowledged);
        }
        let operations = world.ingest.clone().unwrap();
        let held = eventually("the demand", async || {
            let held = operations.quarantine(None).await.unwrap();
            (!held.is_empty()).then_some(held)
        })
        .await;
        assert_eq!(held.len(), 1, "{held:?}");
        let command = format!("tributary erase --tenant {} --thread {thread}", world.tenant());
        assert!(held[0].error.contains(&command), "{}", held[0].error);
        assert!(!held[0].blocks);
        let account = outside.oa.to_string();
        let unknown =
            world.spine.keys.find_thread(world.tenant(), &account, "w-unknown", None).await.unwrap();
        assert_eq!(unknown, None, "a demand makes nobody known");
        let erasures = world.identity.clone().unwrap().erasures;
        erasures.ask(world.tenant(), Subject::Thread(thread), "platform-demand").await.unwrap();
        eventually("the demand to be fulfilled", async || {
            operations.quarantine(None).await.unwrap().is_empty().then_some(())
        })
        .await;
        world.stop().await;
    })
    .await;
}
