//! Contacts of erased people, for as long as the journal may hold what they sent before: decided late, it must not make a
//! new person of them.

use super::add::bind_name;
use super::cache::ThreadName;
use super::commit::Want;
use super::names::Owner;
use super::thread::{Request, parse};
use crate::db::{AnyQuery, Bulk, Store};
use crate::error::Error;
use crate::journal::JournalEnds;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// `until` is the last request of the journal's part when the person was erased.
pub(super) const SCHEMA: &str =
    "CREATE TABLE gone (tenant TEXT NOT NULL, account TEXT NOT NULL, token TEXT NOT NULL,
     thread TEXT NOT NULL, until BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (tenant, account, token));
     CREATE INDEX gone_at ON gone (at)";

static LEAVING: Bulk =
    Bulk::new("SELECT account, token, thread FROM threads WHERE (tenant, thread) IN (", 2, ")");
static KEEP: Bulk = Bulk::new(
    "INSERT INTO gone (tenant, account, token, thread, until, at)",
    6,
    "ON CONFLICT (tenant, account, token) DO UPDATE
     SET thread = excluded.thread, until = excluded.until, at = excluded.at",
);
static FIND: Bulk = Bulk::new(
    "SELECT tenant, account, token, thread, until, at FROM gone WHERE (tenant, account, token) IN (",
    3,
    ")",
);

/// One contact's erased thread and the one that lives.
const FIND_ONE: &str = "SELECT thread, until, at, CAST(0 AS BIGINT) FROM gone
     WHERE tenant = $1 AND account = $2 AND token = $3
     UNION ALL SELECT thread, CAST(0 AS BIGINT), CAST(0 AS BIGINT), CAST(1 AS BIGINT) FROM threads
     WHERE tenant = $1 AND account = $2 AND token = $3";

/// A request that came so long after the erasure is another's whatever its sequence: a journal that was put back or made anew
/// counts once more what it counted before. Longer than clocks are wrong.
const CLOCKS_WRONG_US_MAX: i64 = 24 * 3_600_000_000;

/// An erased thread, and which requests may be of its person.
pub(super) struct Gone {
    thread: Uuid,
    until: u64,
    at: i64,
}

impl Gone {
    /// The erased thread, if the request was sent before the erasure.
    pub(super) fn thread_of(&self, journalled: Option<Request>) -> Option<Uuid> {
        let request = journalled?;
        let is_before = request.sequence <= self.until
            && request.received_at.saturating_sub(self.at) <= CLOCKS_WRONG_US_MAX;
        is_before.then_some(self.thread)
    }
}

/// The erased threads of contacts.
pub(super) struct GoneContacts(HashMap<ThreadName, Gone>);

impl GoneContacts {
    /// Those of the contacts for whom threads are wanted.
    pub(super) async fn among(tx: &mut AnyConnection, wants: &[&Want]) -> Result<Self, Error> {
        let names = wants.iter().filter_map(|want| match want {
            Want::Thread { name, .. } => Some(name),
            Want::Key(_) => None,
        });
        let names: Vec<&ThreadName> = names.collect();
        let rows = FIND.fetch(tx, &names, |query, name| bind_name(query, name)).await?;
        let read = |row: &AnyRow| {
            let text = |place: usize| row.try_get::<String, _>(place).map(Arc::<str>::from);
            Ok(((text(0)?, text(1)?, text(2)?), read_gone(row, 3)?))
        };
        let found: Result<_, sqlx::Error> = rows.iter().map(read).collect();
        found.map(Self).map_err(Error::database("read contacts of erased people"))
    }

    /// The erased thread, if what the caller wants a thread for was sent before the erasure.
    pub(super) fn thread(&self, want: &Want) -> Option<Uuid> {
        let Want::Thread { name, journalled, .. } = want else { return None };
        self.0.get(name)?.thread_of(*journalled)
    }

    /// Whether somebody was erased here whose requests may still come.
    pub(super) fn has(&self, want: &Want) -> bool {
        matches!(want, Want::Thread { name, .. } if self.0.contains_key(name))
    }
}

fn read_gone(row: &AnyRow, from: usize) -> Result<Gone, sqlx::Error> {
    let thread = parse(&row.try_get::<String, _>(from)?)?;
    let until = u64::try_from(row.try_get::<i64, _>(from + 1)?).unwrap_or(0);
    Ok(Gone { thread, until, at: row.try_get(from + 2)? })
}

/// The contact's thread, and their erased one.
pub(super) async fn find(store: &Store, name: &ThreadName) -> Result<(Option<Uuid>, Option<Gone>), Error> {
    let rows = sqlx::query(FIND_ONE)
        .bind(name.0.to_string())
        .bind(name.1.to_string())
        .bind(name.2.to_string())
        .fetch_all(store.reads())
        .await;
    let read = |row: &AnyRow| {
        let lives: i64 = row.try_get(3)?;
        Ok((lives == 1, read_gone(row, 0)?))
    };
    let found: Result<Vec<(bool, Gone)>, sqlx::Error> = rows.and_then(|rows| rows.iter().map(read).collect());
    let (mut thread, mut gone) = (None, None);
    for (lives, row) in found.map_err(Error::database("find a thread"))? {
        match lives {
            true => thread = Some(row.thread),
            false => gone = Some(row),
        }
    }
    Ok((thread, gone))
}

/// Keeps the contacts of threads that are about to be erased; `ends` are those of the journal's parts.
pub(super) async fn keep(
    tx: &mut AnyConnection,
    tenant: &str,
    threads: &[&Owner],
    ends: &JournalEnds,
    at: i64,
) -> Result<(), Error> {
    let bind = |query: AnyQuery, owner: &&Owner| query.bind(tenant.to_owned()).bind(owner.id.to_string());
    let rows = LEAVING.fetch(tx, threads, bind).await?;
    let text = |row: &AnyRow, place: usize| row.try_get::<String, _>(place);
    let read = |row: &AnyRow| Ok([text(row, 0)?, text(row, 1)?, text(row, 2)?]);
    let leaving: Result<Vec<[String; 3]>, sqlx::Error> = rows.iter().map(read).collect();
    let leaving = leaving.map_err(Error::database("read contacts of erased people"))?;
    let kept = KEEP.write(tx, &leaving, |query, [account, token, thread]| {
        let until = ends.of(tenant, account);
        let query = query.bind(tenant.to_owned()).bind(account.clone()).bind(token.clone());
        query.bind(thread.clone()).bind(i64::try_from(until).unwrap_or(i64::MAX)).bind(at)
    });
    kept.await.map(|_| ())
}

/// Forgets contacts whose erasures were before `before`.
pub(super) async fn forget(tx: &mut AnyConnection, before: i64) -> Result<(), Error> {
    let deleted = sqlx::query("DELETE FROM gone WHERE at < $1").bind(before).execute(tx).await;
    deleted.map(|_| ()).map_err(Error::database("forget contacts of erased people"))
}
