//! What is lost between the server and a reader while its line breaks is read again, and never taken for what was not there.

use crate::counter::{Counter, add};
use crate::load::{address, cause};
use ground::{Proxy, Server, Verdict};
use spine::log::Consumption;
use spine::{Clock, Log, LogSettings};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Loses the messages of the server in which `word` stands whose count among them, from 1, is in `places`.
fn loses(word: &'static str, places: std::ops::Range<usize>) -> impl Fn(&[u8]) -> Verdict + Send + Sync {
    let count = AtomicUsize::new(0);
    move |message| {
        let is_one = message.windows(word.len()).any(|part| part == word.as_bytes());
        match is_one && places.contains(&(count.fetch_add(1, Ordering::Relaxed) + 1)) {
            true => Verdict::Lose,
            false => Verdict::Deliver,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_a_stream_with_gaps_reads_again_what_was_lost_on_the_way() {
    let server = Server::start().await;
    let jetstream = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let config = async_nats::jetstream::stream::Config {
        name: "GAPS".into(),
        subjects: vec!["gaps".into()],
        ..Default::default()
    };
    let stream = jetstream.create_stream(config).await.unwrap();
    for number in 0..20_u64 {
        jetstream.publish("gaps", number.to_string().into()).await.unwrap().await.unwrap();
    }
    // One that is gone is no loss.
    stream.delete_message(2).await.unwrap();
    let proxy = Proxy::before(server.port(), loses("$JS.ACK.GAPS.", 5..9)).await;
    let mut reading = Consumption::with_gaps(&ground::connect(&proxy.url()).await, "GAPS".into(), 1);
    let mut read = Vec::new();
    while read.last() != Some(&20) {
        read.push(reading.next().await.unwrap().sequence);
    }
    let there: Vec<u64> = (1..=20).filter(|sequence| *sequence != 2).collect();
    assert_eq!(read, there);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_with_a_hole_is_an_error_and_no_state_without_its_middle() {
    let server = Server::start().await;
    let log = server.log().await;
    let address = address();
    for number in 0..5 {
        log.transact(&address, &cause(), |state: &Counter| add(state, number)).await.unwrap();
    }
    let proxy = Proxy::before(server.port(), loses("Nats-Num-Pending", 3..4)).await;
    let other = Log::new(ground::connect(&proxy.url()).await, Clock::system(), LogSettings::default());
    let holed = other.read::<Counter, _>(&address, |state| state.numbers.clone()).await;
    assert!(holed.is_err_and(|error| error.is_passing()));
    let numbers = other.read::<Counter, _>(&address, |state| state.numbers.clone()).await.unwrap();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}
