//! Deciding what becomes of an echo: the platform tells what the account wrote, through us or past us.

use crate::receive::now;
use crate::{Attempt, Decision, Owner, Rejection, Thread, sent};
use events::thread::OpenedBy;
use events::{Content, Micros, ThreadEvent};
use uuid::Uuid;

/// What the account wrote, as the platform tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Echo {
    /// Our own message, when the echo says so (metadata, a callback id) or its words match an unknown one.
    pub ours: Option<Uuid>,
    /// The id under which it enters the thread when it is not ours.
    pub message: Uuid,
    /// The platform's id of the message.
    pub provider: String,
    pub content: Content,
    /// The platform's time.
    pub sent_at: Micros,
    pub raw: Option<String>,
}

/// Learns from an echo. One of ours proves its send; any other was written by a person in the platform's own
/// app, who thereby owns the conversation unless an agent does, so that the AI stops.
///
/// # Errors
/// [`Rejection::InFlight`] or [`Rejection::Unresolved`] while a send is open that this may be the echo of:
/// ask again once it is settled. [`Rejection::TooOld`], [`Rejection::BadId`] as [`crate::receive`].
pub fn echo(thread: &Thread, echo: &Echo, at: Micros) -> Decision {
    let living = thread.living()?;
    if let Some(ours) = echo.ours {
        let number = living.attempts(ours)?.last;
        return sent(thread, Attempt { message: ours, number }, Some(&echo.provider), at);
    }
    match living.ours.is_new(&echo.provider, echo.sent_at, now(living, at)) {
        Ok(true) => {}
        Ok(false) => return Ok(vec![]),
        // What the business itself wrote is no flood of the customer's; the oldest id makes room.
        Err(Rejection::Flooded) => {}
        Err(rejection) => return Err(rejection),
    }
    if let Some(pending) = living.outbox.unsettled() {
        return Err(pending.unsettled());
    }
    let mut events = Vec::with_capacity(2);
    let n = thread.open_number().unwrap_or(living.last_number + 1);
    if thread.open_number().is_none() {
        let by = OpenedBy::Agent;
        events.push(ThreadEvent::Opened { n, by, touch: None, window: None, provider: None, at });
    }
    let agent = matches!(thread.owner(), Some(Owner::Agent(_) | Owner::Outside | Owner::Desk));
    events.push(ThreadEvent::AnsweredOutside {
        n,
        tenure: if agent { living.tenure } else { living.tenure + 1 },
        message: echo.message,
        provider: echo.provider.clone(),
        content: echo.content.clone(),
        sent_at: echo.sent_at,
        raw: echo.raw.clone(),
        at,
    });
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::*;
    use crate::{AiReply, Proof, StartSend, reply_by_ai, start_send};
    use events::thread::{ClosedBy, WithdrawnReason};

    fn echoed(ours: Option<u32>) -> Echo {
        Echo {
            ours: ours.map(r),
            message: r(50),
            provider: "echo".into(),
            content: text(),
            sent_at: NOON,
            raw: None,
        }
    }

    fn outside(n: u32, tenure: u32) -> ThreadEvent {
        let Echo { message, provider, content, sent_at, raw, .. } = echoed(None);
        ThreadEvent::AnsweredOutside { n, tenure, message, provider, content, sent_at, raw, at: LATER }
    }

    #[test]
    fn a_person_who_answers_in_the_platforms_app_silences_the_ai() {
        let thread =
            given(asked([answered(1)])).when(|t| echo(t, &echoed(None), LATER)).then([outside(1, 1)]);
        assert_eq!(thread.owner(), Some(Owner::Outside));
        assert!(thread.awaiting().is_empty());
        let start = StartSend { message: r(1), attempt: 1, proof: Proof::Echo, parts: 1 };
        let (message, reason) = (r(1), WithdrawnReason::Tenure);
        assert_eq!(
            start_send(&thread, &start, LATER),
            Ok(vec![ThreadEvent::Withdrawn { message, reason, at: LATER }])
        );
        let reply = AiReply {
            message: r(2),
            tenure: 0,
            seen: Some(m(1)),
            content: text(),
            citations: vec![],
            confidence: None,
            worded_by: None,
        };
        let stale = Rejection::StaleTenure { owner: Owner::Outside, tenure: 1 };
        assert_eq!(reply_by_ai(&thread, &reply, LATER), Err(stale));
    }

    #[test]
    fn an_answer_outside_leaves_the_conversation_to_the_agent_who_has_it() {
        let history = asked([taken(1, ANNA, NOON)]);
        let thread = given(history).when(|t| echo(t, &echoed(None), LATER)).then([outside(1, 1)]);
        assert_eq!((thread.owner(), thread.tenure()), (Some(Owner::Agent(ANNA)), 1));
    }

    #[test]
    fn an_answer_outside_after_the_end_opens_the_next_conversation() {
        let history = asked([closed(1, ClosedBy::Idle, NOON)]);
        let expected = [opened(2, OpenedBy::Agent, LATER), outside(2, 2)];
        let thread = given(history).when(|t| echo(t, &echoed(None), LATER)).then(expected);
        assert_eq!(thread.owner(), Some(Owner::Outside));
    }

    #[test]
    fn an_echo_of_ours_proves_the_send_once() {
        let sent = ThreadEvent::Sent { message: r(1), attempt: 1, provider: Some("echo".into()), at: LATER };
        let history = || asked([answered(1), started(1, 1, NOON)]);
        given(history()).when(|t| echo(t, &echoed(Some(1)), LATER)).then([sent.clone()]);
        given(history().into_iter().chain([sent])).when(|t| echo(t, &echoed(None), LATER)).then_nothing();
    }

    #[test]
    fn an_echo_that_may_be_of_a_send_under_way_waits_for_its_outcome() {
        given(asked([answered(1), started(1, 1, NOON)]))
            .when(|t| echo(t, &echoed(None), LATER))
            .then_rejected(Rejection::InFlight { message: r(1), attempt: 1 });
        given(asked([answered(1), started(1, 1, NOON), was_lost(1, 1, false, NOON)]))
            .when(|t| echo(t, &echoed(None), LATER))
            .then_rejected(Rejection::Unresolved { message: r(1), attempt: 1 });
    }

    #[test]
    fn an_echo_of_a_message_nobody_knows_is_refused() {
        given(asked([]))
            .when(|t| echo(t, &echoed(Some(7)), LATER))
            .then_rejected(Rejection::NoSuchMessage { message: r(7) });
    }

    #[test]
    fn an_old_echo_and_one_after_erasure_are_refused() {
        given(asked([]))
            .when(|t| echo(t, &echoed(None), NOON + 9 * DAY))
            .then_rejected(Rejection::TooOld { sent_at: NOON });
        given([forgotten()]).when(|t| echo(t, &echoed(None), LATER)).then_rejected(Rejection::Erased);
    }
}
