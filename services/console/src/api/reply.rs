//! Answering a customer.

use super::extract::{Body, Place};
use super::written::{Written, address, decide};
use crate::caller::Caller;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::extract::State;
use conversation::{PersonReply, Thread, newer_than, reply_by_person};
use events::{Content, ContentKind, Sealed};
use runtime::Problem;
use serde::Deserialize;
use spine::Address;
use spine::keys::{Owner, Period, SealKey};
use std::sync::{Mutex, PoisonError};
use unicode_segmentation::UnicodeSegmentation;
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

/// Answers the customer. What they wrote meanwhile is told in `newer`.
#[utoipa::path(
    post, path = "/threads/{thread}/replies", operation_id = "reply", tag = "threads",
    params(("thread" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = ReplyRequest,
    responses(
        (status = 200, body = Written, headers(("Tributary-Position" = String))),
        RefusalBody
    )
)]
pub(crate) async fn reply(
    State(app): State<App>,
    mut caller: Caller,
    Place(thread): Place<String>,
    Body(request): Body<ReplyRequest>,
) -> Result<Written, Refusal> {
    let agent = caller.answering()?;
    let address = address(&caller, &thread)?;
    let text = checked(&request.text)?;
    // No key is made for a thread that is not there.
    let began =
        app.log().read::<Thread, _>(&address, |thread| thread.account().is_some() || thread.is_erased());
    if !began.await? {
        return Err(Problem::not_found("thread").into());
    }
    let at = app.now();
    // The answer's id is its cause, so the same answer sent twice is decided once.
    let message = request.message.unwrap_or(caller.request);
    caller.request = message;
    let content = sealed(&app, &address, &text, at).await?;
    let reply = PersonReply { message, agent, tenure: request.tenure, seen: request.seen, content };
    let newer = Mutex::new(Vec::new());
    let written = decide(&app, &caller, &address, "reply", |thread| {
        *newer.lock().unwrap_or_else(PoisonError::into_inner) = newer_than(thread, reply.seen);
        reply_by_person(thread, &reply, at)
    })
    .await?;
    let newer = newer.into_inner().unwrap_or_else(PoisonError::into_inner);
    let newer = newer.iter().map(Uuid::to_string).collect();
    Ok(Written { message: Some(message.to_string()), newer, ..written })
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

/// Sealed before the law sees it.
async fn sealed(app: &App, address: &Address, text: &str, at: i64) -> Result<Content, Refusal> {
    let owner = Owner::thread(address.uuid().unwrap_or_default());
    let (tenant, period) = (address.tenant.clone(), Period::quarter(at));
    let key = SealKey { tenant, owner, class: "message".into(), period };
    let value = app.keys().seal(&key, &address.subject(), "content.text", text).await?;
    Ok(Content {
        kind: ContentKind::Text,
        text: Some(Sealed(value)),
        media: None,
        length: u32::try_from(text.graphemes(true).count()).unwrap_or(u32::MAX),
        language: language(text).into(),
    })
}

/// `zh` with any Han character, else `en` with any Latin letter, else undecided.
fn language(text: &str) -> &'static str {
    let is_han = |c: char| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{323af}');
    if text.chars().any(is_han) {
        "zh"
    } else if text.chars().any(|c| c.is_ascii_alphabetic()) {
        "en"
    } else {
        ""
    }
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

    #[test]
    fn a_language_is_told_by_its_letters() {
        assert_eq!((language("OK 的"), language("fine"), language("12!")), ("zh", "en", ""));
    }
}
