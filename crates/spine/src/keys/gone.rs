//! Contacts of erased people, for as long as the journal may hold what they sent before: decided late, it must not make a
//! new person of them.

use super::cache::ThreadName;
use super::commit::Want;
use super::names::Owner;
use crate::address::{PARTS, part_of};
use crate::db::{AnyQuery, Bulk};
use crate::error::Error;
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

/// A request that came so long after the erasure is another's whatever its sequence: a journal that was put back or made anew
/// counts once more what it counted before. Longer than clocks are wrong.
const CLOCKS_WRONG_US_MAX: i64 = 24 * 3_600_000_000;

/// An erased thread, and which requests may be of its person.
struct Gone {
    thread: Uuid,
    until: u64,
    at: i64,
}

/// The erased threads of contacts.
pub(super) struct GoneContacts(HashMap<ThreadName, Gone>);

impl GoneContacts {
    /// Those of the contacts from whose requests threads are wanted.
    pub(super) async fn among(tx: &mut AnyConnection, wants: &[&Want]) -> Result<Self, Error> {
        let names = wants.iter().filter_map(|want| match want {
            Want::Thread { name, journalled: Some(_), .. } => Some(name),
            _ => None,
        });
        let names: Vec<&ThreadName> = names.collect();
        let bind = |query: AnyQuery, name: &&ThreadName| {
            query.bind(name.0.to_string()).bind(name.1.to_string()).bind(name.2.to_string())
        };
        let rows = FIND.fetch(tx, &names, bind).await?;
        let read = |row: &AnyRow| {
            let text = |place: usize| row.try_get::<String, _>(place).map(Arc::<str>::from);
            let until = u64::try_from(row.try_get::<i64, _>(4)?).unwrap_or(0);
            let gone = Gone { thread: super::thread::parse(&text(3)?)?, until, at: row.try_get(5)? };
            Ok(((text(0)?, text(1)?, text(2)?), gone))
        };
        let found: Result<_, sqlx::Error> = rows.iter().map(read).collect();
        found.map(Self).map_err(Error::database("read contacts of erased people"))
    }

    /// The erased thread, if what the caller wants a thread for was sent before the erasure.
    pub(super) fn thread(&self, want: &Want) -> Option<Uuid> {
        let Want::Thread { name, journalled: Some(request), .. } = want else { return None };
        let gone = self.0.get(name)?;
        let is_before = request.sequence <= gone.until
            && request.received_at.saturating_sub(gone.at) <= CLOCKS_WRONG_US_MAX;
        is_before.then_some(gone.thread)
    }
}

/// Keeps the contacts of threads that are about to be erased; `ends` are those of the journal's parts.
pub(super) async fn keep(
    tx: &mut AnyConnection,
    tenant: &str,
    threads: &[&Owner],
    (ends, at): (&[u64; PARTS as usize], i64),
) -> Result<(), Error> {
    let bind = |query: AnyQuery, owner: &&Owner| query.bind(tenant.to_owned()).bind(owner.id.to_string());
    let rows = LEAVING.fetch(tx, threads, bind).await?;
    let text = |row: &AnyRow, place: usize| row.try_get::<String, _>(place);
    let read = |row: &AnyRow| Ok([text(row, 0)?, text(row, 1)?, text(row, 2)?]);
    let leaving: Result<Vec<[String; 3]>, sqlx::Error> = rows.iter().map(read).collect();
    let leaving = leaving.map_err(Error::database("read contacts of erased people"))?;
    let kept = KEEP.write(tx, &leaving, |query, [account, token, thread]| {
        let until = ends[usize::from(part_of(tenant, account))];
        let query = query.bind(tenant.to_owned()).bind(account.clone()).bind(token.clone());
        query.bind(thread.clone()).bind(i64::try_from(until).unwrap_or(i64::MAX)).bind(at)
    });
    kept.await.map(|_| ())
}
