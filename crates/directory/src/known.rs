//! The tenants and accounts in memory, from the tables and from what this process commits.

use crate::AccountSetup;
use crate::fresh::{self, Turn, Watch};
use events::tenant::Settings;
use events::{AccountEvent, TenantEvent};
use laws::account::Account;
use laws::tenant::Tenant;
use spine::db::Store;
use spine::{Entity, Error, Reader, Recorded};
use sqlx::Row;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What is in memory. Cheap to clone; all clones share it.
#[derive(Clone)]
pub struct Directory {
    inner: Arc<Inner>,
}

struct Inner {
    known: RwLock<Known>,
    watch: Watch,
}

#[derive(Default)]
struct Known {
    settings: HashMap<Arc<str>, Arc<Settings>>,
    accounts: HashMap<Uuid, Arc<AccountSetup>>,
    by_slug: HashMap<String, Uuid>,
    /// What was learned while the tables are read, which may be newer than what is read.
    meanwhile: Option<Meanwhile>,
}

#[derive(Default)]
struct Meanwhile {
    tenants: HashSet<Arc<str>>,
    accounts: HashSet<Uuid>,
}

impl Meanwhile {
    fn is_empty(&self) -> bool {
        self.tenants.is_empty() && self.accounts.is_empty()
    }
}

struct Rows {
    tenants: Vec<(Arc<str>, Settings)>,
    accounts: Vec<AccountSetup>,
}

impl Default for Directory {
    fn default() -> Self {
        let inner = Inner { known: RwLock::default(), watch: Watch::of(&["tenants", "accounts"]) };
        Self { inner: Arc::new(inner) }
    }
}

impl Directory {
    /// Reads the tables into memory, at start.
    ///
    /// # Errors
    /// Database errors.
    pub async fn load(&self, store: &Store) -> Result<(), Error> {
        let turn = self.inner.watch.turn().await;
        self.read_tables(store).await?;
        drop(turn);
        Ok(())
    }

    /// Reads the tables again if another replica changed them; whether it did.
    ///
    /// # Errors
    /// Database errors.
    pub async fn refresh(&self, reader: &Reader) -> Result<bool, Error> {
        self.look(self.inner.watch.turn().await, reader).await
    }

    /// Learns what other replicas committed up to now, for whoever misses something: many who ask share a look, and
    /// there are ten of them a second at most.
    ///
    /// # Errors
    /// Database errors.
    pub async fn look_again(&self, reader: &Reader) -> Result<(), Error> {
        match self.inner.watch.turn_now(reader).await? {
            Some(turn) => self.look(turn, reader).await.map(|_| ()),
            None => Ok(()),
        }
    }

    async fn look(&self, turn: Turn<'_>, reader: &Reader) -> Result<bool, Error> {
        turn.look(reader, async { self.read_tables(&reader.model().store).await }).await
    }

    /// Refreshes until `shutdown`, so that what another replica commits is known within two seconds.
    pub async fn keep_fresh(&self, reader: &Reader, shutdown: &CancellationToken) {
        fresh::follow(reader, shutdown, async || self.refresh(reader).await.map(|_| ())).await;
    }

    /// Keeps memory current; called with what a projector committed.
    pub fn committed(&self, batch: &[Arc<Recorded>]) {
        for record in batch {
            if &*record.address.kind == Tenant::KIND {
                for TenantEvent::Configured { settings, .. } in record.events::<Tenant>().unwrap_or_default()
                {
                    self.write().learn_settings(record.address.tenant.clone(), settings.clone());
                }
            } else if &*record.address.kind == Account::KIND {
                for event in record.events::<Account>().unwrap_or_default() {
                    self.write().learn_event(record, event);
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

    /// Reads the tables; false when this process learned something meanwhile, which stays as it is.
    async fn read_tables(&self, store: &Store) -> Result<bool, Error> {
        self.write().meanwhile = Some(Meanwhile::default());
        let rows = read_rows(store).await;
        let mut known = self.write();
        let meanwhile = known.meanwhile.take().unwrap_or_default();
        let Rows { tenants, accounts } = rows?;
        for (tenant, settings) in tenants {
            if !meanwhile.tenants.contains(&tenant) {
                known.learn_settings(tenant, settings);
            }
        }
        for account in accounts {
            if !meanwhile.accounts.contains(&account.id) {
                known.learn_account(account);
            }
        }
        Ok(meanwhile.is_empty())
    }

    fn read<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.inner.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.inner.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn learn_settings(&mut self, tenant: Arc<str>, settings: Settings) {
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile.tenants.insert(tenant.clone());
        }
        self.settings.insert(tenant, Arc::new(settings));
    }

    /// An account that is as it was stays the same value, since its secrets are opened once for each.
    fn learn_account(&mut self, account: AccountSetup) {
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile.accounts.insert(account.id);
        }
        let before = self.accounts.get(&account.id);
        if before.is_some_and(|before| **before == account) {
            return;
        }
        if let Some(before) = before
            && before.setup.slug != account.setup.slug
            && self.by_slug.get(&before.setup.slug) == Some(&account.id)
        {
            self.by_slug.remove(&before.setup.slug);
        }
        // One that is out of use takes no slug from one that is in use, should two have it.
        let holder = match account.disabled {
            true => self.live_with(&account.setup.slug, account.id).unwrap_or(account.id),
            false => account.id,
        };
        self.by_slug.insert(account.setup.slug.clone(), holder);
        self.accounts.insert(account.id, Arc::new(account));
    }

    fn live_with(&self, slug: &str, besides: Uuid) -> Option<Uuid> {
        let mut accounts = self.accounts.values();
        let found = accounts.find(|it| it.setup.slug == slug && !it.disabled && it.id != besides);
        found.map(|account| account.id)
    }

    fn learn_event(&mut self, record: &Recorded, event: &AccountEvent) {
        let Some(id) = record.address.uuid() else { return };
        match event {
            AccountEvent::Configured { setup, .. } => self.learn_account(AccountSetup {
                id,
                tenant: record.address.tenant.clone(),
                setup: setup.clone(),
                disabled: false,
            }),
            AccountEvent::Disabled { .. } => {
                if let Some(account) = self.accounts.get(&id).cloned() {
                    self.learn_account(AccountSetup { disabled: true, ..(*account).clone() });
                }
            }
        }
    }
}

async fn read_rows(store: &Store) -> Result<Rows, Error> {
    let failed = || Error::database("read the directory");
    let found = sqlx::query("SELECT tenant, settings FROM tenants")
        .fetch_all(store.reads())
        .await
        .map_err(failed())?;
    let tenants = found.iter().map(|row| Ok((row.get::<String, _>(0).into(), parse(row.get(1))?)));
    let tenants = tenants.collect::<Result<_, Error>>()?;
    let found = sqlx::query("SELECT account, tenant, setup, disabled FROM accounts")
        .fetch_all(store.reads())
        .await
        .map_err(failed())?;
    let accounts = found.iter().map(|row| {
        Ok(AccountSetup {
            id: row.get::<String, _>(0).parse().unwrap_or_default(),
            tenant: row.get::<String, _>(1).into(),
            setup: parse(row.get(2))?,
            disabled: row.get::<i32, _>(3) != 0,
        })
    });
    let accounts = accounts.collect::<Result<_, Error>>()?;
    Ok(Rows { tenants, accounts })
}

fn parse<T: serde::de::DeserializeOwned>(text: String) -> Result<T, Error> {
    serde_json::from_str(&text)
        .map_err(|error| Error::Other(format!("a row of the directory is broken: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::account::Setup;

    fn account(id: u128, slug: &str) -> AccountSetup {
        let setup = Setup {
            channel: "http".into(),
            slug: slug.into(),
            name: slug.into(),
            settings: Default::default(),
            secrets: Default::default(),
        };
        AccountSetup { id: Uuid::from_u128(id), tenant: "shop".into(), setup, disabled: false }
    }

    #[test]
    fn a_renamed_account_is_found_by_its_new_name_only() {
        let directory = Directory::default();
        directory.write().learn_account(account(1, "old"));
        directory.write().learn_account(account(1, "new"));
        assert!(directory.account_by_slug("old").is_none());
        assert_eq!(directory.account_by_slug("new").unwrap().id, Uuid::from_u128(1));
    }

    #[test]
    fn a_name_that_moved_to_another_account_stays_there() {
        let directory = Directory::default();
        for (id, slug) in [(1, "desk"), (2, "desk"), (1, "other")] {
            directory.write().learn_account(account(id, slug));
        }
        assert_eq!(directory.account_by_slug("desk").unwrap().id, Uuid::from_u128(2));
    }

    #[test]
    fn of_two_with_one_name_the_one_in_use_has_it_in_whatever_order_they_are_learned() {
        let disabled = AccountSetup { disabled: true, ..account(2, "desk") };
        for order in [
            [account(1, "desk"), account(2, "desk"), disabled.clone()],
            [account(2, "desk"), disabled.clone(), account(1, "desk")],
            [disabled.clone(), account(1, "desk"), disabled.clone()],
        ] {
            let directory = Directory::default();
            order.into_iter().for_each(|account| directory.write().learn_account(account));
            assert_eq!(directory.account_by_slug("desk").unwrap().id, Uuid::from_u128(1));
        }
    }

    #[test]
    fn an_account_that_is_as_it_was_stays_the_same_value() {
        let directory = Directory::default();
        directory.write().learn_account(account(1, "desk"));
        let before = directory.account_by_slug("desk").unwrap();
        directory.write().learn_account(account(1, "desk"));
        assert!(Arc::ptr_eq(&before, &directory.account_by_slug("desk").unwrap()));
    }
}
