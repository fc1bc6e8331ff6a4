//! The roles' keys: an nkey each, made at the first start, the seed in a file that only we can read.

use super::error::Error;
use super::role::Role;
use crate::private;
use nkeys::KeyPair;
use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The public halves of all roles' keys.
#[derive(Debug)]
pub(super) struct Keys {
    public: HashMap<Role, String>,
}

impl Keys {
    /// Reads each role's seed from its file in `folder`, and makes the missing ones.
    ///
    /// # Errors
    /// When a file cannot be read or written, or holds no user's seed.
    pub(super) fn ensure(folder: &Path) -> Result<Self, Error> {
        let mut public = HashMap::new();
        for role in Role::ALL {
            let path = folder.join(role.name());
            let seed = match fs::read_to_string(&path) {
                Ok(seed) => seed,
                Err(e) if e.kind() == io::ErrorKind::NotFound => make(&path)?,
                Err(e) => return Err(Error::file("read", &path)(e)),
            };
            fs::set_permissions(&path, Permissions::from_mode(0o600))
                .map_err(Error::file("protect", &path))?;
            let pair = KeyPair::from_seed(seed.trim())
                .map_err(|source| Error::Key { path: path.clone(), source })?;
            public.insert(role, pair.public_key());
        }
        Ok(Self { public })
    }

    /// Reads each role's seed from its file in `folder`; changes nothing.
    ///
    /// # Errors
    /// When one is missing, cannot be read, or is no user's seed.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let mut public = HashMap::new();
        for role in Role::ALL {
            let path = folder.join(role.name());
            let seed = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
            let pair = KeyPair::from_seed(seed.trim());
            let pair = pair.map_err(|source| Error::Key { path: path.clone(), source })?;
            public.insert(role, pair.public_key());
        }
        Ok(Self { public })
    }

    /// New keys that are written nowhere, and each role's seed.
    pub(super) fn fresh() -> (Self, Vec<(Role, String)>) {
        let (mut public, mut seeds) = (HashMap::new(), Vec::new());
        for role in Role::ALL {
            let pair = KeyPair::new_user();
            public.insert(role, pair.public_key());
            seeds.push((role, pair.seed().expect("a key pair just made has its seed")));
        }
        (Self { public }, seeds)
    }

    pub(super) fn public(&self, role: Role) -> &str {
        &self.public[&role]
    }

    /// The server's name. It is made of our own key, so that a server which bears it is known to be ours.
    pub(super) fn server_name(&self) -> String {
        let key = self.public(Role::Operator);
        format!("tributary-{}", &key[key.len() - 12..])
    }
}

/// Writes a new seed. The file appears whole or not at all: half a seed would lock its role out.
pub(super) fn make(path: &Path) -> Result<String, Error> {
    let seed = KeyPair::new_user().seed().expect("a key pair just made has its seed");
    private::write(path, format!("{seed}\n").as_bytes()).map_err(Error::file("write", path))?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_only_we_can_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::ensure(folder.path()).unwrap();
        let again = Keys::ensure(folder.path()).unwrap();
        for role in Role::ALL {
            assert_eq!(first.public(role), again.public(role));
            let mode = fs::metadata(folder.path().join(role.name())).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", role.name());
        }
        assert_eq!(first.public.values().collect::<std::collections::HashSet<_>>().len(), Role::ALL.len());
    }

    #[test]
    fn a_seed_that_others_could_read_is_closed_again() {
        let folder = tempfile::tempdir().unwrap();
        Keys::ensure(folder.path()).unwrap();
        let path = folder.path().join("auditor");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        Keys::ensure(folder.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_broken_seed_is_reported_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operator");
        fs::write(&path, "nonsense").unwrap();
        assert!(matches!(Keys::ensure(folder.path()), Err(Error::Key { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "nonsense");
    }
}
