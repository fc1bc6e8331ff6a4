//! Deciding what becomes of acts without words: a follow, a scan, an opened widget, a menu (对话 without 开口).

use crate::desk::still_at_desk;
use crate::limits::LONE_OPEN_US_MIN;
use crate::receive::{begin, is_new, now};
use crate::{Beginning, Decision, Thread};
use events::thread::{OpenedBy, Touch, Window};
use events::{Micros, ThreadEvent};

/// A follow, a scan or an opened widget.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    pub by: OpenedBy,
    /// Everything that tells this act from others of the thread, without personal data.
    pub provider: String,
    pub touch: Option<Touch>,
    pub window: Option<Window>,
    /// The platform's time.
    pub sent_at: Micros,
    pub began: Option<Beginning>,
}

/// An act that means nothing without an open conversation, such as a menu.
#[derive(Clone, Debug, PartialEq)]
pub struct TouchOpen {
    pub provider: String,
    pub touch: Touch,
    pub window: Option<Window>,
    /// The platform's time.
    pub sent_at: Micros,
}

/// Opens a conversation, in which nobody wrote yet. While one is open, and within [`LONE_OPEN_US_MIN`] of
/// one in which nobody wrote, it only records where the customer came from.
///
/// # Errors
/// As [`crate::receive`].
pub fn open(thread: &Thread, visit: &Visit, at: Micros) -> Decision {
    if !is_new(thread, &visit.provider, visit.sent_at, at)? {
        return Ok(vec![]);
    }
    let mut events = begin(thread, visit.began.as_ref(), at)?;
    let provider = visit.provider.clone();
    if thread.open_number().is_none() && !opened_lone_lately(thread, at) {
        let n = thread.last_number() + 1;
        events.push(ThreadEvent::Opened {
            n,
            by: visit.by,
            touch: visit.touch.clone(),
            window: visit.window,
            provider: Some(provider),
            at,
        });
        events.extend(still_at_desk(thread, n, at));
    } else if visit.touch.is_some() || visit.window.is_some() {
        let (n, touch) = (thread.last_number(), visit.touch.clone().unwrap_or_default());
        events.push(ThreadEvent::Touched { n, touch, window: visit.window, provider, at });
    }
    Ok(events)
}

/// Records an act in the open conversation.
///
/// # Errors
/// [`crate::Rejection::NotOpen`], else as [`crate::receive`].
pub fn touch(thread: &Thread, touch: &TouchOpen, at: Micros) -> Decision {
    if !is_new(thread, &touch.provider, touch.sent_at, at)? {
        return Ok(vec![]);
    }
    let (_, episode) = thread.open()?;
    let TouchOpen { provider, touch, window, .. } = touch.clone();
    Ok(vec![ThreadEvent::Touched { n: episode.number, touch, window, provider, at }])
}

fn opened_lone_lately(thread: &Thread, at: Micros) -> bool {
    let Some(living) = thread.as_living() else { return false };
    living.lone_since.is_some_and(|since| now(living, at) - since < LONE_OPEN_US_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rejection;
    use crate::scene::*;
    use events::thread::ClosedBy;

    fn scan(provider: &str) -> Visit {
        Visit {
            by: OpenedBy::Scan,
            provider: provider.into(),
            touch: Some(Touch { scene: Some("shelf".into()), ..Touch::default() }),
            window: None,
            sent_at: NOON,
            began: Some(beginning()),
        }
    }

    fn opened_by_scan(n: u32, provider: &str, at: Micros) -> ThreadEvent {
        let Visit { by, touch, window, .. } = scan(provider);
        ThreadEvent::Opened { n, by, touch, window, provider: Some(provider.into()), at }
    }

    fn touched(provider: &str) -> ThreadEvent {
        let Visit { touch, window, .. } = scan(provider);
        let (touch, provider) = (touch.unwrap(), provider.into());
        ThreadEvent::Touched { n: 1, touch, window, provider, at: LATER }
    }

    #[test]
    fn a_scan_opens_a_conversation_in_which_nobody_wrote() {
        let expected = [began(LATER), opened_by_scan(1, "s1", LATER)];
        let thread = given([]).when(|t| open(t, &scan("s1"), LATER)).then(expected);
        assert!(thread.awaiting().is_empty());
        assert_eq!(thread.opened_by(), Some(OpenedBy::Scan));
    }

    #[test]
    fn a_scan_in_an_open_conversation_tells_its_source() {
        given(asked([])).when(|t| open(t, &scan("s1"), LATER)).then([touched("s1")]);
    }

    #[test]
    fn a_visit_that_tells_nothing_new_leaves_nothing() {
        let visit = Visit { touch: None, by: OpenedBy::Widget, ..scan("s1") };
        given(asked([])).when(|t| open(t, &visit, LATER)).then_nothing();
    }

    #[test]
    fn a_second_lone_opening_waits_a_day_unless_somebody_wrote() {
        let lone = || [began(NOON), opened_by_scan(1, "s1", NOON), closed(1, ClosedBy::Idle, NOON)];
        given(lone()).when(|t| open(t, &scan("s2"), LATER)).then([touched("s2")]);
        let next_day = NOON + LONE_OPEN_US_MIN;
        given(lone()).when(|t| open(t, &scan("s2"), next_day)).then([opened_by_scan(2, "s2", next_day)]);
        let written = asked([closed(1, ClosedBy::Idle, NOON)]);
        given(written).when(|t| open(t, &scan("s2"), LATER)).then([opened_by_scan(2, "s2", LATER)]);
    }

    #[test]
    fn a_redelivered_follow_opens_nothing_after_the_end() {
        let history = [began(NOON), opened_by_scan(1, "s1", NOON), wrote(1), closed(1, ClosedBy::Idle, NOON)];
        given(history).when(|t| open(t, &scan("s1"), LATER)).then_nothing();
    }

    #[test]
    fn a_menu_needs_an_open_conversation() {
        let menu = TouchOpen {
            provider: "s1".into(),
            touch: scan("s1").touch.unwrap(),
            window: None,
            sent_at: NOON,
        };
        given(asked([])).when(|t| touch(t, &menu, LATER)).then([touched("s1")]);
        given(asked([closed(1, ClosedBy::Idle, NOON)]))
            .when(|t| touch(t, &menu, LATER))
            .then_rejected(Rejection::NotOpen);
    }

    #[test]
    fn an_erased_thread_opens_nothing() {
        given([forgotten()]).when(|t| open(t, &scan("s1"), LATER)).then_rejected(Rejection::Erased);
    }
}
