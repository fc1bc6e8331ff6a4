//! Tests of starting, withdrawing and cancelling a send.

use super::*;
use crate::scene::*;
use events::thread::{ClosedBy, FailureClass, HandoverReason, ReleasedTo, Touch, Window};

fn go(i: u32, attempt: u32) -> StartSend {
    StartSend { message: r(i), attempt, proof: Proof::None, parts: 1 }
}

fn withdrawn(i: u32, reason: WithdrawnReason) -> ThreadEvent {
    ThreadEvent::Withdrawn { message: r(i), reason, at: LATER }
}

fn by_anna(i: u32) -> ThreadEvent {
    replied(i, Author::Agent(ANNA), 1, Some(1), NOON)
}

fn windowed(until: Micros, left: Option<u32>) -> ThreadEvent {
    let (touch, window) = (Touch::default(), Some(Window { until, left }));
    ThreadEvent::Touched { n: 1, touch, window, provider: "w".into(), at: NOON }
}

#[test]
fn a_call_is_announced_before_it_is_made() {
    let thread =
        given(asked([answered(1)])).when(|t| start_send(t, &go(1, 1), LATER)).then([started(1, 1, LATER)]);
    let in_flight = Rejection::InFlight { message: r(1), attempt: 1 };
    assert_eq!(start_send(&thread, &go(1, 1), LATER), Err(in_flight.clone()));
    assert_eq!(start_send(&thread, &go(1, 2), LATER), Err(in_flight));
}

#[test]
fn messages_leave_in_the_order_of_the_thread() {
    let not_next = Rejection::NotNext { waits_for: r(1) };
    let two = || asked([answered(1), replied(2, Author::System, 0, None, NOON)]);
    given(two()).when(|t| start_send(t, &go(2, 1), LATER)).then_rejected(not_next.clone());
    given(two().into_iter().chain([started(1, 1, NOON), has_failed(1, 1, Some(LATER), NOON)]))
        .when(|t| start_send(t, &go(2, 1), LATER))
        .then_rejected(not_next);
    given(two().into_iter().chain([started(1, 1, NOON), was_sent(1, 1, NOON)]))
        .when(|t| start_send(t, &go(2, 1), LATER))
        .then([started(2, 1, LATER)]);
}

#[test]
fn an_answer_of_the_ai_is_withdrawn_after_a_takeover_also_when_the_ai_is_back() {
    let over = WithdrawnReason::Tenure;
    let taken_over = || asked([answered(1), taken(1, ANNA, NOON)]);
    given(taken_over()).when(|t| start_send(t, &go(1, 1), LATER)).then([withdrawn(1, over)]);
    given(taken_over().into_iter().chain([released(2, ReleasedTo::Ai, NOON)]))
        .when(|t| start_send(t, &go(1, 1), LATER))
        .then([withdrawn(1, over)]);
}

#[test]
fn an_answer_between_two_attempts_is_withdrawn_after_a_takeover() {
    let history =
        asked([answered(1), started(1, 1, NOON), has_failed(1, 1, Some(LATER), NOON), taken(1, ANNA, NOON)]);
    given(history).when(|t| start_send(t, &go(1, 2), NOON + 1)).then([ThreadEvent::Withdrawn {
        message: r(1),
        reason: WithdrawnReason::Tenure,
        at: NOON + 1,
    }]);
}

#[test]
fn an_assignment_withdraws_as_a_takeover_does() {
    let assigned = ThreadEvent::Assigned { n: 1, tenure: 2, agent: ANNA, candidates: vec![], at: NOON };
    given(asked([answered(1), handed(1, HandoverReason::WantsPerson, NOON), assigned]))
        .when(|t| start_send(t, &go(1, 1), LATER))
        .then([withdrawn(1, WithdrawnReason::Tenure)]);
}

#[test]
fn a_handover_withdraws_neither_the_earlier_answer_nor_the_notice() {
    let history = || {
        asked([
            answered(1),
            handed(1, HandoverReason::WantsPerson, NOON),
            replied(2, Author::System, 1, None, NOON),
        ])
    };
    given(history()).when(|t| start_send(t, &go(1, 1), LATER)).then([started(1, 1, LATER)]);
    let sent = [started(1, 1, NOON), was_sent(1, 1, NOON), taken(2, ANNA, NOON)];
    given(history().into_iter().chain(sent))
        .when(|t| start_send(t, &go(2, 1), LATER))
        .then([started(2, 1, LATER)]);
}

#[test]
fn what_a_person_wrote_leaves_also_after_they_gave_the_conversation_back() {
    given(asked([taken(1, ANNA, NOON), by_anna(1), released(2, ReleasedTo::Ai, NOON)]))
        .when(|t| start_send(t, &go(1, 1), LATER))
        .then([started(1, 1, LATER)]);
    given(asked([answered(1), closed(1, ClosedBy::Ai, NOON)]))
        .when(|t| start_send(t, &go(1, 1), LATER))
        .then([started(1, 1, LATER)]);
}

#[test]
fn nothing_leaves_into_a_closed_window() {
    let shut = WithdrawnReason::Window;
    for window in [windowed(LATER - 1, None), windowed(LATER, Some(0))] {
        given(asked([window, taken(1, ANNA, NOON), by_anna(1)]))
            .when(|t| start_send(t, &go(1, 1), LATER))
            .then([withdrawn(1, shut)]);
    }
    given(asked([windowed(LATER, Some(1)), answered(1)]))
        .when(|t| start_send(t, &go(1, 1), LATER))
        .then([started(1, 1, LATER)]);
}

#[test]
fn each_message_that_left_or_may_have_left_counts_once_against_the_window() {
    let history = asked([
        windowed(LATER, Some(2)),
        answered(1),
        started(1, 1, NOON),
        has_failed(1, 1, Some(NOON), NOON),
        started(1, 2, NOON),
        was_lost(1, 2, false, NOON),
        was_lost(1, 2, true, NOON),
        was_sent(1, 2, NOON),
        replied(2, Author::System, 0, None, NOON),
        started(2, 1, NOON),
        was_sent(2, 1, NOON),
    ]);
    let thread = given(history).thread();
    assert_eq!(thread.window(), Some(Window { until: LATER, left: Some(0) }));
}

fn started_in(i: u32, attempt: u32, parts: u32) -> ThreadEvent {
    ThreadEvent::SendStarted { message: r(i), attempt, parts: Some(parts), at: NOON }
}

#[test]
fn each_part_of_a_long_text_counts_against_the_window_once() {
    let left = |more: &[ThreadEvent]| {
        let history = [windowed(LATER, Some(5)), answered(1)].into_iter().chain(more.iter().cloned());
        given(asked(history)).thread().window().and_then(|window| window.left)
    };
    let (lost, lost_for_ever) = (was_lost(1, 1, false, NOON), was_lost(1, 1, true, NOON));
    assert_eq!(left(&[started_in(1, 1, 3), was_sent(1, 1, NOON)]), Some(2));
    assert_eq!(left(&[started_in(1, 1, 3), lost, lost_for_ever, was_sent(1, 1, NOON)]), Some(2));
    assert_eq!(left(&[started_in(1, 1, 3), has_failed(1, 1, Some(NOON), NOON)]), Some(5));
    assert_eq!(left(&[started_in(1, 1, 7), was_sent(1, 1, NOON)]), Some(0));
    let history = asked([windowed(LATER, Some(5)), answered(1), started_in(1, 1, 3)]);
    let attempt = crate::Attempt { message: r(1), number: 1 };
    let thread =
        given(history).when(|t| crate::torn(t, attempt, FailureClass::WindowClosed, 2, LATER)).then([
            ThreadEvent::Failed {
                message: r(1),
                attempt: 1,
                class: FailureClass::WindowClosed,
                retry_at: None,
                arrived: Some(2),
                at: LATER,
            },
        ]);
    assert_eq!(thread.window(), Some(Window { until: LATER, left: Some(3) }));
}

#[test]
fn a_text_of_more_parts_than_the_window_has_left_does_not_begin_to_leave() {
    let long = |parts| StartSend { parts, ..go(1, 1) };
    let history = || asked([windowed(LATER, Some(2)), answered(1)]);
    given(history()).when(|t| start_send(t, &long(3), LATER)).then([withdrawn(1, WithdrawnReason::Window)]);
    let (message, parts) = (r(1), Some(2));
    let begun = ThreadEvent::SendStarted { message, attempt: 1, parts, at: LATER };
    given(history()).when(|t| start_send(t, &long(2), LATER)).then([begun]);
}

#[test]
fn nothing_leaves_to_whom_cannot_be_reached() {
    let gone = ThreadEvent::Unreachable { provider: "g".into(), at: NOON };
    let blocked = ThreadEvent::Failed {
        message: r(1),
        attempt: 1,
        class: FailureClass::Unreachable,
        retry_at: None,
        arrived: None,
        at: NOON,
    };
    given(asked([answered(2), gone]))
        .when(|t| start_send(t, &go(2, 1), LATER))
        .then([withdrawn(2, WithdrawnReason::Window)]);
    let two = [answered(1), replied(2, Author::System, 0, None, NOON), started(1, 1, NOON), blocked];
    given(asked(two)).when(|t| start_send(t, &go(2, 1), LATER)).then([withdrawn(2, WithdrawnReason::Window)]);
}

#[test]
fn an_unknown_send_is_tried_again_only_under_an_idempotency_key() {
    let lost = || given(asked([answered(1), started(1, 1, NOON), was_lost(1, 1, false, NOON)]));
    for proof in [Proof::None, Proof::Receipt, Proof::Echo] {
        lost()
            .when(|t| start_send(t, &StartSend { proof, ..go(1, 2) }, LATER))
            .then_rejected(Rejection::Unresolved { message: r(1), attempt: 1 });
    }
    lost()
        .when(|t| start_send(t, &StartSend { proof: Proof::IdempotencyKey, ..go(1, 2) }, LATER))
        .then([started(1, 2, LATER)]);
}

#[test]
fn an_unknown_answer_of_the_ai_is_not_tried_again_after_a_takeover() {
    let history =
        asked([answered(1), started(1, 1, NOON), was_lost(1, 1, false, NOON), taken(1, ANNA, NOON)]);
    given(history)
        .when(|t| start_send(t, &StartSend { proof: Proof::IdempotencyKey, ..go(1, 2) }, LATER))
        .then([was_lost(1, 1, true, LATER)]);
}

#[test]
fn an_attempt_comes_neither_early_nor_out_of_turn() {
    let history = || asked([answered(1), started(1, 1, NOON), has_failed(1, 1, Some(LATER), NOON)]);
    given(history())
        .when(|t| start_send(t, &go(1, 2), LATER - 1))
        .then_rejected(Rejection::TooEarly { until: LATER });
    for attempt in [1, 3] {
        given(history())
            .when(|t| start_send(t, &go(1, attempt), LATER))
            .then_rejected(Rejection::WrongAttempt { attempt: 2 });
    }
    given(history()).when(|t| start_send(t, &go(1, 2), LATER)).then([started(1, 2, LATER)]);
}

#[test]
fn what_is_settled_or_never_was_does_not_leave() {
    given(asked([answered(1), started(1, 1, NOON), was_sent(1, 1, NOON)]))
        .when(|t| start_send(t, &go(1, 2), LATER))
        .then_rejected(Rejection::Settled { message: r(1) });
    given(asked([]))
        .when(|t| start_send(t, &go(1, 1), LATER))
        .then_rejected(Rejection::NoSuchMessage { message: r(1) });
    given([]).when(|t| start_send(t, &go(1, 1), LATER)).then_rejected(Rejection::Unknown);
    given(asked([answered(1), forgotten()]))
        .when(|t| start_send(t, &go(1, 1), LATER))
        .then_rejected(Rejection::Erased);
}

#[test]
fn what_is_not_on_its_way_can_be_given_up() {
    let cancelled = withdrawn(1, WithdrawnReason::Cancelled);
    given(asked([answered(1)])).when(|t| cancel(t, r(1), LATER)).then([cancelled.clone()]);
    given(asked([answered(1), started(1, 1, NOON), has_failed(1, 1, Some(LATER), NOON)]))
        .when(|t| cancel(t, r(1), LATER))
        .then([cancelled]);
    given(asked([answered(1), started(1, 1, NOON)]))
        .when(|t| cancel(t, r(1), LATER))
        .then_rejected(Rejection::InFlight { message: r(1), attempt: 1 });
    given(asked([answered(1), started(1, 1, NOON), was_sent(1, 1, NOON)]))
        .when(|t| cancel(t, r(1), LATER))
        .then_rejected(Rejection::Settled { message: r(1) });
    given(asked([]))
        .when(|t| cancel(t, r(1), LATER))
        .then_rejected(Rejection::NoSuchMessage { message: r(1) });
}
