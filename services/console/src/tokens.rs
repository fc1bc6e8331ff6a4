//! API tokens: who they are for, and the proof that a caller holds one. Kept as hashes in a state store.

use crate::access::Role;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore;
use sha2::{Digest, Sha256};
use spine::Error;
use spine::db::{Migration, Store};
use sqlx::Row;
use sqlx::any::AnyRow;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// The steps of the store's tables; open it with `database.state("console", &MIGRATIONS)`.
pub const MIGRATIONS: [Migration; 1] = [Migration::portable(
    1,
    "CREATE TABLE tokens (id TEXT PRIMARY KEY, hash BLOB NOT NULL, role TEXT NOT NULL, tenant TEXT NOT NULL,
     agent TEXT, name TEXT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT, revoked_at BIGINT)",
)];

/// What every token begins with, so that a leaked one is recognised.
pub const PREFIX: &str = "trib_";

const SECRET_BYTES: usize = 32;

/// What a token is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    pub role: Role,
    pub tenant: String,
    /// The agent who answers with it; needed for the role agent.
    pub agent: Option<Uuid>,
    /// A word by which people know it.
    pub name: String,
    /// Microseconds since the Unix epoch; none for a token that does not expire.
    pub expires_at: Option<i64>,
}

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub id: Uuid,
    pub role: Role,
    pub tenant: String,
    pub agent: Option<Uuid>,
    pub name: String,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

/// Makes a token; its text is shown this once and is nowhere stored.
///
/// # Errors
/// Database errors; when the machine gives no random bytes.
pub async fn create(store: &Store, new: &NewToken, now: i64) -> Result<(Token, String), Error> {
    let id = spine::new_id();
    let mut secret = [0_u8; SECRET_BYTES];
    rand::rngs::OsRng
        .try_fill_bytes(&mut secret)
        .map_err(|error| Error::Other(format!("the machine gives no random bytes: {error}")))?;
    let text = format!("{PREFIX}{}_{}", id.simple(), URL_SAFE_NO_PAD.encode(secret));
    sqlx::query(
        "INSERT INTO tokens (id, hash, role, tenant, agent, name, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id.to_string())
    .bind(hash(&text).to_vec())
    .bind(new.role.as_str())
    .bind(new.tenant.as_str())
    .bind(new.agent.map(|agent| agent.to_string()))
    .bind(new.name.as_str())
    .bind(now)
    .bind(new.expires_at)
    .execute(store.write())
    .await
    .map_err(Error::database("create a token"))?;
    let NewToken { role, tenant, agent, name, expires_at } = new.clone();
    Ok((Token { id, role, tenant, agent, name, created_at: now, expires_at, revoked_at: None }, text))
}

/// All tokens of a tenant, revoked and expired ones too, oldest first.
///
/// # Errors
/// Database errors.
pub async fn list(store: &Store, tenant: &str) -> Result<Vec<Token>, Error> {
    let rows = sqlx::query(
        "SELECT id, role, tenant, agent, name, created_at, expires_at, revoked_at FROM tokens
         WHERE tenant = $1 ORDER BY created_at, id",
    )
    .bind(tenant)
    .fetch_all(store.reads())
    .await
    .map_err(Error::database("list tokens"))?;
    rows.iter().map(token).collect()
}

/// Ends a token at once; again changes nothing. False when there is none with this id.
///
/// # Errors
/// Database errors.
pub async fn revoke(store: &Store, id: Uuid, now: i64) -> Result<bool, Error> {
    let done = sqlx::query("UPDATE tokens SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1")
        .bind(id.to_string())
        .bind(now)
        .execute(store.write())
        .await
        .map_err(Error::database("revoke a token"))?;
    Ok(done.rows_affected() == 1)
}

/// The token whose text this is, unless it is wrong, revoked or expired at `now`. Compared in constant time.
///
/// # Errors
/// Database errors.
pub async fn verify(store: &Store, text: &str, now: i64) -> Result<Option<Token>, Error> {
    let Some(id) = id_of(text) else { return Ok(None) };
    let row = sqlx::query(
        "SELECT id, role, tenant, agent, name, created_at, expires_at, revoked_at, hash FROM tokens
         WHERE id = $1",
    )
    .bind(id.to_string())
    .fetch_optional(store.reads())
    .await
    .map_err(Error::database("verify a token"))?;
    let Some(row) = row else { return Ok(None) };
    let known: Vec<u8> = row.try_get(8).map_err(Error::database("verify a token"))?;
    let same: bool = hash(text).as_slice().ct_eq(&known).into();
    let token = token(&row)?;
    let valid = token.revoked_at.is_none() && token.expires_at.is_none_or(|end| now < end);
    Ok((same && valid).then_some(token))
}

/// Whether the token with this id still opens anything at `now`, for who showed it before.
///
/// # Errors
/// Database errors.
pub async fn holds(store: &Store, id: Uuid, now: i64) -> Result<bool, Error> {
    let row = sqlx::query(
        "SELECT id FROM tokens WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
    )
    .bind(id.to_string())
    .bind(now)
    .fetch_optional(store.reads())
    .await
    .map_err(Error::database("look a token up again"))?;
    Ok(row.is_some())
}

fn id_of(text: &str) -> Option<Uuid> {
    let (id, _) = text.strip_prefix(PREFIX)?.split_once('_')?;
    Uuid::try_parse(id).ok()
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn token(row: &AnyRow) -> Result<Token, Error> {
    let read = || -> Result<Token, sqlx::Error> {
        let wrong = |error: String| sqlx::Error::Decode(error.into());
        let id = |text: String| Uuid::try_parse(&text).map_err(|error| wrong(error.to_string()));
        let role: String = row.try_get(1)?;
        Ok(Token {
            id: id(row.try_get(0)?)?,
            role: role.parse().map_err(|error: crate::access::NoRole| wrong(error.to_string()))?,
            tenant: row.try_get(2)?,
            agent: row.try_get::<Option<String>, _>(3)?.map(id).transpose()?,
            name: row.try_get(4)?,
            created_at: row.try_get(5)?,
            expires_at: row.try_get(6)?,
            revoked_at: row.try_get(7)?,
        })
    };
    read().map_err(Error::database("read a token"))
}
