//! The log against a real nats-server: one winner per append, nothing lost or doubled, refusals on fresh state.

use crate::counter::{Counter, CounterEvent, Full, add};
use ground::Server;
use spine::{Address, Cause, Decided, Error, Nats, NatsAccess, Refused, Tail, new_id};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

fn address() -> Address {
    Address::of("demo", "counter", new_id()).unwrap()
}

fn cause() -> Cause {
    Cause::new(new_id(), "add", "test")
}

async fn numbers(server: &Server, address: &Address) -> Vec<u64> {
    server.log().await.read::<Counter, _>(address, |state| state.numbers.clone()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_two_processes_on_one_entity_all_get_through_once() {
    let server = Server::start().await;
    let address = address();
    let mut writers = JoinSet::new();
    for process in 0..2 {
        let log = server.log().await;
        for writer in 0..8 {
            let (log, address) = (log.clone(), address.clone());
            writers.spawn(async move {
                for number in 0..10 {
                    let number = process * 1_000 + writer * 100 + number;
                    log.transact(&address, &cause(), |state: &Counter| add(state, number)).await.unwrap();
                }
            });
        }
    }
    writers.join_all().await;
    let mut found = numbers(&server, &address).await;
    found.sort_unstable();
    let mut wanted: Vec<u64> = (0..2)
        .flat_map(|p| (0..8).flat_map(move |w| (0..10).map(move |n| p * 1_000 + w * 100 + n)))
        .collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_cause_decides_once_from_two_processes() {
    let server = Server::start().await;
    let (one, two) = (server.log().await, server.log().await);
    let (address, cause) = (address(), cause());
    let decide = |state: &Counter| add(state, 7);
    let (first, second) =
        tokio::join!(one.transact(&address, &cause, decide), two.transact(&address, &cause, decide));
    assert_eq!(first.unwrap().position(), second.unwrap().position());
    assert_eq!(numbers(&server, &address).await, [7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_cause_on_two_subjects_is_stored_on_both() {
    let server = Server::start().await;
    let log = server.log().await;
    let (one, two, cause) = (address(), address(), cause());
    log.transact(&one, &cause, |state: &Counter| add(state, 1)).await.unwrap();
    log.transact(&two, &cause, |state: &Counter| add(state, 2)).await.unwrap();
    assert_eq!(numbers(&server, &one).await, [1]);
    assert_eq!(numbers(&server, &two).await, [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_on_a_stale_state_is_decided_again() {
    let server = Server::start().await;
    let (stale, fresh) = (server.log().await, server.log().await);
    let address = address();
    stale.transact(&address, &cause(), |state: &Counter| add(state, 1)).await.unwrap();
    fresh.transact(&address, &cause(), |state: &Counter| add(state, 2)).await.unwrap();
    // No tail runs, so `stale` still believes in a total of one; it must not refuse because of that.
    let needs_two = |state: &Counter| if state.total < 2 { Err(Full) } else { add(state, 3) };
    let decided = stale.transact(&address, &cause(), needs_two).await.unwrap();
    assert!(matches!(decided, Decided::Appended(_)));
    let refused = stale.transact(&address, &cause(), |_: &Counter| Err::<Vec<CounterEvent>, _>(Full)).await;
    assert!(matches!(refused, Err(Refused::Rejected(Full))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_read_knows_what_another_process_wrote() {
    let server = Server::start().await;
    let (stale, fresh) = (server.log().await, server.log().await);
    let address = address();
    stale.transact(&address, &cause(), |state: &Counter| add(state, 1)).await.unwrap();
    fresh.transact(&address, &cause(), |state: &Counter| add(state, 2)).await.unwrap();
    let numbers = |state: &Counter| state.numbers.clone();
    // No tail runs.
    assert_eq!(stale.read(&address, numbers).await.unwrap(), [1]);
    let ends = stale.ends().await.unwrap();
    assert_eq!(stale.read_confirmed(&address, numbers).await.unwrap(), [1, 2]);
    assert_eq!(stale.read(&address, numbers).await.unwrap(), [1, 2], "it is kept");
    assert_eq!(stale.ends().await.unwrap(), ends, "a read appends nothing");
    let nobody = Address::of("demo", "counter", new_id()).unwrap();
    assert!(stale.read_confirmed(&nobody, numbers).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_decision_appends_nothing() {
    let server = Server::start().await;
    let log = server.log().await;
    let address = address();
    log.transact(&address, &cause(), |state: &Counter| add(state, 1)).await.unwrap();
    let decided = log.transact(&address, &cause(), |_: &Counter| Ok::<_, Full>(Vec::new())).await.unwrap();
    assert!(matches!(decided, Decided::Nothing(_)));
    assert_eq!(numbers(&server, &address).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_survive_a_server_that_is_killed_again_and_again() {
    let mut server = Server::start().await;
    let log = server.log().await;
    let stop = CancellationToken::new();
    let mut writers = JoinSet::new();
    for _ in 0..16 {
        let (log, stop) = (log.clone(), stop.clone());
        writers.spawn(async move {
            let address = address();
            let mut acknowledged = 0;
            while !stop.is_cancelled() {
                log.transact(&address, &cause(), |state: &Counter| add(state, acknowledged)).await.unwrap();
                acknowledged += 1;
            }
            (address, acknowledged)
        });
    }
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.kill();
        server.restart().await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.cancel();
    let written = writers.join_all().await;
    let total: u64 = written.iter().map(|(_, acknowledged)| acknowledged).sum();
    assert!(total > 100, "only {total} appends in the whole test");
    for (address, acknowledged) in written {
        let wanted: Vec<u64> = (0..acknowledged).collect();
        assert_eq!(numbers(&server, &address).await, wanted, "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tail_delivers_every_message_in_order_also_over_a_kill() {
    let mut server = Server::start().await;
    let log = server.log().await;
    let tail = Tail::at_end(&log).await.unwrap();
    let mut joined = tail.join(&(0..spine::PARTS).collect::<Vec<_>>());
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    {
        let (tail, log, stop) = (tail.clone(), log.clone(), stop.clone());
        tasks.spawn(async move { tail.run(&log, &stop).await.unwrap() });
    }
    let addresses: Vec<Address> = (0..20).map(|_| address()).collect();
    for round in 0..10 {
        for address in &addresses {
            log.transact(address, &cause(), |state: &Counter| add(state, round)).await.unwrap();
        }
        if round == 5 {
            server.kill();
            server.restart().await;
        }
    }
    let mut next = [1_u64; spine::PARTS as usize];
    for _ in 0..200 {
        let record =
            tokio::time::timeout(Duration::from_secs(20), joined.messages.recv()).await.unwrap().unwrap();
        let expected = &mut next[usize::from(record.position.part)];
        assert_eq!(record.position.sequence, *expected);
        *expected += 1;
    }
    stop.cancel();
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_newer_release_is_refused_by_name() {
    let server = Server::start().await;
    let log = server.log().await;
    let address = address();
    log.transact(&address, &cause(), |state: &Counter| add(state, 1)).await.unwrap();
    let history = log.history(&address, None).await.unwrap();
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in [
        ("ce-id", new_id().to_string()),
        ("ce-type", "counter.halve".into()),
        ("ce-time", "2026-01-01T00:00:00Z".into()),
        ("ce-subject", address.id.to_string()),
        ("tributary-cause", new_id().to_string()),
        ("tributary-correlation", new_id().to_string()),
        ("tributary-actor", "newer".into()),
        ("tributary-version", "2".into()),
        ("tributary-schema", "9".into()),
    ] {
        headers.insert(name, value);
    }
    let payload = r#"{"events":[{"type":"Halved"}]}"#;
    let nats = server.nats().await;
    let jetstream = async_nats::jetstream::new(nats.client().clone());
    jetstream.publish_with_headers(address.subject(), headers, payload.into()).await.unwrap().await.unwrap();
    let refused = log.transact(&address, &cause(), |state: &Counter| add(state, 2)).await;
    assert_eq!(history.len(), 1);
    match refused {
        Err(Refused::Failed(Error::UnknownEvent { event, schema, .. })) => {
            assert_eq!((event.as_str(), schema), ("Halved", 9));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioning_again_changes_nothing_and_names_what_differs() {
    let server = Server::start().await;
    let log = server.log().await;
    spine::streams::provision(log.nats(), &Default::default()).await.unwrap();
    assert!(spine::streams::differences(log.nats(), &Default::default()).await.unwrap().is_empty());
    let other = spine::streams::StreamSettings { leads_days: 7, ..Default::default() };
    let error = spine::streams::provision(log.nats(), &other).await.unwrap_err().to_string();
    assert!(error.contains("LEADS") && error.contains("max_age"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_named() {
    let access = NatsAccess {
        url: "nats://127.0.0.1:9".into(),
        nkey_seed: None,
        inbox_prefix: None,
        name: "test".into(),
    };
    let error = Nats::connect(&access).await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:9"), "{error}");
}
