//! Receipts that overtake our own answer, and what an erasure finds of everything a person did without writing.

use crate::shop;
use events::ThreadEvent;
use events::thread::ReceiptState;
use identity::erase::{Step, Subject};
use integration::{Outside, Place, World, count, eventually, on_each};
use runtime::Role;
use serde_json::{Value, json};
use simulators::Fault;
use simulators::http::Item;
use spine::journal::{Journal, Journalled};
use uuid::Uuid;

async fn post(outside: &Outside, fields: Value) {
    let mut item = json!({ "user": "partner-user-0099", "sent_at": outside.clock.now() / 1_000 });
    item.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    assert_eq!(outside.partner.post_raw(&item.to_string()).await, Some(202));
}

fn read(events: &[ThreadEvent]) -> usize {
    count(events, |event| matches!(event, ThreadEvent::Receipt { state: ReceiptState::Read, .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_comes_before_our_own_answer_is_applied_when_that_is_there() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        outside.partner.faults().user("u-1", Fault::Late { ms: 1_500 }, 1);
        let item = Item { id: "e-1".into(), user: "u-1".into(), text: "退货运费谁承担？".into() };
        assert!(outside.partner.post(&[item]).await.accepted);
        let thread = world.thread_of(outside.shop, "u-1").await;
        let message = world
            .until("the call", thread, |events| {
                events.iter().find_map(|event| match event {
                    ThreadEvent::SendStarted { message, .. } => Some(*message),
                    _ => None,
                })
            })
            .await;
        // The partner's own id of the message, which it has not answered with yet.
        let receipt = json!({ "id": "e-2", "user": "u-1", "kind": "receipt", "of": format!("p-{message}"), "state": "read" });
        post(&outside, receipt).await;
        world.journal_is_read(&outside).await;
        let events = world.history(thread).await;
        let sent = count(&events, |event| matches!(event, ThreadEvent::Sent { .. }));
        assert_eq!((sent, read(&events)), (0, 0), "it came too early: {events:?}");
        let events =
            world.until("the receipt", thread, |events| (read(events) == 1).then(|| events.to_vec())).await;
        assert_eq!(count(&events, |event| matches!(event, ThreadEvent::Sent { .. })), 1);
        // A receipt of something that nobody sends waits for nothing.
        world.quiet(thread).await;
        let receipt = json!({ "id": "e-3", "user": "u-1", "kind": "receipt", "of": "p-nothing", "state": "read" });
        post(&outside, receipt).await;
        world.journal_is_read(&outside).await;
        assert_eq!(read(&world.history(thread).await), 1);
        assert!(world.ingest.as_ref().unwrap().quarantine(None).await.unwrap().is_empty());
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}

/// The journal as any role sees it.
pub(crate) fn journal(world: &World) -> Journal {
    let spine = &world.spine;
    Journal::new(spine.log.nats().clone(), spine.keys.clone(), spine.log.clock().clone())
}

/// The requests of the journal that name the text.
pub(crate) async fn journalled(world: &World, text: &str) -> Vec<Journalled> {
    let (journal, mut found) = (journal(world), Vec::new());
    for part in 0..spine::PARTS {
        let end = journal.end(part).await.unwrap();
        let mut reading = journal.read(part, 1);
        let mut at = 0;
        while at < end {
            // The last ones may have been deleted, and then nothing comes.
            let next = tokio::time::timeout(std::time::Duration::from_secs(2), reading.next()).await;
            let Ok(next) = next else { break };
            let next = next.unwrap();
            at = next.place.sequence;
            let names = |request: &Vec<u8>| String::from_utf8_lossy(request).contains(text);
            if next.request.as_ref().is_some_and(names) {
                found.push(next);
            }
        }
    }
    found
}

async fn erased(world: &World, thread: Uuid) {
    let erasures = world.identity.clone().unwrap().erasures;
    let asked = erasures.ask(world.tenant(), Subject::Thread(thread), "ticket-9").await.unwrap();
    eventually("the erasure", async || {
        let erasure = erasures.get(asked.id).await.unwrap()?;
        (erasure.step == Step::Done).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_erased_person_did_is_in_no_raw_request_any_more() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let touch = json!({ "source": "qr", "scene": "shelf" });
        post(&outside, json!({ "id": "a-1", "kind": "follow", "touch": touch })).await;
        post(&outside, json!({ "id": "a-2", "kind": "scan", "touch": touch })).await;
        post(
            &outside,
            json!({ "id": "a-3", "text": "退货运费谁承担？", "identity": { "login": "user-99" } }),
        )
        .await;
        let thread = world.thread_of(outside.shop, "partner-user-0099").await;
        let message = world
            .until("an answer", thread, |events| {
                events.iter().find_map(|event| match event {
                    ThreadEvent::Sent { message, .. } => Some(*message),
                    _ => None,
                })
            })
            .await;
        post(&outside, json!({ "id": "a-4", "kind": "scan", "touch": touch })).await;
        post(&outside, json!({ "id": "a-5", "kind": "receipt", "of": message, "state": "read" })).await;
        post(&outside, json!({ "id": "a-6", "kind": "unfollow" })).await;
        let did = |event: &ThreadEvent| {
            matches!(
                event,
                ThreadEvent::Opened { .. }
                    | ThreadEvent::Touched { .. }
                    | ThreadEvent::Received { .. }
                    | ThreadEvent::Identified { .. }
                    | ThreadEvent::Receipt { .. }
                    | ThreadEvent::Unreachable { .. }
            )
        };
        // Follow, scan, message, login, scan again, receipt, unfollow.
        world.until("all of it", thread, |events| (count(events, did) == 7).then_some(())).await;
        let other = Item { id: "o-1".into(), user: "u-other".into(), text: "多久能发货？".into() };
        assert!(outside.partner.post(&[other]).await.accepted);
        let bystander = world.thread_of(outside.shop, "u-other").await;
        world.quiet(bystander).await;
        assert_eq!(journalled(&world, "partner-user-0099").await.len(), 6);
        erased(&world, thread).await;
        assert!(journalled(&world, "partner-user-0099").await.is_empty());
        assert_eq!(journalled(&world, "u-other").await.len(), 1);
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}
