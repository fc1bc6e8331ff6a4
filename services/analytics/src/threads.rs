//! The conversations behind a figure, page by page.

use crate::cursor::Cursor;
use crate::definition::Definition;
use crate::question::{FILTER, Filter, Refusal, text};
use proto::v1::{CountedConversation, HandoverReason, Metric, ThreadsResponse};
use spine::Error;
use spine::db::Store;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

/// Rows that are asked for beyond a page, to see whether another follows. With handovers the first conversation
/// may have been listed to its last reason already.
const BEYOND: i64 = 2;

/// What is listed.
pub(crate) struct List<'a> {
    pub(crate) definition: &'a Definition,
    /// Unspecified for all reasons.
    pub(crate) reason: HandoverReason,
    pub(crate) after: Cursor,
    pub(crate) page_size: u32,
}

/// One page, by time of opening.
///
/// # Errors
/// Database errors.
pub(crate) async fn list(
    store: &Store,
    filter: &Filter,
    list: &List<'_>,
) -> Result<ThreadsResponse, Refusal> {
    let of_reasons = list.definition.metric == Metric::Handovers;
    let query = filter.bind(sqlx::query(AssertSqlSafe(sql(list.definition, of_reasons))), list.after.at);
    let mut query = query
        .bind(list.after.at)
        .bind(&list.after.thread)
        .bind(list.after.n)
        .bind(i64::from(list.page_size) + BEYOND);
    if of_reasons {
        query = query.bind(list.after.reason).bind(i32::from(list.reason));
    }
    let mut rows = query.fetch_all(store.reads()).await.map_err(Error::database("list conversations"))?;
    let is_last = rows.len() <= list.page_size as usize;
    rows.truncate(list.page_size as usize);
    let next = rows.last().filter(|_| !is_last).map(|row| place(row).token());
    Ok(ThreadsResponse {
        conversations: rows.iter().map(|row| counted(row, list.definition)).collect(),
        next_page_token: next.unwrap_or_default(),
    })
}

fn sql(definition: &Definition, of_reasons: bool) -> String {
    let condition = definition.condition;
    if of_reasons {
        // A conversation is listed under each of its reasons. It has one at least, so as many conversations as
        // a page has rows are enough, and they come in the order of their index.
        return format!(
            "SELECT opened_at, thread, n, reason, account, channel FROM
             (SELECT opened_at, thread, n, account, channel, handover_reasons FROM conversations
              WHERE {FILTER} AND {condition} AND (opened_at, thread, n) >= ($6, $7, $8)
              AND ($11 = 0 OR (handover_reasons & (1 << $11)) <> 0)
              ORDER BY opened_at, thread, n LIMIT $9) AS listed
             CROSS JOIN (SELECT 1 AS reason UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
              UNION ALL SELECT 5) AS reasons
             WHERE (handover_reasons & (1 << reason)) <> 0 AND ($11 = 0 OR reason = $11)
             AND (opened_at, thread, n, reason) > ($6, $7, $8, $10)
             ORDER BY opened_at, thread, n, reason LIMIT $9"
        );
    }
    let value = definition.value.map(|value| format!(", {value}")).unwrap_or_default();
    format!(
        "SELECT opened_at, thread, n, 0, account, channel{value} FROM conversations
         WHERE {FILTER} AND {condition} AND (opened_at, thread, n) > ($6, $7, $8)
         ORDER BY opened_at, thread, n LIMIT $9"
    )
}

fn place(row: &AnyRow) -> Cursor {
    Cursor { at: row.get(0), thread: row.get(1), n: row.get(2), reason: row.get(3) }
}

fn counted(row: &AnyRow, definition: &Definition) -> CountedConversation {
    let Cursor { at, thread, n, reason } = place(row);
    CountedConversation {
        thread,
        conversation: u32::try_from(n).unwrap_or(u32::MAX),
        account: text(row, 4),
        channel: text(row, 5),
        at_us: at,
        value_ms: definition.value.and_then(|_| row.get(6)),
        reason,
    }
}
