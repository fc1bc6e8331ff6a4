//! The platform call of a message: one for each part of a text that is too long for one.

use crate::accounts::Ready;
use crate::deliver::{Delivery, Letter, cause, settle};
use crate::project::SendBody;
use channels::contract::{self, Outbound, SendOutcome};
use channels::text;
use conversation::{Attempt, Proof, Thread};
use events::thread::FailureClass;
use spine::keys::Opened;
use spine::read::Done;
use spine::{Address, Error};
use uuid::Uuid;

/// What a letter says, opened and cut to the channel's limit.
pub(crate) struct Words {
    contact: String,
    parts: Vec<String>,
    by_ai: bool,
    by_system: bool,
}

impl Words {
    /// In how many messages of the channel it leaves.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX).max(1)
    }
}

/// How the calls for a message ended.
pub(crate) enum Called {
    Ended(SendOutcome),
    /// The first parts arrived, the next was refused, and none may arrive again.
    Torn {
        class: FailureClass,
        arrived: u32,
    },
}

impl Delivery {
    /// Opens what is to be said, before anything leaves: how much of the window it takes has to be known then. None
    /// without its key, for a person who is being erased.
    pub(crate) async fn open(&self, letter: &Letter<'_>) -> Result<Option<Words>, Error> {
        let Letter { address, ready, contact, body, .. } = *letter;
        let subject = address.subject();
        let body: SendBody =
            serde_json::from_str(body).map_err(|_| Error::Other("a due send is broken".into()))?;
        let contact = self.keys.open_text(contact, &subject, "began.contact").await?;
        let text = match &body.text {
            Some(text) => self.keys.open_text(text, &subject, conversation::content::TEXT).await?,
            None => Opened::Gone,
        };
        let (Opened::Text(contact), Opened::Text(text)) = (contact, text) else { return Ok(None) };
        let parts = text::split(&text, ready.channel.capabilities_of(&ready.account).text);
        Ok(Some(Words { contact, parts, by_ai: body.by_ai, by_system: body.by_system }))
    }

    /// The calls themselves, one per part.
    pub(crate) async fn call(&self, letter: &Letter<'_>, words: Option<Words>) -> Called {
        let Letter { ready, message, attempt, .. } = *letter;
        let Some(sender) = ready.channel.sender else {
            return Called::Ended(SendOutcome::failed(FailureClass::Configuration));
        };
        let Some(Words { contact, parts, by_ai, by_system }) = words else {
            return Called::Ended(SendOutcome::failed(FailureClass::Permanent));
        };
        let mut provider = None;
        for (part, text) in (0..).zip(parts) {
            let outbound = Outbound {
                contact: contact.clone(),
                text,
                message_id: message,
                part,
                attempt,
                by_ai,
                by_system,
                persona: ready.account.setting("persona").map(str::to_owned),
            };
            match sender.send(&ready.account, &outbound, &self.tools).await {
                SendOutcome::Sent { provider: id } => provider = provider.or(id),
                // A first part that arrived must not arrive again.
                SendOutcome::Failed { class, code, .. }
                    if part > 0 && proof(ready) != Proof::IdempotencyKey =>
                {
                    return stopped(message, (class, code), part);
                }
                other => return Called::Ended(other),
            }
        }
        Called::Ended(SendOutcome::Sent { provider })
    }

    /// Records what became of a message of which only the first parts arrived.
    pub(crate) async fn torn(
        &self,
        address: &Address,
        attempt: Attempt,
        class: FailureClass,
        arrived: u32,
    ) -> Result<Done, Error> {
        let at = self.log.clock().now();
        let decide = |thread: &Thread| conversation::torn(thread, attempt, class, arrived, at);
        let cause = cause(attempt.message, attempt.number, "torn");
        settle(self.log.transact(address, &cause, decide).await)
    }
}

fn stopped(message: Uuid, (class, code): (FailureClass, Option<i64>), arrived: u32) -> Called {
    tracing::warn!(message.id = %message, error.code = code, "only the first parts of a long message arrived");
    Called::Torn { class: if is_final(class) { class } else { FailureClass::Permanent }, arrived }
}

pub(crate) fn proof(ready: &Ready) -> Proof {
    match ready.channel.capabilities.proof {
        contract::Proof::IdempotencyKey => Proof::IdempotencyKey,
        contract::Proof::Receipt => Proof::Receipt,
        contract::Proof::Echo => Proof::Echo,
        contract::Proof::None => Proof::None,
    }
}

pub(crate) fn is_final(class: FailureClass) -> bool {
    !matches!(class, FailureClass::Retryable | FailureClass::RateLimited | FailureClass::TokenStale)
}

pub(crate) fn word(outcome: &SendOutcome) -> &'static str {
    match outcome {
        SendOutcome::Sent { .. } => "sent",
        SendOutcome::Failed { class, .. } if is_final(*class) => "failed",
        SendOutcome::Failed { .. } => "retried",
        SendOutcome::Unknown => "unknown",
    }
}
