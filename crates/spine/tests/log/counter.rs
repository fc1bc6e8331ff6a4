//! The smallest entity that a log can hold.

use spine::Entity;

/// The smallest entity: a counter that refuses to pass ten thousand.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    pub(crate) total: u64,
    pub(crate) numbers: Vec<u64>,
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(tag = "type")]
pub(crate) enum CounterEvent {
    Added { number: u64 },
}

impl Entity for Counter {
    type Event = CounterEvent;
    const KIND: &'static str = "counter";
    const EVENTS: &'static [&'static str] = &["Added"];

    fn evolve(&mut self, event: &CounterEvent) {
        let CounterEvent::Added { number } = event;
        self.total += 1;
        self.numbers.push(*number);
    }
}

#[derive(Debug, PartialEq)]
pub(crate) struct Full;

pub(crate) fn add(_: &Counter, number: u64) -> Result<Vec<CounterEvent>, Full> {
    Ok(vec![CounterEvent::Added { number }])
}
