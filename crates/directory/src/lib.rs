//! Tenants and channel accounts, as every role projects them for itself: two tables and their copy in memory.
//!
//! A service's file or schema is private, so each role keeps its own; this crate is the one text of it.

use events::account::Setup;
use events::tenant::Settings;
use events::{AccountEvent, TenantEvent};
use laws::account::Account;
use laws::tenant::Tenant;
use spine::db::Store;
use spine::{Entity, Error, Recorded};
use sqlx::{AnyConnection, Row};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use uuid::Uuid;

/// The tables, to be part of a read model's schema.
pub const SCHEMA: [&str; 2] = [
    "CREATE TABLE tenants (tenant TEXT PRIMARY KEY, name TEXT NOT NULL, settings TEXT NOT NULL)",
    "CREATE TABLE accounts (account TEXT PRIMARY KEY, tenant TEXT NOT NULL, slug TEXT NOT NULL,
     setup TEXT NOT NULL, disabled INTEGER NOT NULL)",
];

/// The kinds to be part of a projector's kinds.
pub const KINDS: [&str; 2] = [Tenant::KIND, Account::KIND];

/// A channel account as it is set up now. Secrets are sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountSetup {
    pub id: Uuid,
    pub tenant: Arc<str>,
    pub setup: Setup,
    pub disabled: bool,
}

/// What is in memory. Cheap to clone; all clones share it.
#[derive(Clone, Default)]
pub struct Directory {
    known: Arc<RwLock<Known>>,
}

#[derive(Default)]
struct Known {
    settings: HashMap<Arc<str>, Arc<Settings>>,
    accounts: HashMap<Uuid, Arc<AccountSetup>>,
    by_slug: HashMap<String, Uuid>,
}

impl Directory {
    /// Reads the tables into memory, at start and after a switch of the read model.
    ///
    /// # Errors
    /// Database errors.
    pub async fn load(&self, store: &Store) -> Result<(), Error> {
        let failed = || Error::database("read the directory");
        let tenants = sqlx::query("SELECT tenant, settings FROM tenants")
            .fetch_all(store.reads())
            .await
            .map_err(failed())?;
        for row in tenants {
            self.learn_settings(row.get::<String, _>(0).into(), parse(row.get(1))?);
        }
        let accounts = sqlx::query("SELECT account, tenant, setup, disabled FROM accounts")
            .fetch_all(store.reads())
            .await
            .map_err(failed())?;
        for row in accounts {
            let id = row.get::<String, _>(0).parse().unwrap_or_default();
            let (tenant, setup) = (row.get::<String, _>(1).into(), parse(row.get(2))?);
            self.learn_account(AccountSetup { id, tenant, setup, disabled: row.get::<i32, _>(3) != 0 });
        }
        Ok(())
    }

    /// Keeps memory current; called with what a projector committed.
    pub fn committed(&self, batch: &[Arc<Recorded>]) {
        for record in batch {
            if &*record.address.kind == Tenant::KIND {
                for TenantEvent::Configured { settings, .. } in record.events::<Tenant>().unwrap_or_default()
                {
                    self.learn_settings(record.address.tenant.clone(), settings.clone());
                }
            } else if &*record.address.kind == Account::KIND {
                for event in record.events::<Account>().unwrap_or_default() {
                    self.learn_event(record, event);
                }
            }
        }
    }

    /// The tenant's choices; the defaults if it never made any.
    pub fn settings(&self, tenant: &str) -> Arc<Settings> {
        self.read(|known| known.settings.get(tenant).cloned()).unwrap_or_default()
    }

    /// The account, also a disabled one.
    pub fn account(&self, id: Uuid) -> Option<Arc<AccountSetup>> {
        self.read(|known| known.accounts.get(&id).cloned())
    }

    /// The account whose name in webhook addresses is `slug`, also a disabled one.
    pub fn account_by_slug(&self, slug: &str) -> Option<Arc<AccountSetup>> {
        self.read(|known| known.accounts.get(known.by_slug.get(slug)?).cloned())
    }

    /// All accounts of a tenant.
    pub fn accounts(&self, tenant: &str) -> Vec<Arc<AccountSetup>> {
        self.read(|known| {
            known.accounts.values().filter(|account| &*account.tenant == tenant).cloned().collect()
        })
    }

    /// All tenants that are configured.
    pub fn tenants(&self) -> Vec<Arc<str>> {
        self.read(|known| known.settings.keys().cloned().collect())
    }

    fn read<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn learn_settings(&self, tenant: Arc<str>, settings: Settings) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.settings.insert(tenant, Arc::new(settings));
    }

    fn learn_account(&self, account: AccountSetup) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.by_slug.insert(account.setup.slug.clone(), account.id);
        known.accounts.insert(account.id, Arc::new(account));
    }

    fn learn_event(&self, record: &Recorded, event: &AccountEvent) {
        let Some(id) = record.address.uuid() else { return };
        match event {
            AccountEvent::Configured { setup, .. } => self.learn_account(AccountSetup {
                id,
                tenant: record.address.tenant.clone(),
                setup: setup.clone(),
                disabled: false,
            }),
            AccountEvent::Disabled { .. } => {
                if let Some(account) = self.account(id) {
                    self.learn_account(AccountSetup { disabled: true, ..(*account).clone() });
                }
            }
        }
    }
}

/// Writes a tenant's or an account's message into the tables; passes over every other kind.
///
/// # Errors
/// Database errors, and messages that cannot be decoded.
pub async fn apply(tx: &mut AnyConnection, record: &Recorded) -> Result<(), Error> {
    match &*record.address.kind {
        Tenant::KIND => {
            for TenantEvent::Configured { name, settings, .. } in record.events::<Tenant>()? {
                put_tenant(tx, &record.address.tenant, name, settings).await?;
            }
        }
        Account::KIND => {
            for event in record.events::<Account>()? {
                put_account(tx, record, event).await?;
            }
        }
        _ => {}
    }
    Ok(())
}

async fn put_tenant(
    tx: &mut AnyConnection,
    tenant: &str,
    name: &str,
    settings: &Settings,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO tenants (tenant, name, settings) VALUES ($1, $2, $3)
         ON CONFLICT (tenant) DO UPDATE SET name = excluded.name, settings = excluded.settings",
    )
    .bind(tenant)
    .bind(name)
    .bind(serde_json::to_string(settings).map_err(Error::Unwritable)?)
    .execute(tx)
    .await
    .map_err(Error::database("put a tenant"))?;
    Ok(())
}

async fn put_account(tx: &mut AnyConnection, record: &Recorded, event: &AccountEvent) -> Result<(), Error> {
    let query = match event {
        AccountEvent::Configured { setup, .. } => sqlx::query(
            "INSERT INTO accounts (account, tenant, slug, setup, disabled) VALUES ($1, $2, $3, $4, 0)
             ON CONFLICT (account) DO UPDATE SET slug = excluded.slug, setup = excluded.setup, disabled = 0",
        )
        .bind(record.address.id.to_string())
        .bind(record.address.tenant.to_string())
        .bind(setup.slug.clone())
        .bind(serde_json::to_string(setup).map_err(Error::Unwritable)?),
        AccountEvent::Disabled { .. } => sqlx::query("UPDATE accounts SET disabled = 1 WHERE account = $1")
            .bind(record.address.id.to_string()),
    };
    query.execute(tx).await.map_err(Error::database("put an account"))?;
    Ok(())
}

fn parse<T: serde::de::DeserializeOwned>(text: String) -> Result<T, Error> {
    serde_json::from_str(&text)
        .map_err(|error| Error::Other(format!("a row of the directory is broken: {error}")))
}
