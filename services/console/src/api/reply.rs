//! Answering a customer.

use super::acting::Acting;
use super::extract::Body;
use super::written::Written;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::http::StatusCode;
use conversation::{PersonReply, Thread, content, newer_than, reply_by_person};
use events::ThreadEvent;
use runtime::Problem;
use serde::Deserialize;
use spine::keys::SealKey;
use spine::{Address, Error};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use utoipa::ToSchema;
use uuid::Uuid;

/// Bytes of an answer. What a channel takes is less, and its capability table says so.
const TEXT_BYTES_MAX: usize = 16 * 1024;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplyRequest {
    /// The tenure that the screen showed.
    tenure: u32,
    /// The customer's last message that the screen showed; absent before they wrote.
    #[schema(value_type = Option<String>, format = "uuid")]
    seen: Option<Uuid>,
    text: String,
    /// The client's own id of the answer, random: sent again, it is the same answer.
    #[schema(value_type = Option<String>, format = "uuid")]
    message: Option<Uuid>,
}

/// Answers the customer. What they wrote meanwhile is told in `newer`. The same key with another text is refused.
#[utoipa::path(
    post, path = "/threads/{thread}/replies", operation_id = "reply", tag = "threads",
    params(("thread" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = ReplyRequest,
    responses(Written, RefusalBody)
)]
pub(crate) async fn reply(mut acting: Acting<Body<ReplyRequest>>) -> Result<Written, Refusal> {
    let Body(asked) = &acting.asked;
    let text = checked(&asked.text)?;
    // No key is made for a thread that is not there.
    let began = |thread: &Thread| thread.account().is_some() || thread.is_erased();
    if !acting.app.log().read(&acting.address, began).await? {
        return Err(Problem::not_found("thread").into());
    }
    // The answer's id is its cause, so the same answer sent twice is decided once.
    let by_body = asked.message.is_some();
    let message = asked.message.unwrap_or(acting.caller.request);
    acting.caller.request = message;
    // Sealed before the law sees it.
    let key = SealKey::of_thread(&acting.address, content::CLASS, acting.at);
    let sealed = acting.app.keys().seal(&key, &acting.address.subject(), content::TEXT, &text).await?;
    let content = content::text_content(sealed, &text);
    let (agent, tenure, seen) = (acting.agent, asked.tenure, asked.seen);
    let reply = PersonReply { message, agent, tenure, seen, content };
    let newer = Mutex::new(Vec::new());
    let is_known = AtomicBool::new(false);
    let written = acting
        .decide("reply", |thread| {
            *newer.lock().unwrap_or_else(PoisonError::into_inner) = newer_than(thread, reply.seen);
            let events = reply_by_person(thread, &reply, acting.at)?;
            is_known.store(events.is_empty(), Ordering::Relaxed);
            Ok(events)
        })
        .await?;
    if is_known.into_inner() && is_another(&acting.app, &acting.address, message, &text).await? {
        return Err(reused(by_body));
    }
    let newer = newer.into_inner().unwrap_or_else(PoisonError::into_inner);
    let newer = newer.iter().map(Uuid::to_string).collect();
    Ok(Written { message: Some(message.to_string()), newer, ..written })
}

/// Whether the answer that was written under this id says something else. Only a repetition is looked up.
async fn is_another(app: &App, address: &Address, message: Uuid, text: &str) -> Result<bool, Error> {
    for record in app.log().history(address, None).await? {
        for event in record.events::<Thread>()? {
            let ThreadEvent::Replied { message: written, content, .. } = event else { continue };
            let Some(sealed) = content.text.as_ref().filter(|_| *written == message) else { continue };
            let opened = app.keys().open_text(sealed.as_str(), &address.subject(), content::TEXT).await?;
            return Ok(opened.text().is_some_and(|known| known != text));
        }
    }
    Ok(false)
}

fn reused(by_body: bool) -> Refusal {
    let title = "The key was used for another request";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", title)
        .field(if by_body { "message" } else { "Idempotency-Key" })
        .detail("An answer with another text was written under it; this one was not.")
        .remedy("Use a new key for each answer, and the same one only to send the same answer again.")
        .into()
}

/// The text without what no channel can show, or why it cannot be sent.
fn checked(text: &str) -> Result<String, Refusal> {
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    if text.trim().is_empty() {
        return Err(Problem::invalid("text", "It is empty.").remedy("Write an answer.").into());
    }
    if text.len() > TEXT_BYTES_MAX {
        let detail = format!("{} bytes; at most {TEXT_BYTES_MAX} are taken.", text.len());
        return Err(Problem::invalid("text", detail).remedy("Part it in two.").into());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_keeps_its_lines_and_loses_its_control_characters() {
        assert_eq!(checked("一\u{0}\n二\u{7}").unwrap(), "一\n二");
        assert!(checked(" \n\u{0}").is_err());
        assert!(checked(&"一".repeat(6_000)).is_err());
    }
}
