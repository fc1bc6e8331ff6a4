//! What every request works with.

use crate::peers::Peers;
use spine::db::Store;
use spine::keys::Keys;
use spine::{Log, Reader};
use std::sync::Arc;

/// The console, open. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) log: Log,
    pub(crate) keys: Keys,
    pub(crate) reader: Reader,
    pub(crate) tokens: Store,
    pub(crate) peers: Peers,
}

impl App {
    pub(crate) fn log(&self) -> &Log {
        &self.inner.log
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    pub(crate) fn peers(&self) -> &Peers {
        &self.inner.peers
    }

    pub(crate) fn now(&self) -> i64 {
        self.inner.log.clock().now()
    }

    /// The store of the read model that is live now. Asked for at each query, since a rebuild switches it.
    pub(crate) fn store(&self) -> Store {
        self.inner.reader.model().store.clone()
    }

    /// The store in which tokens are.
    pub fn tokens(&self) -> &Store {
        &self.inner.tokens
    }
}
