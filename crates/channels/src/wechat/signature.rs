//! Signatures over query values: SHA-1 of the sorted strings.

use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

/// The lower-case hexadecimal SHA-1 of the strings, sorted by bytes and joined without a separator.
///
/// The plain `signature` covers token, timestamp and nonce; `msg_signature` also the base64 text of the envelope
/// as received.
pub fn sign(parts: &[&str]) -> String {
    let mut sorted = parts.to_vec();
    sorted.sort_unstable();
    let mut hash = Sha1::new();
    for part in sorted {
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether `given` is the signature of the strings, in constant time. Upper-case digits are not accepted, the
/// platform sends none.
pub fn verify(given: &str, parts: &[&str]) -> bool {
    sign(parts).as_bytes().ct_eq(given.as_bytes()).into()
}
