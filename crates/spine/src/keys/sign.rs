//! The installation's signature, under certificates of erasure.

use super::Keys;
use crate::error::Error;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// An Ed25519 signature (RFC 8032) and the key that proves it, both in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    pub public_key: String,
    pub signature: String,
}

pub(super) struct Signer(Ed25519KeyPair);

impl Signer {
    pub(super) fn from_pair(pair: &[u8]) -> Option<Self> {
        Ed25519KeyPair::from_pkcs8(pair).ok().map(Self)
    }
}

/// A new pair in PKCS#8 (RFC 5958).
pub(super) fn new_pair() -> Result<Zeroizing<Vec<u8>>, Error> {
    let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
    let pair =
        pair.map_err(|_| Error::Other("the system gave no random numbers for a signing key".into()))?;
    Ok(Zeroizing::new(pair.as_ref().to_vec()))
}

impl Keys {
    /// Signs bytes with the installation's own key, which never changes while the register lives.
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        let signer = &self.inner.signer.0;
        Signature { public_key: self.public_key(), signature: URL_SAFE_NO_PAD.encode(signer.sign(bytes)) }
    }

    /// The installation's public key in base64url, to be published beside its certificates.
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.inner.signer.0.public_key())
    }
}

/// Whether the signature is that of `bytes` by the key that it names. Whose key that is, the caller must know.
pub fn verify_signature(bytes: &[u8], signature: &Signature) -> bool {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let (Some(key), Some(proof)) = (decode(&signature.public_key), decode(&signature.signature)) else {
        return false;
    };
    UnparsedPublicKey::new(&ED25519, key).verify(bytes, &proof).is_ok()
}
