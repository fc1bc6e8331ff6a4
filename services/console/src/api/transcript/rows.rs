//! The lines of a thread, from a place on, in the platform's order.

use super::line::SELECT;
use crate::refusal::Refusal;
use crate::state::App;
use serde::{Deserialize, Serialize};
use spine::Error;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

/// A line's place: platform time, platform order, sequence, place in the decision.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct End(i64, i64, i64, i32);

impl End {
    pub(super) fn of(row: &AnyRow) -> Self {
        Self(row.get("sort_at"), row.get("order_key"), row.get("sequence"), row.get("place"))
    }
}

/// Which lines.
pub(super) struct Wanted {
    pub(super) thread: Uuid,
    /// Of this conversation alone.
    pub(super) n: Option<i32>,
    pub(super) newest_first: bool,
    /// Those alone in which something is written.
    pub(super) written: bool,
}

/// At most `count` of them, those that come after `from`.
///
/// # Errors
/// Database errors.
pub(super) async fn read(
    app: &App,
    wanted: &Wanted,
    count: u32,
    from: Option<End>,
) -> Result<Vec<AnyRow>, Refusal> {
    let (than, order) = if wanted.newest_first { ("<", "DESC") } else { (">", "ASC") };
    let mut text = SELECT.to_owned();
    if wanted.written {
        text.push_str(" AND (t.text IS NOT NULL OR a.text IS NOT NULL)");
    }
    if from.is_some() {
        text.push_str(&format!(" AND (t.sort_at, t.order_key, t.sequence, t.place) {than} ($3, $4, $5, $6)"));
    }
    text.push_str(&format!(
        " ORDER BY t.sort_at {order}, t.order_key {order}, t.sequence {order}, t.place {order} LIMIT {count}"
    ));
    let mut sql =
        sqlx::query(AssertSqlSafe(text)).bind(wanted.thread.to_string()).bind(wanted.n.unwrap_or(0));
    if let Some(End(at, order, sequence, place)) = from {
        sql = sql.bind(at).bind(order).bind(sequence).bind(place);
    }
    let store = app.store();
    Ok(sql.fetch_all(store.reads()).await.map_err(Error::database("read a transcript"))?)
}
