//! Tests of answers.

use super::*;
use crate::limits::PENDING_MAX;
use crate::scene::*;
use events::thread::{ClosedBy, HandoverReason, OpenedBy, ReleasedTo, Window};

fn ai(i: u32, tenure: u32, seen: Option<u32>) -> AiReply {
    AiReply {
        message: r(i),
        tenure,
        seen: seen.map(m),
        content: text(),
        citations: vec![],
        confidence: None,
        worded_by: None,
    }
}

fn anna(i: u32, tenure: u32, seen: Option<u32>) -> PersonReply {
    PersonReply { message: r(i), agent: ANNA, tenure, seen: seen.map(m), content: text() }
}

fn ai_replied(i: u32, tenure: u32, seen: Option<u32>) -> ThreadEvent {
    replied(i, Author::Ai, tenure, seen, LATER)
}

#[test]
fn the_ai_answers_everything_that_awaits_up_to_what_it_saw() {
    let thread = given(asked([wrote(2), wrote(3)]))
        .when(|t| reply_by_ai(t, &ai(1, 0, Some(2)), LATER))
        .then([ai_replied(1, 0, Some(2))]);
    assert_eq!(thread.awaiting(), [m(3)]);
    assert_eq!(thread.next_send().map(|pending| pending.message), Some(r(1)));
}

#[test]
fn what_is_answered_is_not_answered_again() {
    let history = || asked([wrote(2), replied(1, Author::Ai, 0, Some(2), NOON)]);
    given(history()).when(|t| reply_by_ai(t, &ai(2, 0, Some(1)), LATER)).then_nothing();
    given(history()).when(|t| reply_by_ai(t, &ai(2, 0, Some(2)), LATER)).then_nothing();
}

#[test]
fn a_message_taken_back_is_not_answered() {
    let recalled = ThreadEvent::Recalled { message: m(1), provider: "x".into(), at: NOON };
    given(asked([recalled])).when(|t| reply_by_ai(t, &ai(1, 0, Some(1)), LATER)).then_nothing();
}

#[test]
fn an_answer_after_a_takeover_is_refused_and_names_the_owner() {
    let stale = Rejection::StaleTenure { owner: Owner::Agent(ANNA), tenure: 1 };
    given(asked([taken(1, ANNA, NOON)]))
        .when(|t| reply_by_ai(t, &ai(1, 0, Some(1)), LATER))
        .then_rejected(stale);
}

#[test]
fn an_answer_of_the_ai_in_anothers_tenure_is_refused() {
    given(asked([taken(1, ANNA, NOON)]))
        .when(|t| reply_by_ai(t, &ai(1, 1, Some(1)), LATER))
        .then_rejected(Rejection::OwnedBy { owner: Owner::Agent(ANNA) });
}

#[test]
fn an_answer_from_an_earlier_conversation_is_refused() {
    let history =
        asked([closed(1, ClosedBy::Idle, NOON), opened(2, OpenedBy::Message, NOON), wrote_in(2, 2, NOON)]);
    given(history)
        .when(|t| reply_by_ai(t, &ai(1, 0, Some(1)), LATER))
        .then_rejected(Rejection::StaleTenure { owner: Owner::Ai, tenure: 1 });
}

#[test]
fn after_a_release_the_ai_answers_only_what_came_after_the_handover() {
    let history = || {
        asked([
            handed(1, HandoverReason::WantsPerson, NOON),
            taken(2, ANNA, NOON),
            wrote(2),
            released(3, ReleasedTo::Ai, NOON),
        ])
    };
    assert_eq!(given(history()).thread().awaiting(), [m(2)]);
    given(history()).when(|t| reply_by_ai(t, &ai(1, 3, Some(1)), LATER)).then_nothing();
    given(history()).when(|t| reply_by_ai(t, &ai(1, 3, Some(2)), LATER)).then([ai_replied(1, 3, Some(2))]);
}

#[test]
fn the_ai_greets_once_and_only_before_the_first_word() {
    let lone = || [began(NOON), opened(1, OpenedBy::Widget, NOON)];
    given(lone()).when(|t| reply_by_ai(t, &ai(1, 0, None), LATER)).then([ai_replied(1, 0, None)]);
    let greeted = lone().into_iter().chain([replied(1, Author::Ai, 0, None, NOON)]);
    given(greeted).when(|t| reply_by_ai(t, &ai(2, 0, None), LATER)).then_nothing();
    given(asked([])).when(|t| reply_by_ai(t, &ai(1, 0, None), LATER)).then_nothing();
}

#[test]
fn an_answer_that_must_know_everything_is_refused_when_the_customer_wrote_on() {
    given(asked([wrote(2)]))
        .when(|t| reply_by_ai_to_all(t, &ai(1, 0, Some(1)), LATER))
        .then_rejected(Rejection::Newer { last: m(2) });
    given(asked([wrote(2)])).when(|t| reply_by_ai_to_all(t, &ai(1, 0, Some(2)), LATER)).then([ai_replied(
        1,
        0,
        Some(2),
    )]);
}

#[test]
fn a_person_answers_what_they_own_and_is_told_of_newer_messages() {
    let thread = given(asked([taken(1, ANNA, NOON), wrote(2)]))
        .when(|t| reply_by_person(t, &anna(1, 1, Some(1)), LATER))
        .then([replied(1, Author::Agent(ANNA), 1, Some(1), LATER)]);
    assert_eq!(newer_than(&thread, Some(m(1))), [m(2)]);
    assert!(newer_than(&thread, Some(m(2))).is_empty());
    assert_eq!(newer_than(&thread, None), [m(1), m(2)]);
}

#[test]
fn messages_of_earlier_conversations_are_not_newer() {
    let history =
        asked([closed(1, ClosedBy::Idle, NOON), opened(2, OpenedBy::Message, NOON), wrote_in(2, 2, NOON)]);
    assert_eq!(newer_than(&given(history).thread(), None), [m(2)]);
}

#[test]
fn a_person_may_write_twice() {
    let first = replied(1, Author::Agent(ANNA), 1, Some(1), NOON);
    given(asked([taken(1, ANNA, NOON), first]))
        .when(|t| reply_by_person(t, &anna(2, 1, Some(1)), LATER))
        .then([replied(2, Author::Agent(ANNA), 1, Some(1), LATER)]);
}

#[test]
fn a_person_takes_over_before_they_answer() {
    given(asked([]))
        .when(|t| reply_by_person(t, &anna(1, 0, Some(1)), LATER))
        .then_rejected(Rejection::OwnedBy { owner: Owner::Ai });
    given(asked([taken(1, BOB, NOON)]))
        .when(|t| reply_by_person(t, &anna(1, 0, Some(1)), LATER))
        .then_rejected(Rejection::StaleTenure { owner: Owner::Agent(BOB), tenure: 1 });
}

#[test]
fn a_message_that_never_came_was_not_seen() {
    let unknown = Rejection::NoSuchMessage { message: m(9) };
    given(asked([])).when(|t| reply_by_ai(t, &ai(1, 0, Some(9)), LATER)).then_rejected(unknown.clone());
    given(asked([taken(1, ANNA, NOON)]))
        .when(|t| reply_by_person(t, &anna(1, 1, Some(9)), LATER))
        .then_rejected(unknown);
}

#[test]
fn a_notice_answers_nothing() {
    let thread = given(asked([])).when(|t| notify(t, &notice(1), LATER)).then([replied(
        1,
        Author::System,
        0,
        None,
        LATER,
    )]);
    assert_eq!(thread.awaiting(), [m(1)]);
}

#[test]
fn nothing_is_written_into_a_closed_window_or_to_the_unreachable() {
    let window = Some(Window { until: NOON, left: None });
    let touch = events::thread::Touch::default();
    let shut = ThreadEvent::Touched { n: 1, touch, window, provider: "w".into(), at: NOON };
    given(asked([shut.clone()]))
        .when(|t| reply_by_ai(t, &ai(1, 0, Some(1)), LATER))
        .then_rejected(Rejection::WindowClosed);
    given(asked([shut])).when(|t| notify(t, &notice(1), LATER)).then_rejected(Rejection::WindowClosed);
    let gone = ThreadEvent::Unreachable { provider: "g".into(), at: NOON };
    given(asked([taken(1, ANNA, NOON), gone]))
        .when(|t| reply_by_person(t, &anna(1, 1, Some(1)), LATER))
        .then_rejected(Rejection::Unreachable);
}

#[test]
fn answers_that_wait_have_a_bound() {
    let waiting = (0..PENDING_MAX as u32).map(|i| replied(i, Author::System, 0, None, NOON));
    given(asked(waiting))
        .when(|t| reply_by_ai(t, &ai(900, 0, Some(1)), LATER))
        .then_rejected(Rejection::OutboxFull);
}

#[test]
fn nothing_is_answered_where_nothing_is_open() {
    let over = || asked([closed(1, ClosedBy::Idle, NOON)]);
    given(over()).when(|t| reply_by_ai(t, &ai(1, 1, Some(1)), LATER)).then_rejected(Rejection::NotOpen);
    given(over()).when(|t| reply_by_person(t, &anna(1, 1, None), LATER)).then_rejected(Rejection::NotOpen);
    given(over()).when(|t| notify(t, &notice(1), LATER)).then_rejected(Rejection::NotOpen);
    given([]).when(|t| notify(t, &notice(1), LATER)).then_rejected(Rejection::Unknown);
    given([forgotten()]).when(|t| notify(t, &notice(1), LATER)).then_rejected(Rejection::Erased);
}
