//! Each text reads in the API as it was written, or as it arrived, in the order of writing.

use super::super::book::Customer;
use super::places::Places;
use super::{Check, Difference, Evidence};

/// Digits that a shown number keeps when the rest of it is hidden.
const HIDDEN_DIGITS_MIN: usize = 8;

pub(super) fn check(evidence: &Evidence<'_>, places: &Places) -> Vec<Difference> {
    let mut found = Vec::new();
    for customer in &evidence.book.customers {
        let mut tell =
            |what: String| found.push(Difference::new(Check::Texts, format!("{}: {what}", customer.name)));
        let Some(thread) = places.thread(customer) else { continue };
        if !evidence.rest.listed.contains(thread) {
            tell(format!("the conversation list does not show thread {thread}"));
        }
        written(evidence, places, (customer, thread), &mut tell);
        arrived(evidence, (customer, thread), &mut tell);
    }
    found
}

fn written(
    evidence: &Evidence<'_>,
    places: &Places,
    (customer, thread): (&Customer, &str),
    tell: &mut impl FnMut(String),
) {
    let transcript = evidence.rest.transcripts.get(thread).map(Vec::as_slice).unwrap_or_default();
    let mut before = None;
    for line in &customer.wrote {
        let Some(place) = places.of_line(customer, line).first() else { continue };
        let position = transcript.iter().position(|shown| shown.message == place.message);
        let Some(position) = position else {
            tell(format!("the transcript lacks message {}", line.provider));
            continue;
        };
        if !reads_as(&line.text, &transcript[position].text) {
            tell(format!(
                "message {} reads `{}`, written was `{}`",
                line.provider, transcript[position].text, line.text
            ));
        }
        if before.is_some_and(|before| position < before) {
            tell(format!("the transcript shows message {} before an earlier one", line.provider));
        }
        before = before.max(Some(position));
    }
}

/// Where the channel carries the suite's id; otherwise the text itself told which message it is.
fn arrived(evidence: &Evidence<'_>, (customer, thread): (&Customer, &str), tell: &mut impl FnMut(String)) {
    let transcript = evidence.rest.transcripts.get(thread).map(Vec::as_slice).unwrap_or_default();
    for shown in transcript {
        let parts = customer
            .reached
            .iter()
            .filter(|reached| !reached.repeated)
            .filter(|reached| reached.id.as_ref().is_some_and(|id| id.starts_with(&shown.message)));
        let text: String = parts.map(|reached| reached.text.as_str()).collect();
        if !text.is_empty() && !reads_as(&text, &shown.text) {
            tell(format!("message {} reads `{}`, `{text}` arrived", shown.message, shown.text));
        }
    }
}

/// Whether `shown` is `text`, or `text` with numbers of identity papers or bank cards hidden, which the API hides from
/// everybody.
fn reads_as(text: &str, shown: &str) -> bool {
    if text == shown {
        return true;
    }
    let hidden = text.chars().zip(shown.chars()).filter(|(text, shown)| text != shown);
    let number = |(text, shown): (char, char)| text.is_ascii_digit() && shown == '*';
    text.chars().count() == shown.chars().count()
        && hidden.clone().all(number)
        && hidden.count() >= HIDDEN_DIGITS_MIN
}

#[cfg(test)]
mod tests {
    use super::reads_as;

    #[test]
    fn a_hidden_number_reads_as_itself_and_a_changed_text_does_not() {
        assert!(reads_as("卡4111111111111111", "卡************1111"));
        assert!(!reads_as("卡4111111111111111", "卡************1112"));
        assert!(!reads_as("12", "*2"));
        assert!(!reads_as("a", "b"));
    }
}
