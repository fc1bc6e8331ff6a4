//! What the demo tells in the end, for people and as JSON.

use super::book::Book;
use super::cast::Channel;
use super::compare::{Agreement, Difference, Evidence, Places, agreement};
use super::streams::{Fate, Thread};
use serde::Serialize;
use simulators::Micros;
use std::collections::BTreeMap;
use std::fmt;

/// The outcome of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// By channel.
    pub(crate) customers: BTreeMap<&'static str, usize>,
    /// Of the widget's visitors, those who wrote nothing.
    pub(crate) silent: usize,
    pub(crate) written: usize,
    pub(crate) accepted: usize,
    /// Deliveries of what was written, doubles included.
    pub(crate) deliveries: u64,
    /// Of these, calls that the suite refused or did not answer; they were repeated. A socket that breaks is no call.
    pub(crate) refused: u64,
    pub(crate) arrived: usize,
    /// Calls that brought a message again whose answer was lost.
    pub(crate) repeated: usize,
    pub(crate) answers: Answers,
    /// Absent when the dialogues expect nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agreement: Option<Agreement>,
    pub(crate) leads: Leads,
    pub(crate) first_reply: Times,
    pub(crate) played_ms: u64,
    /// Turns after which no answer came in time although the AI had the conversation.
    pub(crate) unanswered: usize,
    pub(crate) differences: Vec<Difference>,
}

/// Messages to customers, by what the log says of them.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Answers {
    pub(crate) sent: usize,
    pub(crate) withdrawn: usize,
    pub(crate) failed: usize,
    /// Customer and message of those that nobody can know about.
    pub(crate) unknown: Vec<String>,
    /// How many there may be: answers of calls that were lost on purpose, and what was on its way when the suite
    /// was killed, where the channel has no proof.
    pub(crate) unknown_max: usize,
}

/// Contact details.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Leads {
    /// In the dialogues; absent when they expect nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) planted: Option<usize>,
    /// In the feed, names and addresses included, by kind.
    pub(crate) told: BTreeMap<String, usize>,
    /// Threads with a lead.
    pub(crate) threads: usize,
}

/// Time to the first reply, measured by those who waited and for whom nothing went wrong on purpose.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Times {
    pub(crate) count: usize,
    /// Who wrote and never got a reply.
    pub(crate) none: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Times {
    fn of(replies: impl Iterator<Item = Option<Micros>>) -> Self {
        let replies: Vec<Option<Micros>> = replies.collect();
        let mut times: Vec<Micros> = replies.iter().copied().flatten().collect();
        times.sort_unstable();
        let ms = |permille: usize| {
            let rank = (times.len() * permille).div_ceil(1000).max(1);
            times.get(rank - 1).map_or(0.0, |us| *us as f64 / 1000.0)
        };
        Self {
            count: times.len(),
            none: replies.len() - times.len(),
            p50_ms: ms(500),
            p99_ms: ms(990),
            max_ms: ms(1000),
        }
    }
}

/// What only the play itself knows.
pub(crate) struct Observed {
    pub(crate) first_replies: Vec<Option<Micros>>,
    pub(crate) played_ms: u64,
    pub(crate) unanswered: usize,
}

impl Report {
    pub(crate) fn of(evidence: &Evidence<'_>, observed: Observed, differences: Vec<Difference>) -> Self {
        let Book { customers } = evidence.book;
        let places = Places::of(evidence.book, evidence.streams);
        let scripted = evidence.book.is_scripted();
        let reached = customers.iter().flat_map(|customer| &customer.reached);
        Self {
            customers: Channel::ALL
                .into_iter()
                .map(|channel| (channel.name(), customers.iter().filter(|c| c.channel == channel).count()))
                .collect(),
            silent: customers.iter().filter(|customer| customer.dialogue.is_none()).count(),
            written: evidence.book.lines().count(),
            accepted: evidence.book.lines().filter(|(_, line)| line.acknowledged.is_some()).count(),
            deliveries: evidence.book.lines().map(|(_, line)| u64::from(line.deliveries)).sum(),
            refused: refused(evidence.book),
            arrived: reached.clone().filter(|reached| !reached.repeated).count(),
            repeated: reached.filter(|reached| reached.repeated).count(),
            answers: answers(evidence, &places),
            agreement: scripted.then(|| agreement(evidence, &places)),
            leads: leads(evidence, scripted),
            first_reply: Times::of(observed.first_replies.into_iter()),
            played_ms: observed.played_ms,
            unanswered: observed.unanswered,
            differences,
        }
    }
}

fn refused(book: &Book) -> u64 {
    let calls = book.lines().filter(|(customer, _)| customer.channel != Channel::Widget);
    calls.map(|(_, line)| u64::from(line.refused)).sum()
}

fn answers(evidence: &Evidence<'_>, places: &Places) -> Answers {
    let mut answers = Answers { unknown_max: evidence.unknown_spare, ..Answers::default() };
    for customer in &evidence.book.customers {
        if !customer.channel.has_proof() {
            answers.unknown_max += customer.lost_answers;
        }
        let thread: Option<&Thread> = places.thread(customer).and_then(|id| evidence.streams.threads.get(id));
        for answer in thread.into_iter().flat_map(|thread| &thread.answers) {
            match answer.fate {
                Fate::Sent => answers.sent += 1,
                Fate::Withdrawn(_) => answers.withdrawn += 1,
                Fate::Failed(_) => answers.failed += 1,
                Fate::Unknown { .. } => answers.unknown.push(format!("{} {}", customer.name, answer.message)),
                Fate::Waiting | Fate::Started => {}
            }
        }
    }
    answers
}

fn leads(evidence: &Evidence<'_>, scripted: bool) -> Leads {
    let expected = evidence.book.lines().filter_map(|(_, line)| line.expect.as_ref());
    let planted = scripted.then(|| expected.map(|expect| expect.lead.len()).sum());
    let ours = evidence
        .streams
        .leads
        .iter()
        .filter(|notice| notice.tells() && evidence.streams.threads.contains_key(&notice.thread));
    let mut told = BTreeMap::new();
    for (kind, _) in ours.clone().flat_map(|notice| &notice.details) {
        *told.entry(kind.clone()).or_default() += 1;
    }
    let threads: std::collections::HashSet<&str> = ours.map(|notice| notice.thread.as_str()).collect();
    Leads { planted, told, threads: threads.len() }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let customers: Vec<String> =
            self.customers.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let customers = customers.join(", ");
        writeln!(f, "customers      {customers}; {} visitors wrote nothing", self.silent)?;
        let Self { written, accepted, deliveries, refused, .. } = self;
        writeln!(
            f,
            "written        {written} messages in {:.1} s, {deliveries} deliveries ({refused} refused or not answered), {accepted} accepted",
            self.played_ms as f64 / 1000.0
        )?;
        let Answers { sent, withdrawn, failed, unknown, unknown_max } = &self.answers;
        writeln!(
            f,
            "answered       {sent} sent, {withdrawn} withdrawn, {failed} failed, {} unknown (at most {unknown_max}); {} arrived, {} of them again",
            unknown.len(),
            self.arrived,
            self.repeated
        )?;
        for unknown in unknown {
            writeln!(f, "               unknown: {unknown}")?;
        }
        let Times { count, none, p50_ms, p99_ms, max_ms } = &self.first_reply;
        writeln!(
            f,
            "first reply    p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, max {max_ms:.1} ms over {count} customers without a planned fault; {none} got none"
        )?;
        if let Some(agreement) = &self.agreement {
            write_agreement(f, agreement)?;
        }
        let told: Vec<String> =
            self.leads.told.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        let planted =
            self.leads.planted.map(|planted| format!("{planted} details planted; ")).unwrap_or_default();
        writeln!(
            f,
            "leads          {planted}{} threads with a lead: {}",
            self.leads.threads,
            told.join(", ")
        )?;
        if self.unanswered > 0 {
            writeln!(f, "waits          after {} turns no answer came in time", self.unanswered)?;
        }
        match self.differences.as_slice() {
            [] => write!(f, "comparison     no difference"),
            [first, rest @ ..] => {
                write!(f, "comparison     DIFFERENT ({:?}): {}", first.check, first.what)?;
                if rest.is_empty() {
                    Ok(())
                } else {
                    write!(f, "\n               and {} more; --json lists them", rest.len())
                }
            }
        }
    }
}

fn write_agreement(f: &mut fmt::Formatter<'_>, agreement: &Agreement) -> fmt::Result {
    let Agreement { questions, answered, answered_otherwise, after_wrong_handover, .. } = agreement;
    let percent = if *questions == 0 { 0.0 } else { *answered as f64 * 100.0 / *questions as f64 };
    writeln!(
        f,
        "questions      {answered} of {questions} ({percent:.0} %) answered as expected, {answered_otherwise} otherwise, {after_wrong_handover} asked after a wrong handover"
    )?;
    let Agreement { handovers, handed_over, for_the_reason, own, wrong_handovers, wrong_reasons, .. } =
        agreement;
    let reasons: Vec<String> =
        wrong_reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    writeln!(
        f,
        "handovers      {handed_over} of {handovers} expected ones, {for_the_reason} for the expected reason; {wrong_handovers} of {own} other turns{reasons}"
    )?;
    writeln!(
        f,
        "courtesies     {} of {} answered by the AI",
        agreement.courtesies_answered, agreement.courtesies
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_reply_in_a_hundred_is_the_ninety_ninth_percentile() {
        let times = Times::of((1..=200).map(|ms| Some(ms * 1000)).chain([None]));
        assert_eq!((times.p50_ms, times.p99_ms, times.max_ms), (100.0, 198.0, 200.0));
        assert_eq!((times.count, times.none), (200, 1));
        assert_eq!(Times::of([].into_iter()).max_ms, 0.0);
    }
}
