//! What somebody has the server itself write into the log: it is about nobody, and nobody is held up.

use crate::counter::{Counter, add};
use ground::Server;
use serde_json::json;
use spine::{Address, Cause, Decided, Log, PARTS, Tail, new_id};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What the tail brings within this time; it brings a message within milliseconds.
const BRINGS_WITHIN: Duration = Duration::from_secs(10);

async fn say(log: &Log, address: &Address, number: u64) -> Decided {
    let cause = Cause::new(new_id(), "add", "test");
    log.transact(address, &cause, |state: &Counter| add(state, number)).await.unwrap()
}

async fn length(client: &async_nats::Client, stream: &str) -> u64 {
    let jetstream = async_nats::jetstream::new(client.clone());
    jetstream.get_stream(stream).await.unwrap().cached_info().state.messages
}

/// Asks the server for its words, a copy of the entity's own message, a refusal with headers and a delivery of another
/// stream's message, each time with the entity's subject as the place for the answer.
async fn have_answers_sent_to(client: &async_nats::Client, address: &Address) {
    let (subject, stream) = (address.subject(), address.stream());
    let jetstream = async_nats::jetstream::new(client.clone());
    let other = async_nats::jetstream::stream::Config {
        name: "OTHER".into(),
        subjects: vec!["other".into()],
        ..Default::default()
    };
    let other = jetstream.create_stream(other).await.unwrap();
    jetstream.publish("other", "something".into()).await.unwrap().await.unwrap();
    let pull = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some("pull".into()),
        ..Default::default()
    };
    other.create_consumer(pull).await.unwrap();
    let own = json!({ "last_by_subj": subject }).to_string();
    let questions = [
        (format!("$JS.API.STREAM.INFO.{stream}"), String::new()),
        (format!("$JS.API.DIRECT.GET.{stream}"), own),
        (format!("$JS.API.DIRECT.GET.{stream}"), json!({ "seq": 1_000_000 }).to_string()),
        ("$JS.API.CONSUMER.MSG.NEXT.OTHER.pull".to_owned(), json!({ "batch": 1 }).to_string()),
    ];
    for (question, body) in questions {
        let before = length(client, &stream).await;
        client.publish_with_reply(question.clone(), subject.clone(), body.into()).await.unwrap();
        ground::eventually(&question, async || (length(client, &stream).await > before).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_s_own_words_and_copies_in_the_log_hold_nobody_up() {
    let server = Server::start().await;
    let client = async_nats::connect(server.url()).await.unwrap();
    let address = Address::of("demo", "counter", new_id()).unwrap();
    let (followed, alone) = (server.log().await, server.log().await);
    let tail = Tail::at_end(&followed).await.unwrap();
    let mut start = tail.join(&(0..PARTS).collect::<Vec<_>>());
    let stop = CancellationToken::new();
    let (running, log, until) = (tail.clone(), followed.clone(), stop.clone());
    let mut following = JoinSet::new();
    following.spawn(async move { running.run(&log, &until).await });

    say(&followed, &address, 1).await;
    alone.read::<Counter, _>(&address, |state| assert_eq!(state.numbers, [1])).await.unwrap();
    have_answers_sent_to(&client, &address).await;
    // The one that follows the log, the one that has a state from before, and one that reads from the beginning.
    let last = [(&followed, 2), (&alone, 3), (&server.log().await, 4)];
    let mut end = 0;
    for (log, number) in last {
        end = say(log, &address, number).await.position().sequence;
    }
    for log in [&followed, &alone, &server.log().await] {
        let numbers = log.read_confirmed(&address, |state: &Counter| state.numbers.clone()).await.unwrap();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(log.history(&address, None).await.unwrap().len(), 4);
    }
    let (mut decisions, mut foreign, mut sequence) = (0, 0, 0);
    while sequence < end {
        let next = tokio::time::timeout(BRINGS_WITHIN, start.messages.recv()).await;
        let record = next.expect("the tail goes on").expect("the place is kept");
        sequence = record.position.sequence;
        *(if record.is_foreign() { &mut foreign } else { &mut decisions }) += 1;
    }
    assert_eq!((decisions, foreign), (4, 4));
    stop.cancel();
    following.join_next().await.unwrap().unwrap().unwrap();
}
