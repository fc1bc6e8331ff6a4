//! What may happen in a thread, at random.

use crate::talk::{ANNA, MS, Talk};
use conversation::*;
use events::thread::{Author, FailureClass, HandoverReason, OpenedBy, ReleasedTo, TransferredTo};
use events::{ContentKind, Micros};
use proptest::prelude::*;
use spine::new_id;
use std::collections::BTreeSet;
use uuid::Uuid;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Write,
    Unsupported,
    Visit,
    Ai,
    Anna,
    Start,
    Deliver,
    /// Starts and delivers whatever is next.
    Send,
    Refuse,
    Resend(usize),
    HandOver(HandoverReason),
    Assign,
    TakeOver,
    GiveBack(ReleasedTo),
    PassOn,
    Idle,
    AnnaCloses,
    AiCloses,
    Outside,
    Leave,
    Tell(bool),
    Erase,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<(Step, Micros)>> {
    let reason = prop_oneof![
        Just(HandoverReason::Unknown),
        Just(HandoverReason::WantsPerson),
        Just(HandoverReason::Anger),
        Just(HandoverReason::Failure),
    ];
    let to = prop_oneof![Just(ReleasedTo::Ai), Just(ReleasedTo::Queue)];
    let step = prop_oneof![
        30 => Just(Step::Write),
        3 => Just(Step::Unsupported),
        6 => Just(Step::Visit),
        24 => Just(Step::Ai),
        16 => Just(Step::Anna),
        12 => Just(Step::Start),
        12 => Just(Step::Deliver),
        30 => Just(Step::Send),
        6 => Just(Step::Refuse),
        8 => (0..4_usize).prop_map(Step::Resend),
        12 => reason.prop_map(Step::HandOver),
        12 => Just(Step::Assign),
        8 => Just(Step::TakeOver),
        8 => to.prop_map(Step::GiveBack),
        4 => Just(Step::PassOn),
        12 => Just(Step::Idle),
        6 => Just(Step::AnnaCloses),
        12 => Just(Step::AiCloses),
        3 => Just(Step::Outside),
        2 => Just(Step::Leave),
        8 => any::<bool>().prop_map(Step::Tell),
        2 => Just(Step::Erase),
    ];
    // Mostly seconds; now and then a clock that stands or runs behind.
    let passed = prop_oneof![8 => 1..90_000_i64, 1 => Just(0), 1 => -2_000..0_i64];
    proptest::collection::vec((step, passed.prop_map(|ms| ms * MS + 7)), 1..28)
}

/// Plays the steps; what the law refuses does not happen. Gives the conversations in which a lead was told.
pub(crate) async fn play(talk: &Talk, steps: &[(Step, Micros)], start: Micros) -> BTreeSet<u32> {
    let (mut at, mut leads, mut ours) = (start, BTreeSet::new(), Vec::new());
    for (step, passed) in steps {
        at += passed;
        match step {
            Step::Tell(reaches) => {
                let n = talk.number().await;
                if n > 0 {
                    let kind = events::lead::DetailKind::Phone;
                    let name = events::lead::DetailKind::Company;
                    talk.tells(if *reaches { kind } else { name }, at).await;
                    leads.extend(reaches.then_some(n));
                }
            }
            other => take(talk, *other, at, &mut ours).await,
        }
    }
    leads
}

async fn take(talk: &Talk, step: Step, at: Micros, ours: &mut Vec<Uuid>) {
    let (message, tenure, seen) = (new_id(), talk.tenure().await, talk.last_message().await);
    let (n, content) = (talk.number().await, talk.content(ContentKind::Text));
    match step {
        Step::Write | Step::Unsupported => {
            let kind = if matches!(step, Step::Write) { ContentKind::Text } else { ContentKind::Unsupported };
            let inbound = talk.inbound(kind, at);
            talk.decide(|t| receive(t, &inbound, at)).await;
        }
        Step::Visit => {
            let (by, provider, began) = (OpenedBy::Scan, message.to_string(), Some(talk.beginning()));
            let visit = Visit { by, provider, touch: None, window: None, sent_at: at, began };
            talk.decide(|t| open(t, &visit, at)).await;
        }
        Step::Ai => {
            let reply = AiReply {
                message,
                tenure,
                seen,
                content,
                citations: vec![],
                confidence: None,
                worded_by: None,
            };
            talk.decide(|t| reply_by_ai(t, &reply, at)).await;
            ours.push(message);
        }
        Step::Anna => {
            let reply = PersonReply { message, agent: ANNA, tenure, seen, content };
            talk.decide(|t| reply_by_person(t, &reply, at)).await;
            ours.push(message);
        }
        Step::Resend(back) => {
            let Some(of) = ours.iter().rev().nth(back).copied() else { return };
            let by = if back % 2 == 0 { Author::System } else { Author::Agent(ANNA) };
            let again = Resend { of, message, by, tenure, content };
            talk.decide(|t| resend(t, &again, at)).await;
            ours.push(message);
        }
        Step::Outside => {
            let provider = message.to_string();
            let echoed = Echo { ours: None, message, provider, content, sent_at: at, raw: None };
            talk.decide(|t| echo(t, &echoed, at)).await;
        }
        Step::HandOver(reason) => {
            let notice = Some(Notice { message, content });
            let wish = HandOver { tenure, reason, queue: "sales".into(), notice };
            talk.decide(|t| hand_over(t, &wish, at)).await;
        }
        Step::AnnaCloses => {
            talk.decide(|t| close(t, &Close::ByAgent { n, agent: ANNA, seen }, at)).await;
        }
        Step::AiCloses => {
            talk.decide(|t| close(t, &Close::ByAi { n, tenure, seen }, at)).await;
        }
        Step::Idle => {
            talk.decide(|t| close(t, &Close::Idle { n, cutoff: Micros::MAX }, at)).await;
        }
        Step::Send => {
            send(talk, Step::Start, at).await;
            send(talk, Step::Deliver, at).await;
        }
        Step::Start | Step::Deliver | Step::Refuse => send(talk, step, at).await,
        other => pass(talk, other, at, tenure).await,
    }
}

/// One step of what is next to be sent.
async fn send(talk: &Talk, step: Step, at: Micros) {
    let proof = Proof::IdempotencyKey;
    talk.decide(|t| {
        let Some((message, number)) = t.next_send().map(|next| (next.message, next.attempt)) else {
            return Ok(vec![]);
        };
        match step {
            Step::Start => start_send(t, &StartSend { message, attempt: number + 1, proof, parts: 1 }, at),
            Step::Deliver => sent(t, Attempt { message, number }, None, at),
            _ => failed(t, Attempt { message, number }, FailureClass::Rejected, None, at),
        }
    })
    .await;
}

async fn pass(talk: &Talk, step: Step, at: Micros, tenure: u32) {
    match step {
        Step::Assign => {
            let choice = Assign { tenure, agent: ANNA, candidates: vec![] };
            talk.decide(|t| assign(t, &choice, at)).await;
        }
        Step::TakeOver => {
            talk.decide(|t| take_over(t, &TakeOver { agent: ANNA, from: None }, at)).await;
        }
        Step::GiveBack(to) => {
            talk.decide(|t| release(t, &Release { by: None, tenure, to }, at)).await;
        }
        Step::PassOn => {
            let to = TransferredTo::Queue("vip".into());
            talk.decide(|t| transfer(t, &Transfer { by: ANNA, tenure, to: to.clone() }, at)).await;
        }
        Step::Leave => {
            let gone = Gone { provider: new_id().to_string(), sent_at: at };
            talk.decide(|t| unreachable(t, &gone, at)).await;
        }
        _ => {
            talk.decide(|t| erase(t, Uuid::from_u128(9), at)).await;
        }
    }
}
