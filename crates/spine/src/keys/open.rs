//! Sealing a text under its key, and opening it while the key lives.

use super::cache::{DataKey, Known};
use super::cipher::{self, Sealed};
use super::commit::Want;
use super::names::{Owner, OwnerKind, SealKey};
use super::register;
use super::{Inner, Keys, lost};
use crate::db::Bulk;
use crate::error::Error;
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a sealed value held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    Text(String),
    /// Its key was destroyed, so nobody can know any more.
    Gone,
}

impl Opened {
    /// The text; none when it is gone, which a projector writes as NULL.
    pub fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Gone => None,
        }
    }
}

/// A sealed value and the place that it was sealed for.
#[derive(Clone, Copy, Debug)]
pub struct SealedField<'a> {
    pub sealed: &'a str,
    pub subject: &'a str,
    pub field: &'a str,
}

impl Keys {
    /// Seals a text for one field of one subject, after its key is on disk. A key that is not in memory costs a
    /// commit of the register.
    ///
    /// # Errors
    /// [`Error::Gone`] when the owner was erased, [`Error::Limit`] above `plain_bytes_max`.
    pub async fn seal(&self, key: &SealKey, subject: &str, field: &str, text: &str) -> Result<String, Error> {
        self.seal_bytes(key, subject, field, text.as_bytes()).await
    }

    /// As [`Keys::seal`] for bytes.
    ///
    /// # Errors
    /// As [`Keys::seal`].
    pub async fn seal_bytes(
        &self,
        key: &SealKey,
        subject: &str,
        field: &str,
        plain: &[u8],
    ) -> Result<String, Error> {
        let inner = &self.inner;
        if plain.len() > inner.limits.plain_bytes_max {
            return Err(Error::Limit {
                limit: "plain_bytes_max",
                max: inner.limits.plain_bytes_max as u64,
                remedy: "put larger content into the object store",
            });
        }
        let key = match inner.cache.key_for(key) {
            Some(key) => key,
            None => {
                key.check()?;
                let got = inner.ensure(Want::Key(key.clone())).await?;
                got.key.ok_or_else(|| Error::Gone { key: format!("of the {}", key.owner) })?
            }
        };
        Ok(cipher::seal(inner.algorithm, (&key.id, &key.secret), subject, field, plain))
    }

    /// Opens a sealed text.
    ///
    /// # Errors
    /// [`Error::Unopenable`] when it was changed or belongs elsewhere, [`Error::KeyLost`] when the register lost its key,
    /// and database errors.
    pub async fn open_text(&self, sealed: &str, subject: &str, field: &str) -> Result<Opened, Error> {
        match self.open_bytes(sealed, subject, field).await? {
            Some(plain) => text_of(plain, sealed).map(Opened::Text),
            None => Ok(Opened::Gone),
        }
    }

    /// As [`Keys::open_text`] for bytes; none when they are gone.
    ///
    /// # Errors
    /// As [`Keys::open_text`].
    pub async fn open_bytes(
        &self,
        sealed: &str,
        subject: &str,
        field: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let parsed = Sealed::parse(sealed)?;
        let known = match self.inner.cache.key(parsed.key) {
            Some(known) => known,
            None => self.inner.load(&[parsed.key]).await?.remove(0),
        };
        match known {
            Known::Gone => Ok(None),
            Known::Lost => Err(Error::KeyLost { key: parsed.key.into() }),
            Known::Key(key) => parsed.open(&key.secret, subject, field).map(Some),
        }
    }

    /// Opens a sealed text whose key is in memory; none when it is not, and [`Keys::open_text`] is to be asked.
    pub fn try_open(&self, sealed: &str, subject: &str, field: &str) -> Option<Result<Opened, Error>> {
        let parsed = match Sealed::parse(sealed) {
            Ok(parsed) => parsed,
            Err(error) => return Some(Err(error)),
        };
        let known = self.inner.cache.key(parsed.key)?;
        Some(open_known(&parsed, &known, subject, field))
    }

    /// Opens many, with few reads for all keys that are not in memory. One that does not open fails alone, unless its key
    /// was lost: whoever passed over it would lose it for good.
    ///
    /// # Errors
    /// [`Error::KeyLost`] and database errors.
    pub async fn open_many(&self, fields: &[SealedField<'_>]) -> Result<Vec<Result<Opened, Error>>, Error> {
        let parsed: Vec<Result<Sealed<'_>, Error>> =
            fields.iter().map(|field| Sealed::parse(field.sealed)).collect();
        let ids: BTreeSet<&str> = parsed.iter().flatten().map(|sealed| sealed.key).collect();
        let mut known = HashMap::new();
        let mut missing = Vec::new();
        for id in ids {
            match self.inner.cache.key(id) {
                Some(found) => drop(known.insert(id, found)),
                None => missing.push(id),
            }
        }
        known.extend(missing.iter().copied().zip(self.inner.load(&missing).await?));
        if let Some((key, _)) = known.iter().find(|(_, known)| matches!(known, Known::Lost)) {
            return Err(Error::KeyLost { key: (*key).to_owned() });
        }
        let open = |(sealed, field): (Result<Sealed<'_>, Error>, &SealedField<'_>)| {
            let sealed = sealed?;
            open_known(&sealed, &known[sealed.key], field.subject, field.field)
        };
        Ok(parsed.into_iter().zip(fields).map(open).collect())
    }
}

fn open_known(sealed: &Sealed<'_>, known: &Known, subject: &str, field: &str) -> Result<Opened, Error> {
    match known {
        Known::Gone => Ok(Opened::Gone),
        Known::Lost => Err(Error::KeyLost { key: sealed.key.into() }),
        Known::Key(key) => {
            let plain = sealed.open(&key.secret, subject, field)?;
            text_of(plain, sealed.key).map(Opened::Text)
        }
    }
}

fn text_of(plain: Zeroizing<Vec<u8>>, key: &str) -> Result<String, Error> {
    let text = std::str::from_utf8(&plain);
    text.map(String::from).map_err(|_| Error::Unopenable { key: key.into(), reason: "it holds no text" })
}

static KEYS_LOAD: Bulk = Bulk::new(
    "SELECT k.id, k.wrapped, k.tenant, k.kind, k.owner, t.number, t.wrapped AS outer_wrapped
     FROM keys k JOIN tenants t ON t.tenant = k.tenant WHERE k.id IN (",
    1,
    ") AND NOT EXISTS (SELECT 1 FROM destroyed d WHERE d.id = k.id)
     AND NOT EXISTS (SELECT 1 FROM erased e WHERE e.tenant = k.tenant AND e.kind = k.kind AND e.owner = k.owner)",
);

impl Inner {
    /// What the register knows of these keys, in their order. Key and tenant key come from one statement, so
    /// that a rotation in between cannot part them.
    async fn load(&self, ids: &[&str]) -> Result<Vec<Known>, Error> {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let epoch = self.cache.epoch();
        let mut connection =
            self.store.reads().acquire().await.map_err(Error::database("open the key register"))?;
        let found = self.load_from(&mut connection, ids).await?;
        let found: HashMap<&str, &Arc<DataKey>> = found.iter().map(|key| (&*key.id, key)).collect();
        let missing: Vec<&str> = ids.iter().filter(|id| !found.contains_key(**id)).copied().collect();
        let lost = lost::among(&mut connection, &missing).await?;
        let known = |id: &&str| {
            let known = match found.get(id) {
                Some(key) => Known::Key(Arc::clone(key)),
                None if lost.contains(*id) => return Known::Lost,
                None => Known::Gone,
            };
            self.cache.put_key(epoch, id, known.clone());
            known
        };
        Ok(ids.iter().map(known).collect())
    }

    async fn load_from(
        &self,
        connection: &mut AnyConnection,
        ids: &[&str],
    ) -> Result<Vec<Arc<DataKey>>, Error> {
        let rows = KEYS_LOAD.fetch(connection, ids, |query, id| query.bind((*id).to_owned())).await?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in &rows {
            let failed = || Error::database("read keys");
            let text = |place: usize| row.try_get::<String, _>(place).map_err(failed());
            let (id, tenant) = (text(0)?, text(2)?);
            let number: i64 = row.try_get(5).map_err(failed())?;
            let wrapped: Vec<u8> = row.try_get(1).map_err(failed())?;
            let outer: Vec<u8> = row.try_get(6).map_err(failed())?;
            let outer = register::unwrap(&self.master, &outer, &register::tenant_purpose(&tenant, number))?;
            let secret = register::unwrap(&outer, &wrapped, &register::key_purpose(&id))?;
            let owner = Owner { kind: OwnerKind::parse(&text(3)?)?, id: text(4)?.into() };
            keys.push(Arc::new(DataKey { id: id.into(), tenant: tenant.into(), owner, secret }));
        }
        Ok(keys)
    }
}
