//! Sealing bytes with a key: the algorithms, and the text that a sealed value is.

use crate::error::Error;
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::aes::cipher::consts::U12;
use aes_gcm::{Aes256Gcm, AesGcm, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// SM4 in Galois counter mode with a nonce of 96 bits and a tag of 128 (RFC 8998).
type Sm4Gcm = AesGcm<sm4::Sm4, U12>;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const KEY_ID_BYTES: usize = 16;
/// The rest is the proof.
const KEY_ID_RANDOM: usize = KEY_ID_BYTES - 4;
const VERSION: &str = "v1";

/// 256 random bits that are wiped when they are no longer needed.
#[derive(Clone)]
pub(super) struct Secret(Zeroizing<[u8; KEY_BYTES]>);

impl Secret {
    pub(super) fn random() -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        fill_random(&mut *bytes);
        Self(bytes)
    }

    /// From exactly 32 bytes.
    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// `inner` encrypted for this key; `purpose` binds it to its place, so that rows cannot be swapped.
    pub(super) fn wrap(&self, inner: &[u8], purpose: &str) -> Vec<u8> {
        let nonce = random_nonce();
        let mut wrapped = nonce.to_vec();
        wrapped.extend(encrypt(Algorithm::Aes256Gcm, self, &nonce, purpose.as_bytes(), inner));
        wrapped
    }

    /// The inverse of [`Secret::wrap`]; none when it was wrapped by another key or for another place.
    pub(super) fn unwrap(&self, wrapped: &[u8], purpose: &str) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = wrapped.split_first_chunk::<NONCE_BYTES>()?;
        decrypt(Algorithm::Aes256Gcm, self, nonce, purpose.as_bytes(), rest)
    }

    /// HMAC-SHA256 of `parts`, which the caller has made unambiguous.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac =
            <Hmac<Sha256> as Mac>::new_from_slice(self.bytes()).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// What a text is sealed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// AES-256-GCM (NIST SP 800-38D).
    #[default]
    Aes256Gcm,
    /// SM4-GCM (GB/T 32907-2016, RFC 8998) under 128 bits derived from the data key.
    Sm4Gcm,
}

impl Algorithm {
    /// The stored word. Never changed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "a256gcm",
            Self::Sm4Gcm => "sm4gcm",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Aes256Gcm, Self::Sm4Gcm].into_iter().find(|algorithm| algorithm.as_str() == word)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Algorithm {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::parse(word).ok_or_else(|| Error::Other(format!("algorithm `{word}`: use a256gcm or sm4gcm")))
    }
}

/// A sealed value taken apart: `v1.<algorithm>.<key id>.<nonce>.<ciphertext>`.
pub(super) struct Sealed<'a> {
    algorithm: Algorithm,
    pub(super) key: &'a str,
    nonce: [u8; NONCE_BYTES],
    ciphertext: Vec<u8>,
}

impl<'a> Sealed<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Error> {
        let broken = |reason| Error::Unopenable { key: String::new(), reason };
        let parts: Vec<&str> = text.split('.').collect();
        let [version, algorithm, key, nonce, ciphertext] = parts[..] else {
            return Err(broken("it has not five parts"));
        };
        if version != VERSION {
            return Err(broken("its version is not known"));
        }
        let nonce = URL_SAFE_NO_PAD.decode(nonce).ok().and_then(|nonce| nonce.try_into().ok());
        Ok(Self {
            algorithm: Algorithm::parse(algorithm).ok_or_else(|| broken("its algorithm is not known"))?,
            key,
            nonce: nonce.ok_or_else(|| broken("its nonce is broken"))?,
            ciphertext: URL_SAFE_NO_PAD.decode(ciphertext).map_err(|_| broken("it is no base64"))?,
        })
    }

    pub(super) fn open(&self, key: &Secret, subject: &str, field: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let place = associated(subject, field);
        decrypt(self.algorithm, key, &self.nonce, &place, &self.ciphertext).ok_or_else(|| Error::Unopenable {
            key: self.key.into(),
            reason: "it was changed, or belongs to another subject or field",
        })
    }
}

/// Seals bytes for one field of one subject under a new nonce.
pub(super) fn seal(
    algorithm: Algorithm,
    (id, key): (&str, &Secret),
    subject: &str,
    field: &str,
    plain: &[u8],
) -> String {
    let nonce = random_nonce();
    let ciphertext = encrypt(algorithm, key, &nonce, &associated(subject, field), plain);
    let mut text = format!("{VERSION}.{algorithm}.{id}.");
    text.reserve(17 + ciphertext.len().div_ceil(3) * 4);
    URL_SAFE_NO_PAD.encode_string(nonce, &mut text);
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(ciphertext, &mut text);
    text
}

/// A new key id: 96 random bits, so that it says nothing and never comes twice.
/// A new key's id. Its end proves to who has the master key that it is one: clear texts of strangers stand beside sealed
/// values, and what one of them made up must not be taken for a key that was lost.
pub(super) fn new_key_id(master: &Secret) -> String {
    let mut id = [0; KEY_ID_BYTES];
    fill_random(&mut id[..KEY_ID_RANDOM]);
    let proof = key_id_proof(master, &id[..KEY_ID_RANDOM]);
    id[KEY_ID_RANDOM..].copy_from_slice(&proof);
    URL_SAFE_NO_PAD.encode(id)
}

/// Whether the register of this master key gave the id out. Ids from before ids had a proof are not recognised.
pub(super) fn is_own_key_id(master: &Secret, id: &str) -> bool {
    let Ok(id) = URL_SAFE_NO_PAD.decode(id) else { return false };
    if id.len() != KEY_ID_BYTES {
        return false;
    }
    let (random, proof) = id.split_at(KEY_ID_RANDOM);
    proof == key_id_proof(master, random)
}

fn key_id_proof(master: &Secret, random: &[u8]) -> [u8; KEY_ID_BYTES - KEY_ID_RANDOM] {
    let mac = master.mac(&[b"key id", random]);
    std::array::from_fn(|place| mac[place])
}

/// Fills from the system's source; a machine without one cannot go on safely.
pub(super) fn fill_random(bytes: &mut [u8]) {
    SystemRandom::new().fill(bytes).expect("the system gives random numbers");
}

fn random_nonce() -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    fill_random(&mut nonce);
    nonce
}

/// A zero byte keeps subject and field apart; neither can hold one.
fn associated(subject: &str, field: &str) -> Vec<u8> {
    [subject.as_bytes(), field.as_bytes()].join(&0)
}

/// One data key serves both algorithms, so SM4 gets bits that AES does not share.
fn sm4_of(key: &Secret) -> Sm4Gcm {
    let derived = Zeroizing::new(key.mac(&[b"sm4gcm"]));
    Sm4Gcm::new_from_slice(&derived[..16]).expect("SM4 takes 16 bytes")
}

fn encrypt(algorithm: Algorithm, key: &Secret, nonce: &[u8; NONCE_BYTES], aad: &[u8], msg: &[u8]) -> Vec<u8> {
    let nonce = Nonce::from_slice(nonce);
    let payload = Payload { msg, aad };
    match algorithm {
        Algorithm::Aes256Gcm => Aes256Gcm::new(key.bytes().into()).encrypt(nonce, payload),
        Algorithm::Sm4Gcm => sm4_of(key).encrypt(nonce, payload),
    }
    .expect("texts are far below the 64 GiB that GCM takes")
}

fn decrypt(
    algorithm: Algorithm,
    key: &Secret,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    msg: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let nonce = Nonce::from_slice(nonce);
    let payload = Payload { msg, aad };
    match algorithm {
        Algorithm::Aes256Gcm => Aes256Gcm::new(key.bytes().into()).decrypt(nonce, payload),
        Algorithm::Sm4Gcm => sm4_of(key).decrypt(nonce, payload),
    }
    .ok()
    .map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    #[test]
    fn sm4_gcm_gives_the_vector_of_rfc_8998() {
        let plain = hex(concat!(
            "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD",
            "EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA"
        ));
        let cipher = Sm4Gcm::new_from_slice(&hex("0123456789ABCDEFFEDCBA9876543210")).unwrap();
        let aad = hex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2");
        let payload = Payload { msg: &plain, aad: &aad };
        let sealed = cipher.encrypt(Nonce::from_slice(&hex("00001234567800000000ABCD")), payload).unwrap();
        let expected = hex(concat!(
            "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735",
            "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D",
            "83DE3541E4C2B58177E065A9BF7B62EC"
        ));
        assert_eq!(sealed, expected);
    }

    #[test]
    fn a_value_opens_in_its_own_place_alone() {
        let key = Secret::random();
        for algorithm in [Algorithm::Aes256Gcm, Algorithm::Sm4Gcm] {
            let text = seal(algorithm, ("k", &key), "log.1.0.demo.thread.x", "text", "你好".as_bytes());
            let sealed = Sealed::parse(&text).unwrap();
            assert_eq!(&**sealed.open(&key, "log.1.0.demo.thread.x", "text").unwrap(), "你好".as_bytes());
            assert!(sealed.open(&key, "log.1.0.demo.thread.x", "name").is_err());
            assert!(sealed.open(&key, "log.1.0.demo.thread.y", "text").is_err());
            assert!(sealed.open(&Secret::random(), "log.1.0.demo.thread.x", "text").is_err());
        }
    }

    #[test]
    fn what_is_not_sealed_is_refused_with_a_reason() {
        for text in ["", "hello", "v2.a256gcm.k.AAAAAAAAAAAAAAAA.AAAA", "v1.rot13.k.AAAAAAAAAAAAAAAA.AAAA"] {
            assert!(Sealed::parse(text).is_err(), "{text}");
        }
        assert!(Sealed::parse("v1.a256gcm.k.short.AAAA").is_err());
        assert!(Sealed::parse("v1.a256gcm.k.AAAAAAAAAAAAAAAA.A?").is_err());
    }

    #[test]
    fn a_wrapped_key_unwraps_for_its_purpose_alone() {
        let (outer, inner) = (Secret::random(), Secret::random());
        let wrapped = outer.wrap(inner.bytes(), "key a");
        assert_eq!(&**outer.unwrap(&wrapped, "key a").unwrap(), inner.bytes());
        assert!(outer.unwrap(&wrapped, "key b").is_none());
        assert!(outer.unwrap(&[], "key a").is_none());
    }
}
