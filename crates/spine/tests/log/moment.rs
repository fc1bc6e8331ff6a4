//! Where the log stood at a time, and finding and reading what stands there.

use crate::counter::{Counter, add};
use ground::Server;
use spine::{Address, Cause, Log, PARTS, new_id};
use std::time::Duration;

async fn append(log: &Log, address: &Address, number: u64) -> i64 {
    let cause = Cause::new(new_id(), "add", "test");
    log.transact::<Counter, _>(address, &cause, |counter| add(counter, number))
        .await
        .expect("it is appended");
    let history = log.history(address, None).await.expect("the history");
    history.last().expect("it is there").stored_at
}

#[tokio::test]
async fn a_time_means_the_last_message_stored_at_or_before_it() {
    let server = Server::start().await;
    let log = server.log().await;
    assert_eq!(log.sequences_at(i64::MAX).await.unwrap(), [0; PARTS as usize]);
    let address = Address::of("demo", "counter", new_id()).unwrap();
    let mut times = Vec::new();
    for number in 0..9 {
        times.push(append(&log, &address, number).await);
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let at = async |time: i64| log.sequences_at(time).await.unwrap()[usize::from(address.part)];
    assert_eq!(at(times[0] - 1).await, 0);
    for (time, sequence) in times.iter().zip(1_u64..) {
        assert_eq!(at(*time).await, sequence);
        assert_eq!(at(time + 1).await, sequence);
        assert_eq!(at(time - 1).await, sequence - 1);
    }
    let others: u64 = log.sequences_at(i64::MAX).await.unwrap().iter().sum();
    assert_eq!(others, 9, "the other parts are empty");
}

#[tokio::test]
async fn an_entity_is_found_without_its_tenant_and_read_on_from_a_place() {
    let server = Server::start().await;
    let log = server.log().await;
    let id = new_id();
    let address = Address::of("shop-2", "counter", id).unwrap();
    for number in 0..3 {
        append(&log, &address, number).await;
    }
    let id = id.to_string();
    assert_eq!(log.addresses_of("counter", &id).await.unwrap(), vec![address.clone()]);
    assert_eq!(log.addresses_of("counter", &new_id().to_string()).await.unwrap(), vec![]);
    assert!(log.addresses_of("counter", "a.b").await.is_err());
    let mut reading = log.reading(address.part, 2);
    for sequence in [2, 3] {
        let record = reading.next().await.unwrap();
        assert_eq!((record.position.sequence, &record.address), (sequence, &address));
    }
    let waiting = tokio::time::timeout(Duration::from_millis(200), reading.next()).await;
    assert!(waiting.is_err(), "nothing follows yet");
    append(&log, &address, 3).await;
    assert_eq!(reading.next().await.unwrap().position.sequence, 4);
}
