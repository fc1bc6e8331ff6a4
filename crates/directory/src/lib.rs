//! Tenants and channel accounts, as every role projects them for itself: two tables and their copy in memory.
//!
//! A service's file or schema is private, so each role keeps its own; this crate is the one text of it.

pub mod fresh;
mod known;

pub use known::Directory;

use events::account::Setup;
use events::tenant::Settings;
use events::{AccountEvent, TenantEvent};
use laws::account::Account;
use laws::tenant::Tenant;
use spine::{Entity, Error, Recorded};
use sqlx::AnyConnection;
use std::sync::Arc;
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

/// The setting of an account that names the queue of its conversations.
pub const QUEUE_SETTING: &str = "queue";
/// The queue of an account that names none.
pub const QUEUE_DEFAULT: &str = "default";

const QUEUE_CHARS_MAX: usize = 40;

/// Whether the name can be a queue's: 1 to 40 letters, digits, dashes and underscores.
pub fn is_queue(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=QUEUE_CHARS_MAX).contains(&name.len()) && name.chars().all(allowed)
}

/// The queue in which conversations of an account wait.
pub fn queue_of(setup: Option<&Setup>) -> &str {
    let named = setup.and_then(|setup| setup.settings.get(QUEUE_SETTING));
    named.map(String::as_str).filter(|queue| !queue.is_empty()).unwrap_or(QUEUE_DEFAULT)
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
