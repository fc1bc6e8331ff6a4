//! The transcript of a thread: messages and what happened between them, in the platform's order, and what of it holds a text.

mod clearance;
mod line;
mod matching;
mod rows;
pub(super) mod search;

use super::conversations::one;
use super::extract::{Params, Place, id_in_path};
use super::page;
use super::rows::Conversation;
use super::time::Time;
use crate::access::Act;
use crate::caller::Caller;
use crate::opening;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use conversation::Thread;
use line::TranscriptLine;
use rows::{End, Wanted};
use serde::{Deserialize, Serialize};
use spine::{Address, Entity, Error};
use sqlx::any::AnyRow;
use utoipa::{IntoParams, ToSchema};

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
    let clear = clearance::of(&app, &caller, thread).await?;
    let conversation = one(&app, &caller, thread, query.n).await?;
    let wanted = Wanted { thread, n: query.n, newest_first: query.newest_first, written: false };
    let rows = rows::read(&app, &wanted, size + 1, from).await?;
    let (rows, next) = page::cut(rows, size, End::of);
    let read = |row: &AnyRow| line::line(row, clear.covers(row)?);
    let items: Result<Vec<_>, sqlx::Error> = rows.iter().map(read).collect();
    let items = items.map_err(Error::database("read a transcript"))?;
    if !clear.is_none() {
        opening::note(&app, &caller, &format!("thread {thread}")).await?;
    }
    let address = Address::of(&caller.tenant, Thread::KIND, thread)?;
    let look = |thread: &Thread| (thread.is_reachable(), thread.window());
    let (reachable, window) = app.log().read::<Thread, _>(&address, look).await?;
    let window = window.map(|window| ReplyWindow { until: Time::of(window.until), left: window.left });
    Ok(Json(Transcript { thread: thread.to_string(), conversation, reachable, window, items, next }))
}
