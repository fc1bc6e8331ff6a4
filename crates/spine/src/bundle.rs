//! Everything of the spine that a role works with, in one value.

use crate::db::Database;
use crate::error::Error;
use crate::keys::Keys;
use crate::log::{Log, Tail};
use crate::read::start::Wishes;
use crate::read::{Projector, Reader};
use std::sync::{Arc, Mutex, PoisonError};

/// The log (over the role's own connection), the process's one tail, its database and the key register.
/// Cheap to clone.
#[derive(Clone)]
pub struct Spine {
    pub log: Log,
    pub tail: Tail,
    pub database: Database,
    pub keys: Keys,
    /// All readers of the process, for the commands that rebuild, verify and unpark.
    pub readers: Readers,
}

/// The readers of a process by name. Cheap to clone.
#[derive(Clone, Default)]
pub struct Readers {
    known: Arc<Mutex<Vec<Reader>>>,
    wishes: Wishes,
}

impl Readers {
    /// None yet; what is opened begins its effects as the operator wishes.
    pub fn wishing(wishes: Wishes) -> Self {
        Self { known: Arc::default(), wishes }
    }

    /// Kinds of effects that the operator named and that no reader so far has.
    pub fn wishes_left(&self) -> Vec<String> {
        self.wishes.left()
    }

    /// All readers, in the order of their opening.
    pub fn all(&self) -> Vec<Reader> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The reader of that name.
    pub fn find(&self, name: &str) -> Option<Reader> {
        self.all().into_iter().find(|reader| reader.name() == name)
    }

    fn add(&self, reader: Reader) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }
}

impl Spine {
    /// Opens the read model of a projector and makes it known to the process's commands.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reader(&self, projector: Arc<dyn Projector>) -> Result<Reader, Error> {
        let reader =
            Reader::open(&self.log, &self.tail, &self.database, projector, &self.readers.wishes).await?;
        self.readers.add(reader.clone());
        Ok(reader)
    }
}
