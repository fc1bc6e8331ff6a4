//! The comparison: what happened outside against what the streams, the API and a consumer hold. Pure.

mod answers;
mod figures;
mod leads;
mod places;
mod sent;
mod taken;
mod texts;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

pub(crate) use answers::{Agreement, agreement};
pub(crate) use places::Places;

use super::book::Book;
use super::rest::Rest;
use super::streams::{Notice, Streams};
use serde::Serialize;

/// What is compared with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    /// What the suite accepted stands in the log once, in order.
    Accepted,
    /// What the log says was sent arrived, and nothing else did.
    Sent,
    /// Each text reads as it was written.
    Texts,
    /// The AI answers what it should and hands over what it should.
    Answers,
    /// Each planted contact detail is one lead.
    Leads,
    /// The figures count what happened.
    Figures,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    pub(crate) check: Check,
    /// One sentence with the names of customer, thread and message.
    pub(crate) what: String,
}

impl Difference {
    fn new(check: Check, what: String) -> Self {
        Self { check, what }
    }
}

/// Both sides.
#[derive(Clone, Copy)]
pub(crate) struct Evidence<'e> {
    pub(crate) book: &'e Book,
    pub(crate) streams: &'e Streams,
    pub(crate) rest: &'e Rest,
    /// What the example consumer wrote down, if one was running.
    pub(crate) consumer: Option<&'e [Notice]>,
    /// Slugs of the accounts that were played on.
    pub(crate) accounts: &'e [String],
    /// Outcomes that may be unknown beside those whose answer was lost on purpose: what was on its way when the
    /// suite was killed.
    pub(crate) unknown_spare: usize,
}

/// All differences, in the order of the checks; none when both sides agree.
pub(crate) fn compare(evidence: &Evidence<'_>) -> Vec<Difference> {
    let places = Places::of(evidence.book, evidence.streams);
    let checks = [taken::check, sent::check, texts::check, answers::check, leads::check, figures::check];
    checks.iter().flat_map(|check| check(evidence, &places)).collect()
}

/// What is on its way still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Messages of customers that were accepted and are not in the log.
    pub(crate) to_the_log: usize,
    /// Messages to customers that have no outcome yet.
    pub(crate) to_customers: usize,
}

impl Waiting {
    pub(crate) fn of(book: &Book, streams: &Streams) -> Self {
        let places = Places::of(book, streams);
        let missing = |(customer, line): &(&_, &super::book::Line)| {
            line.acknowledged.is_some() && places.of_line(customer, line).is_empty()
        };
        let threads =
            book.customers.iter().filter_map(|customer| streams.threads.get(places.thread(customer)?));
        let answers = threads.flat_map(|thread| &thread.answers);
        Self {
            to_the_log: book.lines().filter(missing).count(),
            to_customers: answers.filter(|answer| !answer.fate.is_settled()).count(),
        }
    }

    /// Whether nothing is.
    pub(crate) fn is_over(self) -> bool {
        self == Self::default()
    }
}

impl std::fmt::Display for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { to_the_log, to_customers } = self;
        write!(
            f,
            "{to_the_log} messages of customers that are not in the log yet, {to_customers} messages to customers that \
             have no outcome yet"
        )
    }
}
