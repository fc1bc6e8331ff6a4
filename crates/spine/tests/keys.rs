//! The key register on SQLite, and on Postgres when `TEST_DATABASE_URL` names one.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod databases;

use databases::{Place, files_hold, on_each};
use spine::db::{Backend, Checkpoint, Database};
use spine::keys::{
    Algorithm, Contact, KeySettings, Keys, Opened, Owner, Period, SealKey, SealedField, verify_signature,
};
use spine::{Clock, Error, new_id};
use uuid::Uuid;

const SUBJECT: &str = "log.1.0.demo.thread.x";
const MINUTE_US: i64 = 60_000_000;

async fn open(database: &Database, clock: &Clock) -> Keys {
    Keys::open(database, KeySettings::default(), clock.clone()).await.unwrap()
}

async fn start(place: &Place) -> Keys {
    open(&place.open().await, &Clock::system()).await
}

fn key(owner: &Owner, period: &str) -> SealKey {
    let at = format!("{period}-15T00:00:00Z").parse::<jiff::Timestamp>().unwrap().as_microsecond();
    SealKey {
        tenant: "demo".into(),
        owner: owner.clone(),
        class: "messages".into(),
        period: Period::quarter(at),
    }
}

fn contact<'a>(account: &'a str, user: &'a str, period: &'a Period) -> Contact<'a> {
    Contact { tenant: "demo", account, external_user: user, class: "messages", period }
}

async fn seal(keys: &Keys, owner: &Owner, text: &str) -> String {
    keys.seal(&key(owner, "2026-11"), SUBJECT, "text", text).await.unwrap()
}

async fn read(keys: &Keys, sealed: &str) -> Opened {
    keys.open_text(sealed, SUBJECT, "text").await.unwrap()
}

#[tokio::test]
async fn a_sealed_text_opens_after_a_restart_and_says_nothing_before() {
    on_each(async |place| {
        let keys = start(&place).await;
        assert!(keys.is_new());
        let sealed = seal(&keys, &Owner::thread(new_id()), "我的电话是 13800138000").await;
        assert!(sealed.starts_with("v1.a256gcm.") && sealed.is_ascii() && !sealed.contains("138"));
        drop(keys);
        let keys = start(&place).await;
        assert!(!keys.is_new());
        assert!(keys.try_open(&sealed, SUBJECT, "text").is_none(), "its key is not in memory yet");
        assert_eq!(read(&keys, &sealed).await, Opened::Text("我的电话是 13800138000".into()));
        assert!(matches!(keys.try_open(&sealed, SUBJECT, "text"), Some(Ok(Opened::Text(_)))));
    })
    .await;
}

#[tokio::test]
async fn a_text_opens_for_its_own_subject_and_field_alone() {
    on_each(async |place| {
        let keys = start(&place).await;
        let sealed = seal(&keys, &Owner::thread(new_id()), "secret").await;
        let elsewhere = keys.open_text(&sealed, "log.1.0.demo.thread.y", "text").await;
        assert!(matches!(elsewhere, Err(Error::Unopenable { .. })));
        assert!(keys.open_text(&sealed, SUBJECT, "name").await.is_err());
        let mut changed = sealed.clone().into_bytes();
        let last = changed.last_mut().unwrap();
        *last = if *last == b'A' { b'B' } else { b'A' };
        assert!(keys.open_text(&String::from_utf8(changed).unwrap(), SUBJECT, "text").await.is_err());
    })
    .await;
}

#[tokio::test]
async fn both_algorithms_open_whichever_is_set() {
    on_each(async |place| {
        let database = place.open().await;
        let settings = KeySettings { algorithm: Algorithm::Sm4Gcm, ..KeySettings::default() };
        let owner = Owner::customer(new_id());
        let chinese = Keys::open(&database, settings, Clock::system()).await.unwrap();
        let sealed = seal(&chinese, &owner, "国密").await;
        assert!(sealed.starts_with("v1.sm4gcm."));
        let other = open(&database, &Clock::system()).await;
        assert_eq!(read(&other, &sealed).await, Opened::Text("国密".into()));
    })
    .await;
}

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
async fn many_open_at_once_and_a_broken_one_fails_alone() {
    on_each(async |place| {
        let keys = start(&place).await;
        let mut sealed = Vec::new();
        for number in 0..30 {
            sealed.push(seal(&keys, &Owner::thread(new_id()), &number.to_string()).await);
        }
        sealed.push("nonsense".into());
        let keys = open(
            &{
                drop(keys);
                place.open().await
            },
            &Clock::system(),
        )
        .await;
        let field = |sealed| SealedField { sealed, subject: SUBJECT, field: "text" };
        let fields: Vec<_> = sealed.iter().map(|sealed| field(sealed.as_str())).collect();
        let opened = keys.open_many(&fields).await.unwrap();
        for (number, opened) in opened[..30].iter().enumerate() {
            assert_eq!(opened.as_ref().unwrap(), &Opened::Text(number.to_string()));
        }
        assert!(opened[30].is_err());
    })
    .await;
}

#[tokio::test]
async fn a_wrong_or_missing_master_key_is_refused_with_a_remedy() {
    on_each(async |place| {
        let keys = start(&place).await;
        let sealed = seal(&keys, &Owner::thread(new_id()), "x").await;
        drop(keys);
        let file = place.folder.join("keys").join("master.key");
        let right = std::fs::read_to_string(&file).unwrap();
        let refused = async |settings| {
            let database = place.open().await;
            let result = Keys::open(&database, settings, Clock::system()).await;
            assert!(matches!(result.err(), Some(Error::MasterKey { .. })));
        };
        let given =
            |text: &str| KeySettings { master: Some(text.to_owned().into()), ..KeySettings::default() };
        refused(given(&"00".repeat(32))).await;
        refused(given("short")).await;
        std::fs::remove_file(&file).unwrap();
        refused(KeySettings::default()).await;
        assert!(!file.exists(), "no new key is made for a register that holds keys");

        let keys = Keys::open(&place.open().await, given(&right), Clock::system()).await.unwrap();
        assert_eq!(read(&keys, &sealed).await, Opened::Text("x".into()));
    })
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_master_key_file_is_for_its_owner_alone() {
    on_each(async |place| {
        start(&place).await;
        let file = place.folder.join("keys").join("master.key");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
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
        let again = keys.find_thread("demo", "wa-1", "+49 170 1234567").await.unwrap();
        assert_eq!(again, Some(found[0].thread));
        assert_eq!(keys.find_thread("demo", "wa-1", "nobody").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn two_processes_meet_at_the_same_threads_and_keys() {
    on_each(async |place| {
        let database = place.open().await;
        let other = if place.url.is_some() { place.open().await } else { database.clone() };
        let (a, b) = (open(&database, &Clock::system()).await, open(&other, &Clock::system()).await);
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
async fn erased_is_gone_everywhere_and_is_never_sealed_for_again() {
    on_each(async |place| {
        let keys = start(&place).await;
        let period = key(&Owner::thread(Uuid::nil()), "2026-11").period;
        let person = contact("wa-1", "+49 170 1234567", &period);
        let thread = keys.thread_for(&person).await.unwrap().thread;
        let (owner, other) = (Owner::thread(thread), Owner::thread(new_id()));
        let (sealed, kept) = (seal(&keys, &owner, "secret").await, seal(&keys, &other, "kept").await);

        let erasure = keys.erase("demo", std::slice::from_ref(&owner), new_id()).await.unwrap();
        assert_eq!(erasure.keys, [sealed.split('.').nth(2).unwrap()]);
        assert_ne!(erasure.checkpoint, Checkpoint::ReaderInTheWay);
        assert_eq!(read(&keys, &sealed).await, Opened::Gone);
        assert_eq!(read(&keys, &kept).await, Opened::Text("kept".into()));
        assert_eq!(keys.is_erased("demo", &owner).await.unwrap(), Some(erasure.id));
        assert_eq!(keys.is_erased("demo", &other).await.unwrap(), None);
        for month in ["2026-11", "2027-02"] {
            let refused = keys.seal(&key(&owner, month), SUBJECT, "text", "again").await;
            assert!(matches!(refused, Err(Error::Gone { .. })), "{refused:?}");
        }
        let again = keys.erase("demo", std::slice::from_ref(&owner), new_id()).await.unwrap();
        assert!(again.keys.is_empty());
        assert_eq!(keys.is_erased("demo", &owner).await.unwrap(), Some(erasure.id), "the first one counts");

        let back = keys.thread_for(&person).await.unwrap();
        assert!(back.new && back.thread != thread, "who comes back is somebody new");
        drop(keys);
        assert_eq!(read(&start(&place).await, &sealed).await, Opened::Gone);
    })
    .await;
}

#[tokio::test]
async fn another_process_forgets_at_once_when_told_and_by_itself_after_a_minute() {
    on_each(async |place| {
        let database = place.open().await;
        let clock = Clock::system();
        let (eraser, told, untold) =
            (open(&database, &clock).await, open(&database, &clock).await, open(&database, &clock).await);
        let owner = Owner::customer(new_id());
        let sealed = seal(&eraser, &owner, "secret").await;
        assert!(read(&told, &sealed).await.text().is_some());
        assert!(read(&untold, &sealed).await.text().is_some());
        eraser.erase("demo", std::slice::from_ref(&owner), new_id()).await.unwrap();
        told.forget("demo", &owner);
        assert_eq!(read(&told, &sealed).await, Opened::Gone);
        assert!(read(&untold, &sealed).await.text().is_some(), "it still has the key in memory");
        clock.shift(MINUTE_US);
        assert!(untold.try_open(&sealed, SUBJECT, "text").is_none());
        assert_eq!(read(&untold, &sealed).await, Opened::Gone);
    })
    .await;
}

#[tokio::test]
async fn a_destroyed_key_is_in_no_file() {
    on_each(async |place| {
        if place.url.is_some() {
            return;
        }
        let keys = start(&place).await;
        let owner = Owner::thread(new_id());
        let sealed = seal(&keys, &owner, "secret").await;
        let id = sealed.split('.').nth(2).unwrap().as_bytes();
        keys.open_many(&[]).await.unwrap();
        assert!(files_hold(&place.folder, id));
        let erasure = keys.erase("demo", &[owner], new_id()).await.unwrap();
        assert_eq!(erasure.checkpoint, Checkpoint::Truncated);
        assert!(!files_hold(&place.folder, id));
    })
    .await;
}

#[tokio::test]
async fn a_legal_hold_refuses_erasure_and_expiry_until_it_ends() {
    on_each(async |place| {
        let keys = start(&place).await;
        let (held, free) = (Owner::customer(new_id()), Owner::customer(new_id()));
        let (of_held, of_free) = (seal(&keys, &held, "held").await, seal(&keys, &free, "free").await);
        keys.hold("demo", &held, "file 17").await.unwrap();
        let both = [free.clone(), held.clone()];
        assert!(matches!(keys.erase("demo", &both, new_id()).await, Err(Error::Held { .. })));
        assert!(read(&keys, &of_free).await.text().is_some(), "all or none");
        assert_eq!(keys.holds("demo").await.unwrap()[0].owner, held);

        let later = key(&held, "2027-01").period;
        let expired = keys.expire("demo", "messages", &later, new_id()).await.unwrap();
        assert_eq!(expired.keys, [of_free.split('.').nth(2).unwrap()]);
        assert_eq!(read(&keys, &of_free).await, Opened::Gone);
        assert!(read(&keys, &of_held).await.text().is_some());

        assert!(keys.unhold("demo", &held).await.unwrap());
        assert!(!keys.unhold("demo", &held).await.unwrap());
        assert_eq!(keys.erase("demo", &both, new_id()).await.unwrap().keys.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn expiry_destroys_a_class_up_to_a_period() {
    on_each(async |place| {
        let keys = start(&place).await;
        let owner = Owner::tenant("demo");
        let day = |text: &str| Period::day(text.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        let seal_on = async |text: &str| {
            let key = SealKey {
                tenant: "demo".into(),
                owner: owner.clone(),
                class: "inbound".into(),
                period: day(text),
            };
            keys.seal(&key, SUBJECT, "text", "raw").await.unwrap()
        };
        let old = seal_on("2026-11-08T23:00:00Z").await;
        let young = seal_on("2026-11-09T01:00:00Z").await;
        let kept = seal(&keys, &owner, "another class").await;
        let until = day("2026-11-09T00:00:00Z");
        assert_eq!(keys.expire("demo", "inbound", &until, new_id()).await.unwrap().keys.len(), 1);
        assert_eq!(keys.expire("demo", "inbound", &until, new_id()).await.unwrap().keys.len(), 0);
        assert_eq!(read(&keys, &old).await, Opened::Gone);
        assert!(read(&keys, &young).await.text().is_some());
        assert!(read(&keys, &kept).await.text().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_rotated_tenant_key_opens_what_was_sealed_before() {
    on_each(async |place| {
        let database = place.open().await;
        let (keys, other) =
            (open(&database, &Clock::system()).await, open(&database, &Clock::system()).await);
        let mut sealed = Vec::new();
        for _ in 0..300 {
            sealed.push(seal(&keys, &Owner::thread(new_id()), "text").await);
        }
        let token = keys.token("demo", "phone", "+491701234567").await.unwrap();
        let rotation = keys.rotate("demo").await.unwrap();
        assert_eq!((rotation.number, rotation.rewrapped), (1, 300));
        assert_eq!(keys.rotate("demo").await.unwrap().number, 2);
        for text in &sealed {
            assert_eq!(read(&other, text).await, Opened::Text("text".into()));
        }
        let fresh = seal(&other, &Owner::thread(new_id()), "after").await;
        assert_eq!(read(&keys, &fresh).await, Opened::Text("after".into()));
        assert_eq!(other.token("demo", "phone", "+491701234567").await.unwrap(), token);
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
async fn a_signature_proves_its_own_bytes_over_restarts() {
    on_each(async |place| {
        let keys = start(&place).await;
        let signature = keys.sign(b"certificate");
        assert!(verify_signature(b"certificate", &signature));
        assert!(!verify_signature(b"Certificate", &signature));
        let public_key = keys.public_key();
        drop(keys);
        assert_eq!(start(&place).await.public_key(), public_key);
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
async fn what_is_too_large_or_badly_named_is_refused() {
    on_each(async |place| {
        let keys = start(&place).await;
        let owner = Owner::thread(new_id());
        let large = vec![0; 5 * 1_048_576 + 1];
        let refused = keys.seal_bytes(&key(&owner, "2026-11"), SUBJECT, "text", &large).await;
        assert!(matches!(refused, Err(Error::Limit { limit: "plain_bytes_max", .. })));
        let badly = SealKey { class: "Not Allowed".into(), ..key(&owner, "2026-11") };
        assert!(matches!(keys.seal(&badly, SUBJECT, "text", "x").await, Err(Error::Name { .. })));
        let badly = SealKey { tenant: "A.B".into(), ..key(&owner, "2026-11") };
        assert!(matches!(keys.seal(&badly, SUBJECT, "text", "x").await, Err(Error::Name { .. })));
        let bytes = vec![0, 159, 146, 150];
        let sealed = keys.seal_bytes(&key(&owner, "2026-11"), SUBJECT, "raw", &bytes).await.unwrap();
        assert_eq!(keys.open_bytes(&sealed, SUBJECT, "raw").await.unwrap().as_deref(), Some(&bytes));
        assert!(keys.open_text(&sealed, SUBJECT, "raw").await.is_err(), "it is no text");
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
        let backend = if place.url.is_some() { Backend::Postgres } else { Backend::Sqlite };
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
