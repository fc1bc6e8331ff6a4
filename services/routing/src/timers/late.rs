//! Finding what is late. The first row of a tenant in a part tells whether any can be late there, so that only
//! where something is late rows are read. Parts that another replica reads are not looked at: theirs may be many,
//! and wait for that one.

use super::{AWAY_GRACE_US, OFFLINE_GRACE_US};
use crate::model::table::{maybe_uuid, number, uuid};
use events::Micros;
use events::tenant::Settings;
use spine::Error;
use spine::db::Store;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

/// A thread whose time has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Late {
    pub(crate) tenant: String,
    pub(crate) thread: Uuid,
    pub(crate) n: u32,
    pub(crate) tenure: u32,
    pub(crate) account: Uuid,
    /// The queue in which the conversation waited before; empty when it never did.
    pub(crate) queue: String,
    /// The message that is unanswered.
    pub(crate) message: Option<Uuid>,
    pub(crate) settings: Settings,
}

/// What is asked of one column of times; a macro, so that the statements stay texts that are known beforehand.
macro_rules! column {
    ($at:literal, $wait_ms:expr) => {
        Column {
            // A step from tenant to tenant through the index: as many steps as tenants, however many rows.
            first: concat!(
                "WITH RECURSIVE step (tenant) AS (SELECT MIN(tenant) FROM threads WHERE part = $1 AND ",
                $at,
                " IS NOT NULL UNION ALL SELECT (SELECT MIN(t.tenant) FROM threads t WHERE t.part = $1 AND t.",
                $at,
                " IS NOT NULL AND t.tenant > step.tenant) FROM step WHERE step.tenant IS NOT NULL)
                SELECT s.tenant, (SELECT MIN(t.",
                $at,
                ") FROM threads t WHERE t.",
                $at,
                " IS NOT NULL AND t.part = $1 AND t.tenant = s.tenant), c.settings
                FROM step s LEFT JOIN tenants c ON c.tenant = s.tenant WHERE s.tenant IS NOT NULL"
            ),
            rows: concat!(
                "SELECT thread, n, tenure, account, queue, answer_message FROM threads
                 WHERE part = $1 AND tenant = $2 AND ",
                $at,
                " IS NOT NULL AND ",
                $at,
                " <= $3 ORDER BY ",
                $at,
                " LIMIT $4"
            ),
            wait_ms: $wait_ms,
        }
    };
}

const ANSWERS: Column = column!("answer_at", |settings| settings.answer_deadline_ms);
const IDLE: Column = column!("idle_at", |settings| settings.idle_close_ms);

struct Column {
    /// The first time of each tenant in a part, with the tenant's settings.
    first: &'static str,
    rows: &'static str,
    wait_ms: fn(&Settings) -> u64,
}

/// Where and when to look.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) store: &'a Store,
    pub(crate) parts: &'a [u8],
    pub(crate) now: Micros,
    /// Rows at most: of one tenant in one part where times are looked for.
    pub(crate) count: usize,
}

/// What a look found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) late: Vec<Late>,
    /// When the first row is late that is not yet, if nothing is committed until then; none where that is not known.
    pub(crate) next: Option<Micros>,
}

impl Look<'_> {
    fn limit(&self) -> i64 {
        i64::try_from(self.count).unwrap_or(i64::MAX)
    }
}

/// Messages that were to be answered before now.
pub(crate) async fn answers(look: Look<'_>) -> Result<Found, Error> {
    find(look, &ANSWERS).await
}

/// Conversations in which nothing happened for longer than the tenant bears.
pub(crate) async fn idle(look: Look<'_>) -> Result<Found, Error> {
    find(look, &IDLE).await
}

async fn find(look: Look<'_>, column: &Column) -> Result<Found, Error> {
    let mut found = Found { late: Vec::new(), next: Some(Micros::MAX) };
    for part in look.parts {
        let next = find_in(look, *part, column, &mut found.late).await?;
        found.next = found.next.min(Some(next));
    }
    Ok(found)
}

/// Adds what is late in one part, and tells when the next of its rows is.
async fn find_in(look: Look<'_>, part: u8, column: &Column, late: &mut Vec<Late>) -> Result<Micros, Error> {
    let Look { store, now, .. } = look;
    let firsts = sqlx::query(column.first)
        .bind(i64::from(part))
        .fetch_all(store.reads())
        .await
        .map_err(Error::database("read what may be late"))?;
    let mut next = Micros::MAX;
    for row in firsts {
        let (tenant, first): (String, Micros) = (row.get(0), row.get(1));
        let settings = settings_of(row.get(2))?;
        let wait_us = Micros::try_from((column.wait_ms)(&settings)).unwrap_or(Micros::MAX / 2_000) * 1_000;
        let until = now.saturating_sub(wait_us);
        next = next.min(first.saturating_add(wait_us));
        if first > until {
            continue;
        }
        let rows = sqlx::query(column.rows)
            .bind(i64::from(part))
            .bind(tenant.clone())
            .bind(until)
            .bind(look.limit())
            .fetch_all(store.reads())
            .await
            .map_err(Error::database("read what is late"))?;
        for row in &rows {
            late.push(read(row, tenant.clone(), settings.clone())?);
        }
    }
    Ok(next)
}

/// Conversations whose agents left the team, or have been offline or away for longer than their grace. A
/// conversation taken meanwhile has its own grace.
pub(crate) async fn gone(look: Look<'_>) -> Result<Found, Error> {
    if look.parts.is_empty() {
        return Ok(Found::default());
    }
    let parts: Vec<String> = look.parts.iter().map(u8::to_string).collect();
    let text = format!(
        "SELECT t.thread, t.n, t.tenure, t.account, t.queue, t.answer_message, t.tenant
         FROM agents a JOIN threads t ON t.tenant = a.tenant AND t.agent = a.agent AND t.owner = 'agent'
         WHERE t.part IN ({}) AND (a.gone = 1 OR (a.presence = 'offline' AND a.since <= $1 AND t.since <= $1)
            OR (a.presence = 'away' AND a.since <= $2 AND t.since <= $2))
         ORDER BY t.since LIMIT $3",
        parts.join(",")
    );
    let rows = sqlx::query(AssertSqlSafe(text))
        .bind(look.now - OFFLINE_GRACE_US)
        .bind(look.now - AWAY_GRACE_US)
        .bind(look.limit())
        .fetch_all(look.store.reads())
        .await
        .map_err(Error::database("read whose agent is gone"))?;
    let late: Result<_, Error> = rows.iter().map(|row| read(row, row.get(6), Settings::default())).collect();
    Ok(Found { late: late?, next: None })
}

fn read(row: &AnyRow, tenant: String, settings: Settings) -> Result<Late, Error> {
    Ok(Late {
        tenant,
        thread: uuid(row, 0)?,
        n: number(row, 1),
        tenure: number(row, 2),
        account: uuid(row, 3)?,
        queue: row.get(4),
        message: maybe_uuid(row, 5)?,
        settings,
    })
}

/// A tenant that never chose has the defaults.
fn settings_of(stored: Option<String>) -> Result<Settings, Error> {
    let parse = |text: String| {
        serde_json::from_str(&text)
            .map_err(|error| Error::Other(format!("stored settings are broken: {error}")))
    };
    stored.map_or_else(|| Ok(Settings::default()), parse)
}
