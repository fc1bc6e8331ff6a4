//! The row against the law: both fold the same events and must agree.

use super::*;
use conversation::{ExpireAnswer, Thread, expire_answer};
use events::Sealed;
use events::thread::{ClosedBy, HandoverReason, OpenedBy};
use proptest::prelude::*;
use spine::Entity;

const START: Micros = 1_700_000_000_000_000;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn content(kind: ContentKind) -> Content {
    Content { kind, text: Some(Sealed("v1".into())), media: None, length: 2, language: "zh".into() }
}

fn received(n: u32, message: u128, at: Micros) -> ThreadEvent {
    let kind = if message.is_multiple_of(5) { ContentKind::Unsupported } else { ContentKind::Text };
    ThreadEvent::Received {
        n,
        message: id(message),
        provider: format!("p{message}"),
        content: content(kind),
        sent_at: at,
        order: None,
        window: None,
        raw: None,
        at,
    }
}

fn replied(n: u32, by: Author, tenure: u32, seen: Option<Uuid>, at: Micros) -> ThreadEvent {
    ThreadEvent::Replied {
        n,
        message: id(at as u128),
        by,
        tenure,
        seen,
        content: content(ContentKind::Text),
        citations: vec![],
        confidence: None,
        worded_by: None,
        resends: None,
        at,
    }
}

/// What may come next, as the law would let it, from a number that chooses.
fn next(thread: &Thread, choice: u8, pick: u8, at: Micros) -> Vec<ThreadEvent> {
    let agent = id(u128::from(pick % 3) + 1);
    let tenure = thread.tenure() + 1;
    let Some(n) = thread.open_number() else {
        let n = thread.last_number() + 1;
        let (by, message) = (OpenedBy::Message, at as u128);
        let opened = ThreadEvent::Opened { n, by, touch: None, window: None, provider: None, at };
        return vec![opened, received(n, message, at)];
    };
    let seen = thread.last_message();
    let queue = "sales".to_owned();
    let event = match (choice % 14, thread.owner()) {
        (0..=3, _) => received(n, at as u128, at),
        (4, Some(Owner::Ai)) => replied(n, Author::Ai, tenure - 1, seen, at),
        (4, _) => replied(n, Author::Agent(agent), tenure - 1, seen, at),
        (5, _) => replied(n, Author::System, tenure - 1, None, at),
        (6, Some(Owner::Queue)) => ThreadEvent::Assigned { n, tenure, agent, candidates: vec![], at },
        (6, _) => ThreadEvent::HandedOver { n, tenure, reason: HandoverReason::Anger, queue, at },
        (7, _) => ThreadEvent::TakenOver { n, tenure, agent, at },
        (8, Some(Owner::Agent(_))) => {
            let to = if pick.is_multiple_of(2) { ReleasedTo::Ai } else { ReleasedTo::Queue };
            ThreadEvent::Released { n, tenure, to, at }
        }
        (9, Some(Owner::Agent(from))) => {
            let to = if pick.is_multiple_of(2) {
                TransferredTo::Agent(agent)
            } else {
                TransferredTo::Queue(queue)
            };
            ThreadEvent::Transferred { n, tenure, from, to, at }
        }
        (10, _) => ThreadEvent::Closed { n, tenure, by: ClosedBy::Idle, at },
        (11, _) => {
            let message = thread.last_message().unwrap_or_default();
            ThreadEvent::Recalled { message, provider: format!("r{at}"), at }
        }
        (12, owner) => {
            let moved = !matches!(owner, Some(Owner::Agent(_) | Owner::Desk));
            let (tenure, provider) = (if moved { tenure } else { tenure - 1 }, format!("d{at}"));
            ThreadEvent::DeskTook { n, tenure, moved, provider, sent_at: at, at }
        }
        (13, owner) => {
            let moved = owner == Some(Owner::Desk);
            let (tenure, provider) = (if moved { tenure } else { tenure - 1 }, format!("d{at}"));
            ThreadEvent::DeskLetGo { n, tenure, moved, provider, sent_at: at, at }
        }
        _ => {
            let known = matches!(thread.owner(), Some(Owner::Agent(_) | Owner::Desk | Owner::Outside));
            let tenure = if known { tenure - 1 } else { tenure };
            let (provider, raw) = (format!("o{at}"), None);
            let content = content(ContentKind::Text);
            let message = id(at as u128);
            ThreadEvent::AnsweredOutside { n, tenure, message, provider, content, sent_at: at, raw, at }
        }
    };
    vec![event]
}

fn agree(row: &ThreadRow, thread: &Thread) {
    assert_eq!(row.owner, thread.owner());
    assert_eq!(row.tenure, thread.tenure());
    assert_eq!(row.n, thread.last_number());
    let awaiting: Vec<Uuid> =
        row.awaiting.iter().filter(|item| !item.mute).map(|item| item.message).collect();
    assert_eq!(awaiting, thread.awaiting());
    if row.owner.is_some() {
        assert_eq!(Some(row.active_at), thread.active_at());
    }
    if let Some((message, from)) = row.answer_due() {
        let expire = ExpireAnswer { message, deadline_us: 30, queue: String::new(), notice: None };
        assert!(expire_answer(thread, &expire, from + 29).is_err(), "not before the deadline");
        assert_eq!(expire_answer(thread, &expire, from + 30).unwrap().len(), 1, "at the deadline");
    }
}

proptest! {
    #[test]
    fn a_row_agrees_with_the_law_after_every_event(
        steps in proptest::collection::vec((any::<u8>(), any::<u8>()), 0..60),
    ) {
        let mut thread = Thread::default();
        let began = ThreadEvent::Began {
            account: id(9), channel: "widget".into(), contact: Sealed("v1".into()), name: None, at: START,
        };
        thread.evolve(&began);
        let mut row = ThreadRow::new(id(8), "demo".into(), id(9), "widget".into());
        let mut facts = Facts::default();
        for (step, (choice, pick)) in steps.into_iter().enumerate() {
            for event in next(&thread, choice, pick, START + step as Micros * 1_000) {
                thread.evolve(&event);
                row.take_in(&event, &mut facts);
            }
            agree(&row, &thread);
        }
    }
}

#[test]
fn whoever_gives_a_conversation_back_is_remembered_until_it_goes_on() {
    let mut row = ThreadRow::new(id(8), "demo".into(), id(9), "widget".into());
    let mut facts = Facts::default();
    let taken = |tenure| ThreadEvent::TakenOver { n: 1, tenure, agent: id(1), at: START };
    let back = ThreadEvent::Released { n: 1, tenure: 2, to: ReleasedTo::Queue, at: START };
    row.take_in(&taken(1), &mut facts);
    row.take_in(&back, &mut facts);
    assert_eq!((row.gave_back, row.last_agent, &*row.queue), (Some(id(1)), Some(id(1)), QUEUE_DEFAULT));
    row.take_in(&taken(3), &mut facts);
    assert_eq!(row.gave_back, None);
}
