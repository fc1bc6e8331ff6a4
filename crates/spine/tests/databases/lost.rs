//! A register that lost what was committed to it last: nobody writes, and what cannot be opened is named.

use crate::notes::open;
use crate::register::{SUBJECT, contact, key, read, register, seal, start};
use ground::{Server, on_each};
use spine::journal::JournalEnds;
use spine::keys::{Keys, Opened, Owner};
use spine::{Address, Cause, Clock, Entity, Error, new_id};
use sqlx::AssertSqlSafe;

/// An entity whose one event has a sealed text.
#[derive(Debug, Default)]
struct Note;

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(tag = "type")]
enum NoteEvent {
    Written { text: String },
}

impl Entity for Note {
    type Event = NoteEvent;
    const KIND: &'static str = "note";
    const EVENTS: &'static [&'static str] = &["Written"];

    fn evolve(&mut self, _: &NoteEvent) {}
}

/// As a failover does that lost the last commits: these keys were never there.
async fn loses(keys: &Keys, sealed: &str) {
    let id = sealed.split('.').nth(2).unwrap();
    let text = format!("DELETE FROM keys WHERE id = '{id}'");
    sqlx::query(AssertSqlSafe(text)).execute(keys.store().write()).await.unwrap();
}

fn id_of(sealed: &str) -> String {
    sealed.split('.').nth(2).unwrap().to_owned()
}

#[tokio::test]
async fn a_key_that_was_lost_is_not_taken_for_a_destroyed_one() {
    on_each(async |place| {
        let database = open(&place).await;
        let keys = register(&database, &Clock::system()).await;
        let (lost, erased) = (Owner::thread(new_id()), Owner::thread(new_id()));
        let (of_lost, of_erased) = (seal(&keys, &lost, "lost").await, seal(&keys, &erased, "erased").await);
        keys.erase("demo", std::slice::from_ref(&erased), new_id(), &JournalEnds::NONE).await.unwrap();
        loses(&keys, &of_lost).await;

        let again = register(&database, &Clock::system()).await;
        assert_eq!(read(&again, &of_erased).await, Opened::Gone);
        for _ in 0..2 {
            let refused = again.open_text(&of_lost, SUBJECT, "text").await;
            assert!(
                matches!(&refused, Err(Error::KeyLost { key }) if *key == id_of(&of_lost)),
                "{refused:?}"
            );
        }
        // Old rows that come back bring nobody back who was erased.
        let back = format!(
            "INSERT INTO keys SELECT '{}', tenant, kind, '{}', class, period, wrapped FROM keys LIMIT 1",
            id_of(&of_erased),
            erased.id
        );
        let of_kept = seal(&again, &Owner::thread(new_id()), "kept").await;
        sqlx::query(AssertSqlSafe(back)).execute(again.store().write()).await.unwrap();
        assert_eq!(read(&register(&database, &Clock::system()).await, &of_erased).await, Opened::Gone);
        assert_eq!(read(&again, &of_kept).await, Opened::Text("kept".into()));
        // Given up it is gone, and a key that is there is not given up.
        let of_other = seal(&again, &Owner::thread(new_id()), "kept").await;
        again.give_up(&[id_of(&of_lost), id_of(&of_other)]).await.unwrap();
        assert_eq!(read(&again, &of_lost).await, Opened::Gone);
        assert_eq!(
            read(&register(&database, &Clock::system()).await, &of_other).await,
            Opened::Text("kept".into())
        );
    })
    .await;
}

#[tokio::test]
async fn who_committed_what_the_register_lost_writes_no_more_until_it_is_back() {
    on_each(async |place| {
        let keys = start(&place).await;
        let (first, older) = (Owner::thread(new_id()), Owner::thread(new_id()));
        seal(&keys, &older, "text").await;
        let sealed = seal(&keys, &first, "text").await;
        let id = id_of(&sealed);
        // Finding a key that was there is not making one.
        keys.forget("demo", &older);
        seal(&keys, &older, "more").await;
        sqlx::raw_sql("CREATE TABLE kept AS SELECT * FROM keys").execute(keys.store().write()).await.unwrap();
        loses(&keys, &sealed).await;

        // Also a person whose row was lost with it is not given another thread.
        let period = key(&first, "2026-11").period;
        let refused = keys.thread_for(&contact("wa-1", "+49 170 1234567", &period)).await.unwrap_err();
        assert!(refused.is_passing() && spine::error::chain(&refused).contains(&id), "{refused}");
        let refused = keys.seal(&key(&first, "2026-11"), SUBJECT, "text", "more").await.unwrap_err();
        assert!(spine::error::chain(&refused).contains("bring its newest copy back"), "{refused}");

        sqlx::raw_sql("INSERT INTO keys SELECT * FROM kept WHERE id NOT IN (SELECT id FROM keys)")
            .execute(keys.store().write())
            .await
            .unwrap();
        let again = seal(&keys, &first, "more").await;
        assert_eq!(read(&keys, &again).await, Opened::Text("more".into()));
    })
    .await;
}

#[tokio::test]
async fn a_start_beside_a_log_that_the_register_is_behind_of_is_refused_and_all_that_was_lost_is_named() {
    on_each(async |place| {
        let server = Server::start().await;
        let log = server.log().await;
        let database = open(&place).await;
        let keys = register(&database, &Clock::system()).await;
        keys.check_against(log.nats(), spine::keys::streams()).await.unwrap();
        let mut written = Vec::new();
        for _ in 0..3 {
            let id = new_id();
            let address = Address::of("demo", Note::KIND, id).unwrap();
            let name = key(&Owner::thread(id), "2026-11");
            let text = keys.seal(&name, &address.subject(), "text", "你好").await.unwrap();
            let event = NoteEvent::Written { text: text.clone() };
            let cause = Cause::new(new_id(), "write", "test");
            let decide = |_: &Note| Ok::<_, std::convert::Infallible>(vec![event.clone()]);
            let position = log.transact(&address, &cause, decide).await.unwrap().position();
            written.push((address, text, position));
        }
        keys.check_against(log.nats(), spine::keys::streams()).await.unwrap();
        // A stranger's clear text that looks like a sealed value is none.
        let made_up =
            NoteEvent::Written { text: "v1.a256gcm.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAA.AAAA".into() };
        let decide = |_: &Note| Ok::<_, std::convert::Infallible>(vec![made_up.clone()]);
        let cause = Cause::new(new_id(), "write", "test");
        log.transact(&Address::of("demo", Note::KIND, new_id()).unwrap(), &cause, decide).await.unwrap();
        keys.check_against(log.nats(), spine::keys::streams()).await.unwrap();
        let (address, text, position) = &written[2];
        loses(&keys, text).await;

        let refused = keys.check_against(log.nats(), spine::keys::streams()).await.unwrap_err().to_string();
        assert!(refused.contains(&id_of(text)) && refused.contains(&address.subject()), "{refused}");
        let mut named = Vec::new();
        for stream in spine::keys::streams() {
            named.extend(keys.lost_of(log.nats(), &stream).await.unwrap());
        }
        let [lost] = &named[..] else { panic!("one message: {named:?}") };
        assert_eq!(
            (lost.sequence, &lost.subject, &lost.key),
            (position.sequence, &address.subject(), &id_of(text))
        );
        keys.give_up(std::slice::from_ref(&lost.key)).await.unwrap();
        keys.check_against(log.nats(), spine::keys::streams()).await.unwrap();
    })
    .await;
}
