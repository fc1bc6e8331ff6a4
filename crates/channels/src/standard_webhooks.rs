//! Signatures of the Standard Webhooks specification (standardwebhooks.com), version 1: HMAC-SHA256.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How far a time stamp may be from now, in seconds.
pub const TOLERANCE_S: u64 = 300;
pub const ID: &str = "webhook-id";
pub const TIMESTAMP: &str = "webhook-timestamp";
pub const SIGNATURE: &str = "webhook-signature";

/// A shared secret.
pub struct Key(Zeroizing<Vec<u8>>);

/// Why a request is not the sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("the signature is wrong")]
    Signature,
    #[error("the time stamp is too far from now")]
    Stale,
}

/// The three headers, as far as they are there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'h> {
    pub id: Option<&'h str>,
    pub timestamp: Option<&'h str>,
    pub signature: Option<&'h str>,
}

impl Key {
    /// Reads a secret: base64, with or without `whsec_` before it, 24 to 64 bytes by the specification, of which
    /// shorter ones are refused.
    pub fn parse(secret: &str) -> Option<Self> {
        let secret = secret.trim();
        let bytes = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()?;
        (24..=64).contains(&bytes.len()).then(|| Self(Zeroizing::new(bytes)))
    }

    /// The value of the signature header for a body sent at `at_s` (seconds).
    pub fn sign(&self, id: &str, at_s: i64, body: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(self.mac(id, &at_s.to_string(), body).finalize().into_bytes()))
    }

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::new_from_slice(&self.0).expect("a key of any length fits HMAC");
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }
}

/// Whether any of the keys signed the body, in constant time per signature, over the raw bytes. Any `v1` signature
/// of the header that matches is enough; other versions are passed over.
///
/// # Errors
/// A [`Fault`]. A time stamp more than five minutes from `at_s` is refused although its signature is right:
/// otherwise a recorded request could be played again for ever.
pub fn verify<'h>(keys: &[Key], headers: Headers<'h>, body: &[u8], at_s: i64) -> Result<(), Fault> {
    let present =
        |value: Option<&'h str>, name| value.filter(|value| !value.is_empty()).ok_or(Fault::Missing(name));
    let id = present(headers.id, ID)?;
    let timestamp = present(headers.timestamp, TIMESTAMP)?;
    let signatures = present(headers.signature, SIGNATURE)?;
    // Computed once per key: a header full of signatures must not cost a pass over the body each.
    let expected: Vec<_> =
        keys.iter().map(|key| key.mac(id, timestamp, body).finalize().into_bytes()).collect();
    let genuine = signatures
        .split(' ')
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .any(|given| expected.iter().any(|expected| expected.ct_eq(&given).into()));
    if !genuine {
        return Err(Fault::Signature);
    }
    let stamped: i64 = timestamp.parse().map_err(|_| Fault::Stale)?;
    if at_s.abs_diff(stamped) > TOLERANCE_S { Err(Fault::Stale) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const AT: i64 = 1_781_234_567;
    const BODY: &[u8] = br#"{"type":"call.ended","data":{"call_id":"c1"}}"#;
    /// Made by `Webhook.sign` of the svix SDK; the Python package standardwebhooks makes the same.
    const SIGNED: &str = "v1,PGFiy4aX9ZeVbLS3kh+zLVkemwq59NujHABIXJxfmJM=";

    fn check(signature: &str, body: &[u8], at_s: i64) -> Result<(), Fault> {
        let stamp = AT.to_string();
        let headers = Headers { id: Some("msg_01HZY0"), timestamp: Some(&stamp), signature: Some(signature) };
        verify(&[Key::parse(SECRET).unwrap()], headers, body, at_s)
    }

    #[test]
    fn the_published_vector_is_made_and_accepted() {
        assert_eq!(Key::parse(SECRET).unwrap().sign("msg_01HZY0", AT, BODY), SIGNED);
        assert_eq!(check(SIGNED, BODY, AT), Ok(()));
    }

    #[test]
    fn one_right_signature_among_several_is_enough() {
        assert_eq!(check(&format!("v2,abc v1,AAAA v1 {SIGNED}"), BODY, AT), Ok(()));
        assert_eq!(check("v2,abc v1,AAAA v1", BODY, AT), Err(Fault::Signature));
    }

    #[test]
    fn a_header_full_of_signatures_costs_one_pass_over_the_body() {
        let (body, began) = (vec![b'x'; 4 << 20], std::time::Instant::now());
        let wrong = "v1,AAAA ".repeat(8000);
        assert_eq!(check(&wrong, &body, AT), Err(Fault::Signature));
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }

    #[test]
    fn a_changed_body_is_refused() {
        assert_eq!(
            check(SIGNED, br#"{ "type":"call.ended","data":{"call_id":"c1"}}"#, AT),
            Err(Fault::Signature)
        );
    }

    #[test]
    fn an_old_or_early_time_stamp_is_refused_although_it_is_signed() {
        assert_eq!(check(SIGNED, BODY, AT + 300), Ok(()));
        assert_eq!(check(SIGNED, BODY, AT + 301), Err(Fault::Stale));
        assert_eq!(check(SIGNED, BODY, AT - 301), Err(Fault::Stale));
    }

    #[test]
    fn each_header_must_be_there() {
        let key = [Key::parse(SECRET).unwrap()];
        let mut headers = Headers::default();
        assert_eq!(verify(&key, headers, BODY, AT), Err(Fault::Missing(ID)));
        headers.id = Some("a");
        assert_eq!(verify(&key, headers, BODY, AT), Err(Fault::Missing(TIMESTAMP)));
        headers.timestamp = Some("1");
        assert_eq!(verify(&key, headers, BODY, AT), Err(Fault::Missing(SIGNATURE)));
    }

    #[test]
    fn a_short_or_garbled_secret_is_no_key() {
        assert!(Key::parse("whsec_c2hvcnQ=").is_none());
        assert!(Key::parse("whsec_???").is_none());
        assert!(Key::parse("").is_none());
    }
}
