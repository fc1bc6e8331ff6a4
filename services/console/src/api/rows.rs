//! Rows of the conversation list, and how a caller sees them.

use crate::api::time::Time;
use crate::caller::Caller;
use crate::mask;
use serde::Serialize;
use spine::Error;
use sqlx::Row;
use sqlx::any::AnyRow;
use utoipa::ToSchema;

/// The columns that [`read`] reads, of `conversation_list c`, `threads t` and `agents a`.
pub(super) const COLUMNS: &str = "c.thread, c.n, c.account, c.channel, c.is_open, c.opened_by, c.opened_at,
     c.owner, c.agent, a.name AS agent_name, c.queue, c.owner_since, c.tenure, c.active_at, c.last_message,
     c.last_message_at, c.last_author, c.last_kind, c.preview, c.seen_last, c.awaiting, c.messages,
     c.has_written, c.closed_at, c.closed_by, c.handover_reason, c.touch, t.name AS name, t.erased_at";

/// The tables of [`COLUMNS`].
pub(super) const TABLES: &str = "conversation_list c JOIN threads t ON t.thread = c.thread
     LEFT JOIN agents a ON a.agent = c.agent";

/// One conversation of a thread.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Conversation {
    pub(crate) thread: String,
    /// The number of the conversation in its thread, from 1.
    pub(crate) n: i32,
    pub(crate) account: String,
    pub(crate) channel: String,
    /// The customer's name; masked unless `clear`.
    pub(crate) name: Option<String>,
    pub(crate) open: bool,
    /// `message`, `widget`, `follow`, `scan` or `agent`.
    pub(crate) opened_by: String,
    pub(crate) opened_at: Time,
    pub(crate) owner: ConversationOwner,
    /// To be given with every write: it grows with each change of owner.
    pub(crate) tenure: i32,
    /// The latest activity, by which the list is sorted.
    pub(crate) active_at: Time,
    pub(crate) last: Option<LastMessage>,
    /// The customer's last message: what a reply has `seen`.
    pub(crate) seen: Option<String>,
    /// Messages of the customer that await an answer.
    pub(crate) awaiting: i32,
    pub(crate) unread: bool,
    /// Messages of both sides, without notices.
    pub(crate) messages: i32,
    /// Whether the customer wrote (开口).
    pub(crate) has_written: bool,
    pub(crate) closed_at: Option<Time>,
    /// `agent`, `idle`, `ai`, `unreachable` or `erasure`.
    pub(crate) closed_by: Option<String>,
    /// Why it last went to people.
    pub(crate) handover_reason: Option<String>,
    /// Where the customer came from.
    #[schema(value_type = Option<Object>)]
    pub(crate) touch: Option<serde_json::Value>,
    /// Whether texts and names are shown in clear.
    pub(crate) clear: bool,
    pub(crate) erased: bool,
}

/// Who has a conversation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ConversationOwner {
    /// `ai`, `queue`, `agent`, `outside` or `desk` (the platform's own).
    pub(crate) kind: String,
    /// The agent who has it, or had it when it was closed.
    pub(crate) agent: Option<String>,
    pub(crate) agent_name: Option<String>,
    /// The queue in which it waits or last waited.
    pub(crate) queue: Option<String>,
    pub(crate) since: Time,
}

/// The last message of either side.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LastMessage {
    pub(crate) message: String,
    pub(crate) at: Option<Time>,
    /// `customer`, `ai`, `agent` or `outside`.
    pub(crate) author: Option<String>,
    /// The content's kind, or `recalled`.
    pub(crate) kind: Option<String>,
    /// The begin of the text; masked unless `clear`, absent when it is gone or there is none.
    pub(crate) preview: Option<String>,
}

/// One row, as the caller may see it.
pub(super) fn read(row: &AnyRow, caller: &Caller) -> Result<Conversation, Error> {
    conversation(row, caller).map_err(Error::database("read conversations"))
}

fn conversation(row: &AnyRow, caller: &Caller) -> Result<Conversation, sqlx::Error> {
    let time = |at: Option<i64>| at.map(Time::of);
    let agent: Option<String> = row.try_get("agent")?;
    let clear = caller.sees(agent.as_deref());
    let touch: Option<String> = row.try_get("touch")?;
    let awaiting = row.try_get("awaiting")?;
    Ok(Conversation {
        thread: row.try_get("thread")?,
        n: row.try_get("n")?,
        account: row.try_get("account")?,
        channel: row.try_get("channel")?,
        name: shown_name(row.try_get("name")?, clear),
        open: row.try_get::<i32, _>("is_open")? != 0,
        opened_by: row.try_get("opened_by")?,
        opened_at: Time::of(row.try_get("opened_at")?),
        owner: ConversationOwner {
            kind: row.try_get("owner")?,
            agent,
            agent_name: row.try_get("agent_name")?,
            queue: row.try_get("queue")?,
            since: Time::of(row.try_get("owner_since")?),
        },
        tenure: row.try_get("tenure")?,
        active_at: Time::of(row.try_get("active_at")?),
        last: match row.try_get::<Option<String>, _>("last_message")? {
            None => None,
            Some(message) => Some(LastMessage {
                message,
                at: time(row.try_get("last_message_at")?),
                author: row.try_get("last_author")?,
                kind: row.try_get("last_kind")?,
                preview: shown_text(row.try_get("preview")?, clear),
            }),
        },
        seen: row.try_get("seen_last")?,
        awaiting,
        unread: awaiting > 0,
        messages: row.try_get("messages")?,
        has_written: row.try_get::<i32, _>("has_written")? != 0,
        closed_at: time(row.try_get("closed_at")?),
        closed_by: row.try_get("closed_by")?,
        handover_reason: row.try_get("handover_reason")?,
        touch: touch.and_then(|touch| serde_json::from_str(&touch).ok()),
        clear,
        erased: row.try_get::<Option<i64>, _>("erased_at")?.is_some(),
    })
}

/// A text in clear but for identity and card numbers, or masked.
pub(super) fn shown_text(text: Option<String>, clear: bool) -> Option<String> {
    text.map(|text| if clear { mask::numbers(&text) } else { mask::text(&text) })
}

fn shown_name(name: Option<String>, clear: bool) -> Option<String> {
    name.map(|name| if clear { name } else { mask::name(&name) })
}
