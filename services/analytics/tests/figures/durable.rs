//! What stays the same: after redelivery, death, rebuild, erasure, and without any key.

use crate::ask::span;
use crate::model::assert_all;
use crate::script::{ACCOUNTS, CONVERSATIONS, START, play, play_all};
use crate::suite::{Suite, TENANT, assert_same};
use crate::talk::{MS, Talk};
use conversation::{Thread, receive};
use events::{ContentKind, Sealed};
use ground::{Server, on_each};
use spine::keys::{Opened, Owner, Period, SealKey};
use spine::{Cause, Decided, new_id};

const HOUR: i64 = 3_600_000_000;
/// Conversations and accounts.
const ROWS: u64 = (CONVERSATIONS + ACCOUNTS.len()) as u64;

#[tokio::test]
async fn a_model_rebuilt_from_the_logs_beginning_equals_the_live_one_also_after_erasures() {
    on_each(async |place| {
        let server = Server::start().await;
        let suite = Suite::start(&server, &place).await;
        let all = play_all(&suite).await;
        suite.caught_up().await;
        let reader = suite.reader().await;
        let live = reader.model();
        reader.rebuild(|_, _| {}).await.unwrap();
        suite.caught_up().await;
        let rebuilt = reader.model();
        assert_ne!(live.slot, rebuilt.slot);
        assert_same(&live, &rebuilt, ROWS).await;
        assert_all(&suite, &span(START, START + 100 * HOUR), &all).await;
        suite.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_killed_service_goes_on_where_it_was() {
    on_each(async |place| {
        let server = Server::start().await;
        let mut all = Vec::new();
        let mut suite = Suite::start(&server, &place).await;
        for (account, channel) in ACCOUNTS {
            suite.configure(account, channel).await;
        }
        for round in 0..6_i64 {
            for scene in 0..14 {
                let (account, channel) = ACCOUNTS[scene as usize % 3];
                let talk = Talk::new(&suite, account, channel);
                let at = START + (round * 14 + i64::from(scene)) * 1_000_000;
                all.extend(play(&talk, scene, at, round).await);
            }
            // Dropped without a word while it has yet to read what was just appended.
            suite.kill().await;
            suite = Suite::start(&server, &place).await;
        }
        // On Postgres the leases of the dead have to run out first.
        suite.caught_up().await;
        assert_all(&suite, &span(START, START + 100 * HOUR), &all).await;
        suite.stop().await;
        let suite = Suite::start(&server, &place).await;
        assert_all(&suite, &span(START, START + 100 * HOUR), &all).await;
        suite.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_delivered_again_changes_nothing() {
    on_each(async |place| {
        let server = Server::start().await;
        let suite = Suite::start(&server, &place).await;
        let (account, channel) = ACCOUNTS[0];
        suite.configure(account, channel).await;
        let talk = Talk::new(&suite, account, channel);
        let inbound = talk.inbound(ContentKind::Text, START);
        let cause = Cause::new(inbound.message, "receive", "test");
        let decide = |at| {
            let inbound = inbound.clone();
            move |t: &Thread| receive(t, &inbound, at)
        };
        suite.spine.log.transact(&talk.address(), &cause, decide(START)).await.unwrap();
        talk.ai_answers(START + 100 * MS).await;
        suite.caught_up().await;
        let before = rows(&suite).await;
        // The same delivery, and one under a cause of its own a day later.
        for cause in [cause, Cause::new(new_id(), "receive", "test")] {
            let again =
                suite.spine.log.transact(&talk.address(), &cause, decide(START + 24 * HOUR)).await.unwrap();
            assert!(matches!(again, Decided::Nothing(_)), "{again:?}");
        }
        suite.caught_up().await;
        assert_eq!(rows(&suite).await, before);
        suite.stop().await;
    })
    .await;
}

async fn rows(suite: &Suite) -> Vec<(i64, i64, Option<i64>)> {
    let text = "SELECT n, messages_in, first_response_ms FROM conversations ORDER BY thread, n";
    let model = suite.reader().await.model();
    sqlx::query_as(text).fetch_all(model.store.reads()).await.unwrap()
}

#[tokio::test]
async fn rows_are_the_same_with_and_without_the_keys_and_hold_nothing_personal() {
    on_each(async |place| {
        let server = Server::start().await;
        let suite = Suite::start(&server, &place).await;
        for (account, channel) in ACCOUNTS {
            suite.configure(account, channel).await;
        }
        let mut sealed = Vec::new();
        for scene in 0..14 {
            let (account, channel) = ACCOUNTS[scene as usize % 3];
            let mut talk = Talk::new(&suite, account, channel);
            talk.words = seal(&suite, &talk, "content.text", "打给我 13800138000").await;
            talk.contact = seal(&suite, &talk, "began.contact", "openid-of-a-person").await;
            play(&talk, scene, START + i64::from(scene) * HOUR, 1).await;
            sealed.extend([talk.words, talk.contact]);
        }
        suite.caught_up().await;
        // Another database with a master key of its own, so that nothing in the log opens there.
        let blind = Suite::start(&server, &place.apart("apart")).await;
        blind.caught_up().await;
        let subject = "log.1.0.demo.thread.x";
        let opened = blind.spine.keys.open_text(sealed[0].as_str(), subject, "content.text").await;
        assert!(!matches!(opened, Ok(Opened::Text(_))));
        let (seeing, unseeing) = (suite.reader().await.model(), blind.reader().await.model());
        assert_same(&seeing, &unseeing, 15).await;
        let file = unseeing.store.file().unwrap().to_owned();
        blind.stop().await;
        suite.stop().await;
        let bytes = std::fs::read(file).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(holds("wechat_oa"), "the search finds what is there");
        for text in sealed.iter().map(Sealed::as_str).chain(["13800138000", "openid", "v1.value"]) {
            assert!(!holds(text), "{text}");
        }
    })
    .await;
}

async fn seal(suite: &Suite, talk: &Talk, field: &str, text: &str) -> Sealed {
    let (owner, period) = (Owner::thread(talk.thread), Period::quarter(START));
    let key = SealKey { tenant: TENANT.into(), owner, class: "message".into(), period };
    Sealed(suite.spine.keys.seal(&key, &talk.address().subject(), field, text).await.unwrap())
}
