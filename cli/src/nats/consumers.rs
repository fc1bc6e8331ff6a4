//! The named readers of the lead feed: what each may read, its key, and where both are kept.
//!
//! Such a reader is somebody else's system. It gets a durable consumer that is made for it, with the filter that it
//! may read, and may do nothing but fetch from that one: who makes a consumer chooses its filter, and with several
//! subjects in it the server's permissions do not look at them.

use super::credentials;
use super::error::Error;
use super::permissions::Permissions;
use crate::private;
use events::feed::LeadFeedType;
use nkeys::KeyPair;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// All types of the feed.
pub(crate) const TYPES: [LeadFeedType; 6] = [
    LeadFeedType::Created,
    LeadFeedType::Updated,
    LeadFeedType::Joined,
    LeadFeedType::Parted,
    LeadFeedType::Qualified,
    LeadFeedType::Erased,
];
/// Characters of a name.
const NAME_MAX: usize = 40;
/// Named consumers of one installation: each is a user in the server's configuration.
pub(crate) const CONSUMERS_MAX: usize = 200;

/// Who reads what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Consumer {
    pub(crate) name: String,
    /// Of all tenants without one.
    pub(crate) tenant: Option<String>,
    /// In the order of [`TYPES`]; `lead.erased` is always among them.
    pub(crate) types: Vec<LeadFeedType>,
    /// The public half of its key.
    pub(crate) key: String,
}

impl Consumer {
    /// The subjects of LEADS that it reads.
    pub(crate) fn subjects(&self) -> Vec<String> {
        let tenant = self.tenant.as_deref().unwrap_or("*");
        self.types.iter().map(|kind| format!("leads.{tenant}.{}.*", kind.token())).collect()
    }

    /// The only prefix under which it may receive replies.
    pub(crate) fn inbox_prefix(&self) -> String {
        format!("_INBOX_consumer-{}", self.name)
    }

    /// Fetching from its own durable consumer and acknowledging to it, nothing else.
    pub(crate) fn permissions(&self) -> Permissions {
        let name = &self.name;
        Permissions {
            publish: vec![
                format!("$JS.API.CONSUMER.INFO.LEADS.{name}"),
                format!("$JS.API.CONSUMER.MSG.NEXT.LEADS.{name}"),
                format!("$JS.ACK.LEADS.{name}.>"),
                format!("$JS.ACK.*.*.LEADS.{name}.>"),
            ],
            deny: Vec::new(),
            subscribe: vec![format!("{}.>", self.inbox_prefix())],
        }
    }
}

/// Whether it can be a name: it becomes part of subjects and of file names.
pub(crate) fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.len() <= NAME_MAX && name.chars().all(allowed) && !name.starts_with('-')
}

/// The folder in which they are kept: a file for each, and its seed beside it.
#[derive(Clone, Debug)]
pub(crate) struct Register(PathBuf);

impl Register {
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Where the seed of a consumer is.
    pub(crate) fn seed_file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.nk"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.json"))
    }

    /// Whoever changes something here holds this meanwhile.
    ///
    /// # Errors
    /// When the folder cannot be made or another command does not let go of it.
    pub(crate) fn lock(&self) -> Result<File, Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .map_err(Error::file("make", &self.0))?;
        let path = self.0.join("lock");
        private::turn(&path).map_err(Error::file("lock", &path))
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn all(&self) -> Result<Vec<Consumer>, Error> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::file("read", &self.0)(e)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::file("read", &self.0))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                match read(&path) {
                    // It was removed meanwhile.
                    Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                    read => found.push(read?),
                }
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The one of that name.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Consumer>, Error> {
        let path = self.file(name);
        if path.exists() { read(&path).map(Some) } else { Ok(None) }
    }

    /// Writes a new one down, with a new key unless there is a seed of its name.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn add(
        &self,
        name: &str,
        tenant: Option<String>,
        types: Vec<LeadFeedType>,
    ) -> Result<Consumer, Error> {
        let seed = self.seed_file(name);
        let text = match fs::read_to_string(&seed) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => credentials::make(&seed)?,
            Err(e) => return Err(Error::file("read", &seed)(e)),
        };
        let pair =
            KeyPair::from_seed(text.trim()).map_err(|source| Error::Key { path: seed.clone(), source })?;
        let consumer = Consumer { name: name.into(), tenant, types, key: pair.public_key() };
        let json = serde_json::to_vec_pretty(&consumer).expect("words and lists become JSON");
        let path = self.file(name);
        private::write(&path, &json).map_err(Error::file("write", &path))?;
        Ok(consumer)
    }

    /// Forgets it and its key; again changes nothing.
    ///
    /// # Errors
    /// When a file cannot be deleted.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Error> {
        // What says that there is one goes last, so that a death in between can be made good by doing it again.
        for path in [self.seed_file(name), self.file(name)] {
            match fs::remove_file(&path) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(Error::file("delete", &path)(e)),
                _ => {}
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Consumer, Error> {
    let text = fs::read(path).map_err(Error::file("read", path))?;
    serde_json::from_slice(&text)
        .map_err(|error| Error::file("understand", path)(std::io::Error::new(ErrorKind::InvalidData, error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_consumer_is_kept_with_one_key_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::at(folder.path().join("consumers"));
        assert_eq!(register.all().unwrap(), []);
        let _lock = register.lock().unwrap();
        let types = vec![LeadFeedType::Created, LeadFeedType::Erased];
        let made = register.add("crm", Some("shop".into()), types.clone()).unwrap();
        assert_eq!(made.subjects(), ["leads.shop.created.*", "leads.shop.erased.*"]);
        assert_eq!(register.find("crm").unwrap(), Some(made.clone()));
        assert_eq!(register.add("crm", Some("shop".into()), types.clone()).unwrap().key, made.key);
        let mode = fs::metadata(register.seed_file("crm")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = register.add("ads", None, types).unwrap();
        assert_eq!(other.subjects()[0], "leads.*.created.*");
        assert_eq!(register.all().unwrap(), [other, made]);
        for _ in 0..2 {
            register.remove("crm").unwrap();
        }
        assert_eq!((register.find("crm").unwrap(), register.seed_file("crm").exists()), (None, false));
    }

    #[test]
    fn a_name_is_one_word_of_subjects_and_files() {
        assert!(is_name("crm") && is_name("shop-2"));
        for wrong in ["", "-x", "a.b", "A", "a b", "*", ">", "../x", &"x".repeat(41)] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }
}
