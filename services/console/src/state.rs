//! What every request works with.

use crate::peers::Peers;
use laws::agent::Agent;
use spine::db::Store;
use spine::keys::Keys;
use spine::{Address, Entity, Error, Log, Reader};
use std::sync::Arc;
use uuid::Uuid;

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

    /// Whether the agent is one of the tenant's team.
    pub(crate) async fn has_agent(&self, tenant: &str, agent: Uuid) -> Result<bool, Error> {
        let address = Address::of(tenant, Agent::KIND, agent)?;
        let look = |agent: &Agent| agent.profile.is_some() && !agent.left;
        self.inner.log.read(&address, look).await
    }

    /// The store in which tokens are.
    pub fn tokens(&self) -> &Store {
        &self.inner.tokens
    }
}
