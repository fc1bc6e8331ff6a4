//! Each planted contact detail is exactly one lead, in the feed and at the consumer; a detail that nobody left is
//! none.

use super::super::streams::Notice;
use super::places::Places;
use super::{Check, Difference, Evidence};
use std::collections::HashMap;

/// What a person can be reached by. Names and addresses are told too, but reach nobody.
const CONTACTS: [&str; 5] = ["phone", "wechat", "qq", "email", "telegram"];

/// By thread, kind and value.
type Details<'d> = HashMap<(&'d str, &'d str, &'d str), usize>;

pub(super) fn check(evidence: &Evidence<'_>, places: &Places) -> Vec<Difference> {
    let planted = planted(evidence, places);
    let mut found = told(evidence, &planted, &evidence.streams.leads, "the feed");
    if let Some(consumer) = evidence.consumer {
        found.extend(told(evidence, &planted, consumer, "the consumer"));
    }
    found
}

/// The contact details in what is stored, by thread.
pub(crate) fn planted<'e>(evidence: &'e Evidence<'_>, places: &'e Places) -> Details<'e> {
    let mut planted = Details::new();
    for (customer, line) in evidence.book.lines() {
        let Some(thread) = places.thread(customer).filter(|_| !places.of_line(customer, line).is_empty())
        else {
            continue;
        };
        for lead in line.expect.iter().flat_map(|expect| &expect.lead).filter(|lead| is_contact(&lead.kind)) {
            *planted.entry((thread, &lead.kind, &lead.norm)).or_default() += 1;
        }
    }
    planted
}

fn told(evidence: &Evidence<'_>, planted: &Details<'_>, notices: &[Notice], whose: &str) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut tell = |what: String| found.push(Difference::new(Check::Leads, what));
    let mut told: Details<'_> = HashMap::new();
    let mut leads: HashMap<&str, &str> = HashMap::new();
    for notice in notices.iter().filter(|notice| notice.tells()) {
        if !evidence.streams.threads.contains_key(&notice.thread) {
            continue;
        }
        let first = *leads.entry(&notice.thread).or_insert(&notice.lead);
        if first != notice.lead {
            tell(format!("{whose} has two leads of thread {}", notice.thread));
        }
        for (kind, value) in notice.details.iter().filter(|(kind, _)| is_contact(kind)) {
            *told.entry((&notice.thread, kind, value)).or_default() += 1;
        }
    }
    for key @ (thread, kind, value) in planted.keys() {
        match told.get(key).copied().unwrap_or(0) {
            1 => {}
            0 => tell(format!("{whose} lacks the {kind} {value} of thread {thread}")),
            many => tell(format!("{whose} has the {kind} {value} of thread {thread} {many} times")),
        }
    }
    if evidence.book.is_scripted() {
        for (thread, kind, value) in told.keys().filter(|key| !planted.contains_key(*key)) {
            tell(format!("{whose} has the {kind} {value} of thread {thread}, which nobody left"));
        }
    }
    found
}

pub(crate) fn is_contact(kind: &str) -> bool {
    CONTACTS.contains(&kind)
}
