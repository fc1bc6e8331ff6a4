//! Deciding to send again what was lost, refused or given up: a person's choice or the tenant's.

use crate::{Decision, Owner, Rejection, Settled, Thread};
use events::thread::Author;
use events::{Content, Micros, ThreadEvent};
use uuid::Uuid;

/// A message to be sent again as a new one.
#[derive(Clone, Debug, PartialEq)]
pub struct Resend {
    /// The message in whose place it goes.
    pub of: Uuid,
    /// The new message's id.
    pub message: Uuid,
    /// Who chose so: the owner, or the suite by the tenant's setting.
    pub by: Author,
    /// The tenure that the chooser knew; the suite's own choice needs none.
    pub tenure: u32,
    /// The same words, sealed for the new message.
    pub content: Content,
}

/// Sends a message again, once, under a new id.
///
/// # Errors
/// [`Rejection::StillPending`], [`Rejection::InFlight`] or [`Rejection::Unresolved`] while it is not
/// settled, [`Rejection::Settled`] when it arrived or was sent again already, [`Rejection::StaleTenure`],
/// [`Rejection::OwnedBy`], and as [`crate::reply_by_ai`] for what cannot be sent.
pub fn resend(thread: &Thread, resend: &Resend, at: Micros) -> Decision {
    let living = thread.living()?;
    if living.outbox.knows(resend.message) {
        return Ok(vec![]);
    }
    if let Some(pending) = living.outbox.find(resend.of) {
        return Err(pending.unsettled());
    }
    match living.outbox.outcome(resend.of) {
        None => return Err(Rejection::NoSuchMessage { message: resend.of }),
        Some(outcome) if outcome.resent || matches!(outcome.how, Settled::Sent { .. }) => {
            return Err(Rejection::Settled { message: resend.of });
        }
        Some(_) => {}
    }
    let (living, episode) = thread.open()?;
    let tenure = match resend.by {
        Author::System => living.tenure,
        Author::Ai | Author::Agent(_) => {
            living.check_tenure(episode, resend.tenure)?;
            episode.check_owner(owner_as(resend.by))?;
            resend.tenure
        }
    };
    living.check_room(at)?;
    Ok(vec![ThreadEvent::Replied {
        n: episode.number,
        message: resend.message,
        by: resend.by,
        tenure,
        seen: None,
        content: resend.content.clone(),
        citations: vec![],
        confidence: None,
        worded_by: None,
        resends: Some(resend.of),
        at,
    }])
}

fn owner_as(author: Author) -> Owner {
    match author {
        Author::Agent(agent) => Owner::Agent(agent),
        Author::Ai | Author::System => Owner::Ai,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::*;
    use events::thread::WithdrawnReason;

    fn again(by: Author, tenure: u32) -> Resend {
        Resend { of: r(1), message: r(2), by, tenure, content: text() }
    }

    fn resent(by: Author, tenure: u32) -> ThreadEvent {
        ThreadEvent::Replied {
            n: 1,
            message: r(2),
            by,
            tenure,
            seen: None,
            content: text(),
            citations: vec![],
            confidence: None,
            worded_by: None,
            resends: Some(r(1)),
            at: LATER,
        }
    }

    fn lost() -> [ThreadEvent; 3] {
        [answered(1), started(1, 1, NOON), was_lost(1, 1, true, NOON)]
    }

    #[test]
    fn a_person_sends_again_what_may_be_lost() {
        let anna = Author::Agent(ANNA);
        let history = asked(lost().into_iter().chain([taken(1, ANNA, NOON)]));
        given(history).when(|t| resend(t, &again(anna, 1), LATER)).then([resent(anna, 1)]);
    }

    #[test]
    fn the_suite_sends_again_what_was_refused_or_withdrawn() {
        let failed = [answered(1), started(1, 1, NOON), has_failed(1, 1, None, NOON)];
        let again = again(Author::System, 0);
        given(asked(failed)).when(|t| resend(t, &again, LATER)).then([resent(Author::System, 0)]);
        let (message, reason) = (r(1), WithdrawnReason::Window);
        given(asked([answered(1), ThreadEvent::Withdrawn { message, reason, at: NOON }]))
            .when(|t| resend(t, &again, LATER))
            .then([resent(Author::System, 0)]);
    }

    #[test]
    fn nothing_is_sent_again_twice() {
        let history = asked(lost().into_iter().chain([resent(Author::System, 0)]));
        let another = Resend { message: r(3), ..again(Author::System, 0) };
        given(history)
            .when(|t| resend(t, &another, LATER))
            .then_rejected(Rejection::Settled { message: r(1) });
    }

    #[test]
    fn what_arrived_or_still_waits_is_not_sent_again() {
        let again = again(Author::System, 0);
        let on_its_way = || [answered(1), started(1, 1, NOON)];
        given(asked(on_its_way().into_iter().chain([was_sent(1, 1, NOON)])))
            .when(|t| resend(t, &again, LATER))
            .then_rejected(Rejection::Settled { message: r(1) });
        given(asked([answered(1)]))
            .when(|t| resend(t, &again, LATER))
            .then_rejected(Rejection::StillPending { message: r(1) });
        given(asked(on_its_way()))
            .when(|t| resend(t, &again, LATER))
            .then_rejected(Rejection::InFlight { message: r(1), attempt: 1 });
        given(asked([]))
            .when(|t| resend(t, &again, LATER))
            .then_rejected(Rejection::NoSuchMessage { message: r(1) });
    }

    #[test]
    fn only_the_owner_sends_again() {
        given(asked(lost()))
            .when(|t| resend(t, &again(Author::Agent(ANNA), 0), LATER))
            .then_rejected(Rejection::OwnedBy { owner: Owner::Ai });
        let history = asked(lost().into_iter().chain([taken(1, ANNA, NOON)]));
        given(history)
            .when(|t| resend(t, &again(Author::Ai, 0), LATER))
            .then_rejected(Rejection::StaleTenure { owner: Owner::Agent(ANNA), tenure: 1 });
    }
}
