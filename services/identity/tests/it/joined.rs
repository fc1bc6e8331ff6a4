//! A joined lead has a contact detail in common with the person: an erasure reaches the lead from either end. The
//! thread that it stands beside may be another person's, so it stays, and the certificate names it.

use crate::erasing::{certified, done, everywhere};
use crate::world::{TENANT, World, on_each};
use identity::erase::{Certificate, Subject};
use identity::ids::customer_of;
use spine::keys::Owner;
use std::collections::BTreeSet;
use uuid::Uuid;

const TEXT: &str = "我的电话在这里，请联系我";
const PHONE: &str = "13987654321";
const OTHER: &str = "13611112222";

/// Four contacts that share nothing but a typed phone: the second and the fourth lead were joined into the first,
/// the third into the second. A fifth lead was joined and parted again.
async fn populate(world: &World) -> (Vec<Uuid>, Uuid) {
    let (mut threads, mut leads) = (Vec::new(), Vec::new());
    for name in ["anna", "anna@mail", "anna@web", "anna@shop"] {
        let thread = world.writes(name, TEXT, None).await;
        leads.push(world.types_phone(thread, 1, PHONE).await);
        threads.push(thread);
    }
    let bob = world.writes("bob", "another text", None).await;
    let parted = world.types_phone(bob, 1, OTHER).await;
    for (own, into) in [(1, 0), (2, 1), (3, 0)] {
        world.joins(&leads[own], &leads[into]).await;
    }
    world.joins(&parted, &leads[0]).await;
    world.parts(&parted).await;
    world.settled().await;
    (threads, bob)
}

async fn erased(world: &World, subject: Subject) -> Certificate {
    let asked = world.admin.erasures.ask(TENANT, subject, "ticket-9").await.unwrap();
    let erasure = done(world, asked.id).await;
    certified(world, &erasure)
}

/// What the readable side of the installation holds: the lead feed's messages, and each thread's notes.
async fn notes_of(world: &World, thread: Uuid) -> Vec<String> {
    let model = world.spine.readers.find("notebook").unwrap().model();
    sqlx::query_scalar("SELECT text FROM notes WHERE thread = $1")
        .bind(thread.to_string())
        .fetch_all(model.store.reads())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_reaches_every_joined_lead_and_leaves_their_threads_to_a_person() {
    on_each(async |world| {
        let (threads, bob) = populate(&world).await;
        for text in [TEXT, PHONE] {
            assert!(!everywhere(&world.place, &world.server, text).is_empty(), "{text} is found before");
        }
        let seen = world.admin.erasures.look(TENANT, Subject::Thread(threads[0])).await.unwrap();
        let ends = world.spine.log.ends().await.unwrap();
        let others: BTreeSet<Uuid> = threads[1..].iter().copied().collect();
        assert_eq!((seen.plan.threads.len(), seen.plan.leads.len()), (1, 4));
        assert_eq!((&seen.plan.others, seen.step), (&others, identity::erase::Step::Collect));
        assert_eq!(world.admin.erasures.get(seen.id).await.unwrap(), None, "a look is no erasure");
        assert_eq!(world.spine.log.ends().await.unwrap(), ends, "a look appends nothing");

        let certificate = erased(&world, Subject::Thread(threads[0])).await;
        assert_eq!(certificate.threads, BTreeSet::from([threads[0]]));
        assert_eq!(certificate.customers, BTreeSet::from([customer_of(threads[0])]));
        assert_eq!((certificate.leads.len(), certificate.inbound.len(), certificate.feed.len()), (4, 1, 4));
        assert_eq!(certificate.others, others);
        // The number was readable in the feed alone; all four leads said it there.
        let found = everywhere(&world.place, &world.server, PHONE);
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(notes_of(&world, threads[0]).await, Vec::<String>::new());
        for (thread, name) in threads[1..].iter().zip(["anna@mail", "anna@web", "anna@shop"]) {
            assert_eq!(notes_of(&world, *thread).await, [TEXT], "{name} keeps the conversation");
            assert!(!world.customer_of(*thread).await.erased, "{name}");
            let gone = world.spine.keys.is_erased(TENANT, &Owner::thread(*thread)).await.unwrap();
            assert_eq!(gone, None, "{name}");
        }
        assert!(!everywhere(&world.place, &world.server, OTHER).is_empty(), "who was parted is still there");
        assert!(!world.customer_of(bob).await.erased);
        world.rebuilds_to_the_same().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_that_share_a_number_are_erased_one_by_one() {
    on_each(async |world| {
        let (threads, _) = populate(&world).await;
        // From the last of the chain.
        let first = erased(&world, Subject::Customer(customer_of(threads[2]))).await;
        assert_eq!(first.threads, BTreeSet::from([threads[2]]));
        assert_eq!((first.leads.len(), first.others.len()), (4, 3));
        let mut others = first.others.clone();
        for thread in [threads[3], threads[0], threads[1]] {
            let next = erased(&world, Subject::Thread(thread)).await;
            assert_eq!(next.leads, first.leads, "it finds the same leads, although they are erased by now");
            others.remove(&thread);
            assert_eq!(next.others, others, "who was erased meanwhile is not named again");
        }
        for text in [TEXT, PHONE, "anna@mail", "anna@web"] {
            let found = everywhere(&world.place, &world.server, text);
            assert!(found.is_empty(), "{text}: {found:?}");
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_lists_no_key_that_still_opens() {
    on_each(async |world| {
        let (threads, _) = populate(&world).await;
        let first = erased(&world, Subject::Thread(threads[0])).await;
        let second = erased(&world, Subject::Thread(threads[1])).await;
        assert!(!first.keys.is_empty() && !second.keys.is_empty());
        assert!(first.keys.is_disjoint(&second.keys), "the second thread's keys were not the first one's");
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_of_the_thread_beside_a_joined_lead_keeps_the_lead() {
    on_each(async |world| {
        let (threads, _) = populate(&world).await;
        world.spine.keys.hold(TENANT, &Owner::thread(threads[3]), "case-4").await.unwrap();
        let asked = world.admin.erasures.ask(TENANT, Subject::Thread(threads[0]), "").await.unwrap();
        assert!(asked.waits.contains("case-4"), "{asked:?}");
        let again = world.admin.erasures.ask(TENANT, Subject::Thread(threads[0]), "").await.unwrap();
        assert_eq!(again, asked, "one that waits is not asked for a second time");
        assert!(world.spine.keys.unhold(TENANT, &Owner::thread(threads[3])).await.unwrap());
        certified(&world, &done(&world, asked.id).await);
        world.stop().await;
    })
    .await;
}
