//! The demo tenant's secrets: made at the first start, kept for the owner alone, put in place of `${secret:NAME}`.
//!
//! Every value is 32 random bytes as 43 letters and digits, which is all at once a key of an official account, a
//! signing secret (with `whsec_` before and `=` behind), and long enough for anything else.

use crate::private;
use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Names and their values.
pub(crate) type Values = BTreeMap<String, String>;

const OPENING: &str = "${secret:";

/// The names that a text asks for, each once.
///
/// # Errors
/// When a placeholder is not closed, or its name is no word of small letters, digits and `_`.
pub(crate) fn names(text: &str) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for behind in text.split(OPENING).skip(1) {
        let Some((name, _)) = behind.split_once('}') else {
            bail!("a placeholder of a secret is not closed")
        };
        let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || !name.chars().all(sound) {
            bail!("`{name}` is no name of a secret: use small letters, digits and _");
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// The text with each placeholder exchanged for its value. Values are not looked into.
///
/// # Errors
/// When a placeholder is broken or has no value.
pub(crate) fn filled(text: &str, values: &Values) -> anyhow::Result<String> {
    names(text)?;
    let mut parts = text.split(OPENING);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, behind) = part.split_once('}').unwrap_or((part, ""));
        let Some(value) = values.get(name) else { bail!("there is no secret `{name}`") };
        filled.push_str(value);
        filled.push_str(behind);
    }
    Ok(filled)
}

/// 43 letters and digits from random bytes, of which `bytes` gives fresh ones at each call.
pub(crate) fn value(mut bytes: impl FnMut() -> [u8; 32]) -> String {
    loop {
        // One in four is free of the two characters that are neither letter nor digit.
        let value = STANDARD_NO_PAD.encode(bytes());
        if value.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return value;
        }
    }
}

/// The file of the values.
pub(crate) struct Store(PathBuf);

impl Store {
    /// In the suite's data folder.
    pub(crate) fn of(data: &Path) -> Self {
        Self(data.join("demo").join("secrets.json"))
    }

    /// The values of all names that a text asks for. What is missing is made and kept first.
    ///
    /// # Errors
    /// When the text's placeholders are broken, or the file cannot be read or written.
    pub(crate) fn values_for(
        &self,
        text: &str,
        mut bytes: impl FnMut() -> [u8; 32],
    ) -> anyhow::Result<Values> {
        let mut values = self.read()?;
        let known = values.len();
        for name in names(text)? {
            values.entry(name).or_insert_with(|| value(&mut bytes));
        }
        if values.len() > known {
            self.write(&values)?;
        }
        Ok(values)
    }

    fn read(&self) -> anyhow::Result<Values> {
        let shown = self.0.display();
        match fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("{shown} is unreadable")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Values::new()),
            Err(error) => Err(error).with_context(|| format!("{shown} cannot be read")),
        }
    }

    /// Whole or not at all, and never readable for others.
    fn write(&self, values: &Values) -> anyhow::Result<()> {
        let folder = self.0.parent().unwrap_or(Path::new("."));
        let write = || -> std::io::Result<()> {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            private::write(&self.0, &serde_json::to_vec_pretty(values)?)
        };
        write().with_context(|| format!("{} cannot be written", self.0.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn counted() -> impl FnMut() -> [u8; 32] {
        let mut count = 0_u8;
        move || {
            count += 1;
            [count; 32]
        }
    }

    #[test]
    fn each_placeholder_gets_its_value_and_the_rest_stays() {
        let values =
            Values::from([("a".to_owned(), "${secret:b}".to_owned()), ("b".to_owned(), "2".to_owned())]);
        let text = "x: ${secret:a}\ny: whsec_${secret:b}= ${other}";
        assert_eq!(names(text).unwrap(), ["a", "b"]);
        assert_eq!(filled(text, &values).unwrap(), "x: ${secret:b}\ny: whsec_2= ${other}");
    }

    #[test]
    fn a_broken_or_unknown_placeholder_is_refused() {
        for text in ["${secret:a", "${secret:}", "${secret:A b}"] {
            assert!(names(text).is_err(), "{text}");
        }
        assert!(filled("${secret:a}", &Values::new()).is_err());
    }

    #[test]
    fn a_value_serves_as_an_account_key_and_as_a_signing_secret() {
        let value = value(counted());
        assert_eq!(value.len(), 43);
        assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let bytes = base64::engine::general_purpose::STANDARD.decode(format!("{value}=")).unwrap();
        assert_eq!(bytes.len(), 32);
    }

    #[test]
    fn values_are_made_once_and_kept_for_the_owner_alone() {
        let data = tempfile::tempdir().unwrap();
        let store = Store::of(data.path());
        let first = store.values_for("${secret:a} ${secret:b}", counted()).unwrap();
        assert_ne!(first["a"], first["b"]);
        let again = store.values_for("${secret:b} ${secret:c}", || [0; 32]).unwrap();
        assert_eq!((&again["a"], &again["b"]), (&first["a"], &first["b"]));
        assert_eq!(again.len(), 3);
        let mode = fs::metadata(&store.0).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
