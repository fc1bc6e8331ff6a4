//! The ways in which clients work with NATS, each with the permissions of the role that does it.

use super::testing::{Folder, World};
use super::{Role, Running, Server, Settings};
use Role::{Analytics, Console, Consumer, LeadCapture, Operator, Routing};
use async_nats::ConnectOptions;
use async_nats::jetstream::{self, consumer::AckPolicy, consumer::pull};
use futures::StreamExt;
use spine::streams::StreamSettings;
use spine::{Address, Cause, Clock, Log, LogSettings, Nats, Refused, Tail};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_reader_tails_the_log_with_a_consumer_and_fetches_from_it() {
    let world = World::new().await;
    let writer = jetstream::new(world.connect(Routing).await.client);
    for n in 0..3 {
        writer.publish("log.1.0.shop.thread.a", format!("{n}").into()).await.unwrap().await.unwrap();
    }
    let reader = jetstream::new(world.connect(Analytics).await.client);
    let stream = reader.get_stream("LOG_1_0").await.unwrap();
    let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let batch = consumer.batch().max_messages(3).expires(Duration::from_secs(5)).messages().await.unwrap();
    assert_eq!(batch.count().await, 3);
    assert_eq!(stream.direct_get(2).await.unwrap().payload, "1");
    assert_eq!(stream.get_raw_message(3).await.unwrap().payload, "2");
    let last = stream.direct_get_last_for_subject("log.1.0.shop.thread.a").await.unwrap();
    assert_eq!(last.sequence, 3);
    world.end().await;
}

#[tokio::test]
async fn a_tenants_system_reads_the_lead_feed_with_a_durable_consumer_and_the_usual_inbox() {
    let world = World::new().await;
    let feeder = jetstream::new(world.connect(LeadCapture).await.client);
    feeder.publish("leads.shop.lead.created.a", "{}".into()).await.unwrap().await.unwrap();
    let access = world.running.as_ref().unwrap().place.access(Consumer);
    let seed = std::fs::read_to_string(&access.credentials).unwrap();
    let client = ConnectOptions::with_nkey(seed.trim().into()).connect(&access.url).await.unwrap();
    let stream = jetstream::new(client).get_stream("LEADS").await.unwrap();
    let config = pull::Config { durable_name: Some("crm".into()), ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let message = consumer.messages().await.unwrap().next().await.unwrap().unwrap();
    message.double_ack().await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn without_a_key_or_with_a_foreign_one_nobody_connects() {
    let world = World::new().await;
    let url = world.running.as_ref().unwrap().place.url.clone();
    assert!(ConnectOptions::new().connect(&url).await.is_err());
    let foreign = nkeys::KeyPair::new_user().seed().unwrap();
    assert!(ConnectOptions::with_nkey(foreign).connect(&url).await.is_err());
    world.end().await;
}

/// An entity of a kind that routing writes.
#[derive(Debug, Default)]
struct Desk(u32);

#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(tag = "type")]
enum DeskEvent {
    Counted,
}

impl spine::Entity for Desk {
    type Event = DeskEvent;
    const KIND: &'static str = "agent";
    const EVENTS: &'static [&'static str] = &["Counted"];

    fn evolve(&mut self, _: &DeskEvent) {
        self.0 += 1;
    }
}

async fn log(running: &Running, role: Role) -> Log {
    let nats = Nats::connect(&running.place.access(role).open().unwrap()).await.unwrap();
    Log::new(nats, Clock::system(), LogSettings::default())
}

#[tokio::test]
async fn a_forbidden_append_is_refused_within_a_second_and_names_subject_and_user() {
    let folder = Folder::new();
    let shutdown = CancellationToken::new();
    let running = Server::start(&Settings::of(folder.path()), shutdown.clone()).await.unwrap();
    let operator = log(&running, Operator).await;
    spine::streams::provision(operator.nats(), &StreamSettings::default()).await.unwrap();
    // Analytics writes no agents.
    let curious = log(&running, Analytics).await;
    let address = Address::of("shop", "agent", spine::new_id()).unwrap();
    let cause = Cause::new(spine::new_id(), "count", "test");
    let once = |_: &Desk| Ok::<_, std::convert::Infallible>(vec![DeskEvent::Counted]);
    let began = std::time::Instant::now();
    let refused = curious.transact(&address, &cause, once).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let Refused::Failed(spine::Error::Denied { user, subject, .. }) = &refused else { panic!("{refused:?}") };
    assert_eq!((user.as_str(), subject), ("analytics", &address.subject()));
    let denied = curious.nats().denied(Duration::from_secs(9)).unwrap();
    assert_eq!(denied.subject, address.subject());
    assert_eq!(operator.nats().denied(Duration::from_secs(9)), None);
    shutdown.cancel();
    running.supervise().await;
}

#[tokio::test]
async fn all_that_the_log_asks_of_nats_is_allowed_to_the_role_that_does_it() {
    let folder = Folder::new();
    let shutdown = CancellationToken::new();
    let running = Server::start(&Settings::of(folder.path()), shutdown.clone()).await.unwrap();
    let operator = log(&running, Operator).await;
    spine::streams::provision(operator.nats(), &StreamSettings::default()).await.unwrap();
    assert!(
        spine::streams::differences(operator.nats(), &StreamSettings::default()).await.unwrap().is_empty()
    );

    let (writer, reader) = (log(&running, Routing).await, log(&running, Analytics).await);
    let tail = Tail::at_end(&reader).await.unwrap();
    let mut start = tail.join(&[0, 1, 2, 3, 4, 5, 6, 7]);
    let address = Address::of("shop", "agent", spine::new_id()).unwrap();
    let cause = Cause::new(spine::new_id(), "count", "test");
    let (tailed, ()) = tokio::join!(tail.run(&reader, &shutdown), async {
        let once = |_: &Desk| Ok::<_, std::convert::Infallible>(vec![DeskEvent::Counted]);
        writer.transact(&address, &cause, once).await.unwrap();
        // A second process with a stale idea of the entity asks the leader.
        let other = log(&running, Console).await;
        other.transact(&address, &Cause::new(spine::new_id(), "count", "test"), once).await.unwrap();
        for _ in 0..2 {
            tokio::time::timeout(Duration::from_secs(10), start.messages.recv()).await.unwrap().unwrap();
        }
        assert_eq!(reader.history(&address, None).await.unwrap().len(), 2);
        assert_eq!(reader.read::<Desk, _>(&address, |desk| desk.0).await.unwrap(), 2);
        shutdown.cancel();
    });
    tailed.unwrap();
    running.supervise().await;
}
