//! Accepted is stored once, in order for each customer; nothing is stored that nobody wrote.

use super::super::book::{Customer, Line};
use super::super::cast::Channel;
use super::places::{Place, Places};
use super::{Check, Difference, Evidence};
use std::collections::{HashMap, HashSet};

pub(super) fn check(evidence: &Evidence<'_>, places: &Places) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut tell = |what: String| found.push(Difference::new(Check::Accepted, what));
    let mut owners: HashMap<&str, &str> = HashMap::new();
    for customer in &evidence.book.customers {
        of_customer(customer, places, &mut tell);
        let Some(thread) = places.thread(customer) else { continue };
        if let Some(other) = owners.insert(thread, &customer.name) {
            tell(format!("{} and {other} share the thread {thread}", customer.name));
        }
    }
    invented(evidence, places, &mut tell);
    silent(evidence, &mut tell);
    found
}

fn of_customer(customer: &Customer, places: &Places, tell: &mut impl FnMut(String)) {
    let Customer { name, .. } = customer;
    if customer.unsaid > 0 {
        tell(format!("{name} could not say {} of their turns", customer.unsaid));
    }
    let mut stored: Vec<(&Line, &Place)> = Vec::new();
    for line in &customer.wrote {
        let provider = &line.provider;
        match places.of_line(customer, line) {
            [] if line.acknowledged.is_some() => {
                tell(format!("message {provider} of {name} was accepted and is not in the log"))
            }
            [] => {}
            [place] => stored.push((line, place)),
            many => tell(format!("message {provider} of {name} is {} times in the log", many.len())),
        }
    }
    for (line, place) in &stored {
        if places.thread(customer) != Some(&place.thread) {
            tell(format!("message {} of {name} is in another thread, {}", line.provider, place.thread));
        }
    }
    out_of_order(name, &stored, tell);
}

/// What was accepted before the next was written is stored before it.
fn out_of_order(name: &str, stored: &[(&Line, &Place)], tell: &mut impl FnMut(String)) {
    for (index, (later, later_place)) in stored.iter().enumerate() {
        let overtaken = stored[..index].iter().find(|(earlier, place)| {
            earlier.acknowledged.is_some_and(|at| at < later.departed) && place.number > later_place.number
        });
        if let Some((earlier, _)) = overtaken {
            tell(format!("message {} of {name} overtook {} in the log", later.provider, earlier.provider));
        }
    }
}

/// Messages in the log, on the accounts that were played on, which nobody wrote.
fn invented(evidence: &Evidence<'_>, places: &Places, tell: &mut impl FnMut(String)) {
    let written: HashSet<(Channel, &str)> =
        evidence.book.lines().map(|(customer, line)| (customer.channel, line.provider.as_str())).collect();
    for ((channel, provider), stored) in places.all() {
        for place in stored.iter().filter(|_| !written.contains(&(*channel, provider.as_str()))) {
            if is_ours(evidence, &place.thread) {
                tell(format!(
                    "the log holds message {provider} in thread {}, which nobody wrote",
                    place.thread
                ));
            }
        }
    }
}

/// Each who only opened the widget is a thread with an opened conversation and no message.
fn silent(evidence: &Evidence<'_>, tell: &mut impl FnMut(String)) {
    let opened = evidence.book.customers.iter().filter(|customer| customer.dialogue.is_none()).count();
    let lone = evidence.streams.threads.iter().filter(|(id, thread)| {
        is_ours(evidence, id)
            && thread.channel == Channel::Widget.name()
            && thread.taken.is_empty()
            && thread.opened == 1
    });
    let lone = lone.count();
    if lone != opened {
        tell(format!("{opened} visitors opened the widget and wrote nothing; the log knows {lone}"));
    }
}

fn is_ours(evidence: &Evidence<'_>, thread: &str) -> bool {
    let streams = evidence.streams;
    let account = streams.threads.get(thread).map(|thread| streams.accounts.get(&thread.account));
    account.is_some_and(|slug| slug.is_none_or(|slug| evidence.accounts.contains(slug)))
}
