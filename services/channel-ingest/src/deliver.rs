//! The delivery worker: in thread order, paced per account, at most one call per decision.

use crate::accounts::{Accounts, Ready};
use crate::attempts::{ATTEMPTS_MAX, RETRY_AFTER_MS_MAX, RETRY_MS_MAX, backoff_ms, delay_ms};
use crate::call::{Called, Words, is_final, proof, word};
use crate::pace::Pace;
use channels::contract::{SendOutcome, Tools};
use conversation::{Attempt, Pending, Proof, Rejection, Stage, StartSend, Thread};
use events::thread::FailureClass;
use events::{Micros, ThreadEvent};
use runtime::metrics::Counter;
use spine::keys::Keys;
use spine::read::{Done, Work};
use spine::{Address, Cause, Error, Log, Refused, new_id};
use std::sync::Arc;
use uuid::Uuid;

/// A platform that asks for so long a wait counts the account, so its other messages wait as well; a shorter one is the
/// message's own.
const REST_MS_MIN: u64 = 10_000;
/// How soon a message is looked at again whose account this replica does not know yet.
const UNHEARD_MS: u64 = 500;
/// How soon a message is looked at again that waits for the one before it.
const NEXT_MS: u64 = 200;

/// What delivery needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) log: Log,
    pub(crate) keys: Keys,
    pub(crate) accounts: Accounts,
    pub(crate) directory: directory::Directory,
    pub(crate) tools: Arc<Tools>,
    pub(crate) pace: Pace,
    pub(crate) outcomes: Counter,
}

/// What the thread says of a message at this moment.
struct Standing {
    pending: Option<Pending>,
    account: Option<Uuid>,
    contact: Option<String>,
}

/// A message on its way out.
pub(crate) struct Letter<'a> {
    pub(crate) address: &'a Address,
    pub(crate) ready: &'a Ready,
    pub(crate) message: Uuid,
    pub(crate) attempt: u32,
    /// The sealed name that the platform has for the customer.
    pub(crate) contact: &'a str,
    pub(crate) body: &'a str,
}

impl Delivery {
    /// One due send.
    pub(crate) async fn handle(self, work: Work) -> Result<Done, Error> {
        let address = Address::parse(&work.entity)?;
        let message =
            work.key.parse::<Uuid>().map_err(|_| Error::Other("a due send names no message".into()))?;
        let standing = self
            .log
            .read_after::<Thread, _>(&address, work.sequence, |thread| Standing {
                pending: thread.pending().find(|pending| pending.message == message).copied(),
                account: thread.account(),
                contact: thread.contact().map(|contact| contact.as_str().to_owned()),
            })
            .await?;
        let Some(pending) = standing.pending else { return Ok(Done::Nothing) };
        if standing.account.is_some_and(|account| self.directory.account(account).is_none()) {
            // The thread has it, so it exists: this replica has not heard of it yet.
            return Ok(Done::Again { after_ms: UNHEARD_MS });
        }
        let ready = match standing.account {
            Some(account) => self.accounts.by_id(account).await?,
            None => None,
        };
        let Some(ready) = ready else {
            return self.shut(&address, &pending).await;
        };
        match pending.stage {
            // Started by a process that died, since this one holds the claim: nobody knows its outcome.
            Stage::Started { .. } => self.unknown(&address, message, pending.attempt).await,
            Stage::Unknown { .. } if proof(&ready) != Proof::IdempotencyKey => {
                let wait_ms = self.directory.settings(&ready.tenant).unknown_wait_ms;
                self.give_up(&address, (message, pending.attempt), wait_ms).await
            }
            Stage::Unknown { .. } if pending.attempt >= ATTEMPTS_MAX => {
                self.give_up(&address, (message, pending.attempt), 0).await
            }
            Stage::Unknown { since } if let Some(after_ms) = self.rest_ms(since, pending.attempt) => {
                Ok(Done::Again { after_ms })
            }
            Stage::Waiting { .. } | Stage::Unknown { .. } => {
                if let Some(after_ms) = self.pace.wait_ms(&ready, self.log.clock().now()) {
                    return Ok(Done::LanePaused { after_ms });
                }
                let contact = standing.contact.unwrap_or_default();
                let (attempt, body) = (pending.attempt + 1, work.body.as_str());
                let letter =
                    Letter { address: &address, ready: &ready, message, attempt, contact: &contact, body };
                self.send(&letter).await
            }
        }
    }

    async fn send(&self, letter: &Letter<'_>) -> Result<Done, Error> {
        let Letter { address, ready, message, attempt, .. } = *letter;
        let shows_itself = ready.channel.sender.is_none();
        let at = self.log.clock().now();
        let words = if shows_itself { None } else { self.open(letter).await? };
        let parts = words.as_ref().map_or(1, Words::count);
        let start = StartSend { message, attempt, proof: proof(ready), parts };
        let decided = self
            .log
            .transact(address, &start_cause(message), |thread: &Thread| {
                let mut events = conversation::start_send(thread, &start, at)?;
                if shows_itself && matches!(events[..], [ThreadEvent::SendStarted { .. }]) {
                    // The socket shows what the log holds, so starting it is sending it.
                    events.push(ThreadEvent::Sent { message, attempt, provider: None, at });
                }
                Ok(events)
            })
            .await;
        let started = match decided {
            Ok(decided) => decided,
            Err(Refused::Rejected(rejection)) => return Ok(wait_for(&rejection, at)),
            Err(Refused::Failed(error)) => return Err(error),
        };
        let still = |thread: &Thread| {
            thread.pending().any(|pending| {
                pending.message == message
                    && pending.attempt == attempt
                    && matches!(pending.stage, Stage::Started { .. })
            })
        };
        if shows_itself || !self.log.read::<Thread, _>(address, still).await? {
            return Ok(Done::At(started.position()));
        }
        let outcome = match self.call(letter, words).await {
            Called::Ended(outcome) => outcome,
            Called::Torn { class, arrived } => {
                self.outcomes.add(1, &[ready.channel.name, "failed"]);
                return self.torn(address, Attempt { message, number: attempt }, class, arrived).await;
            }
        };
        self.outcomes.add(1, &[ready.channel.name, word(&outcome)]);
        if let SendOutcome::Failed {
            class: FailureClass::RateLimited, retry_after_ms: Some(after_ms), ..
        } = outcome
            && after_ms >= REST_MS_MIN
        {
            self.pace.rest(ready.account.id, self.log.clock().now(), after_ms.min(RETRY_AFTER_MS_MAX));
        }
        self.record(address, message, attempt, outcome).await
    }

    /// What is left of the wait after an attempt whose answer was lost; none when it is over. The first one is followed
    /// at once, since an answer of the AI is not tried again once a person has taken over.
    fn rest_ms(&self, since: Micros, attempt: u32) -> Option<u64> {
        let wait_ms = backoff_ms(attempt.checked_sub(1).filter(|before| *before > 0)?);
        let passed_ms = u64::try_from((self.log.clock().now() - since) / 1_000).unwrap_or(0);
        wait_ms.checked_sub(passed_ms).filter(|left| *left > 0)
    }

    async fn record(
        &self,
        address: &Address,
        message: Uuid,
        number: u32,
        outcome: SendOutcome,
    ) -> Result<Done, Error> {
        let at = self.log.clock().now();
        let attempt = Attempt { message, number };
        // A purpose for each outcome: a process that lost its lease may know what another one could only guess.
        let cause = |purpose| cause(message, number, purpose);
        let decided = match outcome {
            SendOutcome::Sent { provider } => {
                let decide = |thread: &Thread| conversation::sent(thread, attempt, provider.as_deref(), at);
                self.log.transact(address, &cause("sent"), decide).await
            }
            SendOutcome::Failed { class, retry_after_ms, .. } => {
                let final_failure = is_final(class) || number >= ATTEMPTS_MAX;
                let delay = delay_ms(number, retry_after_ms);
                let retry_at = (!final_failure).then(|| at + i64::try_from(delay).unwrap_or(0) * 1_000);
                let decide = |thread: &Thread| conversation::failed(thread, attempt, class, retry_at, at);
                self.log.transact(address, &cause("failed"), decide).await
            }
            SendOutcome::Unknown => {
                let decide = |thread: &Thread| conversation::unknown(thread, attempt, at);
                self.log.transact(address, &cause("unknown"), decide).await
            }
        };
        settle(decided)
    }

    async fn unknown(&self, address: &Address, message: Uuid, attempt: u32) -> Result<Done, Error> {
        self.record(address, message, attempt, SendOutcome::Unknown).await
    }

    /// What becomes of a message whose account is out of use: nothing more leaves. What waits, also between two tries, is
    /// withdrawn; of what was on its way nobody knows whether it arrived.
    async fn shut(&self, address: &Address, pending: &Pending) -> Result<Done, Error> {
        let Pending { message, attempt, .. } = *pending;
        match pending.stage {
            Stage::Started { .. } => self.unknown(address, message, attempt).await,
            Stage::Unknown { .. } => {
                let wait_ms = self.directory.settings(&address.tenant).unknown_wait_ms;
                self.give_up(address, (message, attempt), wait_ms).await
            }
            Stage::Waiting { .. } => {
                let at = self.log.clock().now();
                let decide = |thread: &Thread| conversation::cancel(thread, message, at);
                settle(self.log.transact(address, &cause(message, attempt, "cancel"), decide).await)
            }
        }
    }

    async fn give_up(
        &self,
        address: &Address,
        (message, number): (Uuid, u32),
        wait_ms: u64,
    ) -> Result<Done, Error> {
        let at = self.log.clock().now();
        let wait_us: Micros = i64::try_from(wait_ms).unwrap_or(i64::MAX / 2_000) * 1_000;
        let attempt = Attempt { message, number };
        let decide = |thread: &Thread| conversation::give_up(thread, attempt, wait_us, at);
        match self.log.transact(address, &cause(message, number, "give_up"), decide).await {
            Err(Refused::Rejected(rejection)) => Ok(wait_for(&rejection, at)),
            other => settle(other),
        }
    }
}

pub(crate) fn settle(decided: Result<spine::Decided, Refused<Rejection>>) -> Result<Done, Error> {
    match decided {
        Ok(decided) => Ok(Done::At(decided.position())),
        Err(Refused::Rejected(rejection)) => {
            tracing::debug!(%rejection, "a send was settled meanwhile");
            Ok(Done::Nothing)
        }
        Err(Refused::Failed(error)) => Err(error),
    }
}

/// When to look again after the law said not now.
fn wait_for(rejection: &Rejection, at: Micros) -> Done {
    match rejection {
        Rejection::TooEarly { until } => {
            let after_ms = u64::try_from((until - at) / 1_000 + 1).unwrap_or(NEXT_MS);
            Done::Again { after_ms: after_ms.clamp(1, RETRY_MS_MAX) }
        }
        Rejection::NotNext { .. }
        | Rejection::InFlight { .. }
        | Rejection::Unresolved { .. }
        | Rejection::WrongAttempt { .. } => Done::Again { after_ms: NEXT_MS },
        _ => Done::Nothing,
    }
}

pub(crate) fn cause(message: Uuid, attempt: u32, purpose: &'static str) -> Cause {
    let id = Uuid::new_v5(&message, &attempt.to_be_bytes());
    Cause { correlation: message, ..Cause::new(id, purpose, "channel-ingest") }
}

/// A start has a cause of its own each time: of two workers that start the same attempt, the second must be
/// refused, and not find the first one's message and take it for its own.
fn start_cause(message: Uuid) -> Cause {
    Cause { correlation: message, ..Cause::new(new_id(), "start", "channel-ingest") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_law_that_says_later_is_asked_later() {
        let until = 5_000_000;
        assert_eq!(wait_for(&Rejection::TooEarly { until }, 4_000_000), Done::Again { after_ms: 1_001 });
        assert_eq!(wait_for(&Rejection::Settled { message: Uuid::nil() }, 0), Done::Nothing);
    }
}
