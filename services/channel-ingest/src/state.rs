//! What channel-ingest keeps that is not in the log: the normaliser's positions, quarantine, access tokens, whom a
//! platform is to be asked about.

use channels::tokens::{Fetch, Token, TokenFault, TokenStore, usable};
use events::Micros;
use futures::future::BoxFuture;
use spine::db::{Database, Migration, Store};
use spine::keys::{Keys, Opened, Owner, Period, SealKey};
use spine::{Clock, Error};
use sqlx::Row;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// The schema of the state store; forward only.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration::portable(1, V1),
    Migration::portable(2, V2),
    Migration::portable(3, crate::profiles::SCHEMA),
    Migration::portable(4, crate::orders::SCHEMA),
    Migration::portable(5, crate::discarded::SCHEMA),
    Migration::portable(6, crate::early::SCHEMA),
    Migration::portable(7, crate::rest::SCHEMA),
];

const V1: &str = "
CREATE TABLE inbound (part INTEGER PRIMARY KEY, sequence BIGINT NOT NULL, fence BIGINT NOT NULL);
CREATE TABLE quarantine (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL, thread TEXT NOT NULL, place TEXT NOT NULL,
    number INTEGER NOT NULL, part INTEGER NOT NULL, sequence BIGINT NOT NULL, received_at BIGINT NOT NULL,
    error TEXT NOT NULL, sealed TEXT NOT NULL);
CREATE INDEX quarantine_thread ON quarantine (thread);
CREATE TABLE tokens (account TEXT PRIMARY KEY, tenant TEXT NOT NULL, sealed TEXT NOT NULL, expires_at BIGINT NOT NULL);
";

/// Whether what follows in the thread waits behind the item.
const V2: &str = "ALTER TABLE quarantine ADD COLUMN blocks INTEGER NOT NULL DEFAULT 1";

/// How long another process may take to refresh a token before this one tries itself.
const REFRESH_WAIT_MS: u64 = 8_000;

/// The state store. Cheap to clone.
#[derive(Clone)]
pub struct StateStore {
    pub(crate) store: Store,
    keys: Keys,
    pub(crate) clock: Clock,
    /// One refresh of an account's token at a time in this process.
    turns: Arc<std::sync::Mutex<HashMap<Uuid, Arc<tokio::sync::Mutex<()>>>>>,
    pub(crate) leases: spine::lease::Leases,
    tenants: directory::Directory,
    /// One for each part: something was asked of its holder.
    pub(crate) bells: Arc<Vec<Arc<tokio::sync::Notify>>>,
}

impl StateStore {
    /// Opens the store.
    ///
    /// # Errors
    /// Database errors.
    pub async fn open(
        database: &Database,
        keys: Keys,
        clock: Clock,
        tenants: directory::Directory,
    ) -> Result<Self, Error> {
        let store = database.state("ingest", MIGRATIONS).await?;
        let leases = spine::lease::Leases::open(database, &clock).await?;
        let bells = Arc::new((0..spine::PARTS).map(|_| Arc::default()).collect());
        Ok(Self { store, keys, clock, turns: Arc::default(), leases, tenants, bells })
    }

    async fn stored(&self, account: Uuid) -> Result<Option<Token>, Error> {
        let row = sqlx::query("SELECT tenant, sealed, expires_at FROM tokens WHERE account = $1")
            .bind(account.to_string())
            .fetch_optional(self.store.reads())
            .await
            .map_err(Error::database("read an access token"))?;
        let Some(row) = row else { return Ok(None) };
        let (tenant, sealed, expires_at): (String, String, i64) = (row.get(0), row.get(1), row.get(2));
        let opened = self.keys.open_text(&sealed, &subject(&tenant, account), "token").await?;
        Ok(match opened {
            Opened::Text(value) => Some(Token { value, expires_at }),
            Opened::Gone => None,
        })
    }

    async fn store_token(&self, account: Uuid, token: &Token) -> Result<(), Error> {
        let Some(setup) = self.tenants.account(account) else { return Ok(()) };
        let key = SealKey {
            tenant: setup.tenant.clone(),
            owner: Owner::tenant(&setup.tenant),
            class: "secret".into(),
            period: Period::quarter(self.clock.now()),
        };
        let sealed = self.keys.seal(&key, &subject(&setup.tenant, account), "token", &token.value).await?;
        sqlx::query(
            "INSERT INTO tokens (account, tenant, sealed, expires_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (account) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at",
        )
        .bind(account.to_string())
        .bind(setup.tenant.to_string())
        .bind(sealed)
        .bind(token.expires_at)
        .execute(self.store.write())
        .await
        .map_err(Error::database("store an access token"))?;
        Ok(())
    }

    /// A token under this process's turn and the account's lease: read again first, since another may have
    /// refreshed meanwhile.
    async fn refresh(
        &self,
        account: Uuid,
        refused: Option<String>,
        at: Micros,
        fetch: Fetch<'_>,
    ) -> Result<Token, TokenFault> {
        let fault = |_| TokenFault::Store;
        let name = format!("token.{account}");
        let waits = REFRESH_WAIT_MS / 100;
        for _ in 0..waits {
            if let Some(token) = self.stored(account).await.map_err(fault)?
                && usable(&token, refused.as_deref(), at)
            {
                return Ok(token);
            }
            let lease = self.leases.acquire(&name).await.map_err(fault)?;
            let Some(lease) = lease else {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            };
            let fetched = match self.stored(account).await.map_err(fault)? {
                Some(token) if usable(&token, refused.as_deref(), at) => Ok(token),
                _ => fetch(refused).await,
            };
            if let Ok(token) = &fetched {
                self.store_token(account, token).await.map_err(fault)?;
            }
            self.leases.release(&lease).await.map_err(fault)?;
            return fetched;
        }
        Err(TokenFault::Store)
    }
}

impl TokenStore for StateStore {
    fn token<'a>(
        &'a self,
        account: Uuid,
        refused: Option<String>,
        at: Micros,
        fetch: Fetch<'a>,
    ) -> BoxFuture<'a, Result<Token, TokenFault>> {
        Box::pin(async move {
            let turn = {
                let mut turns = self.turns.lock().map_err(|_| TokenFault::Store)?;
                turns.entry(account).or_default().clone()
            };
            let _turn = turn.lock().await;
            self.refresh(account, refused, at, fetch).await
        })
    }
}

fn subject(tenant: &str, account: Uuid) -> String {
    format!("token.{tenant}.{account}")
}
