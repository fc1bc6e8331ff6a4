//! What a history counts as, read naively: each fact is looked for on its own, over the whole history.

use crate::model::Counted;
use crate::talk::Talk;
use events::thread::{Author, ClosedBy, HandoverReason, ReleasedTo, TransferredTo};
use events::{ContentKind, Micros, ThreadEvent};
use proto::v1::HandoverReason as Told;
use std::collections::BTreeSet;
use uuid::Uuid;

/// What each conversation counts as; `leads` are those in which a lead was told.
pub(crate) fn count(talk: &Talk, history: &[ThreadEvent], leads: &BTreeSet<u32>) -> Vec<Counted> {
    let opened = history.iter().filter_map(|event| match event {
        ThreadEvent::Opened { n, at, .. } => Some((*n, *at)),
        _ => None,
    });
    opened.map(|(n, opened_at)| count_one(talk, history, (n, opened_at), leads.contains(&n))).collect()
}

fn count_one(talk: &Talk, history: &[ThreadEvent], (n, opened_at): (u32, Micros), lead: bool) -> Counted {
    let first_word = history.iter().position(|event| {
        matches!(event, ThreadEvent::Received { n: of, content, .. }
            if *of == n && content.kind != ContentKind::Unsupported)
    });
    let first_answer = first_word.and_then(|from| first_answer(history, n, from));
    let word_at = first_word.map(|place| at_of(&history[place]));
    let reasons: BTreeSet<i32> = history.iter().filter_map(|event| reason_of(event, n)).collect();
    let person = history.iter().any(|event| match event {
        ThreadEvent::Assigned { n: of, .. }
        | ThreadEvent::TakenOver { n: of, .. }
        | ThreadEvent::AnsweredOutside { n: of, .. } => *of == n,
        _ => false,
    });
    let solved = history.iter().any(|event| {
        matches!(event, ThreadEvent::Closed { n: of, by: ClosedBy::Ai | ClosedBy::Idle, .. } if *of == n)
    });
    let by_ai = first_answer.is_some_and(|(by_ai, _)| by_ai);
    Counted {
        thread: talk.thread.to_string(),
        n,
        account: talk.account.to_string(),
        channel: talk.channel.clone(),
        opened_at,
        wrote: first_word.is_some(),
        lead,
        response_ms: first_answer.map(|(_, at)| (at - word_at.unwrap()).max(0) / 1_000),
        waiting_ms: waits(history, n),
        resolved: solved && by_ai && reasons.is_empty() && !person,
        reasons: reasons.into_iter().map(|number| Told::try_from(number).unwrap()).collect(),
    }
}

/// Whether the AI wrote it, and when it was sent.
fn first_answer(history: &[ThreadEvent], n: u32, from: usize) -> Option<(bool, Micros)> {
    history[from..].iter().find_map(|event| match event {
        ThreadEvent::AnsweredOutside { n: of, at, .. } if *of == n => Some((false, *at)),
        ThreadEvent::Sent { message, at, .. } => Some((written_by(history, n, from, *message)?, *at)),
        _ => None,
    })
}

/// Whether the AI wrote the message as an answer of conversation `n` after its first word; none if it is no
/// such answer.
fn written_by(history: &[ThreadEvent], n: u32, from: usize, message: Uuid) -> Option<bool> {
    history[from..].iter().find_map(|event| match event {
        ThreadEvent::Replied { n: of, message: m, by, resends, .. } if *of == n && *m == message => {
            match (by, resends) {
                (Author::System, None) => None,
                (by, None) => Some(*by == Author::Ai),
                (by, Some(first)) => {
                    let first = written_by(history, n, from, *first)?;
                    Some(if *by == Author::System { first } else { *by == Author::Ai })
                }
            }
        }
        _ => None,
    })
}

/// The waits of conversation `n` that an agent ended.
fn waits(history: &[ThreadEvent], n: u32) -> Option<i64> {
    enum Change {
        Queue,
        Agent,
        Other,
    }
    let changes: Vec<(Change, Micros)> = history
        .iter()
        .filter_map(|event| match event {
            ThreadEvent::HandedOver { n: of, at, .. }
            | ThreadEvent::Released { n: of, to: ReleasedTo::Queue, at, .. }
            | ThreadEvent::Transferred { n: of, to: TransferredTo::Queue(_), at, .. } => {
                (*of == n).then_some((Change::Queue, *at))
            }
            ThreadEvent::Assigned { n: of, at, .. } | ThreadEvent::TakenOver { n: of, at, .. } => {
                (*of == n).then_some((Change::Agent, *at))
            }
            ThreadEvent::Released { n: of, at, .. }
            | ThreadEvent::AnsweredOutside { n: of, at, .. }
            | ThreadEvent::Closed { n: of, at, .. } => (*of == n).then_some((Change::Other, *at)),
            _ => None,
        })
        .collect();
    let ended = changes.windows(2).filter_map(|pair| match pair {
        [(Change::Queue, from), (Change::Agent, to)] => Some((to - from).max(0) / 1_000),
        _ => None,
    });
    ended.reduce(|sum, wait| sum + wait)
}

fn reason_of(event: &ThreadEvent, n: u32) -> Option<i32> {
    let ThreadEvent::HandedOver { n: of, reason, .. } = event else { return None };
    let told = match reason {
        HandoverReason::Unknown => Told::Unknown,
        HandoverReason::WantsPerson => Told::WantsPerson,
        HandoverReason::Anger => Told::Anger,
        HandoverReason::Deadline => Told::Deadline,
        HandoverReason::Failure => Told::Failure,
    };
    (*of == n).then_some(told.into())
}

fn at_of(event: &ThreadEvent) -> Micros {
    let ThreadEvent::Received { at, .. } = event else { panic!("no word of the customer") };
    *at
}
