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
