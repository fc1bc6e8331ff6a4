//! Who waits.

use super::extract::Params;
use super::page::{self, Page};
use super::time::Time;
use crate::access::Act;
use crate::caller::Caller;
use crate::peers::answer;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use proto::v1::GetQueueRequest;
use runtime::Role;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The queue that is meant when none is named.
const QUEUE: &str = "default";

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueQuery {
    /// The queue's name; `default` without it.
    queue: Option<String>,
    /// 1 to 200; 50 without it.
    page_size: Option<u32>,
    cursor: Option<String>,
    /// A log position, such as a write answered: the answer reflects at least this.
    at_least: Option<String>,
}

/// Who waits in a queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Queue {
    pub(crate) queue: String,
    /// All that wait, not only this page.
    pub(crate) waiting: u32,
    #[serde(flatten)]
    pub(crate) page: Page<Waiting>,
}

/// One waiting conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Waiting {
    pub(crate) thread: String,
    pub(crate) n: u32,
    /// From 1, the next to be assigned.
    pub(crate) position: u32,
    pub(crate) waiting_since: Time,
    /// Absent while nobody serves the queue.
    pub(crate) expected_wait_ms: Option<i64>,
}

/// Who waits in a queue, the next to be assigned first.
#[utoipa::path(
    get, path = "/queue", operation_id = "getQueue", tag = "team", params(QueueQuery),
    responses((status = 200, body = Queue), RefusalBody)
)]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<QueueQuery>,
) -> Result<Json<Queue>, Refusal> {
    caller.check(Act::ReadQueue)?;
    let queue = query.queue.unwrap_or_else(|| QUEUE.into());
    let request = GetQueueRequest {
        tenant: caller.tenant.to_string(),
        queue: queue.clone(),
        page_size: page::size(query.page_size)?,
        page_token: query.cursor.unwrap_or_default(),
        at_least: query.at_least.unwrap_or_default(),
    };
    let mut routing = app.peers().routing()?;
    let found = answer(Role::Routing, routing.get_queue(request)).await?;
    let items = found.entries.into_iter().map(|entry| Waiting {
        thread: entry.thread,
        n: entry.conversation,
        position: entry.position,
        waiting_since: Time::of(entry.waiting_since_us),
        expected_wait_ms: entry.expected_wait_ms,
    });
    let page = Page { items: items.collect(), next: page::of_peer(found.next_page_token) };
    Ok(Json(Queue { queue, waiting: found.waiting, page }))
}
