//! Visitor tokens: who the browser is, signed, so that nobody takes another's thread.
//!
//! Once a visitor has signed in on the shop's site, the token is bound to that login: it opens the thread only beside
//! a new proof of the same login. Else the next person at the same browser would read the thread, or write in it
//! under their own login and become one with the first. A token from before the sign-in lives on unbound; what it
//! opens is then decided by the thread, which knows its login.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::Micros;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

/// How long a token lives; each `welcome` renews it.
pub const LIFE_S: i64 = 30 * 24 * 3600;
const PREFIX: &str = "v1.";
const CLAIMS_BYTES: usize = 48;
/// A token that is bound to a login has its mark behind the other claims.
const BOUND_PREFIX: &str = "v2.";
const BOUND_BYTES: usize = CLAIMS_BYTES + MARK_BYTES;
const MARK_BYTES: usize = 16;
const MAC_BYTES: usize = 32;

/// Stands for a login without telling it.
pub type Mark = [u8; MARK_BYTES];

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    pub account: Uuid,
    pub visitor: Uuid,
    /// Seconds since the Unix epoch.
    pub issued_s: i64,
    pub expires_s: i64,
    /// The login that the visitor has proven, if any.
    pub login: Option<Mark>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the token is not ours")]
    Invalid,
    #[error("the token is over")]
    Expired,
}

/// A token for that visitor from now on, bound to the login if there is one.
pub fn issue(secret: &str, account: Uuid, visitor: Uuid, login: Option<Mark>, at: Micros) -> String {
    let issued_s = at.div_euclid(1_000_000);
    let mut bytes = Vec::with_capacity(BOUND_BYTES + MAC_BYTES);
    bytes.extend_from_slice(account.as_bytes());
    bytes.extend_from_slice(visitor.as_bytes());
    bytes.extend_from_slice(&issued_s.to_be_bytes());
    bytes.extend_from_slice(&issued_s.saturating_add(LIFE_S).to_be_bytes());
    bytes.extend_from_slice(login.as_ref().map_or(&[], Mark::as_slice));
    let signature = mac(secret, &bytes).finalize().into_bytes();
    bytes.extend_from_slice(&signature);
    format!("{}{}", login.map_or(PREFIX, |_| BOUND_PREFIX), URL_SAFE_NO_PAD.encode(bytes))
}

/// The mark of a login on an account.
pub fn mark(secret: &str, account: Uuid, login: &str) -> Mark {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length fits HMAC");
    mac.update(b"tributary widget login v1");
    mac.update(account.as_bytes());
    mac.update(login.as_bytes());
    let mut mark = [0; MARK_BYTES];
    mark.copy_from_slice(&mac.finalize().into_bytes()[..MARK_BYTES]);
    mark
}

/// What the token says, if we issued it for this account and it is not over. Constant time in the signature.
///
/// # Errors
/// [`Fault`]; the browser then says hello without a token and is a new visitor.
pub fn verify(secret: &str, account: Uuid, token: &str, at: Micros) -> Result<Claims, Fault> {
    let (text, length) = match token.strip_prefix(PREFIX) {
        Some(text) => (text, CLAIMS_BYTES),
        None => (token.strip_prefix(BOUND_PREFIX).ok_or(Fault::Invalid)?, BOUND_BYTES),
    };
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Fault::Invalid)?;
    let (claims, signature) = bytes.split_at_checked(length).ok_or(Fault::Invalid)?;
    mac(secret, claims).verify_slice(signature).map_err(|_| Fault::Invalid)?;
    let claims = parse(claims).filter(|claims| claims.account == account).ok_or(Fault::Invalid)?;
    if claims.expires_s <= at.div_euclid(1_000_000) { Err(Fault::Expired) } else { Ok(claims) }
}

fn parse(bytes: &[u8]) -> Option<Claims> {
    let seconds = |from: usize| Some(i64::from_be_bytes(bytes.get(from..from + 8)?.try_into().ok()?));
    Some(Claims {
        account: Uuid::from_slice(bytes.get(..16)?).ok()?,
        visitor: Uuid::from_slice(bytes.get(16..32)?).ok()?,
        issued_s: seconds(32)?,
        expires_s: seconds(40)?,
        login: bytes.get(CLAIMS_BYTES..BOUND_BYTES).and_then(|mark| mark.try_into().ok()),
    })
}

fn mac(secret: &str, claims: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length fits HMAC");
    mac.update(b"tributary widget visitor v1");
    mac.update(claims);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef";
    const ACCOUNT: Uuid = Uuid::from_u128(1);
    const VISITOR: Uuid = Uuid::from_u128(2);
    const AT: Micros = 1_767_225_600_000_000;

    #[test]
    fn a_token_names_its_visitor_for_thirty_days() {
        let token = issue(SECRET, ACCOUNT, VISITOR, None, AT);
        assert!(token.len() < 128);
        let end = AT + LIFE_S * 1_000_000;
        assert_eq!(verify(SECRET, ACCOUNT, &token, end - 1).map(|claims| claims.visitor), Ok(VISITOR));
        assert_eq!(verify(SECRET, ACCOUNT, &token, end), Err(Fault::Expired));
    }

    #[test]
    fn a_bound_token_names_its_login_by_a_mark_only() {
        let login = mark(SECRET, ACCOUNT, "user-7");
        let token = issue(SECRET, ACCOUNT, VISITOR, Some(login), AT);
        let claims = verify(SECRET, ACCOUNT, &token, AT).unwrap();
        assert_eq!((claims.visitor, claims.login), (VISITOR, Some(login)));
        assert_ne!(login, mark(SECRET, ACCOUNT, "user-8"));
        assert_ne!(login, mark(SECRET, VISITOR, "user-7"));
        // Neither kind passes for the other.
        let stripped = token.replacen("v2.", "v1.", 1);
        assert_eq!(verify(SECRET, ACCOUNT, &stripped, AT), Err(Fault::Invalid));
        let raised = issue(SECRET, ACCOUNT, VISITOR, None, AT).replacen("v1.", "v2.", 1);
        assert_eq!(verify(SECRET, ACCOUNT, &raised, AT), Err(Fault::Invalid));
    }

    #[test]
    fn a_token_of_another_account_or_secret_is_not_ours() {
        let token = issue(SECRET, ACCOUNT, VISITOR, None, AT);
        assert_eq!(verify(SECRET, VISITOR, &token, AT), Err(Fault::Invalid));
        assert_eq!(verify("another secret..", ACCOUNT, &token, AT), Err(Fault::Invalid));
    }

    #[test]
    fn a_token_with_any_character_changed_is_not_ours() {
        let token = issue(SECRET, ACCOUNT, VISITOR, None, AT);
        for at in 0..token.len() {
            let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
            let mut changed = token.clone();
            changed.replace_range(at..=at, other);
            assert_eq!(verify(SECRET, ACCOUNT, &changed, AT), Err(Fault::Invalid), "{at}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for token in ["", "v1.", "v1.AAAA", "v2.AAAA", "v1.你好", &"v1.A".repeat(4000)] {
            assert_eq!(verify(SECRET, ACCOUNT, token, AT), Err(Fault::Invalid));
        }
    }
}
