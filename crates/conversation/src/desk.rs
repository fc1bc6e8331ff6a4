//! Deciding what becomes of a customer whom the platform's own desk takes, and of one whom it lets go.

use crate::ids::Ids;
use crate::limits::DESK_US_MAX;
use crate::receive::{begin, now};
use crate::{Beginning, Decision, Living, Owner, Rejection, Thread};
use events::thread::OpenedBy;
use events::{Micros, ThreadEvent};

/// What the platform tells of its own desk, where people answer whom the suite does not know.
#[derive(Clone, Debug, PartialEq)]
pub struct DeskWord {
    /// Whether the desk has the customer from now on; else it let them go.
    pub took: bool,
    /// Everything that tells this word from others of the thread, without personal data.
    pub provider: String,
    /// The platform's time.
    pub sent_at: Micros,
    pub began: Option<Beginning>,
}

/// What was last heard of the platform's own desk.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Desk {
    pub(crate) holds: bool,
    pub(crate) provider: String,
    pub(crate) sent_at: Micros,
}

/// The desk has the customer: unless an agent of the suite owns the conversation, it is the desk's, and the AI is
/// silent. The desk lets them go: what it had is the AI's again, and what the customer wrote meanwhile dealt with. Of two
/// words the platform's time tells the later; an earlier one that comes after it changes nothing. Every word else is
/// recorded, also one that moves nothing, so that the order of their arrival does not matter.
///
/// # Errors
/// [`Rejection::NotOpen`] when a customer is let go who was never here, else as [`crate::receive`].
pub fn desk(thread: &Thread, word: &DeskWord, at: Micros) -> Decision {
    let mut events = begin(thread, word.began.as_ref(), at)?;
    let living = thread.as_living();
    if !is_news(living, word, at)? {
        return Ok(vec![]);
    }
    let (open, last) = (thread.open_number(), thread.last_number());
    let tenure = thread.tenure();
    let DeskWord { provider, sent_at, .. } = word.clone();
    if word.took {
        let n = open.unwrap_or(last + 1);
        if open.is_none() {
            let by = OpenedBy::Agent;
            events.push(ThreadEvent::Opened { n, by, touch: None, window: None, provider: None, at });
        }
        let moved = !matches!(thread.owner(), Some(Owner::Agent(_) | Owner::Desk));
        let tenure = tenure + u32::from(moved);
        events.push(ThreadEvent::DeskTook { n, tenure, moved, provider, sent_at, at });
    } else if last > 0 {
        let (n, moved) = (last, thread.owner() == Some(Owner::Desk));
        let tenure = tenure + u32::from(moved);
        events.push(ThreadEvent::DeskLetGo { n, tenure, moved, provider, sent_at, at });
    } else {
        return Err(Rejection::NotOpen);
    }
    Ok(events)
}

fn is_news(living: Option<&Living>, word: &DeskWord, at: Micros) -> Result<bool, Rejection> {
    let new = match living {
        None => Ids::default().is_new(&word.provider, word.sent_at, at),
        Some(living) => living.ours.is_new(&word.provider, word.sent_at, now(living, at)),
    };
    match new {
        // As with an echo: what the business does is no flood of the customer's.
        Ok(true) | Err(Rejection::Flooded) => {}
        other => return other,
    }
    let last = living.and_then(|living| living.desk.as_ref());
    Ok(last.is_none_or(|last| last.sent_at <= word.sent_at))
}

/// The conversation `n` that is being opened is the desk's from its beginning, while the desk holds the customer: by
/// its last word, and at most [`DESK_US_MAX`] long, since a word may be lost.
pub(crate) fn still_at_desk(thread: &Thread, n: u32, at: Micros) -> Option<ThreadEvent> {
    let living = thread.as_living()?;
    let desk = living.desk.as_ref().filter(|desk| desk.holds)?;
    let Desk { provider, sent_at, .. } = desk.clone();
    (now(living, at) - sent_at < DESK_US_MAX).then(|| ThreadEvent::DeskTook {
        n,
        tenure: living.tenure + 1,
        moved: true,
        provider,
        sent_at,
        at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::*;
    use crate::{
        AiReply, ExpireAnswer, Proof, Release, StartSend, expire_answer, receive, release, reply_by_ai,
        start_send,
    };
    use events::thread::{ClosedBy, HandoverReason, ReleasedTo, WithdrawnReason};

    fn word(took: bool, id: &str, sent_at: Micros) -> DeskWord {
        DeskWord { took, provider: id.into(), sent_at, began: Some(beginning()) }
    }

    fn took(n: u32, tenure: u32, moved: bool) -> ThreadEvent {
        ThreadEvent::DeskTook { n, tenure, moved, provider: "d1".into(), sent_at: NOON, at: LATER }
    }

    fn let_go(tenure: u32, moved: bool) -> ThreadEvent {
        let (n, provider, sent_at) = (1, "d2".into(), NOON + 1);
        ThreadEvent::DeskLetGo { n, tenure, moved, provider, sent_at, at: LATER }
    }

    fn create(thread: &Thread) -> Decision {
        desk(thread, &word(true, "d1", NOON), LATER)
    }

    fn close(thread: &Thread) -> Decision {
        desk(thread, &word(false, "d2", NOON + 1), LATER)
    }

    #[test]
    fn while_the_desk_has_the_customer_the_ai_is_silent() {
        let thread = given(asked([answered(1)])).when(create).then([took(1, 1, true)]);
        assert_eq!((thread.owner(), thread.tenure()), (Some(Owner::Desk), 1));
        let start = StartSend { message: r(1), attempt: 1, proof: Proof::None, parts: 1 };
        let (message, reason) = (r(1), WithdrawnReason::Tenure);
        assert_eq!(
            start_send(&thread, &start, LATER),
            Ok(vec![ThreadEvent::Withdrawn { message, reason, at: LATER }])
        );
        let thread = fold(thread, &[wrote(2)]);
        let reply = AiReply {
            message: r(2),
            tenure: 1,
            seen: Some(m(2)),
            content: text(),
            citations: vec![],
            confidence: None,
            worded_by: None,
        };
        assert_eq!(reply_by_ai(&thread, &reply, LATER), Err(Rejection::OwnedBy { owner: Owner::Desk }));
        let queue = "sales".into();
        let expire = ExpireAnswer { message: m(2), deadline_us: MINUTE, queue, notice: None };
        assert_eq!(expire_answer(&thread, &expire, LATER + DAY), Ok(vec![]));
    }

    #[test]
    fn whom_the_desk_lets_go_the_ai_answers_again_but_not_what_came_meanwhile() {
        let history = asked([took(1, 1, true), wrote(2)]);
        let thread = given(history).when(close).then([let_go(2, true)]);
        assert_eq!((thread.owner(), thread.awaiting()), (Some(Owner::Ai), vec![]));
        assert_eq!(fold(thread, &[wrote(3)]).awaiting(), [m(3)]);
    }

    #[test]
    fn a_word_that_comes_again_changes_nothing_whatever_came_since() {
        given(asked([took(1, 1, true), let_go(2, true)])).when(create).then_nothing();
        let again = ThreadEvent::DeskTook {
            n: 1,
            tenure: 3,
            moved: true,
            provider: "d3".into(),
            sent_at: NOON + 2,
            at: LATER,
        };
        given(asked([took(1, 1, true), let_go(2, true), again])).when(close).then_nothing();
    }

    #[test]
    fn the_end_that_comes_before_its_beginning_leaves_the_ai_where_it_is() {
        let thread = given(asked([])).when(close).then([let_go(0, false)]);
        assert_eq!((thread.owner(), thread.awaiting()), (Some(Owner::Ai), vec![m(1)]));
        assert_eq!(create(&thread), Ok(vec![]));
    }

    #[test]
    fn an_agent_keeps_what_they_have_and_a_queue_does_not() {
        let thread = given(asked([taken(1, ANNA, NOON)])).when(create).then([took(1, 1, false)]);
        assert_eq!(thread.owner(), Some(Owner::Agent(ANNA)));
        assert_eq!(close(&thread), Ok(vec![let_go(1, false)]));
        let waiting = asked([handed(1, HandoverReason::Anger, NOON)]);
        given(waiting).when(create).then([took(1, 2, true)]);
    }

    #[test]
    fn what_an_agent_gives_back_to_the_ai_is_the_desks_while_it_holds_the_customer() {
        let held = |let_go_again: bool| {
            let end = let_go_again.then(|| let_go(1, false));
            asked([taken(1, ANNA, NOON), took(1, 1, false)].into_iter().chain(end))
        };
        let back = Release { by: Some(ANNA), tenure: 1, to: ReleasedTo::Ai };
        let thread = given(held(false)).when(|t| release(t, &back, LATER)).then([took(1, 2, true)]);
        assert_eq!(thread.owner(), Some(Owner::Desk));
        let thread = fold(thread, &[let_go(3, true)]);
        assert_eq!(thread.owner(), Some(Owner::Ai));
        let released = ThreadEvent::Released { n: 1, tenure: 2, to: ReleasedTo::Ai, at: LATER };
        given(held(true)).when(|t| release(t, &back, LATER)).then([released]);
    }

    #[test]
    fn a_customer_whom_the_desk_takes_after_the_end_or_as_the_first_has_a_conversation() {
        let history = asked([closed(1, ClosedBy::Idle, NOON)]);
        given(history).when(create).then([opened(2, OpenedBy::Agent, LATER), took(2, 2, true)]);
        let first = [began(LATER), opened(1, OpenedBy::Agent, LATER), took(1, 1, true)];
        given([]).when(create).then(first);
        given([]).when(close).then_rejected(Rejection::NotOpen);
    }

    #[test]
    fn a_conversation_that_opens_while_the_desk_has_the_customer_is_the_desks() {
        let history = || asked([took(1, 1, true), closed(2, ClosedBy::Idle, NOON)]);
        let expected = [opened(2, OpenedBy::Message, LATER), took(2, 3, true), wrote_in(2, 2, LATER)];
        let thread = given(history()).when(|t| receive(t, &inbound(2), LATER)).then(expected);
        assert_eq!(thread.owner(), Some(Owner::Desk));
        let late = NOON + DESK_US_MAX;
        let thread =
            fold(given(history()).thread(), &receive(&given(history()).thread(), &inbound(2), late).unwrap());
        assert_eq!(thread.owner(), Some(Owner::Ai));
    }

    #[test]
    fn an_old_word_and_one_after_erasure_are_refused() {
        let late = NOON + 9 * DAY;
        given(asked([]))
            .when(|t| desk(t, &word(true, "d1", NOON), late))
            .then_rejected(Rejection::TooOld { sent_at: NOON });
        given([forgotten()]).when(create).then_rejected(Rejection::Erased);
    }
}
