//! The table of facts: its definition, the bulk read at a batch's beginning and the bulk write at its end.

use crate::facts::{Facts, FirstReply, Place};
use crate::fold::{Key, ThreadKey};
use spine::Error;
use spine::db::{AnyQuery, Bulk, ModelSpec};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

const SCHEMA: [&str; 4] = [
    directory::SCHEMA[0],
    directory::SCHEMA[1],
    // A row without `opened_at` holds what was read before its opening was; no figure counts it.
    "CREATE TABLE conversations (tenant TEXT NOT NULL, thread TEXT NOT NULL, n BIGINT NOT NULL,
     account TEXT, channel TEXT, opened_at BIGINT, opened_by TEXT, first_received_at BIGINT,
     messages_in BIGINT NOT NULL, replies_ai BIGINT NOT NULL, replies_person BIGINT NOT NULL,
     first_reply_at BIGINT, first_reply_by TEXT, first_response_ms BIGINT, unsent TEXT, queued_at BIGINT,
     waiting_ms BIGINT, handovers BIGINT NOT NULL, handover_reasons INTEGER NOT NULL, person INTEGER NOT NULL,
     closed_at BIGINT, closed_by TEXT, lead INTEGER NOT NULL, erased INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (tenant, thread, n))",
    "CREATE INDEX conversations_opened ON conversations (tenant, opened_at, thread, n)",
];

/// What this service keeps in the database.
pub const STORES: &[spine::db::Wanted] = &[spine::db::Wanted::Model(MODEL)];

/// The read model of this release.
pub(crate) const MODEL: ModelSpec = ModelSpec { name: crate::READER, version: 1, schema: &SCHEMA };

/// The columns that change after the opening, in the order in which they are bound and read.
macro_rules! facts {
    () => {
        "first_received_at, messages_in, replies_ai, replies_person, first_reply_at, first_reply_by, \
         first_response_ms, unsent, queued_at, waiting_ms, handovers, handover_reasons, person, closed_at, \
         closed_by, lead"
    };
}

macro_rules! set_facts {
    () => {
        "ON CONFLICT (tenant, thread, n) DO UPDATE SET first_received_at = excluded.first_received_at, \
         messages_in = excluded.messages_in, replies_ai = excluded.replies_ai, \
         replies_person = excluded.replies_person, first_reply_at = excluded.first_reply_at, \
         first_reply_by = excluded.first_reply_by, first_response_ms = excluded.first_response_ms, \
         unsent = excluded.unsent, queued_at = excluded.queued_at, waiting_ms = excluded.waiting_ms, \
         handovers = excluded.handovers, handover_reasons = excluded.handover_reasons, \
         person = excluded.person, closed_at = excluded.closed_at, closed_by = excluded.closed_by, \
         lead = excluded.lead"
    };
}

/// Values of one conversation: its key and its facts.
const FACTS: usize = 3 + 16;

macro_rules! find {
    ($condition:literal) => {
        concat!(
            "SELECT tenant, thread, n, ",
            facts!(),
            ", account, channel FROM conversations WHERE ",
            $condition
        )
    };
}

macro_rules! by_key {
    () => {
        find!("(tenant, thread, n) IN (")
    };
}

macro_rules! unsent {
    () => {
        find!("unsent IS NOT NULL AND (tenant, thread) IN (")
    };
}

static FIND: Bulk = Bulk::new(by_key!(), 3, ")");
static FIND_UNSENT: Bulk = Bulk::new(unsent!(), 2, ")");
/// For what did not open in this batch: it leaves the columns of the index alone, so the index is not written.
static CHANGE: Bulk =
    Bulk::new(concat!("INSERT INTO conversations (tenant, thread, n, ", facts!(), ")"), FACTS, set_facts!());
static OPEN: Bulk = Bulk::new(
    concat!(
        "INSERT INTO conversations (tenant, thread, n, ",
        facts!(),
        ", account, channel, opened_at, opened_by)"
    ),
    FACTS + 4,
    concat!(
        set_facts!(),
        ", account = excluded.account, channel = excluded.channel, opened_at = excluded.opened_at, \
         opened_by = excluded.opened_by"
    ),
);
macro_rules! erase {
    () => {
        "UPDATE conversations SET erased = 1, unsent = NULL WHERE (tenant, thread) IN ("
    };
}

/// What happened still counts; what was still expected of the person is dropped.
static ERASE: Bulk = Bulk::new(erase!(), 2, ")");

/// A conversation as the table has it.
pub(crate) struct Found {
    pub(crate) key: Key,
    pub(crate) place: Option<Place>,
    /// Without the opening, which is never read back.
    pub(crate) facts: Facts,
}

/// Those of `conversations` that are in the table, and those of `threads` in which an answer may still become
/// the first.
///
/// # Errors
/// Database errors.
pub(crate) async fn find(
    tx: &mut AnyConnection,
    conversations: &[Key],
    threads: &[ThreadKey],
) -> Result<Vec<Found>, Error> {
    let mut rows = FIND.fetch(tx, conversations, bind_key).await?;
    rows.extend(FIND_UNSENT.fetch(tx, threads, bind_thread).await?);
    rows.iter().map(read).collect()
}

/// Writes what a batch made of the conversations.
///
/// # Errors
/// Database errors.
pub(crate) async fn write(
    tx: &mut AnyConnection,
    changed: &[(Key, Facts)],
    erased: &[ThreadKey],
) -> Result<(), Error> {
    let rows = changed.iter().map(Written::of).collect::<Result<Vec<_>, _>>()?;
    let (opened, kept): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.facts.opening.is_some());
    OPEN.write(tx, &opened, |query, row| {
        let opening = row.facts.opening.as_ref().expect("these were chosen by it");
        let place = opening.place.as_ref();
        row.bind(query)
            .bind(place.map(|place| place.account.clone()))
            .bind(place.map(|place| place.channel.clone()))
            .bind(opening.at)
            .bind(opening.by)
    })
    .await?;
    CHANGE.write(tx, &kept, |query, row| row.bind(query)).await?;
    ERASE.write(tx, erased, bind_thread).await?;
    Ok(())
}

/// A row as it is bound.
struct Written<'a> {
    key: &'a Key,
    facts: &'a Facts,
    /// As JSON; none when nothing waits to be sent.
    unsent: Option<String>,
}

impl<'a> Written<'a> {
    fn of((key, facts): &'a (Key, Facts)) -> Result<Self, Error> {
        let unsent = match facts.unsent.as_slice() {
            [] => None,
            unsent => Some(serde_json::to_string(unsent).map_err(Error::Unwritable)?),
        };
        Ok(Self { key, facts, unsent })
    }

    fn bind(&self, query: AnyQuery) -> AnyQuery {
        bind_facts(bind_key(query, self.key), self.facts, self.unsent.clone())
    }
}

fn bind_key(query: AnyQuery, key: &Key) -> AnyQuery {
    query.bind(key.tenant.to_string()).bind(key.thread.to_string()).bind(i64::from(key.n))
}

fn bind_thread(query: AnyQuery, (tenant, thread): &ThreadKey) -> AnyQuery {
    query.bind(tenant.to_string()).bind(thread.to_string())
}

fn bind_facts(query: AnyQuery, facts: &Facts, unsent: Option<String>) -> AnyQuery {
    let first_reply = facts.first_reply.as_ref();
    query
        .bind(facts.first_received_at)
        .bind(facts.messages_in)
        .bind(facts.replies_ai)
        .bind(facts.replies_person)
        .bind(first_reply.map(|reply| reply.at))
        .bind(first_reply.map(|reply| reply.by.clone()))
        .bind(first_reply.map(|reply| reply.response_ms))
        .bind(unsent)
        .bind(facts.queued_at)
        .bind(facts.waiting_ms)
        .bind(facts.handovers)
        .bind(facts.handover_reasons)
        .bind(i32::from(facts.person))
        .bind(facts.closed_at)
        .bind(facts.closed_by.clone())
        .bind(i32::from(facts.lead))
}

fn read(row: &AnyRow) -> Result<Found, Error> {
    let failed = || Error::database("read a conversation");
    let unsent: Option<String> = row.try_get(10).map_err(failed())?;
    let unsent = unsent.map_or_else(|| Ok(Vec::new()), |text| serde_json::from_str(&text));
    let broken = |error| Error::Other(format!("a row of the conversations is broken: {error}"));
    let (tenant, thread): (String, String) = (row.get(0), row.get(1));
    let first_reply = match (row.get(7), row.get(8), row.get(9)) {
        (Some(at), Some(by), Some(response_ms)) => Some(FirstReply { at, by, response_ms }),
        _ => None,
    };
    let place = match (row.get(19), row.get(20)) {
        (Some(account), Some(channel)) => Some(Place { account, channel }),
        _ => None,
    };
    let facts = Facts {
        opening: None,
        first_received_at: row.get(3),
        messages_in: row.get(4),
        replies_ai: row.get(5),
        replies_person: row.get(6),
        first_reply,
        unsent: unsent.map_err(broken)?,
        queued_at: row.get(11),
        waiting_ms: row.get(12),
        handovers: row.get(13),
        handover_reasons: row.get(14),
        person: row.get::<i32, _>(15) != 0,
        closed_at: row.get(16),
        closed_by: row.get(17),
        lead: row.get::<i32, _>(18) != 0,
    };
    let n = u32::try_from(row.get::<i64, _>(2)).unwrap_or(u32::MAX);
    Ok(Found { key: Key { tenant: tenant.into(), thread: thread.into(), n }, place, facts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use spine::db::Backend;
    use sqlx::{Connection, Executor};

    /// How SQLite would run a statement over two rows.
    async fn plan(bulk: &'static Bulk, columns: usize) -> String {
        sqlx::any::install_default_drivers();
        let mut memory = AnyConnection::connect("sqlite::memory:").await.unwrap();
        for text in SCHEMA {
            memory.execute(Backend::Sqlite.ddl(text).map(sqlx::AssertSqlSafe).unwrap()).await.unwrap();
        }
        let bind = |query: AnyQuery, _: &()| (0..columns).fold(query, |query, _| query.bind("a"));
        let rows = bulk.fetch(&mut memory, &[(), (), (), ()], bind).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>(3) + "\n").collect()
    }

    #[tokio::test]
    async fn no_statement_of_a_batch_reads_the_whole_table() {
        static EXPLAIN_FIND: Bulk = Bulk::new(concat!("EXPLAIN QUERY PLAN ", by_key!()), 3, ")");
        static EXPLAIN_UNSENT: Bulk = Bulk::new(concat!("EXPLAIN QUERY PLAN ", unsent!()), 2, ")");
        static EXPLAIN_ERASE: Bulk = Bulk::new(concat!("EXPLAIN QUERY PLAN ", erase!()), 2, ")");
        for (bulk, columns) in [(&EXPLAIN_FIND, 3), (&EXPLAIN_UNSENT, 2), (&EXPLAIN_ERASE, 2)] {
            let plan = plan(bulk, columns).await;
            assert!(plan.contains("(tenant=? AND thread=?"), "{plan}");
        }
    }
}
