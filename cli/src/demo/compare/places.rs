//! Where in the log each line of the book is, found by the platform's id alone.

use super::super::book::{Book, Customer, Line};
use super::super::cast::Channel;
use super::super::streams::{Streams, Taken};
use std::collections::HashMap;

/// A stored message: its thread, and its place among the customer's messages there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) thread: String,
    pub(crate) number: usize,
    pub(crate) message: String,
}

/// All stored messages, by the platform's ids.
pub(crate) struct Places {
    stored: HashMap<(Channel, String), Vec<Place>>,
    threads: HashMap<String, String>,
}

impl Places {
    pub(crate) fn of(book: &Book, streams: &Streams) -> Self {
        let mut stored: HashMap<(Channel, String), Vec<Place>> = HashMap::new();
        for (id, thread) in &streams.threads {
            let Some(channel) = Channel::ALL.into_iter().find(|channel| channel.name() == thread.channel)
            else {
                continue;
            };
            for (number, taken) in thread.taken.iter().enumerate() {
                let place = Place { thread: id.clone(), number, message: taken.message.clone() };
                stored.entry((channel, provider(channel, taken))).or_default().push(place);
            }
        }
        let mut places = Self { stored, threads: HashMap::new() };
        for customer in &book.customers {
            let first = customer.wrote.iter().find_map(|line| places.of_line(customer, line).first());
            if let Some(thread) = first.map(|place| place.thread.clone()) {
                places.threads.insert(customer.name.clone(), thread);
            }
        }
        places
    }

    /// Where a line is stored: once, if all is well.
    pub(crate) fn of_line(&self, customer: &Customer, line: &Line) -> &[Place] {
        let key = (customer.channel, line.provider.clone());
        self.stored.get(&key).map(Vec::as_slice).unwrap_or_default()
    }

    /// The thread of a customer; none when nothing of theirs is stored.
    pub(crate) fn thread(&self, customer: &Customer) -> Option<&str> {
        self.threads.get(&customer.name).map(String::as_str)
    }

    /// All stored messages with the platform's id of each.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&(Channel, String), &[Place])> {
        self.stored.iter().map(|(key, places)| (key, places.as_slice()))
    }
}

/// The platform's id in the log's words. The generic channel hides ids of partners, which may hold numbers of
/// people, but keeps the partner's order, which the demo makes equal to its id.
fn provider(channel: Channel, taken: &Taken) -> String {
    let without = |prefix: &str| taken.provider.strip_prefix(prefix).unwrap_or(&taken.provider).to_owned();
    match (channel, taken.order) {
        (Channel::Http, Some(order)) => order.to_string(),
        (Channel::Http, None) => taken.provider.clone(),
        (Channel::Wechat, _) => without("msg:"),
        (Channel::Widget, _) => without("widget:"),
    }
}
