//! The encrypted envelope: AES-256-CBC over random, length, message and receiver, padded to 32 bytes.

use aes::Aes256;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD as BASE64};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// 43 characters carry 258 bits, so the last one often has bits left over that a strict decoder refuses, as it does
/// with Tencent's own example key.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
const RANDOM: usize = 16;
const HEADER: usize = RANDOM + 4;
const PADDED_TO: usize = 32;

/// The AES key that an `EncodingAESKey` stands for.
pub struct Key(Zeroizing<[u8; 32]>);

/// Why an envelope does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words())]
pub enum Fault {
    Key,
    Base64,
    Block,
    Padding,
    Length,
    Receiver,
}

impl Fault {
    /// The fault in words that hold no value.
    pub fn words(self) -> &'static str {
        match self {
            Self::Key => "the key is not 43 letters and digits",
            Self::Base64 => "it is not base64",
            Self::Block => "its length is no multiple of the block",
            Self::Padding => "its padding is wrong",
            Self::Length => "its message length is wrong",
            Self::Receiver => "it is for another receiver",
        }
    }
}

impl Key {
    /// Reads an `EncodingAESKey`.
    ///
    /// # Errors
    /// [`Fault::Key`] unless it is 43 letters and digits.
    pub fn parse(encoding_aes_key: &str) -> Result<Self, Fault> {
        if encoding_aes_key.len() != 43 || !encoding_aes_key.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Fault::Key);
        }
        let decoded = LENIENT.decode(format!("{encoding_aes_key}=")).map_err(|_| Fault::Key)?;
        Ok(Self(Zeroizing::new(decoded.try_into().map_err(|_| Fault::Key)?)))
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn iv(&self) -> &[u8] {
        &self.0[..16]
    }

    /// Opens an envelope that must be meant for `receiver`: the app id, corp id, suite id, or nothing.
    ///
    /// # Errors
    /// A [`Fault`] for whatever is wrong with it; never panics, whatever the input.
    pub fn open(&self, envelope: &str, receiver: &str) -> Result<Vec<u8>, Fault> {
        let mut bytes = BASE64.decode(envelope.trim()).map_err(|_| Fault::Base64)?;
        if bytes.is_empty() || bytes.len() % 16 != 0 {
            return Err(Fault::Block);
        }
        // The standard unpadder for 16-byte blocks refuses the values 17 to 32, so the padding is stripped here.
        let cipher =
            cbc::Decryptor::<Aes256>::new_from_slices(self.bytes(), self.iv()).map_err(|_| Fault::Key)?;
        cipher.decrypt_padded_mut::<NoPadding>(&mut bytes).map_err(|_| Fault::Block)?;
        let plain = strip_padding(&bytes)?;
        let length = plain.get(RANDOM..HEADER).ok_or(Fault::Length)?;
        let length = u32::from_be_bytes(length.try_into().map_err(|_| Fault::Length)?) as usize;
        let end = HEADER.checked_add(length).filter(|end| *end <= plain.len()).ok_or(Fault::Length)?;
        if !bool::from(plain[end..].ct_eq(receiver.as_bytes())) {
            return Err(Fault::Receiver);
        }
        Ok(plain[HEADER..end].to_vec())
    }

    /// Makes an envelope. `random` must be fresh for each one.
    pub fn seal(&self, random: [u8; RANDOM], message: &[u8], receiver: &str) -> String {
        let mut plain = Vec::with_capacity(HEADER + message.len() + receiver.len() + PADDED_TO);
        plain.extend_from_slice(&random);
        plain.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
        plain.extend_from_slice(message);
        plain.extend_from_slice(receiver.as_bytes());
        let pad = PADDED_TO - plain.len() % PADDED_TO;
        plain.resize(plain.len() + pad, pad as u8);
        let length = plain.len();
        let cipher = cbc::Encryptor::<Aes256>::new_from_slices(self.bytes(), self.iv())
            .expect("a key of 32 and an iv of 16 bytes fit the cipher");
        cipher
            .encrypt_padded_mut::<NoPadding>(&mut plain, length)
            .expect("the text is padded to whole blocks");
        BASE64.encode(plain)
    }
}

fn strip_padding(plain: &[u8]) -> Result<&[u8], Fault> {
    let pad = usize::from(*plain.last().ok_or(Fault::Padding)?);
    if !(1..=PADDED_TO).contains(&pad) || pad > plain.len() {
        return Err(Fault::Padding);
    }
    let (text, padding) = plain.split_at(plain.len() - pad);
    if padding.iter().any(|byte| usize::from(*byte) != pad) {
        return Err(Fault::Padding);
    }
    Ok(text)
}
