//! Access tokens: one owner per account, since two that refresh at once kill each other's token.

use events::Micros;
use events::thread::FailureClass;
use futures::future::BoxFuture;
use uuid::Uuid;

/// A platform's access token.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Up to 512 characters.
    pub value: String,
    /// When it must not be used any more.
    pub expires_at: Micros,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// The platform answered with a code of its own.
    #[error("the platform refuses a token with code {code}")]
    Refused { class: FailureClass, code: i64 },
    /// The platform did not answer; nothing was sent for the customer, so trying again is safe.
    #[error("the platform's token address does not answer")]
    Unanswered,
    /// The store or its lease failed.
    #[error("the token store does not answer")]
    Store,
}

/// A call for a new token: given the refused one, if there is one.
pub type Fetch<'a> = Box<dyn FnOnce(Option<String>) -> BoxFuture<'a, Result<Token, TokenFault>> + Send + 'a>;

/// Keeps one token per account for all processes.
pub trait TokenStore: Send + Sync {
    /// A token that lives at `at` and is not the one in `refused`. If none is stored, `fetch` is run once under
    /// the account's lease while others wait for its result, and the stored token is read again under the lease
    /// first: the one who held it before may have refreshed already.
    ///
    /// # Errors
    /// What `fetch` says, or [`TokenFault::Store`].
    fn token<'a>(
        &'a self,
        account: Uuid,
        refused: Option<String>,
        at: Micros,
        fetch: Fetch<'a>,
    ) -> BoxFuture<'a, Result<Token, TokenFault>>;
}

/// Whether a stored token may still be used.
pub fn usable(token: &Token, refused: Option<&str>, at: Micros) -> bool {
    token.expires_at > at && refused != Some(token.value.as_str())
}
