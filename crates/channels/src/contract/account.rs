//! An account of a tenant on a channel, opened for use.

use std::collections::BTreeMap;
use std::fmt;
use uuid::Uuid;
use zeroize::Zeroizing;

/// One account of a tenant on a channel, opened: its secrets are in clear.
pub struct Account {
    pub id: Uuid,
    /// The name in the webhook's address.
    pub slug: String,
    pub settings: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, Secret>,
    /// A key of the tenant that is never rotated: it keys the identities of items that carry no id of their own.
    pub identity_key: Zeroizing<[u8; 32]>,
}

impl Account {
    /// A setting that is present and not blank.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A secret that is present and not blank.
    pub fn secret(&self, name: &str) -> Option<&str> {
        self.secrets.get(name).map(|value| value.0.trim()).filter(|value| !value.is_empty())
    }

    /// A setting that is a whole number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.setting(name).and_then(|value| value.parse().ok())
    }
}

/// A secret in clear; it is wiped when dropped and prints as stars.
#[derive(Clone)]
pub struct Secret(pub Zeroizing<String>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(Zeroizing::new(value.to_owned()))
    }
}

/// A setting or secret of the account that is missing or cannot be right. Never holds the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the account's {name} {fault}")]
pub struct Misconfigured {
    pub name: &'static str,
    pub fault: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "***");
    }
}
