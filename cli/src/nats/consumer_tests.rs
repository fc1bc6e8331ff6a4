//! Named consumers and the auditor, tried against a real server: what each reads, and all that it does not.

use super::testing::{Hand, World};
use super::{Consumer, Role, Users};
use crate::consumer::{ensure_durable, is_known};
use async_nats::jetstream::{self, consumer::PullConsumer, consumer::pull};
use events::LeadEvent;
use events::feed::LeadFeedType::{Created, Erased, Qualified};
use events::lead::{Consent, DetailKind};
use futures::StreamExt;
use laws::lead::Lead;
use laws::tenant::Tenant;
use spine::db::{Database, DatabaseSettings};
use spine::keys::{KeySettings, Keys, Owner, Period, SealKey};
use spine::{Address, Cause, Clock, Entity, Log, LogSettings, Nats, new_id};
use std::time::Duration;

const PHONE: &str = "13812345678";
const ARRIVES_WITHIN: Duration = Duration::from_secs(5);

async fn named(world: &World, users: &Users, consumer: &Consumer) -> Hand {
    let seed = std::fs::read_to_string(users.register().seed_file(&consumer.name)).unwrap();
    world.connect_as(seed.trim(), &consumer.inbox_prefix()).await
}

async fn crm(world: &World) -> (Users, Consumer) {
    let users = Users::of(world.data()).unwrap();
    let consumer = users.add("crm", Some("shop".into()), vec![Created, Erased]).await.unwrap();
    let operator = world.running.as_ref().unwrap().place.access(Role::Operator).open().unwrap();
    for _ in 0..2 {
        ensure_durable(&operator, &consumer).await.unwrap();
    }
    (users, consumer)
}

/// The next messages, up to `max`, and fewer when there are no more of them within [`ARRIVES_WITHIN`]: the server tells a
/// publisher that its message is stored before it tells a consumer.
async fn fetched(consumer: &PullConsumer, max: usize) -> Vec<String> {
    let batch = consumer.batch().max_messages(max).expires(ARRIVES_WITHIN);
    let mut messages = batch.messages().await.unwrap();
    let mut subjects = Vec::new();
    while let Some(message) = messages.next().await {
        let message = message.unwrap();
        message.double_ack().await.unwrap();
        subjects.push(message.subject.to_string());
    }
    subjects
}

#[tokio::test]
async fn a_named_consumer_is_let_in_and_shut_out_without_another_connection_lost_and_reads_its_filter_alone()
{
    let world = World::new().await;
    let feeder = world.connect(Role::LeadCapture).await.client;
    let number = feeder.server_info().client_id;
    let writer = jetstream::new(feeder.clone());
    let publish = async |subject: &str| {
        writer.publish(subject.to_owned(), "{}".into()).await.unwrap().await.unwrap();
    };
    publish("leads.shop.created.before").await;
    let (users, consumer) = crm(&world).await;
    for subject in
        ["leads.shop.updated.a", "leads.other.created.b", "leads.shop.created.a", "leads.shop.erased.a"]
    {
        publish(subject).await;
    }
    let hand = named(&world, &users, &consumer).await;
    let reads: PullConsumer =
        jetstream::new(hand.client.clone()).get_consumer_from_stream("crm", "LEADS").await.unwrap();
    let expected = ["leads.shop.created.before", "leads.shop.created.a", "leads.shop.erased.a"];
    assert_eq!(fetched(&reads, expected.len()).await, expected);

    // Again changes nothing; another one does not disturb the first.
    let again = users.add("crm", Some("shop".into()), vec![Created, Erased]).await.unwrap();
    assert_eq!(again, consumer);
    users.add("ads", None, vec![Qualified, Erased]).await.unwrap();
    publish("leads.shop.created.c").await;
    assert_eq!(fetched(&reads, 1).await, ["leads.shop.created.c"], "and what was before it only once");

    users.remove("crm").await.unwrap();
    users.remove("crm").await.unwrap();
    let cut = async {
        while hand.client.connection_state() == async_nats::connection::State::Connected {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), cut).await.expect("its connection is cut");
    publish("leads.shop.created.d").await;
    assert_eq!(feeder.server_info().client_id, number, "it is the connection of the beginning");
    assert_eq!(feeder.statistics().connects.load(std::sync::atomic::Ordering::Relaxed), 1);
    world.end().await;
}

#[tokio::test]
async fn a_server_that_is_started_again_knows_its_named_consumers() {
    let world = World::new().await;
    let (users, consumer) = crm(&world).await;
    let seed = std::fs::read_to_string(users.register().seed_file("crm")).unwrap();
    drop(users);
    let world = world.again().await;
    let hand = world.connect_as(seed.trim(), &consumer.inbox_prefix()).await;
    let reads: Result<PullConsumer, _> =
        jetstream::new(hand.client.clone()).get_consumer_from_stream("crm", "LEADS").await;
    reads.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_named_consumer_may_ask_and_hear_nothing_else() {
    let world = World::new().await;
    let (users, consumer) = crm(&world).await;
    users.add("ads", None, vec![Erased]).await.unwrap();
    let mut hand = named(&world, &users, &consumer).await;
    assert!(hand.may("$JS.API.CONSUMER.INFO.LEADS.crm", "").await);
    let elsewhere = [
        "leads.shop.created.a",
        "log.1.0.shop.thread.a",
        "inbound.0.shop.a",
        "refused.shop",
        "typing.agent.a.b",
        "other",
        "$JS.API.INFO",
        "$JS.API.STREAM.NAMES",
        "$JS.API.STREAM.LIST",
        "$JS.API.STREAM.INFO.LEADS",
        "$JS.API.STREAM.MSG.GET.LEADS",
        "$JS.API.STREAM.MSG.DELETE.LEADS",
        "$JS.API.STREAM.PURGE.LEADS",
        "$JS.API.STREAM.UPDATE.LEADS",
        "$JS.API.STREAM.SNAPSHOT.LEADS",
        "$JS.API.DIRECT.GET.LEADS",
        "$JS.API.DIRECT.GET.LEADS.leads.shop.created.a",
        "$JS.API.CONSUMER.NAMES.LEADS",
        "$JS.API.CONSUMER.LIST.LEADS",
        "$JS.API.CONSUMER.INFO.LEADS.ads",
        "$JS.API.CONSUMER.CREATE.LEADS",
        "$JS.API.CONSUMER.CREATE.LEADS.crm",
        "$JS.API.CONSUMER.CREATE.LEADS.crm.leads.shop.>",
        "$JS.API.CONSUMER.CREATE.LEADS.x.leads.>",
        "$JS.API.CONSUMER.DURABLE.CREATE.LEADS.crm",
        "$JS.API.CONSUMER.DELETE.LEADS.crm",
        "$JS.API.CONSUMER.MSG.NEXT.LEADS.ads",
        "$JS.ACK.LEADS.ads.1.2.3.4.5",
        "$JS.FC.LEADS.crm.x",
        "$JS.API.STREAM.INFO.LOG_1_0",
        "$JS.API.DIRECT.GET.LOG_1_0",
        "$JS.API.CONSUMER.CREATE.LOG_1_0.x",
        "$JS.API.CONSUMER.MSG.NEXT.LOG_1_0.crm",
        "$JS.API.STREAM.INFO.INBOUND_0",
    ];
    for subject in elsewhere {
        assert!(!hand.may(subject, "").await, "to {subject}");
    }
    let roles = Role::ALL.map(|role| format!("{}.>", role.inbox_prefix()));
    let others =
        [">", "leads.>", "leads.shop.created.*", "log.>", "$JS.>", "_INBOX.>", "_INBOX_consumer-ads.>"];
    for subject in roles.into_iter().chain(others.map(String::from)) {
        assert!(!hand.hears(&subject).await, "hears {subject}");
    }
    world.end().await;
}

/// nats-server sends its answer to whatever subject the question names, and looks at nobody's permissions there.
#[tokio::test]
async fn an_answer_that_is_sent_to_the_api_drops_and_empties_no_stream() {
    let world = World::new().await;
    let (users, consumer) = crm(&world).await;
    let feeder = jetstream::new(world.connect(Role::LeadCapture).await.client);
    for subject in ["leads.shop.created.a", "log.1.0.shop.lead.a"] {
        feeder.publish(subject, "{}".into()).await.unwrap().await.unwrap();
    }
    let next = "$JS.API.CONSUMER.MSG.NEXT.LEADS.crm";
    let askers = [
        (named(&world, &users, &consumer).await, next),
        (world.connect(Role::Consumer).await, next),
        (world.connect(Role::Auditor).await, "$JS.API.DIRECT.GET.LOG_1_0"),
        (world.connect(Role::Operator).await, next),
    ];
    let operator = jetstream::new(world.connect(Role::Operator).await.client);
    let leads = operator.get_stream("LEADS").await.unwrap();
    for (number, (hand, asked)) in askers.iter().enumerate() {
        // What it may do to the consumers of others, and by which we know that the server came so far. Another name each
        // time: one that is just gone has its files for a moment more.
        let name = format!("doomed-{number}");
        let doomed = pull::Config { durable_name: Some(name.clone()), ..pull::Config::default() };
        leads.create_consumer(doomed).await.unwrap();
        let calls = ["STREAM.DELETE.LOG_1_0", "STREAM.DELETE.LEADS", "STREAM.PURGE.LEADS"];
        for call in calls.map(String::from).into_iter().chain([format!("CONSUMER.DELETE.LEADS.{name}")]) {
            let answer_to = format!("$JS.API.{call}");
            hand.client.publish_with_reply(*asked, answer_to, "{".into()).await.unwrap();
        }
        let gone = async {
            while leads.consumer_info(&name).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the answer arrives at the API");
        for name in ["LOG_1_0", "LEADS"] {
            let messages = operator.get_stream(name).await.unwrap().cached_info().state.messages;
            assert_eq!(messages, 1, "{name} after {asked}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_tenant_is_known_once_it_is_in_the_log() {
    let world = World::new().await;
    let access = |role| world.running.as_ref().unwrap().place.access(role).open().unwrap();
    let operator = access(Role::Operator);
    assert!(!is_known(&operator, "shop").await.unwrap());
    let clock = Clock::system();
    let nats = Nats::connect(&access(Role::Console)).await.unwrap();
    let log = Log::new(nats, clock.clone(), LogSettings::default());
    let address = Address::new("shop", Tenant::KIND, "shop", "shop").unwrap();
    let settings = events::tenant::Settings::default();
    let decide = |state: &Tenant| laws::tenant::configure(state, "Shop", &settings, clock.now());
    log.transact(&address, &Cause::new(new_id(), "configure", "test"), decide).await.unwrap();
    assert!(is_known(&operator, "shop").await.unwrap());
    assert!(!is_known(&operator, "shop2").await.unwrap());
    world.end().await;
}

/// As in `nats stream view`, which asks for the stream and then through a consumer.
#[tokio::test]
async fn the_auditor_reads_the_log_as_json_whose_sealed_fields_name_algorithm_and_key() {
    let world = World::new().await;
    let place = &world.running.as_ref().unwrap().place;
    let database = Database::open(DatabaseSettings::new(None, world.data())).await.unwrap();
    let clock = Clock::system();
    let keys = Keys::open(&database, KeySettings::default(), clock.clone()).await.unwrap();
    let nats = Nats::connect(&place.access(Role::LeadCapture).open().unwrap()).await.unwrap();
    let log = Log::new(nats, clock.clone(), LogSettings::default());
    let (thread, at) = (new_id(), clock.now());
    let lead = format!("{thread}-1");
    let address = Address::new("shop", Lead::KIND, lead.as_str(), &thread.to_string()).unwrap();
    let key = SealKey {
        tenant: "shop".into(),
        owner: Owner::thread(thread),
        class: "message".into(),
        period: Period::quarter(at),
    };
    let value = keys.seal(&key, &address.subject(), "lead.value", PHONE).await.unwrap();
    let decide = |_: &Lead| {
        Ok::<_, std::convert::Infallible>(vec![LeadEvent::Captured {
            thread,
            conversation: 1,
            message: thread,
            kind: DetailKind::Phone,
            value: events::Sealed(value.clone()),
            form: "plain".into(),
            consent: Consent::Given,
            account: thread,
            channel: "http".into(),
            at,
        }])
    };
    log.transact::<Lead, _>(&address, &Cause::new(new_id(), "capture", "test"), decide).await.unwrap();

    let auditor = jetstream::new(world.connect(Role::Auditor).await.client);
    let stream = auditor.get_stream(address.stream()).await.unwrap();
    let consumer = stream.create_consumer(pull::Config::default()).await.unwrap();
    let mut messages =
        consumer.batch().max_messages(1).expires(Duration::from_secs(5)).messages().await.unwrap();
    let message = messages.next().await.unwrap().unwrap();
    assert_eq!(message.subject.as_str(), address.subject());
    let event: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
    let captured = &event["events"][0];
    assert_eq!((&captured["type"], &captured["kind"]), (&"Captured".into(), &"phone".into()));
    let sealed: Vec<&str> = captured["value"].as_str().unwrap().split('.').collect();
    let ["v1", "a256gcm", key, _nonce, _ciphertext] = sealed.as_slice() else { panic!("{sealed:?}") };
    assert!(!key.is_empty(), "the key is named");
    assert!(!String::from_utf8_lossy(&message.payload).contains(PHONE));
    let headers = message.headers.as_ref().unwrap();
    for name in ["ce-id", "ce-type", "ce-time", "ce-subject"] {
        assert!(headers.get(name).is_some(), "{name}");
    }
    world.end().await;
}
