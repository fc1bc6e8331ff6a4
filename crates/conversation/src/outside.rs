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
    let agent = matches!(thread.owner(), Some(Owner::Agent(_) | Owner::Outside));
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
