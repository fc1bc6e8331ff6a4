//! Deciding what becomes of a message of the customer (开口).

use crate::desk::still_at_desk;
use crate::{Decision, Living, Rejection, Thread};
use events::thread::{OpenedBy, Touch, Window};
use events::{Content, Micros, Sealed, ThreadEvent};
use uuid::Uuid;

/// Whom a new thread belongs to; not looked at once the thread began.
#[derive(Clone, Debug, PartialEq)]
pub struct Beginning {
    pub account: Uuid,
    /// The channel's folder name, such as `wechat_oa`.
    pub channel: String,
    /// What the platform calls the customer.
    pub contact: Sealed,
    pub name: Option<Sealed>,
}

/// A message as the channel's adapter understood it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inbound {
    pub message: Uuid,
    /// Everything that tells this message from others of the thread, without personal data.
    pub provider: String,
    pub content: Content,
    /// The platform's time.
    pub sent_at: Micros,
    /// The platform's own order among messages of the same time.
    pub order: Option<i64>,
    pub window: Option<Window>,
    /// The journalled request it came from.
    pub raw: Option<String>,
    pub touch: Option<Touch>,
    pub began: Option<Beginning>,
}

/// Takes a message in once: begins the thread and opens a conversation as needed.
///
/// # Errors
/// [`Rejection::TooOld`] when it cannot be told from a redelivery, [`Rejection::Flooded`],
/// [`Rejection::BadId`], [`Rejection::Unknown`] for a new thread without `began`.
pub fn receive(thread: &Thread, inbound: &Inbound, at: Micros) -> Decision {
    match is_new(thread, &inbound.provider, inbound.sent_at, at)? {
        true => taken(thread, inbound, at),
        false => Ok(vec![]),
    }
}

/// Takes a message in whatever its age, as an operator decides who knows that it is no redelivery: one that was taken
/// before, and whose id is forgotten by now, is taken a second time.
///
/// # Errors
/// As [`receive`], without [`Rejection::TooOld`].
pub fn receive_late(thread: &Thread, inbound: &Inbound, at: Micros) -> Decision {
    let is_new = match thread {
        Thread::Unknown => crate::ids::Ids::default().is_new_at_any_age(&inbound.provider),
        Thread::Living(living) => living.theirs.is_new_at_any_age(&inbound.provider),
        Thread::Erased => Err(Rejection::Erased),
    };
    match is_new? {
        true => taken(thread, inbound, at),
        false => Ok(vec![]),
    }
}

fn taken(thread: &Thread, inbound: &Inbound, at: Micros) -> Decision {
    let mut events = begin(thread, inbound.began.as_ref(), at)?;
    let n = match thread.open_number() {
        Some(n) => {
            events.extend(inbound.touch.clone().map(|touch| ThreadEvent::Touched {
                n,
                touch,
                window: None,
                provider: inbound.provider.clone(),
                at,
            }));
            n
        }
        None => {
            let n = thread.last_number() + 1;
            let (by, touch) = (OpenedBy::Message, inbound.touch.clone());
            events.push(ThreadEvent::Opened { n, by, touch, window: None, provider: None, at });
            events.extend(still_at_desk(thread, n, at));
            n
        }
    };
    events.push(ThreadEvent::Received {
        n,
        message: inbound.message,
        provider: inbound.provider.clone(),
        content: inbound.content.clone(),
        sent_at: inbound.sent_at,
        order: inbound.order,
        window: inbound.window,
        raw: inbound.raw.clone(),
        at,
    });
    Ok(events)
}

/// Whether what the customer did under this id is new to the thread.
pub(crate) fn is_new(
    thread: &Thread,
    provider: &str,
    sent_at: Micros,
    at: Micros,
) -> Result<bool, Rejection> {
    match thread {
        Thread::Unknown => crate::ids::Ids::default().is_new(provider, sent_at, at),
        Thread::Living(living) => living.theirs.is_new(provider, sent_at, now(living, at)),
        Thread::Erased => Err(Rejection::Erased),
    }
}

/// The later of the asker's clock and what the thread has seen of time: two clocks may differ.
pub(crate) fn now(living: &Living, at: Micros) -> Micros {
    living.latest.max(at)
}

/// `Began`, if the thread did not begin yet.
pub(crate) fn begin(thread: &Thread, began: Option<&Beginning>, at: Micros) -> Decision {
    match (thread, began) {
        (Thread::Erased, _) => Err(Rejection::Erased),
        (Thread::Living(_), _) => Ok(vec![]),
        (Thread::Unknown, None) => Err(Rejection::Unknown),
        (Thread::Unknown, Some(began)) => {
            let Beginning { account, channel, contact, name } = began.clone();
            Ok(vec![ThreadEvent::Began { account, channel, contact, name, at }])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::REDELIVERY_US_MAX;
    use crate::scene::*;
    use events::thread::ClosedBy;

    fn received(n: u32, i: u32) -> ThreadEvent {
        wrote_in(n, i, LATER)
    }

    #[test]
    fn a_first_message_begins_the_thread_and_opens_a_conversation() {
        let expected = [began(LATER), opened(1, OpenedBy::Message, LATER), received(1, 1)];
        let thread = given([]).when(|t| receive(t, &inbound(1), LATER)).then(expected);
        assert_eq!(thread.awaiting(), [m(1)]);
        assert_eq!((thread.open_number(), thread.tenure()), (Some(1), 0));
        assert_eq!(thread.owner(), Some(crate::Owner::Ai));
        assert_eq!(thread.contact(), Some(&beginning().contact));
    }

    #[test]
    fn a_new_thread_without_its_beginning_is_refused() {
        let inbound = Inbound { began: None, ..inbound(1) };
        given([]).when(|t| receive(t, &inbound, LATER)).then_rejected(Rejection::Unknown);
    }

    #[test]
    fn a_further_message_joins_the_open_conversation() {
        given(asked([])).when(|t| receive(t, &inbound(2), LATER)).then([received(1, 2)]);
    }

    #[test]
    fn a_message_after_the_end_opens_the_next_conversation() {
        let history = asked([closed(1, ClosedBy::Idle, NOON)]);
        let expected = [opened(2, OpenedBy::Message, LATER), received(2, 2)];
        let thread = given(history).when(|t| receive(t, &inbound(2), LATER)).then(expected);
        assert_eq!((thread.open_number(), thread.tenure()), (Some(2), 1));
        assert_eq!(thread.awaiting(), [m(2)]);
    }

    #[test]
    fn a_redelivery_changes_nothing_also_after_the_end() {
        given(asked([])).when(|t| receive(t, &inbound(1), LATER)).then_nothing();
        let history = asked([closed(1, ClosedBy::Idle, NOON)]);
        given(history).when(|t| receive(t, &inbound(1), NOON + 8 * DAY)).then_nothing();
    }

    #[test]
    fn a_message_of_any_age_is_taken_late_unless_its_id_is_remembered() {
        let late = NOON + REDELIVERY_US_MAX + 1;
        let opened = opened(1, OpenedBy::Message, late);
        given([]).when(|t| receive_late(t, &inbound(2), late)).then([
            began(late),
            opened,
            wrote_in(1, 2, late),
        ]);
        given(asked([])).when(|t| receive_late(t, &inbound(1), late)).then([]);
        let empty = Inbound { provider: String::new(), ..inbound(2) };
        given([]).when(|t| receive_late(t, &empty, late)).then_rejected(Rejection::BadId { bytes: 0 });
    }

    #[test]
    fn what_cannot_be_told_from_a_redelivery_is_refused() {
        let late = NOON + REDELIVERY_US_MAX + 1;
        given(asked([]))
            .when(|t| receive(t, &inbound(2), late))
            .then_rejected(Rejection::TooOld { sent_at: NOON });
        given([]).when(|t| receive(t, &inbound(2), late)).then_rejected(Rejection::TooOld { sent_at: NOON });
    }

    #[test]
    fn a_clock_behind_the_thread_forgets_no_message_that_it_would_take_again() {
        let much_later = NOON + 10 * DAY;
        given(asked([wrote_in(1, 2, much_later)]))
            .when(|t| receive(t, &inbound(1), NOON + DAY))
            .then_rejected(Rejection::TooOld { sent_at: NOON });
    }

    #[test]
    fn a_source_told_with_a_message_is_kept_in_an_open_conversation_too() {
        let touch = Touch { campaign: Some("double11".into()), ..Touch::default() };
        let inbound = Inbound { touch: Some(touch.clone()), ..inbound(2) };
        let provider = "p2".into();
        let touched = ThreadEvent::Touched { n: 1, touch, window: None, provider, at: LATER };
        given(asked([])).when(|t| receive(t, &inbound, LATER)).then([touched, received(1, 2)]);
    }

    #[test]
    fn an_unsupported_message_is_shown_and_awaits_no_answer() {
        let content = Content { kind: events::ContentKind::Unsupported, text: None, length: 0, ..text() };
        let inbound = Inbound { content, ..inbound(1) };
        let events = receive(&Thread::default(), &inbound, LATER).unwrap();
        let thread = fold(Thread::default(), &events);
        assert!(thread.awaiting().is_empty());
        assert_eq!(thread.last_message(), Some(m(1)));
    }

    #[test]
    fn a_message_reaches_again_who_was_unreachable() {
        let gone = ThreadEvent::Unreachable { provider: "x".into(), at: NOON };
        let history = asked([gone, closed(1, ClosedBy::Unreachable, NOON)]);
        let expected = [opened(2, OpenedBy::Message, LATER), received(2, 2)];
        assert!(given(history).when(|t| receive(t, &inbound(2), LATER)).then(expected).is_reachable());
    }

    #[test]
    fn of_two_open_windows_the_larger_count_and_the_later_end_hold() {
        let write = |i, until, left| Inbound { window: Some(Window { until, left }), ..inbound(i) };
        let mut thread = Thread::default();
        let (day, minute) = (LATER + DAY, LATER + 60_000_000);
        for (i, new, now) in [
            (1, (day, Some(1)), (day, Some(1))),
            (2, (minute, Some(3)), (day, Some(3))),
            (3, (day + 1, None), (day + 1, None)),
        ] {
            thread = fold(thread.clone(), &receive(&thread, &write(i, new.0, new.1), LATER).unwrap());
            assert_eq!(thread.window(), Some(Window { until: now.0, left: now.1 }), "{i}");
        }
    }

    #[test]
    fn an_older_window_does_not_shorten_a_newer_one() {
        let write = |i, until| Inbound { window: Some(Window { until, left: Some(5) }), ..inbound(i) };
        let mut thread = Thread::default();
        for (i, until) in [(1, LATER + DAY), (2, LATER)] {
            thread = fold(thread.clone(), &receive(&thread, &write(i, until), LATER).unwrap());
        }
        assert_eq!(thread.window(), Some(Window { until: LATER + DAY, left: Some(5) }));
    }

    #[test]
    fn an_erased_thread_takes_nothing_in() {
        given(asked([forgotten()])).when(|t| receive(t, &inbound(1), LATER)).then_rejected(Rejection::Erased);
    }
}
