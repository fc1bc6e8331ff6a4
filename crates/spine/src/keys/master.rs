//! The master key: from the environment, or from a file that the first start makes.

use super::cipher::Secret;
use crate::error::Error;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::io::Write;
use std::path::Path;
use zeroize::Zeroizing;

const FILE_NAME: &str = "master.key";

/// The master key as given, or from the file, which is made only while the register is empty: a new key for a
/// register that holds keys would open none of them.
pub(super) fn find(given: Option<&str>, folder: &Path, register_is_empty: bool) -> Result<Secret, Error> {
    if let Some(text) = given {
        return parse(text)
            .ok_or_else(|| wrong("the given master key is not 32 bytes in base64 or hex".into()));
    }
    let path = folder.join(FILE_NAME);
    let place = path.display();
    match std::fs::read_to_string(&path).map(Zeroizing::new) {
        Ok(text) => {
            parse(&text).ok_or_else(|| wrong(format!("{place} does not hold 32 bytes in base64 or hex")))
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::File { path: place.to_string(), action: "read the master key", source: error })
        }
        Err(_) if !register_is_empty => Err(wrong(format!(
            "the key register holds keys, but {place} is missing: put it back from where it was backed up, or give the master key in the environment"
        ))),
        Err(_) => {
            let secret = Secret::random();
            create(&path, &secret).map_err(|source| Error::File {
                path: place.to_string(),
                action: "make the master key",
                source,
            })?;
            Ok(secret)
        }
    }
}

pub(super) fn wrong(remedy: String) -> Error {
    Error::MasterKey { remedy }
}

fn parse(text: &str) -> Option<Secret> {
    let text = text.trim();
    if text.len() == 64 {
        let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
        let bytes: Option<Vec<u8>> = digits.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect();
        return Secret::from_slice(&Zeroizing::new(bytes?));
    }
    let decoded = [STANDARD.decode(text), STANDARD_NO_PAD.decode(text), URL_SAFE_NO_PAD.decode(text)];
    decoded.into_iter().flatten().find_map(|bytes| Secret::from_slice(&Zeroizing::new(bytes)))
}

/// Synced before anything is wrapped with it.
fn create(path: &Path, secret: &Secret) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let text = Zeroizing::new(STANDARD.encode(secret.bytes()));
    writeln!(file, "{}", *text)?;
    file.sync_all()?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_key_is_read_from_base64_and_from_hex() {
        let secret = Secret::from_slice(&[0xfb; 32]).unwrap();
        let texts = [STANDARD.encode([0xfb; 32]), URL_SAFE_NO_PAD.encode([0xfb; 32]), "FB".repeat(32)];
        for text in texts {
            assert_eq!(parse(&format!(" {text}\n")).unwrap().bytes(), secret.bytes(), "{text}");
        }
        assert!(parse("secret").is_none());
        assert!(parse(&"xy".repeat(32)).is_none());
    }
}
