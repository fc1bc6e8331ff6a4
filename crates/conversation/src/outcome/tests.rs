//! Tests of what a platform's answer means.

use super::*;
use crate::limits::SETTLED_MAX;
use crate::scene::*;
use events::thread::{Author, ReceiptState, WithdrawnReason};

const RETRY: Option<Micros> = Some(LATER + MINUTE);

fn attempt(number: u32) -> Attempt {
    Attempt { message: r(1), number }
}

fn on_its_way(more: impl IntoIterator<Item = ThreadEvent>) -> Vec<ThreadEvent> {
    asked([answered(1), started(1, 1, NOON)].into_iter().chain(more))
}

fn fail(t: &Thread, number: u32, retry_at: Option<Micros>) -> Decision {
    failed(t, attempt(number), FailureClass::Retryable, retry_at, LATER)
}

#[test]
fn a_message_that_the_platform_took_is_sent_and_known_by_its_id() {
    let sent_as = ThreadEvent::Sent { message: r(1), attempt: 1, provider: Some("x".into()), at: LATER };
    let thread = given(on_its_way([])).when(|t| sent(t, attempt(1), Some("x"), LATER)).then([sent_as]);
    assert_eq!(thread.message_of("x"), Some(r(1)));
    assert_eq!(thread.settled(r(1)), Some(Settled::Sent { receipt: None }));
    assert!(thread.next_send().is_none());
}

#[test]
fn a_failure_with_a_time_is_tried_again_and_one_without_is_final() {
    let thread = given(on_its_way([])).when(|t| fail(t, 1, RETRY)).then([has_failed(1, 1, RETRY, LATER)]);
    assert_eq!(thread.next_send().map(|p| p.stage), Some(Stage::Waiting { retry_at: RETRY }));
    let thread = given(on_its_way([])).when(|t| fail(t, 1, None)).then([has_failed(1, 1, None, LATER)]);
    assert_eq!(thread.settled(r(1)), Some(Settled::Failed(FailureClass::Retryable)));
}

#[test]
fn a_retry_can_be_given_up() {
    given(on_its_way([has_failed(1, 1, RETRY, NOON)]))
        .when(|t| fail(t, 1, None))
        .then([has_failed(1, 1, None, LATER)]);
}

#[test]
fn a_lost_answer_makes_a_send_unknown_once() {
    given(on_its_way([])).when(|t| unknown(t, attempt(1), LATER)).then([was_lost(1, 1, false, LATER)]);
    given(on_its_way([was_sent(1, 1, NOON)])).when(|t| unknown(t, attempt(1), LATER)).then_nothing();
    given(on_its_way([has_failed(1, 1, RETRY, NOON)])).when(|t| unknown(t, attempt(1), LATER)).then_nothing();
}

#[test]
fn an_unknown_send_becomes_final_only_after_its_wait_and_the_next_goes_on() {
    let notice = replied(2, Author::System, 0, None, NOON);
    let lost = || on_its_way([notice.clone(), was_lost(1, 1, false, NOON)]);
    given(lost())
        .when(|t| give_up(t, attempt(1), 2 * MINUTE, LATER))
        .then_rejected(Rejection::TooEarly { until: NOON + 2 * MINUTE });
    let thread =
        given(lost()).when(|t| give_up(t, attempt(1), MINUTE, LATER)).then([was_lost(1, 1, true, LATER)]);
    assert_eq!(thread.settled(r(1)), Some(Settled::Unknown));
    assert_eq!(thread.next_send().map(|pending| pending.message), Some(r(2)));
}

#[test]
fn a_wait_that_was_resolved_meanwhile_changes_nothing() {
    let resolved = [was_sent(1, 1, NOON), has_failed(1, 1, RETRY, NOON)];
    for outcome in resolved {
        given(on_its_way([was_lost(1, 1, false, NOON), outcome]))
            .when(|t| give_up(t, attempt(1), 0, LATER))
            .then_nothing();
    }
    given(on_its_way([]))
        .when(|t| give_up(t, attempt(1), 0, LATER))
        .then_rejected(Rejection::InFlight { message: r(1), attempt: 1 });
}

#[test]
fn a_late_sent_is_accepted_after_an_unknown_and_after_a_retry_was_planned() {
    for before in [was_lost(1, 1, false, NOON), was_lost(1, 1, true, NOON), has_failed(1, 1, RETRY, NOON)] {
        let thread = given(on_its_way([before]))
            .when(|t| sent(t, attempt(1), None, LATER))
            .then([was_sent(1, 1, LATER)]);
        assert_eq!(thread.settled(r(1)), Some(Settled::Sent { receipt: None }));
    }
    let second = [was_lost(1, 1, false, NOON), started(1, 2, NOON)];
    given(on_its_way(second)).when(|t| sent(t, attempt(1), None, LATER)).then([was_sent(1, 1, LATER)]);
}

#[test]
fn a_failure_stays() {
    given(on_its_way([has_failed(1, 1, None, NOON)]))
        .when(|t| sent(t, attempt(1), None, LATER))
        .then_nothing();
}

#[test]
fn a_platform_may_report_a_failure_after_it_took_the_message() {
    for before in [was_sent(1, 1, NOON), was_lost(1, 1, true, NOON)] {
        given(on_its_way([before])).when(|t| fail(t, 1, RETRY)).then([has_failed(1, 1, None, LATER)]);
    }
    let delivered = ThreadEvent::Receipt { message: r(1), state: ReceiptState::Delivered, at: NOON };
    given(on_its_way([was_sent(1, 1, NOON), delivered])).when(|t| fail(t, 1, None)).then_nothing();
}

#[test]
fn a_late_word_about_an_older_attempt_changes_nothing() {
    let second = || on_its_way([was_lost(1, 1, false, NOON), started(1, 2, NOON)]);
    given(second()).when(|t| fail(t, 1, RETRY)).then_nothing();
    given(second()).when(|t| unknown(t, attempt(1), LATER)).then_nothing();
    given(second()).when(|t| give_up(t, attempt(1), 0, LATER)).then_nothing();
}

#[test]
fn an_attempt_that_never_started_has_no_outcome() {
    let none = Rejection::WrongAttempt { attempt: 0 };
    let waiting = || given(asked([answered(1)]));
    waiting().when(|t| sent(t, attempt(1), None, LATER)).then_rejected(none.clone());
    waiting().when(|t| fail(t, 1, None)).then_rejected(none.clone());
    waiting().when(|t| unknown(t, attempt(1), LATER)).then_rejected(none.clone());
    waiting().when(|t| give_up(t, attempt(1), 0, LATER)).then_rejected(none);
    given(on_its_way([]))
        .when(|t| sent(t, attempt(2), None, LATER))
        .then_rejected(Rejection::WrongAttempt { attempt: 1 });
}

#[test]
fn what_was_withdrawn_or_is_not_known_has_no_outcome() {
    let (message, reason) = (r(1), WithdrawnReason::Cancelled);
    let withdrawn = ThreadEvent::Withdrawn { message, reason, at: NOON };
    let gone = || given(asked([answered(1), withdrawn.clone()]));
    gone().when(|t| sent(t, attempt(1), None, LATER)).then_rejected(Rejection::Settled { message });
    gone().when(|t| fail(t, 1, None)).then_rejected(Rejection::Settled { message });
    given(asked([]))
        .when(|t| sent(t, attempt(1), None, LATER))
        .then_rejected(Rejection::NoSuchMessage { message });
    given(on_its_way([forgotten()]))
        .when(|t| sent(t, attempt(1), None, LATER))
        .then_rejected(Rejection::Erased);
}

#[test]
fn outcomes_are_forgotten_when_no_platform_speaks_of_them_any_more() {
    let in_time = wrote_in(1, 2, NOON + 8 * DAY);
    given(on_its_way([was_sent(1, 1, NOON), in_time]))
        .when(|t| sent(t, attempt(1), None, LATER))
        .then_nothing();
    let later = wrote_in(1, 2, NOON + 9 * DAY);
    given(on_its_way([was_sent(1, 1, NOON), later]))
        .when(|t| sent(t, attempt(1), None, LATER))
        .then_rejected(Rejection::NoSuchMessage { message: r(1) });
}

#[test]
fn only_so_many_outcomes_are_remembered() {
    let many = 2..SETTLED_MAX as u32 + 2;
    let sends = many
        .flat_map(|i| [replied(i, Author::System, 0, None, NOON), started(i, 1, NOON), was_sent(i, 1, NOON)]);
    let thread = given(on_its_way([was_sent(1, 1, NOON)].into_iter().chain(sends))).thread();
    assert_eq!((thread.settled(r(1)), thread.settled(r(2)).is_some()), (None, true));
}
