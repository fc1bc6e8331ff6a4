//! A shop's own sign-in, proven to us: the shop's server signs who its user is.
//!
//! A proof is a JSON Web Token (RFC 7519) signed with HS256 (RFC 7515: HMAC-SHA256 over the text
//! `<base64url header>.<base64url claims>`) under the account's `identity_secret`. Claims: `aud` the account's public
//! name, `sub` the shop's id of the user, `exp` the end in seconds since 1970, at most a day ahead; optional `nbf`,
//! and, as OpenID Connect names them, `phone_number` with `phone_number_verified: true` and `email` with
//! `email_verified: true`. An address that is not marked as verified is passed over: typing it is no proof. One that is
//! marked and is none (a number not as E.164 writes it) makes the proof invalid.

use crate::contract::Evidence;
use crate::proven;
use crate::text::clean;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::Micros;
use events::customer::EvidenceKind;
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;

/// A proof that lives longer than a day is refused: it would be a password. The shop makes a new one with each page.
pub const LIFE_S_MAX: i64 = 24 * 3600;
/// How far the shop's clock may be from ours.
const SKEW_S: i64 = 300;
const TOKEN_BYTES_MAX: usize = 4096;
const USER_CHARS_MAX: usize = 200;

/// What a proof proves. Personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Proven {
    /// The shop's own id of the user.
    pub login: String,
    pub phone: Option<String>,
    pub email: Option<String>,
}

impl std::fmt::Debug for Proven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proven(…)")
    }
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the proof is not the shop's")]
    Invalid,
    #[error("the proof is over")]
    Expired,
    #[error("the proof is for another account")]
    OtherAccount,
}

impl Proven {
    /// The evidence in it, the login first.
    pub fn evidence(&self) -> Vec<Evidence> {
        let login = Evidence { kind: EvidenceKind::Login, value: self.login.clone() };
        let phone = self.phone.clone().map(|value| Evidence { kind: EvidenceKind::VerifiedPhone, value });
        let email = self.email.clone().map(|value| Evidence { kind: EvidenceKind::VerifiedEmail, value });
        std::iter::once(login).chain(phone).chain(email).collect()
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood; we understand none.
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    aud: Audience,
    sub: String,
    exp: i64,
    nbf: Option<i64>,
    phone_number: Option<String>,
    #[serde(default)]
    phone_number_verified: bool,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// What the proof proves at `at` for the account of that public name. The signature is compared in constant time and
/// before anything is parsed.
///
/// # Errors
/// [`Fault`].
pub fn verify(secret: &str, account: &str, proof: &str, at: Micros) -> Result<Proven, Fault> {
    if proof.len() > TOKEN_BYTES_MAX {
        return Err(Fault::Invalid);
    }
    let (signed, signature) = proof.rsplit_once('.').ok_or(Fault::Invalid)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Fault::Invalid)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length fits HMAC");
    mac.update(signed.as_bytes());
    mac.verify_slice(&signature).map_err(|_| Fault::Invalid)?;
    let (header, claims) = signed.split_once('.').ok_or(Fault::Invalid)?;
    let header: Header = part(header)?;
    if header.alg != "HS256" || header.crit.is_some() {
        return Err(Fault::Invalid);
    }
    judge(part(claims)?, account, at.div_euclid(1_000_000))
}

fn part<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Fault> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Fault::Invalid)?;
    serde_json::from_slice(&bytes).map_err(|_| Fault::Invalid)
}

fn judge(claims: Claims, account: &str, now_s: i64) -> Result<Proven, Fault> {
    let for_us = match &claims.aud {
        Audience::One(name) => name == account,
        Audience::Many(names) => names.iter().any(|name| name == account),
    };
    if !for_us {
        return Err(Fault::OtherAccount);
    }
    if claims.exp <= now_s {
        return Err(Fault::Expired);
    }
    let too_long = claims.exp.saturating_sub(now_s) > LIFE_S_MAX + SKEW_S;
    let too_early = claims.nbf.is_some_and(|from| from.saturating_sub(now_s) > SKEW_S);
    // As it is, as every id: two that differ are of two people.
    let login = claims.sub;
    if too_long || too_early || !proven::is_login(&login) || login.chars().count() > USER_CHARS_MAX {
        return Err(Fault::Invalid);
    }
    let address = |value: Option<String>, verified: bool, is_one: fn(&str) -> bool| {
        let value = value.filter(|_| verified).map(|value| clean(&value).trim().to_owned());
        match value.filter(|value| !value.is_empty()) {
            Some(value) if !is_one(&value) => Err(Fault::Invalid),
            address => Ok(address),
        }
    };
    Ok(Proven {
        login,
        phone: address(claims.phone_number, claims.phone_number_verified, proven::is_phone)?,
        email: address(claims.email, claims.email_verified, proven::is_email)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const AT: Micros = 1_767_225_600_000_000;
    const NOW_S: i64 = 1_767_225_600;

    /// `{"alg":"HS256","typ":"JWT"}` and `{"aud":"desk","sub":"user-7","exp":1767225900}`, signed by
    /// `printf '%s' "$header.$claims" | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef -binary`.
    const SIGNED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
        eyJhdWQiOiJkZXNrIiwic3ViIjoidXNlci03IiwiZXhwIjoxNzY3MjI1OTAwfQ.\
        trFgyBLY8fUSFTywqAVpgAfO5v2BMKVV2RPW7uO-c0o";

    fn signed_as(secret: &str, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn signed(claims: &Value) -> String {
        signed_as(SECRET, &json!({ "alg": "HS256", "typ": "JWT" }), claims)
    }

    fn claims(more: Value) -> Value {
        let mut claims = json!({ "aud": "desk", "sub": "user-7", "exp": NOW_S + 300 });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    }

    fn fault(proof: &str) -> Fault {
        verify(SECRET, "desk", proof, AT).unwrap_err()
    }

    #[test]
    fn a_proof_that_another_tool_signed_is_taken_until_its_end() {
        let proven = verify(SECRET, "desk", SIGNED, AT).unwrap();
        assert_eq!((proven.login.as_str(), proven.phone, proven.email), ("user-7", None, None));
        assert_eq!(verify(SECRET, "desk", SIGNED, AT + 300_000_000), Err(Fault::Expired));
    }

    #[test]
    fn logins_that_differ_by_a_blank_alone_are_two() {
        let proven = verify(SECRET, "desk", &signed(&claims(json!({ "sub": " user-7" }))), AT).unwrap();
        assert_eq!(proven.login, " user-7");
    }

    #[test]
    fn only_verified_addresses_are_evidence() {
        let typed = claims(json!({ "phone_number": "+8613800138000", "email": "li@example.com" }));
        assert_eq!(verify(SECRET, "desk", &signed(&typed), AT).unwrap().evidence().len(), 1);
        let proven = claims(json!({
            "phone_number": "+8613800138000", "phone_number_verified": true,
            "email": " li@example.com ", "email_verified": true,
        }));
        let evidence = verify(SECRET, "desk", &signed(&proven), AT).unwrap().evidence();
        let found: Vec<_> = evidence.iter().map(|found| (found.kind, found.value.as_str())).collect();
        let wanted = [
            (EvidenceKind::Login, "user-7"),
            (EvidenceKind::VerifiedPhone, "+8613800138000"),
            (EvidenceKind::VerifiedEmail, "li@example.com"),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_proof_of_another_account_secret_or_algorithm_is_refused() {
        assert_eq!(verify(SECRET, "other", SIGNED, AT), Err(Fault::OtherAccount));
        assert!(verify(SECRET, "desk", &signed(&claims(json!({ "aud": ["x", "desk"] }))), AT).is_ok());
        assert_eq!(verify("another-secret-of-the-shop", "desk", SIGNED, AT), Err(Fault::Invalid));
        for header in
            [json!({ "alg": "none" }), json!({ "alg": "HS512" }), json!({ "alg": "HS256", "crit": ["b64"] })]
        {
            assert_eq!(fault(&signed_as(SECRET, &header, &claims(json!({})))), Fault::Invalid, "{header}");
        }
    }

    #[test]
    fn a_proof_with_any_character_changed_is_refused() {
        let proof = signed(&claims(json!({})));
        for at in 0..proof.len() {
            let other = if proof.as_bytes()[at] == b'A' { "Q" } else { "A" };
            let mut changed = proof.clone();
            changed.replace_range(at..=at, other);
            assert!(verify(SECRET, "desk", &changed, AT).is_err(), "{at}");
        }
    }

    #[test]
    fn a_proof_without_an_end_for_ever_for_later_or_for_nobody_is_refused() {
        for wrong in [
            json!({ "exp": null }),
            json!({ "exp": NOW_S + LIFE_S_MAX + SKEW_S + 1 }),
            json!({ "exp": i64::MAX }),
            json!({ "nbf": NOW_S + SKEW_S + 1 }),
            json!({ "sub": "  " }),
            json!({ "sub": "user-7\n" }),
            json!({ "sub": "x".repeat(201) }),
            json!({ "sub": 7 }),
            json!({ "phone_number": "12", "phone_number_verified": true }),
            json!({ "email": "li", "email_verified": true }),
            json!({ "aud": null }),
        ] {
            assert_eq!(fault(&signed(&claims(wrong.clone()))), Fault::Invalid, "{wrong}");
        }
        for text in ["", ".", "..", "a.b.c", "你.好.吗", &"x".repeat(5000)] {
            assert_eq!(fault(text), Fault::Invalid);
        }
    }
}
