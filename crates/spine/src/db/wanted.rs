//! What a release needs of its database: made by a provisioning, and looked for by whoever waits for one.

use super::catalog;
use super::connect::{Target, plain_url};
use super::migrate::newest_of;
use super::tables::hash_of;
use super::{Backend, Database, DatabaseSettings, Migration, ModelSpec, Slot};
use crate::error::Error;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use std::collections::BTreeSet;
use std::path::Path;

/// One store that a service keeps.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// A state store by its name, with its steps.
    State(&'static str, &'static [Migration]),
    /// A read model.
    Model(ModelSpec),
}

/// The stores of the spine itself: leases, and where kinds of effects begin.
pub fn own() -> [Wanted; 2] {
    [crate::lease::WANTED, crate::read::start::WANTED]
}

impl Database {
    /// Makes and migrates all of these. Again changes nothing.
    ///
    /// # Errors
    /// As [`Database::state`] and [`Database::live`].
    pub async fn prepare(&self, wanted: &[Wanted]) -> Result<(), Error> {
        for wanted in wanted {
            match wanted {
                Wanted::State(name, migrations) => drop(self.state(name, migrations).await?),
                Wanted::Model(spec) => drop(self.live(spec).await?),
            }
        }
        Ok(())
    }
}

/// What is missing of these and of the key register, in words. Looks beside whoever has the database open, and changes
/// nothing.
///
/// # Errors
/// When a database that is there does not answer.
pub async fn lacking(settings: &DatabaseSettings, wanted: &[Wanted]) -> Result<Vec<String>, Error> {
    sqlx::any::install_default_drivers();
    let mut found = Vec::new();
    let keys = look(settings, &Place::keys(settings), &Looked::State(&crate::keys::MIGRATIONS)).await?;
    found.extend(keys.map(|why| format!("the key register: {why}")));
    for wanted in wanted {
        let (name, why) = match wanted {
            Wanted::State(name, migrations) => {
                let place = Place::state(settings, name);
                (format!("the state {name}"), look(settings, &place, &Looked::State(migrations)).await?)
            }
            Wanted::Model(spec) => {
                (format!("the read model {}@{}", spec.name, spec.version), model(settings, spec).await?)
            }
        };
        found.extend(why.map(|why| format!("{name}: {why}")));
    }
    Ok(found)
}

/// The names of the read models that were ever made here, of whatever version. Looks as [`lacking`] does.
///
/// # Errors
/// When the database does not answer.
pub async fn models(settings: &DatabaseSettings) -> Result<BTreeSet<String>, Error> {
    sqlx::any::install_default_drivers();
    Ok(slots(settings).await?.into_iter().map(|(name, _)| name).collect())
}

/// Where a store is on this backend.
struct Place(Target);

impl Place {
    fn keys(settings: &DatabaseSettings) -> Self {
        Self(Target::keys(backend(settings), &settings.folder))
    }

    fn state(settings: &DatabaseSettings, name: &str) -> Self {
        Self(Target::state(backend(settings), &settings.folder, name))
    }
}

fn backend(settings: &DatabaseSettings) -> Backend {
    if settings.url.is_some() { Backend::Postgres } else { Backend::Sqlite }
}

enum Looked<'a> {
    State(&'a [Migration]),
    Model(String),
}

/// Any slot of the version will do: a new one fills beside the live one, and is switched to by whoever filled it.
async fn model(settings: &DatabaseSettings, spec: &ModelSpec) -> Result<Option<String>, Error> {
    let slots = slots(settings).await?;
    let newest = slots.iter().filter(|(name, slot)| name == spec.name && slot.version == spec.version).max();
    let Some((_, slot)) = newest else { return Ok(Some("it is missing".into())) };
    let place = match backend(settings) {
        Backend::Sqlite => Target::File(catalog::file_of(&settings.folder.join("models"), spec.name, *slot)),
        Backend::Postgres => Target::Schema(catalog::schema_of(spec.name, *slot)),
    };
    look(settings, &Place(place), &Looked::Model(hash_of(spec))).await
}

async fn slots(settings: &DatabaseSettings) -> Result<Vec<(String, Slot)>, Error> {
    let folder = settings.folder.join("models");
    match &settings.url {
        None if folder.is_dir() => catalog::slots_in(&folder),
        None => Ok(Vec::new()),
        Some(url) => {
            let mut connection = connect(url).await?;
            let listed = catalog::slots_of(&mut connection).await;
            let _closed = connection.close().await;
            listed
        }
    }
}

/// Why the store is not as it must be; none when it is.
async fn look(
    settings: &DatabaseSettings,
    Place(target): &Place,
    looked: &Looked<'_>,
) -> Result<Option<String>, Error> {
    let (url, prefix) = match (target, &settings.url) {
        (Target::File(path), _) if !path.exists() => return Ok(Some("it is missing".into())),
        (Target::File(path), _) => (read_only(path), String::new()),
        (Target::Schema(schema), Some(url)) => (url.clone(), format!("\"{schema}\".")),
        (Target::Schema(_), None) => return Ok(Some("it has no database".into())),
    };
    let mut connection = connect(&url).await?;
    let found = match looked {
        Looked::State(migrations) => version(&mut connection, &prefix).await.map(|found| {
            let (newest, found) = (i64::from(newest_of(migrations)), found.unwrap_or(0));
            (found < newest).then(|| format!("it is at step {found} of {newest}"))
        }),
        Looked::Model(hash) => {
            let text = format!("SELECT value FROM {prefix}about WHERE key = 'schema'");
            let made = sqlx::query_scalar::<_, String>(AssertSqlSafe(text)).fetch_optional(&mut connection);
            made.await.map(|made| {
                (made.as_ref() != Some(hash)).then(|| "its tables are not those of this release".into())
            })
        }
    };
    let _closed = connection.close().await;
    // A schema or table that is not there yet is missing; whatever else fails is told by those who open it.
    Ok(found.unwrap_or_else(|_| Some("it has no tables yet".into())))
}

/// The last step that a store has taken.
pub(crate) async fn version(
    connection: &mut AnyConnection,
    prefix: &str,
) -> Result<Option<i64>, sqlx::Error> {
    let text = format!("SELECT CAST(MAX(version) AS BIGINT) FROM {prefix}migrations");
    sqlx::query_scalar::<_, Option<i64>>(AssertSqlSafe(text)).fetch_one(connection).await
}

pub(super) async fn connect(url: &str) -> Result<AnyConnection, Error> {
    AnyConnection::connect(url).await.map_err(Error::database("connect to the database"))
}

/// The address of a SQLite file for reading alone.
pub(super) fn read_only(path: &Path) -> String {
    format!("{}?mode=ro", plain_url(&path.to_string_lossy()))
}
