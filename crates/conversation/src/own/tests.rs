//! Tests of handover, assignment and takeover.

use super::*;
use crate::scene::*;
use events::thread::{ClosedBy, ReleasedTo, Touch, Window};

fn wish(tenure: u32) -> HandOver {
    HandOver { tenure, reason: HandoverReason::WantsPerson, queue: "sales".into(), notice: Some(notice(1)) }
}

fn waiting() -> ThreadEvent {
    handed(1, HandoverReason::WantsPerson, NOON)
}

fn choice(agent: Uuid, tenure: u32) -> Assign {
    Assign { tenure, agent, candidates: vec![Candidate { agent, against: None }] }
}

fn assigned(agent: Uuid, tenure: u32) -> ThreadEvent {
    let Assign { candidates, .. } = choice(agent, 0);
    ThreadEvent::Assigned { n: 1, tenure, agent, candidates, at: LATER }
}

fn by(agent: Uuid) -> TakeOver {
    TakeOver { agent, from: None }
}

#[test]
fn a_handover_tells_the_customer_in_the_same_decision() {
    let expected =
        [handed(1, HandoverReason::WantsPerson, LATER), replied(1, Author::System, 1, None, LATER)];
    let thread = given(asked([])).when(|t| hand_over(t, &wish(0), LATER)).then(expected);
    assert_eq!((thread.owner(), thread.queue()), (Some(Owner::Queue), Some("sales")));
    assert_eq!(thread.awaiting(), [m(1)]);
}

#[test]
fn a_handover_stands_when_the_customer_cannot_be_told() {
    let (window, touch) = (Some(Window { until: NOON, left: None }), Touch::default());
    let shut = ThreadEvent::Touched { n: 1, touch, window, provider: "w".into(), at: NOON };
    given(asked([shut])).when(|t| hand_over(t, &wish(0), LATER)).then([handed(
        1,
        HandoverReason::WantsPerson,
        LATER,
    )]);
}

#[test]
fn a_handover_of_what_already_waits_changes_nothing() {
    given(asked([waiting()])).when(|t| hand_over(t, &wish(0), LATER)).then_nothing();
}

#[test]
fn the_ai_hands_over_only_what_it_has() {
    given(asked([taken(1, ANNA, NOON)]))
        .when(|t| hand_over(t, &wish(0), LATER))
        .then_rejected(Rejection::StaleTenure { owner: Owner::Agent(ANNA), tenure: 1 });
    given(asked([taken(1, ANNA, NOON), released(2, ReleasedTo::Ai, NOON)]))
        .when(|t| hand_over(t, &wish(0), LATER))
        .then_rejected(Rejection::StaleTenure { owner: Owner::Ai, tenure: 2 });
}

#[test]
fn a_waiting_conversation_is_assigned_with_its_reasons() {
    let thread =
        given(asked([waiting()])).when(|t| assign(t, &choice(ANNA, 1), LATER)).then([assigned(ANNA, 2)]);
    assert_eq!((thread.owner(), thread.tenure()), (Some(Owner::Agent(ANNA)), 2));
}

#[test]
fn routing_assigns_nothing_that_does_not_wait_for_it() {
    given(asked([]))
        .when(|t| assign(t, &choice(ANNA, 0), LATER))
        .then_rejected(Rejection::StaleTenure { owner: Owner::Ai, tenure: 0 });
    given(asked([waiting(), taken(2, BOB, NOON)]))
        .when(|t| assign(t, &choice(ANNA, 1), LATER))
        .then_rejected(Rejection::StaleTenure { owner: Owner::Agent(BOB), tenure: 2 });
    given(asked([waiting(), taken(2, BOB, NOON), released(3, ReleasedTo::Queue, NOON)]))
        .when(|t| assign(t, &choice(ANNA, 1), LATER))
        .then_rejected(Rejection::StaleTenure { owner: Owner::Queue, tenure: 3 });
}

#[test]
fn of_two_who_take_over_at_once_the_second_is_told_who_won() {
    let thread = given(asked([])).when(|t| take_over(t, &by(ANNA), LATER)).then([taken(1, ANNA, LATER)]);
    assert_eq!(take_over(&thread, &by(BOB), LATER), Err(Rejection::OwnedBy { owner: Owner::Agent(ANNA) }));
    assert_eq!(take_over(&thread, &by(ANNA), LATER), Ok(vec![]));
}

#[test]
fn an_agent_takes_from_the_queue_and_on_purpose_from_a_named_colleague() {
    given(asked([waiting()])).when(|t| take_over(t, &by(ANNA), LATER)).then([taken(2, ANNA, LATER)]);
    let from_anna = TakeOver { agent: BOB, from: Some(ANNA) };
    given(asked([taken(1, ANNA, NOON)]))
        .when(|t| take_over(t, &from_anna, LATER))
        .then([taken(2, BOB, LATER)]);
    let carol = Uuid::from_u128(0xC);
    given(asked([taken(1, carol, NOON)]))
        .when(|t| take_over(t, &from_anna, LATER))
        .then_rejected(Rejection::OwnedBy { owner: Owner::Agent(carol) });
}

#[test]
fn an_agent_who_writes_first_opens_a_conversation_of_their_own() {
    let over = || asked([closed(1, ClosedBy::Idle, NOON)]);
    let opening = ThreadEvent::TakenOver { n: 2, tenure: 2, agent: ANNA, at: LATER };
    let thread = given(over())
        .when(|t| open_by_agent(t, ANNA, LATER))
        .then([opened(2, OpenedBy::Agent, LATER), opening]);
    assert_eq!(thread.owner(), Some(Owner::Agent(ANNA)));
    given(asked([]))
        .when(|t| open_by_agent(t, ANNA, LATER))
        .then_rejected(Rejection::OwnedBy { owner: Owner::Ai });
    let gone = ThreadEvent::Unreachable { provider: "g".into(), at: NOON };
    given(over().into_iter().chain([gone]))
        .when(|t| open_by_agent(t, ANNA, LATER))
        .then_rejected(Rejection::Unreachable);
}

#[test]
fn nobody_owns_what_is_not_open() {
    let over = || given(asked([closed(1, ClosedBy::Idle, NOON)]));
    over().when(|t| hand_over(t, &wish(1), LATER)).then_rejected(Rejection::NotOpen);
    over().when(|t| assign(t, &choice(ANNA, 1), LATER)).then_rejected(Rejection::NotOpen);
    over().when(|t| take_over(t, &by(ANNA), LATER)).then_rejected(Rejection::NotOpen);
}

#[test]
fn nobody_owns_what_is_forgotten() {
    let erased = || given([forgotten()]);
    erased().when(|t| hand_over(t, &wish(0), LATER)).then_rejected(Rejection::Erased);
    erased().when(|t| assign(t, &choice(ANNA, 0), LATER)).then_rejected(Rejection::Erased);
    erased().when(|t| take_over(t, &by(ANNA), LATER)).then_rejected(Rejection::Erased);
    erased().when(|t| open_by_agent(t, ANNA, LATER)).then_rejected(Rejection::Erased);
}
