//! Deciding what the answer to a platform call means, or its absence. States only rise.

use crate::{Decision, Living, Rejection, Settled, Stage, Thread};
use events::thread::FailureClass;
use events::{Micros, ThreadEvent};
use uuid::Uuid;

/// One platform call for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub message: Uuid,
    /// From 1.
    pub number: u32,
}

/// The platform took the message; `provider` is the id it gave. Accepted also late: after the attempt was
/// called failed and another is to come, and after a final unknown.
///
/// # Errors
/// [`Rejection::WrongAttempt`] for one that never started, [`Rejection::Settled`] after a withdrawal,
/// [`Rejection::NoSuchMessage`].
pub fn sent(thread: &Thread, attempt: Attempt, provider: Option<&str>, at: Micros) -> Decision {
    let living = thread.living()?;
    let Attempt { message, number: attempt } = attempt;
    let known = living.attempts(message)?;
    match known.how {
        Some(Settled::Sent { .. }) => return Ok(vec![]),
        // A failure stays: what people were told is not taken back.
        Some(Settled::Failed(_)) => return Ok(vec![]),
        Some(Settled::Withdrawn(_)) => return Err(Rejection::Settled { message }),
        Some(Settled::Unknown) | None => known.check(attempt)?,
    }
    let provider = provider.map(str::to_owned);
    Ok(vec![ThreadEvent::Sent { message, attempt, provider, at }])
}

/// The platform did not take the message, or took it and reports later that it was not delivered. Without
/// `retry_at` that is final and the next message goes on; after it was sent or finally unknown it is final
/// in any case, unless a receipt proved the contrary. An answer about an older attempt changes nothing.
///
/// # Errors
/// As [`sent`].
pub fn failed(
    thread: &Thread,
    attempt: Attempt,
    class: FailureClass,
    retry_at: Option<Micros>,
    at: Micros,
) -> Decision {
    let living = thread.living()?;
    let Attempt { message, number: attempt } = attempt;
    let known = living.attempts(message)?;
    let retry_at = match known.how {
        Some(Settled::Failed(_) | Settled::Sent { receipt: Some(_) }) => return Ok(vec![]),
        Some(Settled::Withdrawn(_)) => return Err(Rejection::Settled { message }),
        Some(Settled::Sent { receipt: None } | Settled::Unknown) => None,
        None => retry_at,
    };
    known.check(attempt)?;
    let waits = living.outbox.find(message).is_some_and(|p| matches!(p.stage, Stage::Waiting { .. }));
    if attempt < known.last || (waits && retry_at.is_some()) {
        return Ok(vec![]);
    }
    Ok(vec![ThreadEvent::Failed { message, attempt, class, retry_at, arrived: None, at }])
}

/// The platform took the first `arrived` parts of a long text and refused the next: final, since what arrived would
/// arrive again. As [`failed`] else.
///
/// # Errors
/// As [`sent`].
pub fn torn(thread: &Thread, attempt: Attempt, class: FailureClass, arrived: u32, at: Micros) -> Decision {
    let mut events = failed(thread, attempt, class, None, at)?;
    for event in &mut events {
        if let ThreadEvent::Failed { arrived: told, .. } = event {
            *told = Some(arrived);
        }
    }
    Ok(events)
}

/// The answer was lost: nobody knows whether the platform took the message. The channel's proof resolves it
/// before anything is sent again, or [`give_up`] does.
///
/// # Errors
/// As [`sent`].
pub fn unknown(thread: &Thread, attempt: Attempt, at: Micros) -> Decision {
    let living = thread.living()?;
    let Attempt { message, number: attempt } = attempt;
    let known = living.attempts(message)?;
    known.check(attempt)?;
    match living.outbox.find(message).map(|pending| pending.stage) {
        Some(Stage::Started { .. }) if attempt == known.last => {
            Ok(vec![ThreadEvent::Unknown { message, attempt, last: false, at }])
        }
        _ => Ok(vec![]),
    }
}

/// Makes an unknown send finally so, once it was open for `unknown_wait_us` microseconds; the next message
/// goes on and people see "may have arrived". What was resolved meanwhile stays as it is.
///
/// # Errors
/// [`Rejection::TooEarly`], [`Rejection::InFlight`] when it was never called unknown, else as [`sent`].
pub fn give_up(thread: &Thread, attempt: Attempt, unknown_wait_us: Micros, at: Micros) -> Decision {
    let living = thread.living()?;
    let Attempt { message, number: attempt } = attempt;
    let known = living.attempts(message)?;
    known.check(attempt)?;
    let Some(pending) = living.outbox.find(message).filter(|pending| pending.attempt == attempt) else {
        return Ok(vec![]);
    };
    match pending.stage {
        Stage::Waiting { .. } => Ok(vec![]),
        Stage::Started { .. } => Err(pending.unsettled()),
        Stage::Unknown { since } => match since.saturating_add(unknown_wait_us) {
            until if at < until => Err(Rejection::TooEarly { until }),
            _ => Ok(vec![ThreadEvent::Unknown { message, attempt, last: true, at }]),
        },
    }
}

/// What is known of a message's attempts.
pub(crate) struct Attempts {
    pub(crate) last: u32,
    /// `None` while it is pending.
    pub(crate) how: Option<Settled>,
}

impl Attempts {
    /// Refuses an attempt that never started.
    pub(crate) fn check(&self, attempt: u32) -> Result<(), Rejection> {
        if (1..=self.last).contains(&attempt) {
            return Ok(());
        }
        Err(Rejection::WrongAttempt { attempt: self.last })
    }
}

impl Living {
    pub(crate) fn attempts(&self, message: Uuid) -> Result<Attempts, Rejection> {
        if let Some(pending) = self.outbox.find(message) {
            return Ok(Attempts { last: pending.attempt, how: None });
        }
        let outcome = self.outbox.outcome(message).ok_or(Rejection::NoSuchMessage { message })?;
        Ok(Attempts { last: outcome.attempt, how: Some(outcome.how) })
    }
}

#[cfg(test)]
mod tests;
