//! What every request works with.

use crate::api::places::Places;
use crate::peers::Peers;
use laws::agent::Agent;
use laws::tenant::Tenant;
use spine::db::Store;
use spine::keys::Keys;
use spine::{Address, Entity, Error, Log, Reader};
use sqlx::Row;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Agents that a refusal names at most.
const AGENTS_SHOWN_MAX: i64 = 20;

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
    /// Of readers of the lead feed.
    pub(crate) places: Places,
    pub(crate) shutdown: CancellationToken,
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

    /// Whether the tenant was applied.
    pub(crate) async fn has_tenant(&self, tenant: &str) -> Result<bool, Error> {
        let address = Address::new(tenant, Tenant::KIND, tenant, tenant)?;
        self.inner.log.read(&address, |tenant: &Tenant| tenant.configured.is_some()).await
    }

    /// The tenant's team for a person to choose from: the name that customers see and the id, some of them if
    /// there are many.
    pub(crate) async fn agents_of(&self, tenant: &str) -> Result<Vec<String>, Error> {
        let rows = sqlx::query(
            "SELECT name, agent FROM agents WHERE tenant = $1 AND has_left = 0 ORDER BY name, agent LIMIT $2",
        )
        .bind(tenant)
        .bind(AGENTS_SHOWN_MAX)
        .fetch_all(self.store().reads())
        .await
        .map_err(Error::database("list agents"))?;
        Ok(rows
            .iter()
            .map(|row| format!("{} ({})", row.get::<String, _>(0), row.get::<String, _>(1)))
            .collect())
    }

    /// The store in which tokens are.
    pub fn tokens(&self) -> &Store {
        &self.inner.tokens
    }
}
