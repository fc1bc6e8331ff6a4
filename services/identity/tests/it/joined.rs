//! A joined lead is the same person: an erasure reaches it from either end, with its thread and its customer.

use crate::erasing::{certified, done, everywhere};
use crate::world::{TENANT, World, on_each};
use identity::erase::{Certificate, Subject};
use identity::ids::customer_of;
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

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_reaches_every_joined_lead_and_its_thread() {
    on_each(async |world| {
        let (threads, bob) = populate(&world).await;
        for text in [TEXT, PHONE] {
            assert!(!everywhere(&world.place, &world.server, text).is_empty(), "{text} is found before");
        }
        let certificate = erased(&world, Subject::Thread(threads[0])).await;
        assert_eq!(certificate.threads, threads.iter().copied().collect::<BTreeSet<_>>());
        assert_eq!((certificate.customers.len(), certificate.leads.len()), (4, 4));
        assert_eq!((certificate.inbound.len(), certificate.feed.len()), (4, 4));
        for text in [TEXT, PHONE, "anna@mail", "anna@web"] {
            let found = everywhere(&world.place, &world.server, text);
            assert!(found.is_empty(), "{text}: {found:?}");
        }
        assert!(!everywhere(&world.place, &world.server, OTHER).is_empty(), "who was parted is still there");
        assert!(!world.customer_of(bob).await.erased);
        world.rebuilds_to_the_same().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_lead_of_a_chain_reaches_the_first() {
    on_each(async |world| {
        let (threads, _) = populate(&world).await;
        let certificate = erased(&world, Subject::Customer(customer_of(threads[2]))).await;
        assert_eq!(certificate.threads, threads.iter().copied().collect::<BTreeSet<_>>());
        assert_eq!(certificate.leads.len(), 4);
        // Asked again from the other end it finds the same, although all of them are erased by now.
        let again = erased(&world, Subject::Thread(threads[3])).await;
        assert_eq!(again.leads, certificate.leads);
        world.stop().await;
    })
    .await;
}
