//! The bounds of a server and of a stream: what was acknowledged stays, and what does not fit is an error.

use crate::counter::{Counter, add};
use ground::{Limits, Server};
use spine::streams::{StreamSettings, provision};
use spine::{Address, Cause, Clock, Log, LogSettings, new_id};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_part_refuses_an_append_and_loses_none_before_it() {
    let server = Server::start().await;
    let nats = server.nats().await;
    provision(&nats, &StreamSettings { log_bytes_max: 64 << 10, ..Default::default() }).await.unwrap();
    let log = Log::new(nats, Clock::system(), LogSettings::default());
    let address = Address::of("demo", "counter", new_id()).unwrap();
    let mut acknowledged = Vec::new();
    let refused = loop {
        let (cause, number) = (Cause::new(new_id(), "add", "test"), acknowledged.len() as u64);
        match log.transact(&address, &cause, |state: &Counter| add(state, number)).await {
            Ok(_) => acknowledged.push(number),
            Err(refused) => break format!("{refused:?}"),
        }
        assert!(acknowledged.len() < 10_000, "the part is never full");
    };
    assert!(refused.contains("maximum bytes"), "{refused}");
    let other = Log::new(server.nats().await, Clock::system(), LogSettings::default());
    let found = other.read::<Counter, _>(&address, |state| state.numbers.clone()).await.unwrap();
    assert!(!found.is_empty());
    assert_eq!(found, acknowledged);
}

#[tokio::test]
async fn a_connection_knows_the_largest_message_of_its_server() {
    let server = Server::start_with(Limits { payload_bytes_max: 1 << 20 }).await;
    assert_eq!(server.nats().await.payload_max(), 1 << 20);
}
