//! Whose key and whose thread it is: one for each contact, owner, class and period, whoever asks first.

use crate::notes::{another, open};
use crate::register::{SUBJECT, contact, key, register, seal, start};
use ground::on_each;
use spine::db::Backend;
use spine::keys::{Owner, Period, SealKey};
use spine::{Clock, new_id};

#[tokio::test]
async fn one_key_serves_one_owner_class_and_period() {
    on_each(async |place| {
        let keys = start(&place).await;
        let owner = Owner::thread(new_id());
        let id = async |key: &SealKey| {
            let sealed = keys.seal(key, SUBJECT, "text", "x").await.unwrap();
            sealed.split('.').nth(2).unwrap().to_owned()
        };
        let first = id(&key(&owner, "2026-10")).await;
        assert_eq!(id(&key(&owner, "2026-12")).await, first, "the same quarter");
        assert_ne!(id(&key(&owner, "2027-01")).await, first, "another quarter");
        assert_ne!(id(&key(&Owner::thread(new_id()), "2026-10")).await, first, "another owner");
        assert_ne!(id(&SealKey { class: "details".into(), ..key(&owner, "2026-10") }).await, first);
        assert_ne!(id(&SealKey { tenant: "other".into(), ..key(&owner, "2026-10") }).await, first);
    })
    .await;
}

#[tokio::test]
async fn the_same_contact_finds_the_same_thread_and_one_caller_made_it() {
    on_each(async |place| {
        let keys = start(&place).await;
        let period = Period::quarter(0);
        let same = contact("wa-1", "+49 170 1234567", &period);
        let found = futures::future::join_all((0..50).map(|_| keys.thread_for(&same))).await;
        let found: Vec<_> = found.into_iter().map(Result::unwrap).collect();
        assert!(found.iter().all(|one| one.thread == found[0].thread));
        assert_eq!(found.iter().filter(|one| one.new).count(), 1);
        let other = keys.thread_for(&contact("wa-2", "+49 170 1234567", &period)).await.unwrap();
        assert!(other.new && other.thread != found[0].thread);
        let all = keys.threads_of("demo", "+49 170 1234567").await.unwrap();
        assert_eq!(all, [("wa-1".to_owned(), found[0].thread), ("wa-2".to_owned(), other.thread)]);
        let again = keys.find_thread("demo", "wa-1", "+49 170 1234567", None).await.unwrap();
        assert_eq!(again.map(|found| found.thread), Some(found[0].thread));
        assert_eq!(keys.find_thread("demo", "wa-1", "nobody", None).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn two_processes_meet_at_the_same_threads_and_keys() {
    on_each(async |place| {
        let database = open(&place).await;
        let other = another(&place, &database).await;
        let (a, b) = (register(&database, &Clock::system()).await, register(&other, &Clock::system()).await);
        let period = Period::quarter(0);
        let users: Vec<String> = (0..200).map(|number| format!("user-{number}")).collect();
        let forwards =
            users.iter().map(async |user| a.thread_for(&contact("wx", user, &period)).await.unwrap());
        let backwards =
            users.iter().rev().map(async |user| b.thread_for(&contact("wx", user, &period)).await.unwrap());
        let (of_a, mut of_b) =
            tokio::join!(futures::future::join_all(forwards), futures::future::join_all(backwards));
        of_b.reverse();
        for (one, two) in of_a.iter().zip(&of_b) {
            assert_eq!(one.thread, two.thread);
            assert!(one.new != two.new, "one of the two made it");
        }
        let owner = Owner::thread(of_a[0].thread);
        let (one, two) = tokio::join!(seal(&a, &owner, "1"), seal(&b, &owner, "2"));
        assert_eq!(one.split('.').nth(2), two.split('.').nth(2));
    })
    .await;
}

#[tokio::test]
async fn a_token_is_equal_for_the_same_value_of_one_kind_and_tenant_alone() {
    on_each(async |place| {
        let keys = start(&place).await;
        let token = keys.token("demo", "phone", "+49170").await.unwrap();
        assert_eq!(keys.token("demo", "phone", "+49170").await.unwrap(), token);
        assert_ne!(keys.token("demo", "mail", "+49170").await.unwrap(), token);
        assert_ne!(keys.token("other", "phone", "+49170").await.unwrap(), token);
        drop(keys);
        assert_eq!(start(&place).await.token("demo", "phone", "+49170").await.unwrap(), token);
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_caller_costs_nobody_else_their_key() {
    on_each(async |place| {
        let keys = start(&place).await;
        let owners: Vec<Owner> = (0..64).map(|_| Owner::thread(new_id())).collect();
        let seals = owners.iter().enumerate().map(async |(number, owner)| {
            let patience = std::time::Duration::from_micros(if number % 3 == 0 { 300 } else { 30_000_000 });
            tokio::time::timeout(patience, seal(&keys, owner, "x")).await.ok()
        });
        let sealed = futures::future::join_all(seals).await;
        for (number, sealed) in sealed.iter().enumerate().filter(|(number, _)| number % 3 != 0) {
            assert!(sealed.is_some(), "{number} waited for ever");
        }
    })
    .await;
}

#[tokio::test]
async fn a_burst_of_new_customers_is_few_commits() {
    on_each(async |place| {
        let keys = start(&place).await;
        let period = Period::quarter(0);
        let users: Vec<String> = (0..500).map(|number| format!("user-{number}")).collect();
        keys.thread_for(&contact("wx", "warm", &period)).await.unwrap();
        let began = std::time::Instant::now();
        let made =
            users.iter().map(async |user| keys.thread_for(&contact("wx", user, &period)).await.unwrap());
        assert!(futures::future::join_all(made).await.iter().all(|found| found.new));
        let backend = if place.is_sqlite() { Backend::Sqlite } else { Backend::Postgres };
        // One commit each would be at least 500 syncs of the disk.
        assert!(
            began.elapsed() < std::time::Duration::from_secs(5),
            "{backend:?} took {:?}",
            began.elapsed()
        );
        eprintln!("{backend:?}: 500 new customers at once in {:?}", began.elapsed());
    })
    .await;
}
