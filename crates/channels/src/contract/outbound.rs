//! What leaves through a channel and what is known afterwards.

use super::Account;
use crate::tokens::TokenStore;
use events::Micros;
use events::thread::FailureClass;
use futures::future::BoxFuture;
use std::sync::Arc;
use uuid::Uuid;

/// A message, or one part of it, on its way out.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// What the platform calls the person. Personal data.
    pub contact: String,
    /// Within the channel's limit; see [`crate::text::split`].
    pub text: String,
    /// Our id of the message.
    pub message_id: Uuid,
    /// From 0, when a long text was split.
    pub part: u32,
    /// From 1.
    pub attempt: u32,
    /// Whether the AI wrote it; channels that can, label it.
    pub by_ai: bool,
    /// Whether the suite itself says it, such as that a person will take over.
    pub by_system: bool,
    /// The face the account shows, in the platform's own terms.
    pub persona: Option<String>,
}

impl Outbound {
    /// The id that stays equal over all attempts and differs between the parts of a message.
    pub fn idempotency_key(&self) -> String {
        match self.part {
            0 => self.message_id.to_string(),
            part => format!("{}-{part}", self.message_id),
        }
    }
}

/// What is known after a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The platform took it; `provider` is its id for the message.
    Sent { provider: Option<String> },
    /// The platform did not take it, or nothing left us. `code` is the platform's own.
    Failed { class: FailureClass, retry_after_ms: Option<u64>, code: Option<i64> },
    /// Bytes left and no answer says what became of them.
    Unknown,
}

impl SendOutcome {
    /// A failure without a time and a code.
    pub fn failed(class: FailureClass) -> Self {
        Self::Failed { class, retry_after_ms: None, code: None }
    }
}

/// What a sender needs of its process.
#[derive(Clone)]
pub struct Tools {
    /// Made by [`crate::http::client`]: follows no redirects and has a connect timeout.
    pub http: reqwest::Client,
    pub tokens: Arc<dyn TokenStore>,
    pub now: Arc<dyn Fn() -> Micros + Send + Sync>,
}

/// Calls the platform.
pub trait Sender: Send + Sync {
    /// Sends one message once. Never retries what may have arrived.
    fn send<'a>(
        &'a self,
        account: &'a Account,
        outbound: &'a Outbound,
        tools: &'a Tools,
    ) -> BoxFuture<'a, SendOutcome>;

    /// Shows the customer that an answer is being written, where the platform can. Failures mean nothing.
    fn typing<'a>(
        &'a self,
        _account: &'a Account,
        _contact: &'a str,
        _tools: &'a Tools,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_message_have_keys_of_their_own_and_attempts_share_one() {
        let mut outbound = Outbound {
            contact: "c".into(),
            text: "t".into(),
            message_id: Uuid::nil(),
            part: 0,
            attempt: 1,
            by_ai: true,
            by_system: false,
            persona: None,
        };
        let first = outbound.idempotency_key();
        outbound.attempt = 2;
        assert_eq!(outbound.idempotency_key(), first);
        outbound.part = 1;
        assert_ne!(outbound.idempotency_key(), first);
    }
}
