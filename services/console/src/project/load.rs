//! The rows that a batch begins with, read at once.

use super::Conversation;
use super::tail::Tail;
use super::text::Text;
use super::thread::Thread;
use spine::db::Bulk;
use spine::{Error, Recorded};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

static LOAD: Bulk = Bulk::new(
    "SELECT t.thread, t.tenant, t.account, t.channel, t.name, t.began_at, t.erased_at, c.n, c.opened_by,
     c.opened_at, c.owner, c.agent, c.queue, c.owner_since, c.tenure, c.active_at, c.last_message,
     c.last_message_at, c.last_author, c.last_kind, c.preview, c.seen_last, c.tail, c.handed, c.messages,
     c.has_written, c.closed_at, c.closed_by, c.handover_reason, c.touch
     FROM threads t LEFT JOIN conversation_list c ON c.thread = t.thread AND c.n = t.n WHERE t.thread IN (",
    1,
    ")",
);

/// The threads of these messages, each with its last conversation.
pub(super) async fn threads(
    tx: &mut AnyConnection,
    records: &[&Recorded],
) -> Result<HashMap<Arc<str>, Thread>, Error> {
    let ids: BTreeSet<&Arc<str>> = records.iter().map(|record| &record.address.id).collect();
    let ids: Vec<&Arc<str>> = ids.into_iter().collect();
    let rows = LOAD.fetch(tx, &ids, |query, id| query.bind(id.to_string())).await?;
    let read = |row: &AnyRow| thread(row).map_err(Error::database("read threads"));
    rows.iter().map(read).collect()
}

fn thread(row: &AnyRow) -> Result<(Arc<str>, Thread), sqlx::Error> {
    let thread = Thread {
        tenant: row.try_get::<String, _>(1)?.into(),
        account: row.try_get(2)?,
        channel: row.try_get(3)?,
        name: stored(row.try_get(4)?),
        began_at: row.try_get(5)?,
        erased_at: row.try_get(6)?,
        current: match row.try_get::<Option<i32>, _>(7)? {
            Some(n) => Some(conversation(row, n)?),
            None => None,
        },
        past: Vec::new(),
        dirty: false,
    };
    Ok((row.try_get::<String, _>(0)?.into(), thread))
}

fn conversation(row: &AnyRow, n: i32) -> Result<Conversation, sqlx::Error> {
    Ok(Conversation {
        n,
        opened_by: row.try_get(8)?,
        opened_at: row.try_get(9)?,
        owner: row.try_get(10)?,
        agent: row.try_get(11)?,
        queue: row.try_get(12)?,
        owner_since: row.try_get(13)?,
        tenure: row.try_get(14)?,
        active_at: row.try_get(15)?,
        last_message: row.try_get(16)?,
        last_message_at: row.try_get(17)?,
        last_author: row.try_get(18)?,
        last_kind: row.try_get(19)?,
        preview: stored(row.try_get(20)?),
        seen_last: row.try_get(21)?,
        tail: Tail::parse(&row.try_get::<String, _>(22)?, row.try_get(23)?),
        messages: row.try_get(24)?,
        has_written: row.try_get::<i32, _>(25)? != 0,
        closed_at: row.try_get(26)?,
        closed_by: row.try_get(27)?,
        handover_reason: row.try_get(28)?,
        touch: row.try_get(29)?,
        dirty: false,
    })
}

fn stored(text: Option<String>) -> Text {
    text.map_or(Text::None, Text::Stored)
}
