//! Who waits.

use super::extract::Params;
use super::page::{self, Page};
use super::queues;
use super::time::Time;
use crate::access::Act;
use crate::caller::Caller;
use crate::peers::answer;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use proto::v1::{GetQueueRequest, GetQueueResponse, QueueEntry};
use runtime::Role;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueQuery {
    /// Only this queue; all queues of the tenant without it.
    queue: Option<String>,
    /// 1 to 200; 50 without it.
    page_size: Option<u32>,
    cursor: Option<String>,
    /// A log position, such as a write answered: the answer reflects at least this.
    at_least: Option<String>,
}

/// Who waits in the tenant's queues, or in the one that was asked for.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Queues {
    /// All that wait, not only this page.
    pub(crate) waiting: u32,
    /// The queues by name.
    pub(crate) queues: Vec<QueueLine>,
    /// Those who wait: queue by queue, in each the next to be assigned first.
    #[serde(flatten)]
    pub(crate) page: Page<Waiting>,
}

/// A queue of the tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueLine {
    pub(crate) queue: String,
    pub(crate) waiting: u32,
}

/// One waiting conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Waiting {
    pub(crate) queue: String,
    pub(crate) thread: String,
    pub(crate) n: u32,
    /// In its queue, from 1, the next to be assigned.
    pub(crate) position: u32,
    pub(crate) waiting_since: Time,
    /// Absent while nobody serves the queue.
    pub(crate) expected_wait_ms: Option<i64>,
}

/// The place at which a page begins: a queue, and the cursor of routing in it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Place(String, String);

/// Who waits, queue by queue, the next to be assigned first.
#[utoipa::path(
    get, path = "/queue", operation_id = "getQueue", tag = "team", params(QueueQuery),
    responses((status = 200, body = Queues), RefusalBody)
)]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<QueueQuery>,
) -> Result<Json<Queues>, Refusal> {
    caller.check(Act::ReadQueue)?;
    let size = page::size(query.page_size)?;
    let place: Place = page::place(query.cursor.as_deref())?.unwrap_or_default();
    let names = match &query.queue {
        Some(queue) => BTreeSet::from([queue.clone()]),
        None => queues::known(&app, &caller.tenant).await?,
    };
    let mut found = Queues::default();
    let mut routing = app.peers().routing()?;
    for queue in names {
        let request = GetQueueRequest {
            tenant: caller.tenant.to_string(),
            page_size: size,
            page_token: if queue == place.0 { place.1.clone() } else { String::new() },
            at_least: query.at_least.clone().unwrap_or_default(),
            queue: queue.clone(),
        };
        let answered = answer(Role::Routing, routing.get_queue(request)).await?;
        found.take_in(queue, answered, &place, size);
    }
    Ok(Json(found))
}

impl Queues {
    /// Adds a queue, and of those who wait in it as many as the page has room for. Names come in their order.
    fn take_in(&mut self, queue: String, answered: GetQueueResponse, place: &Place, size: u32) {
        self.waiting += answered.waiting;
        self.queues.push(QueueLine { queue: queue.clone(), waiting: answered.waiting });
        let room = (size as usize).saturating_sub(self.page.items.len());
        if queue < place.0 || self.page.next.is_some() || answered.entries.is_empty() {
            return;
        }
        if answered.entries.len() > room {
            // Begins with what is left of this queue: nobody of a queue is shown before all of it that was asked fits.
            let token = if queue == place.0 { place.1.clone() } else { String::new() };
            self.page.next = Some(page::cursor(&Place(queue, token)));
            return;
        }
        let waiting = |entry: QueueEntry| Waiting {
            queue: queue.clone(),
            thread: entry.thread,
            n: entry.conversation,
            position: entry.position,
            waiting_since: Time::of(entry.waiting_since_us),
            expected_wait_ms: entry.expected_wait_ms,
        };
        self.page.items.extend(answered.entries.into_iter().map(waiting));
        if !answered.next_page_token.is_empty() {
            self.page.next = Some(page::cursor(&Place(queue, answered.next_page_token)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Routing, with so many in each queue; a token is a number.
    fn asked(queue: &str, waiting: u32, place: &Place, size: u32) -> GetQueueResponse {
        let before = if queue == place.0 { place.1.parse().unwrap_or(0) } else { 0 };
        let end = (before + size).min(waiting);
        let entry = |position: u32| QueueEntry {
            thread: format!("{queue}{position}"),
            position,
            ..QueueEntry::default()
        };
        let next_page_token = if end < waiting { end.to_string() } else { String::new() };
        GetQueueResponse { entries: (before + 1..=end).map(entry).collect(), waiting, next_page_token }
    }

    #[test]
    fn everybody_who_waits_is_shown_once_on_pages_of_any_size() {
        let queues = [("a", 3), ("b", 0), ("c", 5), ("d", 1)];
        let all: Vec<String> = queues
            .iter()
            .flat_map(|(queue, count)| (1..=*count).map(move |n| format!("{queue}{n}")))
            .collect();
        for size in 1..=10 {
            let (mut shown, mut place, mut pages) = (Vec::new(), Place::default(), 0);
            loop {
                let mut found = Queues::default();
                for (queue, waiting) in queues {
                    found.take_in(queue.into(), asked(queue, waiting, &place, size), &place, size);
                }
                assert_eq!((found.waiting, found.queues.len()), (9, 4));
                assert!(found.page.items.len() <= size as usize);
                shown.extend(found.page.items.into_iter().map(|waiting| waiting.thread));
                pages += 1;
                let Some(next) = found.page.next else { break };
                place = page::place(Some(&next)).unwrap().unwrap();
            }
            assert_eq!(shown, all, "pages of {size}");
            assert!(pages <= 9, "{pages} pages of {size}");
        }
    }
}
