//! The bounds of a server and of a stream: what was acknowledged stays, and what does not fit is an error.

use crate::counter::{Counter, add};
use async_nats::jetstream::stream::Config;
use ground::{Limits, Server};
use spine::streams::{StreamSettings, provision};
use spine::{Address, Cause, Clock, Log, LogSettings, new_id};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_part_refuses_an_append_and_takes_it_when_there_is_room() {
    let server = Server::start().await;
    let nats = server.nats().await;
    provision(&nats, &StreamSettings { log_bytes_max: 64 << 10, ..Default::default() }).await.unwrap();
    let log = Log::new(nats.clone(), Clock::system(), LogSettings::default());
    let address = Address::of("demo", "counter", new_id()).unwrap();
    let mut acknowledged = Vec::new();
    let (cause, refused) = loop {
        let (cause, number) = (Cause::new(new_id(), "add", "test"), acknowledged.len() as u64);
        match log.transact(&address, &cause, |state: &Counter| add(state, number)).await {
            Ok(_) => acknowledged.push(number),
            Err(refused) => break (cause, format!("{refused:?}")),
        }
        assert!(acknowledged.len() < 10_000, "the part is never full");
    };
    assert!(refused.contains("maximum bytes"), "{refused}");
    let other = Log::new(server.nats().await, Clock::system(), LogSettings::default());
    let found = other.read::<Counter, _>(&address, |state| state.numbers.clone()).await.unwrap();
    assert!(!found.is_empty());
    assert_eq!(found, acknowledged);

    // The operator makes room. What was refused is decided again for the same cause, and others follow.
    let jetstream = async_nats::jetstream::new(nats.client().clone());
    let mut stream = jetstream.get_stream(address.stream()).await.unwrap();
    let config = stream.info().await.unwrap().config.clone();
    jetstream.update_stream(Config { max_bytes: -1, ..config }).await.unwrap();
    for cause in [cause, Cause::new(new_id(), "add", "test")] {
        let number = acknowledged.len() as u64;
        log.transact(&address, &cause, |state: &Counter| add(state, number)).await.unwrap();
        acknowledged.push(number);
    }
    let found = other.read_confirmed::<Counter, _>(&address, |state| state.numbers.clone()).await.unwrap();
    assert_eq!(found, acknowledged);
}

#[tokio::test]
async fn a_connection_knows_the_largest_message_of_its_server() {
    let server = Server::start_with(Limits { payload_bytes_max: 1 << 20, ..Limits::default() }).await;
    assert_eq!(server.nats().await.payload_max(), 1 << 20);
}
