//! The lead feed as server-sent events (the HTML standard, section 9.2): the id of each is its cursor.

use super::feed::{QUESTION_MAX, Reading};
use super::places::Held;
use crate::refusal::Refusal;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use proto::v1::ReadFeedResponse;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::Instant;

/// A stream ends after this and the reader comes again, so that none outlives a new release or a moved address.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// Silence on the line is broken by a comment after this, so that nothing in between takes it for dead.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(4);
/// When lead-capture does not answer it is asked again after this; the stream goes on.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How soon a reader whose stream ended comes again.
const RETRY: &str = "retry: 2000\n\n";

/// An open stream. It is asked for more only when the reader took what was sent, so that a slow one holds no more
/// than one page here.
struct Open {
    reading: Reading,
    ends_at: Instant,
    spoke_at: Instant,
    /// Nothing follows what was sent last.
    over: bool,
    _held: Held,
}

/// Begins a stream. What is wrong with the question is found before it begins.
///
/// # Errors
/// As a single question.
pub(super) async fn answer(mut reading: Reading, held: Held) -> Result<Response, Refusal> {
    let page = reading.ask(Duration::ZERO).await?;
    let first = Bytes::from(format!("{RETRY}{}", frames(&page)));
    let now = Instant::now();
    let open = Open { reading, ends_at: now + LIFETIME, spoke_at: now, over: false, _held: held };
    let rest = futures::stream::unfold(open, |open| async move {
        let (bytes, open) = open.next().await?;
        Some((Ok::<_, Infallible>(bytes), open))
    });
    let all = futures::StreamExt::chain(futures::stream::iter([Ok::<_, Infallible>(first)]), rest);
    let headers = [
        (header::CONTENT_TYPE.as_str(), "text/event-stream"),
        (header::CACHE_CONTROL.as_str(), "no-store"),
        // Proxies that gather answers would keep the events back.
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, Body::from_stream(all)).into_response())
}

impl Open {
    /// The next bytes; none at the end of the stream.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        let shutdown = self.reading.app.inner.shutdown.clone();
        loop {
            let now = Instant::now();
            if self.over || now >= self.ends_at || shutdown.is_cancelled() {
                return None;
            }
            let wait = QUESTION_MAX.min(self.ends_at - now);
            let asked = shutdown.run_until_cancelled(self.reading.ask(wait)).await?;
            let text = match asked {
                Ok(page) => frames(&page),
                Err(refusal) if is_passing(&refusal) => {
                    tokio::time::sleep(ASK_AGAIN).await;
                    String::new()
                }
                Err(refusal) => {
                    self.over = true;
                    problem(&refusal)
                }
            };
            if !text.is_empty() {
                self.spoke_at = Instant::now();
                return Some((text.into(), self));
            }
            if self.spoke_at.elapsed() >= HEARTBEAT_EVERY {
                self.spoke_at = Instant::now();
                // With the cursor, which moves on in time also where there are no events.
                let beat = format!(": heartbeat\nid: {}\n\n", self.reading.after);
                return Some((beat.into(), self));
            }
        }
    }
}

/// The service may be back in a moment.
fn is_passing(refusal: &Refusal) -> bool {
    matches!(refusal.0.problem.status, 502..=504)
}

/// The events of a page. A line break would end a field; JSON has none within its strings.
fn frames(page: &ReadFeedResponse) -> String {
    let mut text = String::new();
    for event in &page.events {
        let body = String::from_utf8_lossy(&event.event).replace(['\r', '\n'], " ");
        text.push_str(&format!("id: {}\ndata: {body}\n\n", event.cursor));
    }
    text
}

/// The last word of a stream that cannot go on, of a type of its own.
fn problem(refusal: &Refusal) -> String {
    let json = serde_json::to_string(&refusal.0).unwrap_or_default();
    format!("event: problem\ndata: {json}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::v1::FeedEvent;

    #[test]
    fn an_event_is_its_cursor_and_one_line_of_data() {
        let event = FeedEvent { cursor: "abc".into(), event: b"{\"a\":\n1}".to_vec() };
        let page = ReadFeedResponse { events: vec![event.clone(), event], ..ReadFeedResponse::default() };
        assert_eq!(frames(&page), "id: abc\ndata: {\"a\": 1}\n\nid: abc\ndata: {\"a\": 1}\n\n");
        assert_eq!(frames(&ReadFeedResponse::default()), "");
    }
}
