//! An erased person is nowhere any more, and everybody else is where they were.

use crate::people::ACCOUNT;
use crate::world::{TENANT, World, on_each};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use conversation::Thread;
use events::customer::EvidenceKind;
use ground::{PATIENCE, Place, Server};
use identity::erase::{Certificate, Erasure, Signed, Step, Subject, verify};
use identity::ids::{customer_of, thread_address};
use serde_json::{Value, json};
use spine::keys::{HeldRequest, Owner};
use std::time::Duration;
use tower::ServiceExt;
use uuid::Uuid;

const SECRET: &str = "请叫我王小明，住在西湖区";
const PHONE: &str = "13987654321";
const OTHER: &str = "另一位顾客的问题";

/// Two threads of one person, a lead of each, and another customer.
pub(crate) async fn populate(world: &World) -> (Uuid, Uuid, Uuid) {
    let anna = world.writes("anna", SECRET, Some("ad-1")).await;
    let mail = world.writes("anna@mail", SECRET, None).await;
    let bob = world.writes("bob", OTHER, Some("ad-2")).await;
    for thread in [anna, mail] {
        world.proves(thread, EvidenceKind::VerifiedPhone, PHONE).await;
        world.types_phone(thread, 1, PHONE).await;
    }
    world.types_phone(bob, 1, "13611112222").await;
    world.settled().await;
    assert_eq!(world.customer_of(mail).await.threads.len(), 2);
    (anna, mail, bob)
}

pub(crate) async fn done(world: &World, id: Uuid) -> Erasure {
    let finished = async {
        loop {
            let erasure = world.admin.erasures.get(id).await.unwrap().unwrap();
            if erasure.step == Step::Done {
                return erasure;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, finished).await {
        Ok(erasure) => erasure,
        Err(_) => panic!("not done: {:?}", world.admin.erasures.get(id).await),
    }
}

pub(crate) fn certified(world: &World, erasure: &Erasure) -> Certificate {
    let signed: Signed = serde_json::from_str(erasure.certificate.as_ref().unwrap()).unwrap();
    verify(&signed, &world.spine.keys.public_key()).expect("the certificate verifies")
}

/// What the database and the log's files hold of a text.
pub(crate) fn everywhere(place: &Place, server: &Server, text: &str) -> Vec<String> {
    [ground::holders(server.folder(), text), ground::everywhere(place, text)].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_in_no_file_any_more() {
    on_each(async |world| {
        let (anna, mail, bob) = populate(&world).await;
        // The slot that was live before still holds everything.
        world.spine.readers.find("notebook").unwrap().rebuild(|_, _| {}).await.unwrap();
        for text in [SECRET, PHONE, OTHER] {
            assert!(!everywhere(&world.place, &world.server, text).is_empty(), "{text} is found before");
        }
        let erasure = world.admin.erasures.ask(TENANT, Subject::Thread(mail), "ticket-7").await.unwrap();
        let erasure = done(&world, erasure.id).await;
        for text in [SECRET, PHONE, "anna@mail"] {
            let found = everywhere(&world.place, &world.server, text);
            assert!(found.is_empty(), "{text}: {found:?}");
        }
        assert!(!everywhere(&world.place, &world.server, OTHER).is_empty(), "others are still there");
        let certificate = certified(&world, &erasure);
        assert!(certificate.threads.contains(&anna) && certificate.threads.contains(&mail));
        assert!(!certificate.threads.contains(&bob));
        assert_eq!((certificate.customers.len(), certificate.leads.len()), (2, 2));
        // Two threads, two leads and two customers; two raw requests and two messages of the feed.
        assert_eq!(certificate.erased.len(), 6);
        assert_eq!((certificate.inbound.len(), certificate.feed.len()), (2, 2));
        assert!(certificate.keys.len() >= 4, "{:?}", certificate.keys);
        assert!(!certificate.remains.is_empty());
        assert!(certificate.models.contains("notebook@1.0"), "{:?}", certificate.models);
        let gone = world.customer_of(anna).await;
        assert!(gone.erased && gone.first_touch.is_none() && gone.evidence.is_empty());
        assert!(gone.threads.iter().all(|thread| thread.account.is_empty() && thread.channel.is_empty()));
        assert_eq!(world.customer_of(bob).await.first_touch.unwrap().source.as_deref(), Some("ad-2"));
        world.rebuilds_to_the_same().await;
        let (place, server) = world.stop().await;
        assert!(everywhere(&place, &server, SECRET).is_empty(), "also after the stop");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_word_that_a_lead_was_erased_stays_in_the_feed() {
    on_each(async |world| {
        let anna = world.writes("anna", SECRET, None).await;
        let lead = world.types_phone(anna, 1, PHONE).await;
        world.settled().await;
        let kept = world.feeds("erased", &lead, "{}").await;
        let erasure =
            world.admin.erasures.ask(TENANT, Subject::Customer(customer_of(anna)), "").await.unwrap();
        let erasure = done(&world, erasure.id).await;
        assert!(!erasure.plan.feed.contains(&kept));
        assert_eq!(erasure.plan.feed.len(), 1);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_noted_late_of_an_erased_person_goes_though_a_hold_keeps_another_erasure() {
    on_each(async |world| {
        let (anna, _, bob) = populate(&world).await;
        world.spine.keys.hold(TENANT, &Owner::thread(bob), "case-9").await.unwrap();
        let kept = world.admin.erasures.ask(TENANT, Subject::Thread(bob), "").await.unwrap();
        assert!(kept.waits.contains("case-9"), "{kept:?}");
        let erasure = world.admin.erasures.ask(TENANT, Subject::Thread(anna), "").await.unwrap();
        done(&world, erasure.id).await;
        let late = world.journal.append(TENANT, ACCOUNT, SECRET.as_bytes(), None).await.unwrap();
        let held = HeldRequest { tenant: TENANT.into(), thread: anna, place: late };
        world.spine.keys.note_requests(&[held]).await.unwrap();
        world.admin.erasures.sweep().await.unwrap();
        let next = world.journal.append(TENANT, ACCOUNT, OTHER.as_bytes(), None).await.unwrap();
        let read = world.journal.read(late.part, late.sequence).next().await.unwrap();
        assert_eq!(read.place, next, "what is overwritten is passed over");
        assert!(world.spine.keys.requests_left(1).await.unwrap().is_empty());
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_legal_hold_refuses_and_its_end_lets_the_erasure_go_on() {
    on_each(async |world| {
        let (anna, mail, _) = populate(&world).await;
        world.spine.keys.hold(TENANT, &Owner::thread(mail), "case-9").await.unwrap();
        let ends = world.spine.log.ends().await.unwrap();
        let routes = identity::admin_routes(world.admin.clone());
        let body = json!({"tenant": TENANT, "customer": customer_of(anna), "reason": "ticket-8"});
        let request = Request::post("/admin/erase").header("content-type", "application/json");
        let answer =
            routes.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::CONFLICT);
        let bytes = axum::body::to_bytes(answer.into_body(), 65_536).await.unwrap();
        let told: Value = serde_json::from_slice(&bytes).unwrap();
        assert!(told["waits"].as_str().unwrap().contains("case-9"), "{told}");
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(world.spine.log.ends().await.unwrap(), ends, "nothing was appended");
        let erased = world.spine.keys.is_erased(TENANT, &Owner::thread(anna)).await.unwrap();
        assert_eq!(erased, None);
        assert!(world.spine.keys.unhold(TENANT, &Owner::thread(mail)).await.unwrap());
        let id: Uuid = told["id"].as_str().unwrap().parse().unwrap();
        certified(&world, &done(&world, id).await);
        let request = Request::get(format!("/admin/erase/{id}")).body(Body::empty()).unwrap();
        let answer = routes.oneshot(request).await.unwrap();
        let bytes = axum::body::to_bytes(answer.into_body(), 65_536).await.unwrap();
        let told: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(told["step"], "done");
        // What is handed out over HTTP verifies as it is.
        #[derive(serde::Deserialize)]
        struct Told {
            signed: Signed,
        }
        let told: Told = serde_json::from_slice(&bytes).unwrap();
        assert!(verify(&told.signed, &world.spine.keys.public_key()).is_some());
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_certificate_does_not_verify() {
    on_each(async |world| {
        let anna = world.writes("anna", SECRET, None).await;
        world.settled().await;
        let asked = world.admin.erasures.ask(TENANT, Subject::Thread(anna), "ticket-1").await.unwrap();
        let erasure = done(&world, asked.id).await;
        let text = erasure.certificate.unwrap();
        let key = world.spine.keys.public_key();
        assert!(!text.contains("anna") && !text.contains(SECRET));
        let changed: Signed = serde_json::from_str(&text.replacen("ticket-1", "ticket-2", 1)).unwrap();
        assert!(verify(&changed, &key).is_none());
        let genuine: Signed = serde_json::from_str(&text).unwrap();
        assert!(verify(&genuine, &key).is_some());
        assert!(verify(&genuine, "another-key").is_none());
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_follows_an_erasure_and_who_writes_again_is_new() {
    on_each(async |world| {
        let anna = world.writes("anna", SECRET, None).await;
        world.settled().await;
        let asked = world.admin.erasures.ask(TENANT, Subject::Thread(anna), "").await.unwrap();
        let first = done(&world, asked.id).await;
        let address = thread_address(TENANT, anna).unwrap();
        let erased = world.spine.log.read(&address, |state: &Thread| state.is_erased()).await.unwrap();
        assert!(erased);
        let again = world.writes("anna", "hello", None).await;
        assert_ne!(again, anna);
        world.settled().await;
        assert!(!world.customer_of(again).await.erased);
        // Asked again it is what was done, by whichever name of the person.
        for subject in [Subject::Thread(anna), Subject::Customer(customer_of(anna))] {
            assert_eq!(world.admin.erasures.ask(TENANT, subject, "other").await.unwrap(), first);
        }
        let second = world.admin.erasures.ask(TENANT, Subject::Thread(again), "").await.unwrap();
        assert_ne!(second.id, first.id, "who came back is erased anew");
        certified(&world, &done(&world, second.id).await);
        let unknown = world.admin.erasures.ask(TENANT, Subject::Thread(Uuid::from_u128(5)), "").await;
        assert!(matches!(unknown, Err(identity::erase::Refusal::Unknown)));
        let name = world.admin.erasures.ask(TENANT, Subject::Thread(anna), "王小明").await;
        assert!(matches!(name, Err(identity::erase::Refusal::Reason)));
        world.stop().await;
    })
    .await;
}
