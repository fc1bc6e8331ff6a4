//! 对话数, 开口数, 留资数 and 留资率 count what happened.

use super::leads::{is_contact, planted};
use super::places::Places;
use super::{Check, Difference, Evidence};
use std::collections::HashSet;

/// Rates are quotients of the same whole numbers, so only rounding may part them.
const RATE_TOLERANCE: f64 = 1e-9;

pub(super) fn check(evidence: &Evidence<'_>, places: &Places) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut tell = |what: String| found.push(Difference::new(Check::Figures, what));
    let customers = &evidence.book.customers;
    let opened = customers.iter().filter(|customer| places.thread(customer).is_some()).count();
    let silent = customers.iter().filter(|customer| customer.dialogue.is_none()).count();
    let conversations = opened + silent;
    let leads = with_contact(evidence, places);
    let figures = &evidence.rest.figures;
    for (name, counted, shown) in [
        ("对话数", conversations, figures.conversations),
        ("开口数", opened, figures.opened),
        ("留资数", leads, figures.leads),
    ] {
        if i64::try_from(counted) != Ok(shown) {
            tell(format!("{name} is {shown}; {counted} happened"));
        }
    }
    let all = match figures.denominator.as_str() {
        "conversations" => conversations,
        "opened" => opened,
        other => {
            tell(format!("留资率 is a share of `{other}`, which is neither conversations nor opened"));
            return found;
        }
    };
    let rate = (all > 0).then(|| leads as f64 / all as f64);
    let same = match (rate, figures.leads_rate) {
        (Some(rate), Some(shown)) => (rate - shown).abs() < RATE_TOLERANCE,
        (rate, shown) => rate == shown,
    };
    if !same {
        tell(format!("留资率 is {:?}; {leads} of {all} left a contact detail", figures.leads_rate));
    }
    found
}

/// Conversations with a contact detail: as planted, or as the feed tells when the texts are anybody's.
fn with_contact(evidence: &Evidence<'_>, places: &Places) -> usize {
    if evidence.book.is_scripted() {
        return planted(evidence, places).keys().map(|(thread, ..)| *thread).collect::<HashSet<_>>().len();
    }
    let told = evidence.streams.leads.iter().filter(|notice| {
        notice.tells()
            && evidence.streams.threads.contains_key(&notice.thread)
            && notice.details.iter().any(|(kind, _)| is_contact(kind))
    });
    told.map(|notice| &notice.thread).collect::<HashSet<_>>().len()
}
