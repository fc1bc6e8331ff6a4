//! Searching a thread's transcript for a text.

use super::clearance::{self, Clearance};
use super::line::{self, TranscriptLine};
use super::matching::Needle;
use super::rows::{self, End, Wanted};
use crate::access::Act;
use crate::api::extract::{Body, Place, id_in_path};
use crate::api::page;
use crate::caller::Caller;
use crate::opening;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use spine::Error;
use sqlx::any::AnyRow;
use utoipa::ToSchema;

/// Lines that are read at a time.
const CHUNK: u32 = 256;
/// Bytes of text that one request reads; what is beyond is for the next page.
const BYTES_READ_MAX: usize = 1_000_000;
/// What a line counts for besides its text, so that short and masked ones are bounded too: some 4 000 a request.
const LINE_BYTES: usize = 250;
/// Bytes after which others may go on, since folding takes a while.
const BYTES_AT_ONCE: usize = 65_536;

// A body and no query: addresses stand in the logs of proxies, and what is looked for is often a name or a number.
/// What is looked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchRequest {
    /// 1 to 200 characters that a message holds. Upper and lower case, full and half width, traditional and simplified
    /// characters are the same, and so are Chinese and Arabic numerals where they can be told to be numbers, as in 七天;
    /// spaces do not count.
    text: String,
    /// Only this conversation; without it the whole thread.
    n: Option<i32>,
    /// 1 to 200; 50 without it.
    page_size: Option<u32>,
    cursor: Option<String>,
    /// A log position, such as a write answered: the answer reflects at least this.
    at_least: Option<String>,
}

/// Messages that hold the text, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Found {
    pub(crate) thread: String,
    /// Fewer than a page, or none, do not mean that there are no more: only the absence of `next` does.
    pub(crate) items: Vec<TranscriptLine>,
    /// Whether all that was asked for is searched. Conversations that the caller sees masked are not.
    pub(crate) clear: bool,
    /// Give this as `cursor` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// The messages of a thread that hold a text.
#[utoipa::path(
    post, path = "/threads/{thread}/transcript/search", operation_id = "searchTranscript", tag = "conversations",
    params(("thread" = String, Path)),
    request_body = SearchRequest,
    responses((status = 200, body = Found), RefusalBody)
)]
pub(crate) async fn find(
    State(app): State<App>,
    caller: Caller,
    Place(thread): Place<String>,
    Body(asked): Body<SearchRequest>,
) -> Result<Json<Found>, Refusal> {
    caller.check(Act::ReadConversations)?;
    let thread = id_in_path("thread", &thread)?;
    let size = page::size(asked.page_size)?;
    let mut from: Option<End> = page::place(asked.cursor.as_deref())?;
    let needle = Needle::of(&asked.text)?;
    crate::api::at_least(&app, asked.at_least.as_deref()).await?;
    let clear = clearance::of(&app, &caller, thread).await?;
    let is_whole = clear.is_whole(asked.n);
    let mut found = Found { thread: thread.to_string(), items: Vec::new(), clear: is_whole, next: None };
    if clear.is_none() {
        return Ok(Json(found));
    }
    opening::note(&app, &caller, &format!("thread {thread}")).await?;
    let wanted = Wanted { thread, n: asked.n, newest_first: true, written: true };
    let mut reading = Reading { clear, needle, bytes: 0, paused_at: 0 };
    loop {
        let rows = rows::read(&app, &wanted, CHUNK, from).await?;
        for row in &rows {
            if found.items.len() == size as usize || reading.bytes > BYTES_READ_MAX {
                found.next = from.as_ref().map(page::cursor);
                return Ok(Json(found));
            }
            from = Some(End::of(row));
            found.items.extend(reading.look(row).map_err(Error::database("search a transcript"))?);
            reading.pause().await;
        }
        if rows.len() < CHUNK as usize {
            return Ok(Json(found));
        }
    }
}

/// What a request looks for, and how much it has read.
struct Reading {
    clear: Clearance,
    needle: Needle,
    bytes: usize,
    paused_at: usize,
}

impl Reading {
    /// Lets others go on when much was read since the last pause.
    async fn pause(&mut self) {
        if self.bytes - self.paused_at > BYTES_AT_ONCE {
            self.paused_at = self.bytes;
            tokio::task::yield_now().await;
        }
    }

    /// The line, if the caller sees it in clear, and it holds the text now or held it before it was edited. What is
    /// hidden from everybody is not found.
    fn look(&mut self, row: &AnyRow) -> Result<Option<TranscriptLine>, sqlx::Error> {
        self.bytes += LINE_BYTES;
        if !self.clear.covers(row)? {
            return Ok(None);
        }
        let (now, before) = line::texts(row, true)?;
        let texts = || now.iter().chain(&before);
        self.bytes += texts().map(String::len).sum::<usize>();
        if texts().any(|text| self.needle.is_in(text)) { line::line(row, true).map(Some) } else { Ok(None) }
    }
}
