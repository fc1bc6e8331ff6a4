//! A site's own sign-in, proven to us: the site's server signs who its user is.

use events::Micros;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// A proof is good for a day; the site makes a new one with each page.
const LIFE_S: u64 = 24 * 3600;
const USER_MAX_CHARS: usize = 200;

/// Who the site says its user is. `signature` is the lower-case hexadecimal HMAC-SHA256, under the account's
/// identity secret, of `<issued_s>.<user>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The site's own id of the user. Personal data.
    pub user: String,
    /// Seconds since the Unix epoch.
    pub issued_s: i64,
    pub signature: String,
}

impl Identity {
    /// Whether the site signed it within the last day. Constant time in the signature.
    pub fn is_genuine(&self, secret: &str, at: Micros) -> bool {
        let fresh = at.div_euclid(1_000_000).abs_diff(self.issued_s) <= LIFE_S;
        let short = !self.user.trim().is_empty() && self.user.chars().count() <= USER_MAX_CHARS;
        fresh
            && short
            && unhex(&self.signature).is_some_and(|given| self.mac(secret).verify_slice(&given).is_ok())
    }

    fn mac(&self, secret: &str) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length fits HMAC");
        mac.update(format!("{}.{}", self.issued_s, self.user).as_bytes());
        mac
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    text.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `printf '1767225600.user-7' | openssl dgst -sha256 -hmac 0123456789abcdef`.
    const SIGNED: &str = "47d7f9bee59d75f14fd9a76ab960e6ba58351f6d9442b40ed98f429149ddd4fc";
    const AT: Micros = 1_767_225_600_000_000;

    fn identity() -> Identity {
        Identity { user: "user-7".into(), issued_s: 1_767_225_600, signature: SIGNED.into() }
    }

    #[test]
    fn a_proof_of_the_site_is_good_for_a_day() {
        assert!(identity().is_genuine("0123456789abcdef", AT));
        assert!(!identity().is_genuine("0123456789abcdef", AT + 86_401 * 1_000_000));
    }

    #[test]
    fn another_user_or_secret_is_refused() {
        assert!(!Identity { user: "user-8".into(), ..identity() }.is_genuine("0123456789abcdef", AT));
        assert!(!Identity { signature: "00".into(), ..identity() }.is_genuine("0123456789abcdef", AT));
        assert!(!Identity { signature: "你".repeat(22), ..identity() }.is_genuine("0123456789abcdef", AT));
        assert!(!identity().is_genuine("another", AT));
    }
}
