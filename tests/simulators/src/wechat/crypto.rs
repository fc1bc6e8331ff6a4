//! The platform's side of signatures and envelopes.

use crate::Error;
use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockEncryptMut, KeyIvInit};
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use sha1::{Digest, Sha1};

const BLOCK: usize = 16;
const PAD_TO: usize = 32;

/// The key of an app, and the app it encrypts for.
pub struct Sealer {
    key: Vec<u8>,
    receiver: String,
}

impl Sealer {
    /// From the 43 characters of the console.
    ///
    /// # Errors
    /// When they are no key.
    pub fn new(encoding_aes_key: &str, receiver: &str) -> Result<Self, Error> {
        // The last of the 43 characters may carry bits that belong to no byte.
        let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
        let key = GeneralPurpose::new(&alphabet::STANDARD, config)
            .decode(format!("{encoding_aes_key}="))
            .map_err(|_| Error::Secret)?;
        if key.len() != 32 {
            return Err(Error::Secret);
        }
        Ok(Self { key, receiver: receiver.to_owned() })
    }

    /// The envelope around a message, as base64.
    pub fn seal(&self, random: [u8; 16], message: &str) -> String {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
        let clear = [&random[..], &length, message.as_bytes(), self.receiver.as_bytes()].concat();
        let pad = PAD_TO - clear.len() % PAD_TO;
        self.encrypt([clear, vec![pad as u8; pad]].concat())
    }

    /// An envelope whose last padding byte is out of range, which nobody must open.
    pub fn seal_badly(&self, message: &str) -> String {
        let clear = [&[7; 16][..], &[0, 0, 0, 1], message.as_bytes()].concat();
        let pad = PAD_TO - clear.len() % PAD_TO;
        self.encrypt([clear, vec![33; pad]].concat())
    }

    fn encrypt(&self, mut clear: Vec<u8>) -> String {
        let mut cipher = cbc::Encryptor::<aes::Aes256>::new(
            GenericArray::from_slice(&self.key),
            GenericArray::from_slice(&self.key[..BLOCK]),
        );
        for block in clear.chunks_exact_mut(BLOCK) {
            cipher.encrypt_block_mut(GenericArray::from_mut_slice(block));
        }
        STANDARD.encode(clear)
    }
}

/// Lower-case hexadecimal SHA-1 over the sorted strings.
pub fn signature(mut parts: Vec<&str>) -> String {
    parts.sort_unstable();
    let digest = Sha1::digest(parts.concat());
    digest.iter().fold(String::with_capacity(40), |hex, byte| hex + &format!("{byte:02x}"))
}
