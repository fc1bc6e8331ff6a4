//! Sent is received, once and in order; an unknown outcome stands only where an answer was lost on purpose.

use super::super::book::{Customer, Reached};
use super::super::rest::Rest;
use super::super::streams::{Answer, Fate};
use super::places::Places;
use super::{Check, Difference, Evidence};

pub(super) fn check(evidence: &Evidence<'_>, places: &Places) -> Vec<Difference> {
    let mut found = Vec::from_iter(unknown(evidence, places));
    for customer in &evidence.book.customers {
        let mut tell =
            |what: String| found.push(Difference::new(Check::Sent, format!("{}: {what}", customer.name)));
        let thread = places.thread(customer).and_then(|id| Some((id, evidence.streams.threads.get(id)?)));
        let Some((id, thread)) = thread else {
            if !customer.reached.is_empty() && !customer.wrote.is_empty() {
                tell(format!("{} messages arrived, and the log has no thread", customer.reached.len()));
            }
            continue;
        };
        fates(customer, &thread.answers, &mut tell);
        if customer.channel.has_proof() {
            by_id(&customer.reached, &thread.answers, &mut tell);
        } else {
            by_text(&customer.reached, &thread.answers, (id, evidence.rest), &mut tell);
        }
    }
    found
}

fn fates(customer: &Customer, answers: &[Answer], tell: &mut impl FnMut(String)) {
    for Answer { message, fate, .. } in answers {
        match fate {
            Fate::Sent | Fate::Withdrawn(_) => {}
            Fate::Unknown { last: true } if !customer.channel.has_proof() => {}
            Fate::Unknown { last: true } => {
                tell(format!("the outcome of {message} is unknown on a channel with a proof"))
            }
            Fate::Failed(class) => tell(format!("sending {message} failed: {class}")),
            Fate::Waiting | Fate::Started | Fate::Unknown { last: false } => {
                tell(format!("{message} is still on its way"));
            }
        }
    }
}

/// An outcome is unknown only where the answer of the call was lost on purpose, or the suite was killed meanwhile.
fn unknown(evidence: &Evidence<'_>, places: &Places) -> Option<Difference> {
    let (mut excess, mut first) = (0, None);
    for customer in &evidence.book.customers {
        let thread = places.thread(customer).and_then(|id| evidence.streams.threads.get(id));
        let answers = thread.map(|thread| thread.answers.as_slice()).unwrap_or_default();
        let unknown = answers.iter().filter(|answer| matches!(answer.fate, Fate::Unknown { .. })).count();
        if unknown > customer.lost_answers {
            excess += unknown - customer.lost_answers;
            first = first.or(Some(&customer.name));
        }
    }
    let spare = evidence.unknown_spare;
    let first = first.filter(|_| excess > spare)?;
    let what = format!(
        "{excess} outcomes are unknown though no answer was lost, the first to {first}; {spare} may be"
    );
    Some(Difference::new(Check::Sent, what))
}

/// Where the channel carries the suite's id of each message.
fn by_id(reached: &[Reached], answers: &[Answer], tell: &mut impl FnMut(String)) {
    let mut arrived: Vec<&str> = Vec::new();
    for id in reached.iter().filter(|reached| !reached.repeated).filter_map(|reached| reached.id.as_deref()) {
        match answers.iter().find(|answer| id.starts_with(&answer.message)) {
            // The parts of a long message come one after another.
            Some(answer) if arrived.last() != Some(&answer.message.as_str()) => arrived.push(&answer.message),
            Some(_) => {}
            None => tell(format!("{id} arrived, which is not in the log")),
        }
    }
    for Answer { message, fate, .. } in answers {
        let times = arrived.iter().filter(|id| **id == message).count();
        match (fate, times) {
            (Fate::Sent, 0) => tell(format!("{message} was sent and did not arrive")),
            (Fate::Withdrawn(_), 1..) => tell(format!("{message} was withdrawn and arrived")),
            (_, 2..) => tell(format!("{message} arrived {times} times as a new one")),
            _ => {}
        }
    }
    let decided: Vec<&str> = answers.iter().map(|answer| answer.message.as_str()).collect();
    let place = |id: &&str| decided.iter().position(|decided| decided == id);
    if let Some(pair) = arrived.windows(2).find(|pair| place(&pair[1]) < place(&pair[0])) {
        tell(format!("{} arrived after {}, against the log's order", pair[0], pair[1]));
    }
}

/// Where only the text tells which message it is. Blanks do not count: a long text is cut at them.
fn by_text(
    reached: &[Reached],
    answers: &[Answer],
    (thread, rest): (&str, &Rest),
    tell: &mut impl FnMut(String),
) {
    let mut arrived = reached.iter().map(|reached| plain(&reached.text)).peekable();
    for Answer { message, fate, .. } in answers {
        let Some(text) = rest.text(thread, message).map(plain) else { continue };
        let mut pieces = String::new();
        while let Some(next) = arrived
            .next_if(|next| pieces.len() < text.len() && text[pieces.len()..].starts_with(next.as_str()))
        {
            pieces.push_str(&next);
        }
        match fate {
            Fate::Sent if pieces != text => {
                tell(format!("{message} was sent and did not arrive in its place"))
            }
            Fate::Withdrawn(_) if !pieces.is_empty() => tell(format!("{message} was withdrawn and arrived")),
            _ => {}
        }
    }
    let left = arrived.count();
    if left > 0 {
        tell(format!("{left} messages arrived that the log does not say were sent"));
    }
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}
