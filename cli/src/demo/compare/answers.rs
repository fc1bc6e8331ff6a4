//! Whether the AI did with each turn what the dialogue expects.

use super::super::script::{Expect, Kind};
use super::super::streams::{Author, Thread};
use super::places::Places;
use super::{Check, Difference, Evidence};
use serde::Serialize;
use std::collections::BTreeMap;

/// Questions that the AI must answer by the entry that the dialogue names, in percent.
pub(crate) const ANSWERED_PERCENT_MIN: usize = 60;
/// Turns that went to people although the dialogue does not say so, in percent of the turns that should not: people
/// who get a question that the AI might have answered are a cost, people who are not asked are a lost customer.
pub(crate) const WRONG_HANDOVERS_PERCENT_MAX: usize = 25;

/// How far the AI did what the dialogues expect. Counts of turns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Agreement {
    /// Questions that the knowledge answers.
    pub(crate) questions: usize,
    /// Of these, answered by the AI with the entry that was expected.
    pub(crate) answered: usize,
    /// Of these, answered by the AI with other entries.
    pub(crate) answered_otherwise: usize,
    /// Of these, asked when people had the conversation already through a wrong handover.
    pub(crate) after_wrong_handover: usize,
    /// Turns that should go to people.
    pub(crate) handovers: usize,
    /// Of these, handed over.
    pub(crate) handed_over: usize,
    /// Of these, handed over for the reason that was expected.
    pub(crate) for_the_reason: usize,
    /// Turns that should not go to people while the AI has the conversation.
    pub(crate) own: usize,
    /// Of these, handed over nevertheless.
    pub(crate) wrong_handovers: usize,
    /// The wrong ones by reason.
    pub(crate) wrong_reasons: BTreeMap<String, usize>,
    /// Details left and small talk, answered by the AI.
    pub(crate) courtesies: usize,
    pub(crate) courtesies_answered: usize,
    /// The wrong handovers: dialogue, turn, reason.
    #[serde(skip)]
    pub(crate) wrong: Vec<String>,
}

pub(super) fn check(evidence: &Evidence<'_>, places: &Places) -> Vec<Difference> {
    let found = agreement(evidence, places);
    let mut differences = Vec::new();
    let mut tell = |what: String| differences.push(Difference::new(Check::Answers, what));
    if found.answered * 100 < found.questions * ANSWERED_PERCENT_MIN {
        let Agreement { answered, questions, .. } = found;
        tell(format!(
            "the AI answered {answered} of {questions} questions, less than {ANSWERED_PERCENT_MIN} in 100"
        ));
    }
    if found.wrong_handovers * 100 > found.own * WRONG_HANDOVERS_PERCENT_MAX {
        let Agreement { wrong_handovers, own, wrong, .. } = found;
        let more = format!("more than {WRONG_HANDOVERS_PERCENT_MAX} in 100");
        tell(format!(
            "{wrong_handovers} of {own} turns went to people against the dialogue, {more}: {}",
            wrong.join(", ")
        ));
    }
    differences
}

/// Counts the agreement; all zero when nothing is expected.
pub(crate) fn agreement(evidence: &Evidence<'_>, places: &Places) -> Agreement {
    let mut found = Agreement::default();
    for customer in &evidence.book.customers {
        let thread = places.thread(customer).and_then(|id| evidence.streams.threads.get(id));
        let mut owner = Owner::Ai;
        for (number, line) in customer.wrote.iter().enumerate() {
            let Some(expect) = &line.expect else { continue };
            let message = places.of_line(customer, line).first().map(|place| place.message.as_str());
            let outcome = outcome(evidence, thread, message, expect);
            count(&mut found, expect, &outcome, &mut owner);
            if let (Outcome::HandedOver(reason), Owner::WronglyPeople) = (&outcome, owner) {
                let dialogue = customer.dialogue.as_deref().unwrap_or_default();
                found.wrong.push(format!("{dialogue} turn {} ({reason})", number + 1));
                owner = Owner::StillWronglyPeople;
            }
        }
    }
    found
}

#[derive(Clone, Copy, PartialEq)]
enum Owner {
    Ai,
    People,
    /// Since this turn.
    WronglyPeople,
    StillWronglyPeople,
}

enum Outcome {
    /// By the AI; whether with the entry that was expected.
    Answered {
        expected: bool,
    },
    HandedOver(String),
    Silence,
}

fn outcome(
    evidence: &Evidence<'_>,
    thread: Option<&Thread>,
    message: Option<&str>,
    expect: &Expect,
) -> Outcome {
    let (Some(thread), Some(message)) = (thread, message) else { return Outcome::Silence };
    if let Some(handover) =
        thread.handovers.iter().find(|handover| handover.after.as_deref() == Some(message))
    {
        return Outcome::HandedOver(handover.reason.clone());
    }
    let answer = thread
        .answers
        .iter()
        .find(|answer| answer.by == Author::Ai && answer.seen.as_deref() == Some(message));
    let Some(answer) = answer else { return Outcome::Silence };
    let named = |id: &String, entry: &str| evidence.streams.entries.get(id).unwrap_or(id) == entry;
    let expected =
        expect.entry.as_deref().is_some_and(|entry| answer.cites.iter().any(|id| named(id, entry)));
    Outcome::Answered { expected }
}

fn count(found: &mut Agreement, expect: &Expect, outcome: &Outcome, owner: &mut Owner) {
    let wrongly = matches!(owner, Owner::WronglyPeople | Owner::StillWronglyPeople);
    match expect.kind {
        Kind::Answer => {
            found.questions += 1;
            found.answered += usize::from(matches!(outcome, Outcome::Answered { expected: true }));
            found.answered_otherwise += usize::from(matches!(outcome, Outcome::Answered { expected: false }));
            found.after_wrong_handover += usize::from(wrongly);
        }
        Kind::Contact | Kind::Smalltalk => {
            found.courtesies += 1;
            found.courtesies_answered += usize::from(matches!(outcome, Outcome::Answered { .. }));
        }
        Kind::Handover => {
            found.handovers += 1;
            if let Outcome::HandedOver(reason) = outcome {
                found.handed_over += 1;
                found.for_the_reason += usize::from(expect.reason.as_deref() == Some(reason));
                *owner = Owner::People;
            }
            return;
        }
        Kind::None => return,
    }
    if *owner != Owner::Ai {
        return;
    }
    found.own += 1;
    if let Outcome::HandedOver(reason) = outcome {
        found.wrong_handovers += 1;
        *found.wrong_reasons.entry(reason.clone()).or_default() += 1;
        *owner = Owner::WronglyPeople;
    }
}
