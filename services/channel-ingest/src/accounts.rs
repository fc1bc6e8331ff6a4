//! Channel accounts ready for use: found in the directory, their secrets opened once.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use channels::contract::{Account, Channel, Secret};
use directory::{AccountSetup, Directory};
use spine::keys::{Keys, Opened};
use spine::{Address, Error, Reader};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The token kind under which an account's identity key is derived; never a kind of match token.
const IDENTITY_KEY: &str = "item-identity";

/// An account with its channel, opened.
#[derive(Clone)]
pub struct Ready {
    pub tenant: Arc<str>,
    pub channel: &'static Channel,
    pub account: Arc<Account>,
}

/// What was opened, and from which setup: another setup is opened anew.
type Openings = HashMap<Uuid, (Arc<AccountSetup>, Ready)>;

/// All accounts of the installation. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    directory: Directory,
    /// Of the read model that the directory is kept in.
    reader: Reader,
    keys: Keys,
    opened: Arc<Mutex<Openings>>,
}

impl Accounts {
    pub fn new(directory: Directory, reader: Reader, keys: Keys) -> Self {
        Self { directory, reader, keys, opened: Arc::default() }
    }

    /// The account of that name in webhook addresses, if it is in use on this channel. What another replica just read
    /// is looked for before it is said that there is none.
    ///
    /// # Errors
    /// When the key register fails, or the database when it is asked.
    pub async fn by_slug(&self, channel: &str, slug: &str) -> Result<Option<Ready>, Error> {
        if let Some(ready) = self.known_by_slug(channel, slug).await? {
            return Ok(Some(ready));
        }
        self.directory.look_again(&self.reader).await?;
        self.known_by_slug(channel, slug).await
    }

    async fn known_by_slug(&self, channel: &str, slug: &str) -> Result<Option<Ready>, Error> {
        match self.directory.account_by_slug(slug) {
            Some(setup) if setup.setup.channel == channel => self.ready(setup).await,
            _ => Ok(None),
        }
    }

    /// The account of that id, if it is in use.
    ///
    /// # Errors
    /// When the key register fails.
    pub async fn by_id(&self, id: Uuid) -> Result<Option<Ready>, Error> {
        match self.directory.account(id) {
            Some(setup) => self.ready(setup).await,
            None => Ok(None),
        }
    }

    /// Whether the account of that id was taken out of use.
    pub fn is_disabled(&self, id: Uuid) -> bool {
        self.directory.account(id).is_some_and(|setup| setup.disabled)
    }

    /// Why [`Self::by_slug`] has none: the word for it, and the status that says so.
    pub(crate) fn absent(&self, channel: &str, slug: &str) -> (&'static str, StatusCode) {
        match self.directory.account_by_slug(slug) {
            Some(setup) if setup.setup.channel == channel && setup.disabled => {
                ("disabled_account", StatusCode::FORBIDDEN)
            }
            _ => ("unknown_account", StatusCode::NOT_FOUND),
        }
    }

    async fn ready(&self, setup: Arc<AccountSetup>) -> Result<Option<Ready>, Error> {
        if setup.disabled {
            return Ok(None);
        }
        let Some(channel) = channels::find(&setup.setup.channel) else { return Ok(None) };
        let known = self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(&setup.id).cloned();
        if let Some((from, ready)) = known
            && Arc::ptr_eq(&from, &setup)
        {
            return Ok(Some(ready));
        }
        let account = Arc::new(self.open(&setup).await?);
        let ready = Ready { tenant: setup.tenant.clone(), channel, account };
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.insert(setup.id, (setup, ready.clone()));
        Ok(Some(ready))
    }

    async fn open(&self, setup: &AccountSetup) -> Result<Account, Error> {
        let subject = Address::of(&setup.tenant, "account", setup.id)?.subject();
        let mut secrets = BTreeMap::new();
        for (name, sealed) in &setup.setup.secrets {
            let field = format!("secret.{name}");
            if let Opened::Text(text) = self.keys.open_text(sealed.as_str(), &subject, &field).await? {
                secrets.insert(name.clone(), Secret(Zeroizing::new(text)));
            }
        }
        Ok(Account {
            id: setup.id,
            slug: setup.setup.slug.clone(),
            settings: setup.setup.settings.clone(),
            secrets,
            identity_key: self.identity_key(&setup.tenant, setup.id).await?,
        })
    }

    /// 32 bytes that are the account's own and never change: an HMAC under the tenant's lookup key.
    async fn identity_key(&self, tenant: &str, account: Uuid) -> Result<Zeroizing<[u8; 32]>, Error> {
        let token = self.keys.token(tenant, IDENTITY_KEY, &account.to_string()).await?;
        let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        let key = bytes
            .try_into()
            .map_err(|_| Error::Other("a token of the key register is not 32 bytes".into()))?;
        Ok(Zeroizing::new(key))
    }
}
