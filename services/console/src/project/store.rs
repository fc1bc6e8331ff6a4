//! The rows of a folded batch, written in few statements.

use super::Conversation;
use super::amendment::Amendment;
use super::fold::Fold;
use super::line::Line;
use super::send::Change;
use super::text::{OpenedTexts, Text};
use super::thread::Thread;
use spine::Error;
use spine::db::{AnyQuery, Bulk};
use sqlx::AnyConnection;
use std::sync::Arc;
use unicode_segmentation::UnicodeSegmentation;
use uuid::Uuid;

/// Graphemes of a preview.
const PREVIEW_MAX: usize = 80;

static THREADS: Bulk = Bulk::new(
    "INSERT INTO threads (thread, tenant, account, channel, name, began_at, n, erased_at)",
    8,
    "ON CONFLICT (thread) DO UPDATE SET name = excluded.name, n = excluded.n, erased_at = excluded.erased_at",
);
static CONVERSATIONS: Bulk = Bulk::new(
    "INSERT INTO conversation_list (thread, n, tenant, account, channel, is_open, opened_by, opened_at, owner,
     agent, queue, owner_since, tenure, active_at, last_message, last_message_at, last_author, last_kind,
     preview, seen_last, tail, handed, awaiting, messages, has_written, closed_at, closed_by, handover_reason,
     touch)",
    29,
    "ON CONFLICT (thread, n) DO UPDATE SET is_open = excluded.is_open, owner = excluded.owner,
     agent = excluded.agent, queue = excluded.queue, owner_since = excluded.owner_since,
     tenure = excluded.tenure, active_at = excluded.active_at, last_message = excluded.last_message,
     last_message_at = excluded.last_message_at, last_author = excluded.last_author,
     last_kind = excluded.last_kind, preview = excluded.preview, seen_last = excluded.seen_last,
     tail = excluded.tail, handed = excluded.handed, awaiting = excluded.awaiting,
     messages = excluded.messages, has_written = excluded.has_written, closed_at = excluded.closed_at,
     closed_by = excluded.closed_by, handover_reason = excluded.handover_reason, touch = excluded.touch",
);
static LINES: Bulk = Bulk::new(
    "INSERT INTO transcript (thread, sort_at, order_key, sequence, place, n, kind, message, author, agent, text,
     media, content_kind, length, at, provider, seen, tenure, citations, confidence, resends, what, detail)",
    23,
    "",
);
static SENDS: Bulk = Bulk::new(
    "INSERT INTO sends (thread, message, state, attempt, class, retry_at, provider, receipt, at)",
    9,
    "ON CONFLICT (thread, message) DO UPDATE SET state = COALESCE(excluded.state, sends.state),
     class = CASE WHEN excluded.state IS NULL THEN sends.class ELSE excluded.class END,
     retry_at = CASE WHEN excluded.state IS NULL THEN sends.retry_at ELSE excluded.retry_at END,
     attempt = CASE WHEN excluded.attempt > sends.attempt THEN excluded.attempt ELSE sends.attempt END,
     provider = COALESCE(excluded.provider, sends.provider),
     receipt = CASE WHEN excluded.receipt > sends.receipt THEN excluded.receipt ELSE sends.receipt END,
     at = CASE WHEN excluded.at > sends.at THEN excluded.at ELSE sends.at END",
);
static AMENDMENTS: Bulk = Bulk::new(
    "INSERT INTO amendments (thread, message, text, content_kind, edited_at, recalled_at)",
    6,
    "ON CONFLICT (thread, message) DO UPDATE SET
     text = CASE WHEN excluded.edited_at IS NULL THEN amendments.text ELSE excluded.text END,
     content_kind = COALESCE(excluded.content_kind, amendments.content_kind),
     edited_at = COALESCE(excluded.edited_at, amendments.edited_at),
     recalled_at = COALESCE(excluded.recalled_at, amendments.recalled_at)",
);

/// Writes what the batch changed; what it opened of erased persons is not written at all.
pub(super) async fn write(tx: &mut AnyConnection, fold: &Fold<'_>, texts: &OpenedTexts) -> Result<(), Error> {
    let open = |thread: &Arc<str>, text: &Text| -> Option<String> {
        if fold.erased.contains_key(thread) { None } else { texts.get(text).map(str::to_owned) }
    };
    let mut threads: Vec<(&Arc<str>, &Thread)> = fold.threads.iter().collect();
    threads.sort_by_key(|(id, _)| *id);
    let changed: Vec<_> = threads.iter().filter(|(_, thread)| thread.dirty).copied().collect();
    THREADS
        .write(tx, &changed, |query, (id, thread)| bind_thread(query, id, thread, open(id, &thread.name)))
        .await?;
    let conversations: Vec<_> = threads
        .iter()
        .flat_map(|(id, thread)| thread.changed().map(move |conversation| (*id, *thread, conversation)))
        .collect();
    CONVERSATIONS
        .write(tx, &conversations, |query, (id, thread, conversation)| {
            let preview = open(id, &conversation.preview).map(|text| cut(&text));
            bind_conversation(query, (id, thread), conversation, preview)
        })
        .await?;
    let bind = |query, line: &Line| {
        bind_line(query, line, (open(&line.thread, &line.text), open(&line.thread, &line.media)))
    };
    LINES.write(tx, &fold.lines, bind).await?;
    let sends: Vec<_> = fold.sends.iter().collect();
    SENDS.write(tx, &sends, |query, (key, change)| bind_send(query, key, change)).await?;
    let amendments: Vec<_> = fold.amendments.iter().collect();
    AMENDMENTS
        .write(tx, &amendments, |query, (key, amendment)| {
            bind_amendment(query, key, amendment, open(&key.0, &amendment.text))
        })
        .await?;
    for thread in fold.erased.keys() {
        purge(tx, thread).await?;
    }
    Ok(())
}

/// Removes the person from the rows that were there; counts and times stay as numbers.
async fn purge(tx: &mut AnyConnection, thread: &str) -> Result<(), Error> {
    let statements = [
        "UPDATE threads SET name = NULL WHERE thread = $1",
        "UPDATE conversation_list SET preview = NULL WHERE thread = $1 AND preview IS NOT NULL",
        "UPDATE transcript SET text = NULL, media = NULL
         WHERE thread = $1 AND (text IS NOT NULL OR media IS NOT NULL)",
        "UPDATE amendments SET text = NULL WHERE thread = $1 AND text IS NOT NULL",
    ];
    for statement in statements {
        sqlx::query(statement)
            .bind(thread.to_owned())
            .execute(&mut *tx)
            .await
            .map_err(Error::database("purge an erased thread"))?;
    }
    Ok(())
}

fn cut(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    match line.grapheme_indices(true).nth(PREVIEW_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn bind_thread(query: AnyQuery, id: &Arc<str>, thread: &Thread, name: Option<String>) -> AnyQuery {
    query
        .bind(id.to_string())
        .bind(thread.tenant.to_string())
        .bind(thread.account.clone())
        .bind(thread.channel.clone())
        .bind(name)
        .bind(thread.began_at)
        .bind(thread.n())
        .bind(thread.erased_at)
}

fn bind_conversation(
    query: AnyQuery,
    (id, thread): (&Arc<str>, &Thread),
    row: &Conversation,
    preview: Option<String>,
) -> AnyQuery {
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    query
        .bind(id.to_string())
        .bind(row.n)
        .bind(thread.tenant.to_string())
        .bind(thread.account.clone())
        .bind(thread.channel.clone())
        .bind(i32::from(row.closed_at.is_none()))
        .bind(row.opened_by.clone())
        .bind(row.opened_at)
        .bind(row.owner.clone())
        .bind(row.agent.clone())
        .bind(row.queue.clone())
        .bind(row.owner_since)
        .bind(row.tenure)
        .bind(row.active_at)
        .bind(row.last_message.clone())
        .bind(row.last_message_at)
        .bind(row.last_author.clone())
        .bind(row.last_kind.clone())
        .bind(preview)
        .bind(row.seen_last.clone())
        .bind(row.tail.stored())
        .bind(count(row.tail.handed()))
        .bind(count(row.tail.awaiting()))
        .bind(row.messages)
        .bind(i32::from(row.has_written))
        .bind(row.closed_at)
        .bind(row.closed_by.clone())
        .bind(row.handover_reason.clone())
        .bind(row.touch.clone())
}

fn bind_line(query: AnyQuery, line: &Line, (text, media): (Option<String>, Option<String>)) -> AnyQuery {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string());
    query
        .bind(line.thread.to_string())
        .bind(line.sort_at)
        .bind(line.order_key)
        .bind(line.sequence)
        .bind(line.place)
        .bind(line.n)
        .bind(line.kind)
        .bind(id(line.message))
        .bind(line.author)
        .bind(id(line.agent))
        .bind(text)
        .bind(media)
        .bind(line.content_kind)
        .bind(line.length)
        .bind(line.at)
        .bind(line.provider.clone())
        .bind(id(line.seen))
        .bind(line.tenure)
        .bind(line.citations.clone())
        .bind(line.confidence)
        .bind(id(line.resends))
        .bind(line.what)
        .bind(line.detail.clone())
}

fn bind_send(query: AnyQuery, (thread, message): &(Arc<str>, Uuid), change: &Change) -> AnyQuery {
    query
        .bind(thread.to_string())
        .bind(message.to_string())
        .bind(change.state)
        .bind(change.attempt)
        .bind(change.class)
        .bind(change.retry_at)
        .bind(change.provider.clone())
        .bind(change.receipt)
        .bind(change.at)
}

fn bind_amendment(
    query: AnyQuery,
    (thread, message): &(Arc<str>, Uuid),
    amendment: &Amendment,
    text: Option<String>,
) -> AnyQuery {
    query
        .bind(thread.to_string())
        .bind(message.to_string())
        .bind(text)
        .bind(amendment.content_kind)
        .bind(amendment.edited_at)
        .bind(amendment.recalled_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_cut_between_graphemes() {
        let family = "👨‍👩‍👧‍👦";
        let cut = cut(&family.repeat(PREVIEW_MAX + 1));
        assert_eq!(cut, format!("{}…", family.repeat(PREVIEW_MAX)));
        assert_eq!(super::cut("一\n二"), "一 二");
    }
}
