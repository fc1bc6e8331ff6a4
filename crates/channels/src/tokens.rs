//! Access tokens: one owner per account, since two that refresh at once kill each other's token.

use events::Micros;
use events::thread::FailureClass;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
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

/// Tokens of one process, for a laptop and for tests. Bounded by the number of accounts.
#[derive(Default)]
pub struct InMemory {
    accounts: Mutex<HashMap<Uuid, Arc<tokio::sync::Mutex<Option<Token>>>>>,
}

impl TokenStore for InMemory {
    fn token<'a>(
        &'a self,
        account: Uuid,
        refused: Option<String>,
        at: Micros,
        fetch: Fetch<'a>,
    ) -> BoxFuture<'a, Result<Token, TokenFault>> {
        Box::pin(async move {
            let cell = {
                let mut accounts = self.accounts.lock().map_err(|_| TokenFault::Store)?;
                Arc::clone(accounts.entry(account).or_default())
            };
            let mut stored = cell.lock().await;
            if let Some(token) = stored.as_ref().filter(|token| usable(token, refused.as_deref(), at)) {
                return Ok(token.clone());
            }
            let token = fetch(refused).await?;
            *stored = Some(token.clone());
            Ok(token)
        })
    }
}

/// Whether a stored token may still be used.
pub fn usable(token: &Token, refused: Option<&str>, at: Micros) -> bool {
    token.expires_at > at && refused != Some(token.value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn fetch(calls: &AtomicUsize) -> Fetch<'_> {
        Box::new(move |_| {
            Box::pin(async move {
                let n = calls.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Ok(Token { value: format!("token-{n}"), expires_at: 100 })
            })
        })
    }

    #[tokio::test]
    async fn many_who_need_a_token_at_once_cause_one_refresh() {
        let (store, calls, account) = (InMemory::default(), AtomicUsize::new(0), Uuid::nil());
        let asked = (0..50).map(|_| store.token(account, None, 0, fetch(&calls)));
        for token in futures::future::join_all(asked).await {
            assert_eq!(token.unwrap().value, "token-0");
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn many_whose_token_was_refused_cause_one_refresh() {
        let (store, calls, account) = (InMemory::default(), AtomicUsize::new(0), Uuid::nil());
        store.token(account, None, 0, fetch(&calls)).await.unwrap();
        let asked = (0..50).map(|_| store.token(account, Some("token-0".into()), 0, fetch(&calls)));
        for token in futures::future::join_all(asked).await {
            assert_eq!(token.unwrap().value, "token-1");
        }
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_expired_token_is_not_used() {
        let (store, calls, account) = (InMemory::default(), AtomicUsize::new(0), Uuid::nil());
        store.token(account, None, 0, fetch(&calls)).await.unwrap();
        store.token(account, None, 99, fetch(&calls)).await.unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        store.token(account, None, 100, fetch(&calls)).await.unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }
}
