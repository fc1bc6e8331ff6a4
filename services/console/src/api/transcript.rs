//! The transcript of a thread: messages and what happened between them, in the platform's order.

use super::conversations::one;
use super::extract::{Params, Place, id_in_path};
use super::page;
use super::rows::{Conversation, shown_text};
use super::time::Time;
use crate::access::Act;
use crate::caller::Caller;
use crate::opening;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use conversation::Thread;
use runtime::Problem;
use serde::{Deserialize, Serialize};
use spine::{Address, Entity, Error};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The query of a transcript.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TranscriptQuery {
    /// Only this conversation; without it the whole thread.
    n: Option<i32>,
    /// From the end instead of from the beginning.
    #[serde(default)]
    newest_first: bool,
    /// 1 to 200; 50 without it.
    page_size: Option<u32>,
    cursor: Option<String>,
    /// A log position, such as a write answered: the answer reflects at least this.
    at_least: Option<String>,
}

/// A page of a transcript.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Transcript {
    pub(crate) thread: String,
    /// The conversation asked for, else the thread's last one; absent before the first.
    pub(crate) conversation: Option<Conversation>,
    /// Whether the customer can be written to, as far as is known.
    pub(crate) reachable: bool,
    /// Until when, and how often, the channel lets us write; absent when it sets no bound.
    pub(crate) window: Option<ReplyWindow>,
    pub(crate) items: Vec<TranscriptLine>,
    /// Give this as `cursor` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// What a channel allows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplyWindow {
    pub(crate) until: Time,
    /// Messages that are left; absent when they are not counted.
    pub(crate) left: Option<u32>,
}

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

/// Where a page ends: platform time, platform order, sequence, place in the decision.
#[derive(Serialize, Deserialize)]
struct End(i64, i64, i64, i32);

const SELECT: &str =
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

/// A thread's messages and what happened between them.
#[utoipa::path(
    get, path = "/threads/{thread}/transcript", operation_id = "getTranscript", tag = "conversations",
    params(("thread" = String, Path), TranscriptQuery),
    responses((status = 200, body = Transcript), RefusalBody)
)]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Place(thread): Place<String>,
    Params(query): Params<TranscriptQuery>,
) -> Result<Json<Transcript>, Refusal> {
    caller.check(Act::ReadConversations)?;
    let thread = id_in_path("thread", &thread)?;
    let size = page::size(query.page_size)?;
    let from: Option<End> = page::place(query.cursor.as_deref())?;
    super::at_least(&app, query.at_least.as_deref()).await?;
    let clear = clearance(&app, &caller, thread).await?;
    let conversation = one(&app, &caller, thread, query.n).await?;
    let rows = rows(&app, thread, &query, size, from).await?;
    let (rows, next) = page::cut(rows, size, |row| {
        End(row.get("sort_at"), row.get("order_key"), row.get("sequence"), row.get("place"))
    });
    let read = |row: &AnyRow| {
        let clear = clear.all || clear.conversations.contains(&row.try_get("n")?);
        line(row, clear)
    };
    let items: Result<Vec<_>, sqlx::Error> = rows.iter().map(read).collect();
    let items = items.map_err(Error::database("read a transcript"))?;
    if clear.all || !clear.conversations.is_empty() {
        opening::note(&app, &caller, &format!("thread {thread}")).await?;
    }
    let address = Address::of(&caller.tenant, Thread::KIND, thread)?;
    let look = |thread: &Thread| (thread.is_reachable(), thread.window());
    let (reachable, window) = app.log().read::<Thread, _>(&address, look).await?;
    let window = window.map(|window| ReplyWindow { until: Time::of(window.until), left: window.left });
    Ok(Json(Transcript { thread: thread.to_string(), conversation, reachable, window, items, next }))
}

/// What of a thread the caller sees in clear.
struct Clearance {
    all: bool,
    conversations: Vec<i32>,
}

/// Who has the thread now needs its history; who had a conversation may read that one again.
async fn clearance(app: &App, caller: &Caller, thread: Uuid) -> Result<Clearance, Refusal> {
    let store = app.store();
    let rows = sqlx::query(
        "SELECT t.n AS last, c.n, c.agent FROM threads t LEFT JOIN conversation_list c ON c.thread = t.thread
         WHERE t.thread = $1 AND t.tenant = $2",
    )
    .bind(thread.to_string())
    .bind(&*caller.tenant)
    .fetch_all(store.reads())
    .await
    .map_err(Error::database("find a thread"))?;
    if rows.is_empty() {
        return Err(Problem::not_found("thread").into());
    }
    let mut clearance = Clearance { all: false, conversations: Vec::new() };
    for row in &rows {
        let agent: Option<String> = row.get("agent");
        if let Some(n) = row.get::<Option<i32>, _>("n").filter(|_| caller.sees(agent.as_deref())) {
            clearance.all |= n == row.get::<i32, _>("last");
            clearance.conversations.push(n);
        }
    }
    Ok(clearance)
}

async fn rows(
    app: &App,
    thread: Uuid,
    query: &TranscriptQuery,
    size: u32,
    from: Option<End>,
) -> Result<Vec<AnyRow>, Refusal> {
    let (than, order) = if query.newest_first { ("<", "DESC") } else { (">", "ASC") };
    let mut text = SELECT.to_owned();
    if from.is_some() {
        text.push_str(&format!(" AND (t.sort_at, t.order_key, t.sequence, t.place) {than} ($3, $4, $5, $6)"));
    }
    text.push_str(&format!(
        " ORDER BY t.sort_at {order}, t.order_key {order}, t.sequence {order}, t.place {order} LIMIT {}",
        size + 1
    ));
    let mut sql = sqlx::query(AssertSqlSafe(text)).bind(thread.to_string()).bind(query.n.unwrap_or(0));
    if let Some(End(at, order, sequence, place)) = from {
        sql = sql.bind(at).bind(order).bind(sequence).bind(place);
    }
    let store = app.store();
    Ok(sql.fetch_all(store.reads()).await.map_err(Error::database("read a transcript"))?)
}

fn line(row: &AnyRow, clear: bool) -> Result<TranscriptLine, sqlx::Error> {
    let time = |at: Option<i64>| at.map(Time::of);
    let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    let edited_at = time(row.try_get("edited_at")?);
    let first = shown_text(row.try_get("text")?, clear);
    let (text, text_before) = match edited_at {
        Some(_) => (shown_text(row.try_get("edited")?, clear), first),
        None => (first, None),
    };
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
        edited_at,
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
