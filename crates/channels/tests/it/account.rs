//! Accounts and requests for tests.

use bytes::Bytes;
use channels::contract::{Account, RawRequest, Secret, Tools};
use channels::http;
use channels::tokens::{Fetch, Token, TokenFault, TokenStore, usable};
use events::Micros;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The time of the vectors, 2026-01-01T00:00:00Z.
pub(crate) const AT_S: i64 = 1_767_225_600;
pub(crate) const AT: i64 = AT_S * 1_000_000;
pub(crate) const APP: &str = "wx0a1b2c3d4e5f6071";
pub(crate) const OA_TOKEN: &str = "deskOaToken2026";
pub(crate) const OA_KEY: &str = "vzmY1UIDfAoGhk70zBbWqKxUkF7XRXKA1HKk4eAovWP";
pub(crate) const USER: &str = "oTestUser_0000000000000000001";
pub(crate) const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) fn account(settings: &[(&str, &str)], secrets: &[(&str, &str)]) -> Account {
    Account {
        id: Uuid::from_u128(7),
        slug: "desk".into(),
        settings: settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        secrets: secrets
            .iter()
            .map(|(name, value)| ((*name).into(), Secret::from(*value)))
            .collect::<BTreeMap<_, _>>(),
        identity_key: Zeroizing::new([9; 32]),
    }
}

/// An official account in that mode.
pub(crate) fn oa(mode: &str) -> Account {
    account(
        &[("mode", mode), ("app_id", APP)],
        &[("token", OA_TOKEN), ("encoding_aes_key", OA_KEY), ("app_secret", "oa-app-secret")],
    )
}

pub(crate) fn request(method: &str, query: &str, body: &[u8]) -> RawRequest {
    RawRequest {
        method: method.into(),
        path: "/channels/x/desk".into(),
        query: query.into(),
        headers: vec![],
        body: Bytes::copy_from_slice(body),
    }
}

/// What a sender needs, with a clock that stands.
pub(crate) fn tools(at: i64) -> Tools {
    // Plain HTTP needs no TLS, but the client does not start without a provider; a second call finds the first's.
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    Tools {
        http: http::client().unwrap(),
        tokens: Arc::new(OneProcess::default()),
        now: Arc::new(move || at),
    }
}

/// A store for senders under test: one refresh at a time, as the contract says.
#[derive(Default)]
struct OneProcess(tokio::sync::Mutex<HashMap<Uuid, Token>>);

impl TokenStore for OneProcess {
    fn token<'a>(
        &'a self,
        account: Uuid,
        refused: Option<String>,
        at: Micros,
        fetch: Fetch<'a>,
    ) -> BoxFuture<'a, Result<Token, TokenFault>> {
        Box::pin(async move {
            let mut stored = self.0.lock().await;
            match stored.get(&account) {
                Some(token) if usable(token, refused.as_deref(), at) => Ok(token.clone()),
                _ => {
                    let token = fetch(refused).await?;
                    stored.insert(account, token.clone());
                    Ok(token)
                }
            }
        })
    }
}
