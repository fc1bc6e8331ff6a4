//! Who is one with whom: by evidence, never by what was typed; by a person; and the undoing of it.

use crate::world::{Runs, TENANT, World, on_each};
use events::customer::EvidenceKind;
use identity::ids::{customer_address, customer_of};
use identity::{Pair, Problem};
use laws::customer::{self, Customer, Rejection};
use spine::Cause;
use uuid::Uuid;

fn cause() -> Cause {
    Cause::new(spine::new_id(), "merge", "test")
}

fn pair(into: Uuid, from: Uuid) -> Pair<'static> {
    Pair { tenant: TENANT, into: customer_of(into), from: customer_of(from) }
}

/// Everything that is known of customers, as text.
async fn tables(world: &World) -> Vec<Vec<Vec<String>>> {
    vec![
        world
            .rows(
                "SELECT customer, root, absorbed_into, first_thread, last_thread,
                 CAST(first_at AS TEXT), CAST(last_at AS TEXT), CAST(latest AS TEXT)
                 FROM customers ORDER BY customer",
                8,
            )
            .await,
        world.rows("SELECT thread, origin, customer FROM customer_threads ORDER BY thread", 3).await,
        world.rows("SELECT thread, kind, token FROM tokens ORDER BY thread, kind", 3).await,
        world.rows("SELECT thread, source FROM touches ORDER BY thread, conversation", 2).await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn two_threads_with_the_same_verified_phone_are_one_customer() {
    on_each(async |world| {
        let anna = world.writes("anna", "hello", Some("ad-1")).await;
        let mail = world.writes("anna@mail", "hello", Some("ad-2")).await;
        world.proves(anna, EvidenceKind::VerifiedPhone, "+86 138 0013 8000").await;
        world.proves(mail, EvidenceKind::VerifiedPhone, "13800138000").await;
        world.settled().await;
        let customer = world.customer_of(mail).await;
        assert_eq!(customer.id, customer_of(anna).to_string(), "the older goes on");
        assert_eq!(customer.merged_from, [customer_of(mail).to_string()]);
        assert_eq!(customer.threads.len(), 2);
        assert_eq!(customer.evidence, [proto::v1::EvidenceKind::VerifiedPhone as i32]);
        assert_eq!(customer.first_touch.unwrap().source.as_deref(), Some("ad-1"));
        assert_eq!(customer.last_touch.unwrap().source.as_deref(), Some("ad-2"));
        world.rebuilds_to_the_same().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_phone_never_links() {
    on_each(async |world| {
        let anna = world.writes("anna", "13800138000", None).await;
        let bob = world.writes("bob", "13800138000", None).await;
        world.proves(anna, EvidenceKind::VerifiedPhone, "13800138000").await;
        world.types_phone(anna, 1, "13800138000").await;
        world.types_phone(bob, 1, "13800138000").await;
        world.settled().await;
        assert_ne!(world.customer_of(anna).await.id, world.customer_of(bob).await.id);
        assert_eq!(world.count("SELECT COUNT(*) FROM leads_of_thread").await, 2);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_threads_of_one_person_end_as_one_customer() {
    on_each(async |world| {
        let mut threads = Vec::new();
        for place in 0..6 {
            let thread = world.writes(&format!("p{place}"), "hello", None).await;
            world.proves(thread, EvidenceKind::Unionid, "o6_bm").await;
            threads.push(thread);
        }
        world.settled().await;
        let customer = world.customer_of(threads[5]).await;
        assert_eq!(customer.threads.len(), 6);
        assert_eq!(customer.id, customer_of(threads[0]).to_string());
        world.rebuilds_to_the_same().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_and_its_split_leave_everything_as_before() {
    on_each(async |world| {
        let anna = world.writes("anna", "hello", Some("ad-1")).await;
        let bob = world.writes("bob", "hello", Some("ad-2")).await;
        world.proves(bob, EvidenceKind::Login, "bob").await;
        world.settled().await;
        let before = tables(&world).await;
        let merger = &world.admin.merger;
        merger.merge(pair(anna, bob), EvidenceKind::Person, &cause()).await.unwrap();
        world.settled().await;
        let merged = world.customer_of(bob).await;
        assert_eq!(merged.threads.len(), 2);
        assert!(merged.evidence.contains(&(proto::v1::EvidenceKind::Person as i32)));
        world.writes("bob", "more", None).await;
        merger.split(pair(anna, bob), &cause()).await.unwrap();
        world.settled().await;
        assert_eq!(tables(&world).await, before);
        assert!(matches!(
            merger.split(pair(anna, bob), &cause()).await,
            Err(Problem::Rejected(Rejection::NotMerged { .. }))
        ));
        world.rebuilds_to_the_same().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_split_is_not_linked_again_by_itself() {
    on_each(async |world| {
        let anna = world.writes("anna", "hello", None).await;
        let bob = world.writes("bob", "hello", None).await;
        for thread in [anna, bob] {
            world.proves(thread, EvidenceKind::VerifiedEmail, "Family@Example.com").await;
        }
        world.settled().await;
        assert_eq!(world.customer_of(bob).await.threads.len(), 2);
        world.admin.merger.split(pair(anna, bob), &cause()).await.unwrap();
        world.settled().await;
        assert_eq!(world.customer_of(bob).await.threads.len(), 1);
        let conflicts = world.rows("SELECT customer, other, reason FROM conflicts", 3).await;
        let wanted = [customer_of(anna).to_string(), customer_of(bob).to_string(), "split_before".to_owned()];
        assert_eq!(conflicts, [wanted]);
        world.rebuilds_to_the_same().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_different_logins_wait_for_a_person() {
    on_each(async |world| {
        let anna = world.writes("anna", "hello", None).await;
        let bob = world.writes("bob", "hello", None).await;
        world.proves(anna, EvidenceKind::Login, "anna").await;
        world.proves(bob, EvidenceKind::Login, "bob").await;
        for thread in [anna, bob] {
            world.proves(thread, EvidenceKind::VerifiedPhone, "+8613800138000").await;
        }
        world.settled().await;
        assert_ne!(world.customer_of(anna).await.id, world.customer_of(bob).await.id);
        assert_eq!(world.rows("SELECT reason FROM conflicts", 1).await, [["two_logins"]]);
        world.admin.merger.merge(pair(anna, bob), EvidenceKind::Person, &cause()).await.unwrap();
        world.settled().await;
        assert_eq!(world.customer_of(bob).await.threads.len(), 2);
        world.rebuilds_to_the_same().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_whose_maker_died_in_between_is_finished() {
    on_each(async |mut world| {
        let anna = world.writes("anna", "hello", None).await;
        let bob = world.writes("bob", "hello", None).await;
        world.settled().await;
        world = world.kill_and_restart(Runs::Readers).await;
        let address = customer_address(TENANT, customer_of(anna)).unwrap();
        let (from, at) = (customer_of(bob), world.now());
        let decide = |state: &Customer| customer::merge(state, from, &[bob], EvidenceKind::Person, at);
        world.spine.log.transact(&address, &cause(), decide).await.unwrap();
        world = world.kill_and_restart(Runs::Service).await;
        world.settled().await;
        assert_eq!(world.customer_of(bob).await.id, customer_of(anna).to_string());
        let decide = |state: &Customer| customer::split(state, from, at);
        world.spine.log.transact(&address, &cause(), decide).await.unwrap();
        world.settled().await;
        assert_eq!(world.customer_of(bob).await.id, customer_of(bob).to_string());
        world.rebuilds_to_the_same().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_goes_on_as_another_is_not_merged_twice() {
    on_each(async |world| {
        let mut threads = Vec::new();
        for person in ["anna", "bob", "carl"] {
            threads.push(world.writes(person, "hello", None).await);
        }
        world.settled().await;
        let merger = &world.admin.merger;
        let [anna, bob, carl] = threads[..] else { unreachable!() };
        merger.merge(pair(anna, bob), EvidenceKind::Person, &cause()).await.unwrap();
        merger.merge(pair(anna, bob), EvidenceKind::Person, &cause()).await.unwrap();
        let refused = |result| match result {
            Err(Problem::Rejected(rejection)) => rejection,
            other => panic!("{other:?}"),
        };
        let twice = merger.merge(pair(carl, bob), EvidenceKind::Person, &cause()).await;
        assert_eq!(refused(twice), Rejection::Absorbed { into: customer_of(anna) });
        let back = merger.merge(pair(bob, anna), EvidenceKind::Person, &cause()).await;
        assert!(matches!(refused(back), Rejection::Claims { .. } | Rejection::Absorbed { .. }));
        let same = merger.merge(pair(anna, anna), EvidenceKind::Person, &cause()).await;
        assert_eq!(refused(same), Rejection::Same);
        merger.merge(pair(carl, anna), EvidenceKind::Person, &cause()).await.unwrap();
        world.settled().await;
        assert_eq!(world.customer_of(bob).await.id, customer_of(carl).to_string());
        world.rebuilds_to_the_same().await;
        world.stop().await;
    })
    .await;
}
