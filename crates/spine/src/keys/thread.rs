//! Finding a person's thread, and tokens that match without telling.

use super::cache::ThreadName;
use super::cipher::Secret;
use super::commit::Want;
use super::names::{Period, check_class};
use super::register::{self, Change};
use super::{Inner, Keys, gone};
use crate::error::Error;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::Row;
use std::sync::Arc;
use uuid::Uuid;

const ACCOUNT_LENGTH_MAX: usize = 64;

/// Somebody on a channel account, as the platform names them.
#[derive(Clone, Copy, Debug)]
pub struct Contact<'a> {
    pub tenant: &'a str,
    /// The channel account.
    pub account: &'a str,
    /// What the platform calls the person. Kept nowhere but as an HMAC under the tenant's lookup key.
    pub external_user: &'a str,
    /// Retention class and period of the thread's first key.
    pub class: &'a str,
    pub period: &'a Period,
    /// The request in which the person appears; none for somebody who is there now.
    pub journalled: Option<Request>,
}

/// A request of an account in its part of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub sequence: u64,
    /// Microseconds.
    pub received_at: i64,
}

/// The thread of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub thread: Uuid,
    /// Whether this call made it. Of callers at the same time, one is told so.
    pub new: bool,
    /// The person sent the request and was erased after it: nothing is to be made of it, also where they have come back
    /// since and have another thread.
    pub erased: bool,
}

impl Found {
    fn there(thread: Uuid) -> Self {
        Self { thread, new: false, erased: false }
    }

    pub(super) fn erased(thread: Uuid) -> Self {
        Self { thread, new: false, erased: true }
    }
}

impl Keys {
    /// The contact's thread for life, made with its first key and synced to disk when there is none. Callers at
    /// the same time, in any process, get the same one. After an erasure it is a new one, but for requests from before.
    ///
    /// # Errors
    /// When a name is not allowed, and database errors.
    pub async fn thread_for(&self, contact: &Contact<'_>) -> Result<Found, Error> {
        check_class(contact.class)?;
        let inner = &self.inner;
        let name = inner.thread_name(contact.tenant, contact.account, contact.external_user).await?;
        if let Some(found) = inner.find(&name, contact.journalled).await? {
            return Ok(found);
        }
        let epoch = inner.cache.epoch();
        let want = Want::Thread {
            name: name.clone(),
            candidate: crate::new_id(),
            class: contact.class.into(),
            period: contact.period.clone(),
            journalled: contact.journalled,
        };
        let got = inner.ensure(want).await?;
        let (thread, new) =
            got.thread.ok_or_else(|| Error::Other("a thread vanished while it was made".into()))?;
        // None is sealed for them again.
        let erased = got.key.is_none();
        if !erased && !got.returned {
            inner.cache.put_thread(epoch, name, thread);
        }
        Ok(Found { thread, new, erased })
    }

    /// The contact's thread if there is one; `journalled` as in [`Contact`].
    ///
    /// # Errors
    /// Database errors.
    pub async fn find_thread(
        &self,
        tenant: &str,
        account: &str,
        external_user: &str,
        journalled: Option<Request>,
    ) -> Result<Option<Found>, Error> {
        let name = self.inner.thread_name(tenant, account, external_user).await?;
        self.inner.find(&name, journalled).await
    }

    /// The person's threads on all accounts of the tenant whose platforms call them the same: account and thread.
    ///
    /// # Errors
    /// Database errors.
    pub async fn threads_of(&self, tenant: &str, external_user: &str) -> Result<Vec<(String, Uuid)>, Error> {
        let action = "find a person's threads";
        let lookup = self.inner.lookup(tenant).await?;
        let rows = sqlx::query(
            "SELECT account, thread FROM threads WHERE tenant = $1 AND token = $2 ORDER BY account",
        )
        .bind(tenant)
        .bind(thread_token(&lookup, external_user))
        .fetch_all(self.inner.store.reads())
        .await
        .map_err(Error::database(action))?;
        let read = |row: &sqlx::any::AnyRow| Ok((row.try_get(0)?, parse(&row.try_get::<String, _>(1)?)?));
        rows.iter().map(read).collect::<Result<_, _>>().map_err(Error::database(action))
    }

    /// A token by which the same value is found again, such as a phone number in its normal form. Only for tables
    /// of read models: it says nothing without the tenant's lookup key. Equal kinds and values give equal tokens
    /// for as long as the register lives.
    ///
    /// # Errors
    /// Database errors.
    pub async fn token(&self, tenant: &str, kind: &str, normal_form: &str) -> Result<String, Error> {
        let lookup = self.inner.lookup(tenant).await?;
        Ok(URL_SAFE_NO_PAD.encode(lookup.mac(&[kind.as_bytes(), &[0], normal_form.as_bytes()])))
    }
}

/// A kind of match token is never empty, so no match token is one of these.
fn thread_token(lookup: &Secret, external_user: &str) -> String {
    URL_SAFE_NO_PAD.encode(lookup.mac(&[&[0], external_user.as_bytes()]))
}

pub(super) fn parse(thread: &str) -> Result<Uuid, sqlx::Error> {
    Uuid::try_parse(thread).map_err(|error| sqlx::Error::Decode(error.into()))
}

impl Inner {
    async fn thread_name(
        &self,
        tenant: &str,
        account: &str,
        external_user: &str,
    ) -> Result<ThreadName, Error> {
        if account.is_empty() || account.len() > ACCOUNT_LENGTH_MAX || account.contains('\0') {
            return Err(Error::Name { field: "account", value: account.into() });
        }
        let lookup = self.lookup(tenant).await?;
        Ok((tenant.into(), account.into(), thread_token(&lookup, external_user).into()))
    }

    /// The contact's thread, or their erased one where the request is from before the erasure. Of whoever came back after
    /// one nothing is kept in memory, since it depends on the request.
    async fn find(&self, name: &ThreadName, journalled: Option<Request>) -> Result<Option<Found>, Error> {
        if let Some(thread) = self.cache.thread(name) {
            return Ok(Some(Found::there(thread)));
        }
        let epoch = self.cache.epoch();
        let (thread, gone) = gone::find(&self.store, name).await?;
        if let Some(erased) = gone.as_ref().and_then(|gone| gone.thread_of(journalled)) {
            return Ok(Some(Found::erased(erased)));
        }
        if let (Some(thread), None) = (thread, gone) {
            self.cache.put_thread(epoch, name.clone(), thread);
        }
        Ok(thread.map(Found::there))
    }

    /// The tenant's lookup key, made with its other key at its first use.
    async fn lookup(&self, tenant: &str) -> Result<Arc<Secret>, Error> {
        if let Some(lookup) = self.cache.lookup(tenant) {
            return Ok(lookup);
        }
        crate::address::check_tenant(tenant)?;
        let mut reader =
            self.store.reads().acquire().await.map_err(Error::database("open the key register"))?;
        let found = register::read_tenant(&mut reader, &self.master, tenant).await?;
        drop(reader);
        let keys = match found {
            Some(keys) => keys,
            None => {
                let mut tx = register::begin(&self.store, Change::Add).await?;
                let keys = register::tenant_keys(&mut tx, &self.master, tenant).await?;
                tx.commit().await.map_err(Error::database("make a tenant's keys"))?;
                keys
            }
        };
        let lookup = Arc::new(keys.lookup);
        self.cache.put_lookup(tenant, lookup.clone());
        Ok(lookup)
    }
}
