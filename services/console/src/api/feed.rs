//! The lead feed for systems without NATS: a page, waiting for it if asked, or a stream of server-sent events.

use super::extract::Params;
use super::feed_stream;
use super::places::Held;
use crate::access::Act;
use crate::caller::Caller;
use crate::peers::answer;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use proto::v1::{FeedBreak, ReadFeedRequest, ReadFeedResponse};
use runtime::{Problem, Role};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

/// The longest wait of a long poll, within what the server gives an answer.
const WAIT_S_MAX: u32 = 25;
/// Events of one answer.
const LIMIT_MAX: u32 = 500;
const LIMIT_USUAL: u32 = 100;
/// One question to lead-capture waits no longer, so that a token that ended is noticed soon.
pub(super) const QUESTION_MAX: Duration = Duration::from_secs(4);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedQuery {
    /// The cursor to go on behind: `next` of an answer, or the id of a server-sent event. Without it the feed begins
    /// at its start.
    after: Option<String>,
    /// Events at most, 1 to 500; 100 without it.
    limit: Option<u32>,
    /// Seconds to wait for the first event, 0 to 25; 0 without it. Of no use to server-sent events.
    wait_s: Option<u32>,
}

// The body is put together of bytes that are passed on as they are; this describes it.
/// What follows a cursor. Store `next` together with what you made of the events.
#[derive(Serialize, ToSchema)]
#[schema(as = LeadFeed)]
pub(crate) struct LeadFeed {
    /// CloudEvents 1.0, as they are on the stream LEADS and in its order; see the lead feed's own schema.
    #[schema(value_type = Vec<Object>)]
    events: Vec<String>,
    /// Give this as `after` next time, also when there were no events.
    next: String,
    /// Whether more is there already.
    more: bool,
}

/// What one caller reads, from where on.
pub(super) struct Reading {
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) after: String,
    pub(super) limit: u32,
}

impl Reading {
    /// Asks once and moves on.
    ///
    /// # Errors
    /// Problems, such as a cursor that nothing can follow.
    pub(super) async fn ask(&mut self, wait: Duration) -> Result<ReadFeedResponse, Refusal> {
        let wait = wait.min(QUESTION_MAX);
        let request = ReadFeedRequest {
            tenant: self.caller.tenant.to_string(),
            after: self.after.clone(),
            limit: self.limit,
            wait_ms: u32::try_from(wait.as_millis()).unwrap_or(u32::MAX),
            actor: self.caller.actor(),
        };
        let mut leads = self.app.peers().leads()?;
        let page = answer(Role::LeadCapture, leads.read_feed(request)).await?;
        match page.broken() {
            FeedBreak::Unspecified => {}
            FeedBreak::MadeAnew => return Err(gone("feed-made-anew", "The feed was made anew").into()),
            FeedBreak::Expired => return Err(gone("feed-expired", "The cursor is too old").into()),
        }
        // Between the question and its answer the token may have ended, and then nothing more is shown.
        self.caller.still(&self.app).await?;
        self.after.clone_from(&page.next);
        Ok(page)
    }
}

/// 410: a reader that went on would miss events without knowing.
fn gone(kind: &str, title: &str) -> Problem {
    Problem::new(StatusCode::GONE, kind, title)
        .field("after")
        .detail("What followed the cursor may be there no more.")
        .remedy("Begin at the start, without `after`; each event's `id` is the same as before, so take each id once.")
}

/// The lead feed (线索) in its one order, from a cursor on: CloudEvents JSON exactly as on the stream LEADS, with
/// details in clear, which is recorded. With `Accept: text/event-stream` server-sent events, whose ids are cursors.
#[utoipa::path(
    get, path = "/leads/feed", operation_id = "readLeadFeed", tag = "leads",
    params(
        FeedQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "As `after`, which it precedes; for server-sent events")
    ),
    responses(
        (status = 200, content((LeadFeed = "application/json"), (String = "text/event-stream"))),
        RefusalBody
    )
)]
pub(crate) async fn read(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<FeedQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    caller.check(Act::ReadFeed)?;
    let limit = match query.limit.unwrap_or(LIMIT_USUAL) {
        limit @ 1..=LIMIT_MAX => limit,
        _ => return Err(Problem::invalid("limit", format!("1 to {LIMIT_MAX} is allowed.")).into()),
    };
    let wait = match query.wait_s.unwrap_or(0) {
        wait @ 0..=WAIT_S_MAX => Duration::from_secs(wait.into()),
        _ => return Err(Problem::invalid("wait_s", format!("0 to {WAIT_S_MAX} is allowed.")).into()),
    };
    let held = app.inner.places.take(&caller.tenant)?;
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let after = resumed.filter(|id| !id.is_empty()).or(query.after).unwrap_or_default();
    let reading = Reading { app, caller, after, limit };
    match wants_events(&headers) {
        true => feed_stream::answer(reading, held).await,
        false => poll(reading, wait, held).await,
    }
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = accepted.flat_map(|value| value.split(','));
    kinds.any(|kind| kind.split(';').next().unwrap_or_default().trim() == "text/event-stream")
}

async fn poll(mut reading: Reading, wait: Duration, _held: Held) -> Result<Response, Refusal> {
    let until = Instant::now() + wait;
    let shutdown = reading.app.inner.shutdown.clone();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let page = reading.ask(left).await?;
        // What was left out of a page may be all of it.
        let go_on = page.events.is_empty() && (page.more || !left.is_zero());
        if !go_on || shutdown.is_cancelled() {
            return Ok(json(&page));
        }
    }
}

/// The events are put in as they are, so that they are what consumers of the stream read.
fn json(page: &ReadFeedResponse) -> Response {
    let mut body = br#"{"events":["#.to_vec();
    for (number, event) in page.events.iter().enumerate() {
        if number > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&event.event);
    }
    // A cursor holds nothing that JSON would escape.
    body.extend_from_slice(format!(r#"],"next":"{}","more":{}}}"#, page.next, page.more).as_bytes());
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
