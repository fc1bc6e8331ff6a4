//! The end of a key: erasure, expiry, what a legal hold keeps, and what a rotation leaves readable.

use crate::notes::open;
use crate::register::{SUBJECT, contact, key, read, register, seal, start};
use ground::{holders, on_each};
use spine::db::Checkpoint;
use spine::journal::JournalEnds;
use spine::keys::{Contact, Found, Opened, Owner, Period, Request, SealKey};
use spine::{Clock, Error, new_id};
use uuid::Uuid;

const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 24 * 60 * MINUTE_US;

#[tokio::test]
async fn erased_is_gone_everywhere_and_is_never_sealed_for_again() {
    on_each(async |place| {
        let keys = start(&place).await;
        let period = key(&Owner::thread(Uuid::nil()), "2026-11").period;
        let person = contact("wa-1", "+49 170 1234567", &period);
        let thread = keys.thread_for(&person).await.unwrap().thread;
        let (owner, other) = (Owner::thread(thread), Owner::thread(new_id()));
        let (sealed, kept) = (seal(&keys, &owner, "secret").await, seal(&keys, &other, "kept").await);

        let erasure =
            keys.erase("demo", std::slice::from_ref(&owner), new_id(), &JournalEnds::NONE).await.unwrap();
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
        let again =
            keys.erase("demo", std::slice::from_ref(&owner), new_id(), &JournalEnds::NONE).await.unwrap();
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
async fn what_somebody_sent_before_their_erasure_stays_theirs_however_late_it_is_decided() {
    on_each(async |place| {
        let keys = start(&place).await;
        let period = key(&Owner::thread(Uuid::nil()), "2026-11").period;
        let received_at = Clock::system().now();
        let sent = |user, sequence| Contact {
            journalled: Some(Request { sequence, received_at }),
            ..contact("wa-1", user, &period)
        };
        let (person, bystander) = ("+49 170 1234567", "+49 170 7654321");
        let thread = keys.thread_for(&sent(person, 3)).await.unwrap().thread;
        keys.erase("demo", &[Owner::thread(thread)], new_id(), &JournalEnds::all(10)).await.unwrap();
        let found = async |user, sequence| keys.thread_for(&sent(user, sequence)).await.unwrap();
        let late = Found { thread, new: false, erased: true };
        assert_eq!(found(person, 10).await, late);
        assert!(matches!(found(bystander, 10).await, Found { new: true, erased: false, .. }));
        assert_eq!(keys.find_thread("demo", "wa-1", person, None).await.unwrap(), None);
        let (old, new) = futures::join!(found(person, 4), found(person, 11));
        assert_eq!(old, late);
        assert!(new.thread != thread && new.new && !new.erased, "{new:?}");
        assert_eq!(found(person, 12).await, Found { new: false, ..new });
        assert_eq!(found(person, 5).await, late, "though they are back");
        let before = Request { sequence: 6, received_at };
        assert_eq!(keys.find_thread("demo", "wa-1", person, Some(before)).await.unwrap(), Some(late));
        let back = keys.find_thread("demo", "wa-1", person, None).await.unwrap();
        assert_eq!(back, Some(Found { new: false, ..new }));
        let other = sent(person, 4);
        let elsewhere = keys.thread_for(&Contact { account: "wa-2", ..other }).await.unwrap();
        assert!(elsewhere.new && !elsewhere.erased, "another account of theirs was not erased");
        keys.erase("demo", &[Owner::thread(new.thread)], new_id(), &JournalEnds::all(20)).await.unwrap();
        assert_eq!(found(person, 20).await, Found { new: false, erased: true, ..new });
        let after_days = Request { sequence: 5, received_at: received_at + 2 * DAY_US };
        let back = Contact { journalled: Some(after_days), ..contact("wa-1", person, &period) };
        assert!(keys.thread_for(&back).await.unwrap().new, "a journal made anew counts from one");
    })
    .await;
}

#[tokio::test]
async fn another_process_forgets_at_once_when_told_and_by_itself_after_a_minute() {
    on_each(async |place| {
        let database = open(&place).await;
        let clock = Clock::system();
        let (eraser, told, untold) = (
            register(&database, &clock).await,
            register(&database, &clock).await,
            register(&database, &clock).await,
        );
        let owner = Owner::customer(new_id());
        let sealed = seal(&eraser, &owner, "secret").await;
        assert!(read(&told, &sealed).await.text().is_some());
        assert!(read(&untold, &sealed).await.text().is_some());
        eraser.erase("demo", std::slice::from_ref(&owner), new_id(), &JournalEnds::NONE).await.unwrap();
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
        if !place.is_sqlite() {
            return;
        }
        let keys = start(&place).await;
        let owner = Owner::thread(new_id());
        let sealed = seal(&keys, &owner, "secret").await;
        let id = sealed.split('.').nth(2).unwrap();
        let wrapped: Vec<u8> = sqlx::query_scalar("SELECT wrapped FROM keys WHERE id = $1")
            .bind(id)
            .fetch_one(keys.store().reads())
            .await
            .unwrap();
        let is_held = || files(&place.folder).iter().any(|bytes| holds(bytes, &wrapped));
        assert!(is_held());
        let erasure = keys.erase("demo", &[owner], new_id(), &JournalEnds::NONE).await.unwrap();
        assert_eq!(erasure.checkpoint, Checkpoint::Truncated);
        assert!(!is_held());
        assert!(!holders(&place.folder, id).is_empty(), "that there was a key of this id is kept");
    })
    .await;
}

/// The bytes of every file below the folder.
fn files(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: std::path::PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![std::fs::read(&path).unwrap()],
    };
    entries.flat_map(of).collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn a_legal_hold_refuses_erasure_and_expiry_until_it_ends() {
    on_each(async |place| {
        let keys = start(&place).await;
        let (held, free) = (Owner::customer(new_id()), Owner::customer(new_id()));
        let (of_held, of_free) = (seal(&keys, &held, "held").await, seal(&keys, &free, "free").await);
        keys.hold("demo", &held, "file 17").await.unwrap();
        let both = [free.clone(), held.clone()];
        assert!(matches!(
            keys.erase("demo", &both, new_id(), &JournalEnds::NONE).await,
            Err(Error::Held { .. })
        ));
        assert!(read(&keys, &of_free).await.text().is_some(), "all or none");
        assert_eq!(keys.holds("demo").await.unwrap()[0].owner, held);

        let later = key(&held, "2027-01").period;
        let expired = keys.expire("demo", "messages", &later, new_id()).await.unwrap();
        assert_eq!(expired.keys, [of_free.split('.').nth(2).unwrap()]);
        assert_eq!(read(&keys, &of_free).await, Opened::Gone);
        assert!(read(&keys, &of_held).await.text().is_some());

        assert!(keys.unhold("demo", &held).await.unwrap());
        assert!(!keys.unhold("demo", &held).await.unwrap());
        assert_eq!(keys.erase("demo", &both, new_id(), &JournalEnds::NONE).await.unwrap().keys.len(), 1);
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
        let database = open(&place).await;
        let (keys, other) =
            (register(&database, &Clock::system()).await, register(&database, &Clock::system()).await);
        let mut sealed = Vec::new();
        for _ in 0..300 {
            sealed.push(seal(&keys, &Owner::thread(new_id()), "text").await);
        }
        let token = keys.token("demo", "phone", "+491701234567").await.unwrap();
        let (first, checkpoint) = keys.rotate("demo").await.unwrap().unwrap();
        assert_eq!((first.number, first.rewrapped), (1, 300));
        assert_ne!(checkpoint, Checkpoint::ReaderInTheWay);
        let (second, _) = keys.rotate("demo").await.unwrap().unwrap();
        assert_eq!((second.number, second.rewrapped), (2, 300));
        assert_eq!(other.rotations("demo").await.unwrap(), [first, second]);
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
async fn a_tenant_without_a_key_is_given_none_by_a_rotation() {
    on_each(async |place| {
        let keys = register(&open(&place).await, &Clock::system()).await;
        for _ in 0..2 {
            assert_eq!(keys.rotate("nobody").await.unwrap(), None);
        }
        assert_eq!(keys.rotations("nobody").await.unwrap(), []);
        assert!(matches!(keys.rotate("No Slug").await, Err(Error::Name { .. })));
    })
    .await;
}
