//! One line of a transcript, as the caller may see it.

use crate::api::rows::shown_text;
use crate::api::time::Time;
use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;
use utoipa::ToSchema;

/// A message of either side, or a line that says what happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TranscriptLine {
    /// `received`, `replied`, `notice` (words of the suite itself) or `line`.
    pub(crate) kind: String,
    pub(crate) n: i32,
    /// The platform's time of what the customer wrote, ours of everything else.
    pub(crate) at: Time,
    /// When it was stored.
    pub(crate) recorded_at: Time,
    /// Its place in the log's part.
    pub(crate) sequence: i64,
    pub(crate) message: Option<String>,
    /// `customer`, `ai`, `agent`, `system` or `outside`.
    pub(crate) author: Option<String>,
    /// Who wrote or did it.
    pub(crate) agent: Option<String>,
    pub(crate) agent_name: Option<String>,
    /// The content's kind, such as `text`.
    pub(crate) content: Option<String>,
    /// As it reads now; masked unless the conversation is `clear`, absent when it is gone.
    pub(crate) text: Option<String>,
    /// As it read before the customer edited it.
    pub(crate) text_before: Option<String>,
    pub(crate) media: Option<String>,
    /// Graphemes of the text as it was first written.
    pub(crate) length: Option<i32>,
    pub(crate) edited_at: Option<Time>,
    pub(crate) recalled_at: Option<Time>,
    /// The platform's id.
    pub(crate) provider: Option<String>,
    /// The customer's last message that the author had seen.
    pub(crate) seen: Option<String>,
    pub(crate) tenure: Option<i32>,
    /// The knowledge entries that the answer rests on.
    #[schema(value_type = Option<Vec<Object>>)]
    pub(crate) citations: Option<serde_json::Value>,
    /// In thousandths.
    pub(crate) confidence: Option<i32>,
    /// The earlier message in whose place this one was sent.
    pub(crate) resends: Option<String>,
    pub(crate) send: Option<SendState>,
    /// Of a line: `opened`, `handed_over`, `taken_over`, `closed` and the like.
    pub(crate) what: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub(crate) detail: Option<serde_json::Value>,
}

/// What became of a message of ours.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SendState {
    /// `pending`, `started`, `sent`, `failed`, `unknown` or `withdrawn`.
    pub(crate) state: String,
    /// Why: a failure's class, a withdrawal's reason; of an unknown one `open` or `final`.
    pub(crate) class: Option<String>,
    pub(crate) attempt: i32,
    pub(crate) retry_at: Option<Time>,
    /// `delivered` or `read`.
    pub(crate) receipt: Option<&'static str>,
    pub(crate) provider: Option<String>,
    pub(crate) at: Time,
}

/// The columns that [`line`] reads, of thread `$1`, or of its conversation `$2` alone.
pub(super) const SELECT: &str =
    "SELECT t.kind, t.n, t.sort_at, t.order_key, t.sequence, t.place, t.at, t.message, t.author,
     t.agent, g.name AS agent_name, t.content_kind, t.text, t.media, t.length, t.provider, t.seen, t.tenure,
     t.citations, t.confidence, t.resends, t.what, t.detail, a.text AS edited, a.content_kind AS edited_kind,
     a.edited_at, a.recalled_at, s.state, s.class, s.attempt, s.retry_at, s.receipt,
     s.provider AS sent_provider, s.at AS sent_at
     FROM transcript t
     LEFT JOIN sends s ON s.thread = t.thread AND s.message = t.message
     LEFT JOIN amendments a ON a.thread = t.thread AND a.message = t.message
     LEFT JOIN agents g ON g.agent = t.agent
     WHERE t.thread = $1 AND ($2 = 0 OR t.n = $2)";

/// What a row says now, and what it said before it was edited.
pub(super) fn texts(row: &AnyRow, clear: bool) -> Result<(Option<String>, Option<String>), sqlx::Error> {
    let first = shown_text(row.try_get("text")?, clear);
    match row.try_get::<Option<i64>, _>("edited_at")? {
        Some(_) => Ok((shown_text(row.try_get("edited")?, clear), first)),
        None => Ok((first, None)),
    }
}

/// A row, in clear or masked.
pub(super) fn line(row: &AnyRow, clear: bool) -> Result<TranscriptLine, sqlx::Error> {
    let time = |at: Option<i64>| at.map(Time::of);
    let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    let (text, text_before) = texts(row, clear)?;
    let edited_kind: Option<String> = row.try_get("edited_kind")?;
    Ok(TranscriptLine {
        kind: row.try_get("kind")?,
        n: row.try_get("n")?,
        at: Time::of(row.try_get("sort_at")?),
        recorded_at: Time::of(row.try_get("at")?),
        sequence: row.try_get("sequence")?,
        message: row.try_get("message")?,
        author: row.try_get("author")?,
        agent: row.try_get("agent")?,
        agent_name: row.try_get("agent_name")?,
        content: edited_kind.or(row.try_get("content_kind")?),
        text,
        text_before,
        media: row.try_get::<Option<String>, _>("media")?.filter(|_| clear),
        length: row.try_get("length")?,
        edited_at: time(row.try_get("edited_at")?),
        recalled_at: time(row.try_get("recalled_at")?),
        provider: row.try_get("provider")?,
        seen: row.try_get("seen")?,
        tenure: row.try_get("tenure")?,
        citations: json(row.try_get("citations")?),
        confidence: row.try_get("confidence")?,
        resends: row.try_get("resends")?,
        send: send(row)?,
        what: row.try_get("what")?,
        detail: json(row.try_get("detail")?),
    })
}

fn send(row: &AnyRow) -> Result<Option<SendState>, sqlx::Error> {
    let Some(state) = row.try_get("state")? else { return Ok(None) };
    let receipt = match row.try_get::<Option<i32>, _>("receipt")? {
        Some(2) => Some("read"),
        Some(1) => Some("delivered"),
        _ => None,
    };
    Ok(Some(SendState {
        state,
        class: row.try_get("class")?,
        attempt: row.try_get::<Option<i32>, _>("attempt")?.unwrap_or(0),
        retry_at: row.try_get::<Option<i64>, _>("retry_at")?.map(Time::of),
        receipt,
        provider: row.try_get("sent_provider")?,
        at: Time::of(row.try_get::<Option<i64>, _>("sent_at")?.unwrap_or(0)),
    }))
}
