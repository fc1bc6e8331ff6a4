//! Facts of conversations as events add to them.

use super::*;
use events::Content;
use events::thread::WithdrawnReason;

const ANNA: Uuid = Uuid::from_u128(0xA);
const SECOND: Micros = 1_000_000;

fn content(kind: ContentKind) -> Content {
    Content { kind, text: None, media: None, length: 2, language: "zh".into() }
}

fn wrote(kind: ContentKind, at: Micros) -> ThreadEvent {
    ThreadEvent::Received {
        n: 1,
        message: Uuid::from_u128(1),
        provider: "p".into(),
        content: content(kind),
        sent_at: 0,
        order: None,
        window: None,
        raw: None,
        at,
    }
}

fn replied(message: u128, by: Author, resends: Option<u128>) -> ThreadEvent {
    ThreadEvent::Replied {
        n: 1,
        message: Uuid::from_u128(message),
        by,
        tenure: 0,
        seen: None,
        content: content(ContentKind::Text),
        citations: vec![],
        confidence: None,
        worded_by: None,
        resends: resends.map(Uuid::from_u128),
        at: SECOND,
    }
}

fn handed(reason: HandoverReason, at: Micros) -> ThreadEvent {
    ThreadEvent::HandedOver { n: 1, tenure: 1, reason, queue: "sales".into(), at }
}

fn taken(at: Micros) -> ThreadEvent {
    ThreadEvent::TakenOver { n: 1, tenure: 2, agent: ANNA, at }
}

fn after(events: &[ThreadEvent]) -> Facts {
    let mut facts = Facts::default();
    events.iter().for_each(|event| facts.take_in(event));
    facts
}

fn text() -> ThreadEvent {
    wrote(ContentKind::Text, SECOND)
}

#[test]
fn a_placeholder_is_a_message_and_no_first_word() {
    let mut facts = after(&[wrote(ContentKind::Unsupported, SECOND)]);
    assert_eq!((facts.messages_in, facts.first_received_at), (1, None));
    facts.take_in(&wrote(ContentKind::Image, 2 * SECOND));
    assert_eq!(facts.first_received_at, Some(2 * SECOND));
}

#[test]
fn the_first_answer_counts_when_it_is_sent() {
    let mut facts = after(&[text(), replied(1, Author::Ai, None)]);
    assert_eq!((facts.replies_ai, facts.first_reply.clone()), (1, None));
    assert!(facts.sent(Uuid::from_u128(1), 3 * SECOND));
    let first = FirstReply { at: 3 * SECOND, by: "ai".into(), response_ms: 2_000 };
    assert_eq!((facts.first_reply, facts.unsent), (Some(first), vec![]));
}

#[test]
fn a_greeting_before_the_first_word_answers_nothing() {
    let mut facts = after(&[replied(1, Author::Ai, None), text()]);
    assert!(!facts.sent(Uuid::from_u128(1), 3 * SECOND));
    assert_eq!((facts.replies_ai, facts.first_reply), (1, None));
}

#[test]
fn a_notice_answers_nothing() {
    let mut facts = after(&[text(), replied(1, Author::System, None)]);
    assert!(!facts.sent(Uuid::from_u128(1), 3 * SECOND));
    assert_eq!((facts.replies_ai, facts.replies_person), (0, 0));
}

#[test]
fn an_answer_that_was_withdrawn_leaves_the_place_to_the_next() {
    let withdrawn = ThreadEvent::Withdrawn {
        message: Uuid::from_u128(1),
        reason: WithdrawnReason::Tenure,
        at: 2 * SECOND,
    };
    let answers = [replied(1, Author::Ai, None), withdrawn, replied(2, Author::Agent(ANNA), None)];
    let mut facts = after(&[&[text()], &answers[..]].concat());
    assert!(facts.sent(Uuid::from_u128(2), 9 * SECOND));
    let first = facts.first_reply.unwrap();
    assert_eq!((first.by, first.response_ms), (format!("agent:{ANNA}"), 8_000));
}

#[test]
fn what_the_suite_sends_again_stays_the_answer_of_its_author_and_counts_once() {
    let mut facts = after(&[text(), replied(1, Author::Ai, None), replied(2, Author::System, Some(1))]);
    assert!(facts.sent(Uuid::from_u128(2), 2 * SECOND));
    assert_eq!((facts.replies_ai, facts.first_reply.unwrap().by), (1, "ai".into()));
}

#[test]
fn an_answer_in_the_platforms_own_app_is_sent_already() {
    let outside = ThreadEvent::AnsweredOutside {
        n: 1,
        tenure: 1,
        message: Uuid::from_u128(5),
        provider: "o".into(),
        content: content(ContentKind::Text),
        sent_at: 0,
        raw: None,
        at: 4 * SECOND,
    };
    let facts = after(&[text(), outside]);
    assert!(facts.person);
    assert_eq!(
        facts.first_reply,
        Some(FirstReply { at: 4 * SECOND, by: OUTSIDE.into(), response_ms: 3_000 })
    );
}

#[test]
fn a_customer_whom_the_platforms_desk_took_was_a_persons_and_waits_no_more() {
    let took = |moved| ThreadEvent::DeskTook {
        n: 1,
        tenure: 1,
        moved,
        provider: "d".into(),
        sent_at: 0,
        at: 4 * SECOND,
    };
    assert!(after(&[text(), took(true)]).person);
    assert!(!after(&[text(), took(false)]).person);
}

#[test]
fn waits_that_end_with_an_agent_add_up_and_others_are_none() {
    let back = |to, at| ThreadEvent::Released { n: 1, tenure: 3, to, at };
    let mut facts = after(&[
        handed(HandoverReason::Anger, 10 * SECOND),
        taken(13 * SECOND),
        back(ReleasedTo::Queue, 20 * SECOND),
        taken(24 * SECOND),
    ]);
    assert_eq!(facts.waiting_ms, Some(7_000));
    facts.take_in(&back(ReleasedTo::Queue, 30 * SECOND));
    facts.take_in(&back(ReleasedTo::Ai, 90 * SECOND));
    facts.take_in(&taken(95 * SECOND));
    assert_eq!((facts.waiting_ms, facts.queued_at), (Some(7_000), None));
}

#[test]
fn each_reason_is_remembered_once_and_each_handover_counted() {
    let reasons = [HandoverReason::Anger, HandoverReason::Deadline, HandoverReason::Anger];
    let facts = after(&reasons.map(|reason| handed(reason, SECOND)));
    assert_eq!((facts.handovers, facts.handover_reasons), (3, (1 << 3) | (1 << 4)));
}

#[test]
fn a_clock_that_runs_behind_makes_no_negative_time() {
    let facts = after(&[handed(HandoverReason::Anger, 10 * SECOND), taken(9 * SECOND)]);
    assert_eq!(facts.waiting_ms, Some(0));
}

#[test]
fn answers_that_wait_are_remembered_up_to_the_bound_of_the_law() {
    let mut facts = after(&[text()]);
    (0..=PENDING_MAX as u128).for_each(|i| facts.take_in(&replied(i, Author::Ai, None)));
    assert_eq!(facts.unsent.len(), PENDING_MAX);
    assert!(!facts.sent(Uuid::from_u128(0), SECOND) && facts.sent(Uuid::from_u128(1), SECOND));
}

#[test]
fn a_reason_has_the_number_that_answers_tell() {
    use proto::v1::HandoverReason as Told;
    let pairs = [
        (HandoverReason::Unknown, Told::Unknown),
        (HandoverReason::WantsPerson, Told::WantsPerson),
        (HandoverReason::Anger, Told::Anger),
        (HandoverReason::Deadline, Told::Deadline),
        (HandoverReason::Failure, Told::Failure),
    ];
    for (reason, told) in pairs {
        assert_eq!(number_of(reason), i32::from(told));
    }
}
