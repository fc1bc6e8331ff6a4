//! The writing end of the feed on a real nats-server: one writer, no gap, resumed exactly.

use ground::Server;
use spine::feed::page::{self, Asked};
use spine::feed::publish::{BATCH_MAX, End, Halt, Notice, Publisher};
use spine::feed::{Positions, STREAM, Source};
use spine::{Nats, Position};

fn notices(part: u8, sequences: impl IntoIterator<Item = u64>) -> Vec<Notice> {
    let notice = |sequence| {
        let position = Position { generation: 1, part, sequence };
        let mut positions = Positions::default();
        positions.reach(position);
        let payload = format!("{{\"n\":{sequence}}}").into();
        let source = Source { position, index: 0 };
        Notice { subject: format!("leads.demo.created.{part}-{sequence}"), source, positions, payload }
    };
    sequences.into_iter().map(notice).collect()
}

async fn subjects(nats: &Nats) -> Vec<String> {
    let jetstream = async_nats::jetstream::new(nats.client().clone());
    let stream = jetstream.get_stream(STREAM).await.unwrap();
    let last = stream.cached_info().state.last_sequence;
    let mut found = Vec::new();
    for sequence in 1..=last {
        found.push(stream.get_raw_message(sequence).await.unwrap().subject.to_string());
    }
    found
}

fn wanted(part: u8, sequences: impl IntoIterator<Item = u64>) -> Vec<String> {
    sequences.into_iter().map(|sequence| format!("leads.demo.created.{part}-{sequence}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_in_one_go_stands_in_order_and_is_resumed_behind() {
    let server = Server::start().await;
    let nats = server.log().await.nats().clone();
    let (mut publisher, end) = Publisher::open(&nats).await.unwrap();
    assert_eq!(end, End { created_at: end.created_at, ..End::default() });
    let count = 2 * BATCH_MAX as u64 + 1;
    publisher.publish(&notices(0, 1..=count)).await.unwrap();
    assert_eq!(subjects(&nats).await, wanted(0, 1..=count));
    let (publisher, end) = Publisher::open(&nats).await.unwrap();
    assert_eq!((publisher.last(), end.sequence), (count, count));
    assert_eq!(end.positions.unwrap().of(0), count);
    assert_eq!(end.source.unwrap(), notices(0, [count])[0].source);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_writer_makes_the_first_a_zombie_that_is_refused() {
    let server = Server::start().await;
    let nats = server.log().await.nats().clone();
    let (mut zombie, _) = Publisher::open(&nats).await.unwrap();
    zombie.publish(&notices(0, [1])).await.unwrap();
    let (mut heir, _) = Publisher::open(&nats).await.unwrap();
    heir.publish(&notices(1, [1])).await.unwrap();
    // One alone and many together, all behind a message that the zombie does not know of.
    assert!(matches!(zombie.publish(&notices(0, [2])).await, Err(Halt::Moved)));
    assert!(matches!(zombie.publish(&notices(0, 2..=9)).await, Err(Halt::Moved)));
    heir.publish(&notices(1, [2])).await.unwrap();
    assert_eq!(subjects(&nats).await, [wanted(0, [1]), wanted(1, [1, 2])].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_already_is_not_stored_again() {
    let server = Server::start().await;
    let nats = server.log().await.nats().clone();
    let (mut publisher, _) = Publisher::open(&nats).await.unwrap();
    publisher.publish(&notices(0, 1..=5)).await.unwrap();
    assert!(matches!(publisher.publish(&notices(0, 4..=8)).await, Err(Halt::Moved)));
    assert!(matches!(publisher.publish(&notices(0, [5])).await, Err(Halt::Moved)));
    assert_eq!(subjects(&nats).await, wanted(0, 1..=5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_of_many_at_once_loses_none_to_another() {
    let server = Server::start().await;
    let nats = server.log().await.nats().clone();
    let other = server.nats().await;
    let mut writers = tokio::task::JoinSet::new();
    for (part, nats) in [(0, nats.clone()), (1, other)] {
        writers.spawn(async move { write_all(&nats, part).await });
    }
    writers.join_all().await;
    let found = subjects(&nats).await;
    for part in [0, 1] {
        let of: Vec<String> =
            found.iter().filter(|subject| subject.contains(&format!(".{part}-"))).cloned().collect();
        assert_eq!(of, wanted(part, 1..=200), "each writer's own messages once and in order");
    }
}

/// Writes 200 messages of a part, each once, from wherever its last one stands.
async fn write_all(nats: &Nats, part: u8) {
    loop {
        let (mut publisher, _) = Publisher::open(nats).await.unwrap();
        let stored = last_of(nats, part).await;
        if stored == 200 {
            return;
        }
        // Refused or not, what is stored says where to go on.
        let _ = publisher.publish(&notices(part, stored + 1..=(stored + 7).min(200))).await;
    }
}

async fn last_of(nats: &Nats, part: u8) -> u64 {
    let mine = format!("leads.demo.created.{part}-");
    let last = subjects(nats).await.into_iter().rfind(|subject| subject.starts_with(&mine));
    last.map_or(0, |subject| subject.rsplit_once('-').unwrap().1.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_feeder_wrote_is_passed_over_by_writers_and_readers() {
    let server = Server::start().await;
    let nats = server.log().await.nats().clone();
    let (mut publisher, _) = Publisher::open(&nats).await.unwrap();
    publisher.publish(&notices(0, [1, 2])).await.unwrap();
    let words = "$JS.API.STREAM.INFO.LEADS";
    for _ in 0..2 {
        nats.client().publish_with_reply(words, "leads.demo.created.x", "".into()).await.unwrap();
    }
    ground::eventually("the server's words", async || (subjects(&nats).await.len() == 4).then_some(())).await;
    assert!(matches!(publisher.publish(&notices(0, [3])).await, Err(Halt::Moved)));
    let (mut publisher, end) = Publisher::open(&nats).await.unwrap();
    assert_eq!((end.sequence, end.positions.unwrap().of(0)), (4, 2));
    publisher.publish(&notices(0, [3])).await.unwrap();

    let (now, wait) = (spine::Clock::system().now(), std::time::Duration::ZERO);
    let mut after = None;
    let mut found = Vec::new();
    loop {
        let asked = Asked { tenant: "demo", after: after.as_ref(), max: 2, wait, now };
        let page = page::read(&nats, &asked).await.unwrap().unwrap();
        found.extend(page.messages.into_iter().map(|message| message.subject));
        after = Some(page.next);
        if !page.more {
            break;
        }
    }
    assert_eq!(found, wanted(0, 1..=3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_no_feeder_ever_wrote_to_is_not_continued() {
    let server = Server::start().await;
    let nats = server.log().await.nats().clone();
    let jetstream = async_nats::jetstream::new(nats.client().clone());
    jetstream.publish("leads.demo.created.x", "{}".into()).await.unwrap().await.unwrap();
    assert!(Publisher::open(&nats).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_last_message_leaves_the_place_of_the_one_before() {
    let server = Server::start().await;
    let nats = server.log().await.nats().clone();
    let (mut publisher, _) = Publisher::open(&nats).await.unwrap();
    publisher.publish(&notices(0, 1..=3)).await.unwrap();
    let jetstream = async_nats::jetstream::new(nats.client().clone());
    jetstream.get_stream(STREAM).await.unwrap().delete_message(3).await.unwrap();
    let (mut publisher, end) = Publisher::open(&nats).await.unwrap();
    assert_eq!((end.sequence, end.positions.unwrap().of(0)), (3, 2));
    publisher.publish(&notices(0, [4])).await.unwrap();
}
