//! Messages to a partner system: one signed POST each.
//!
//! The body is `{"type": "message", "timestamp": ..., "data": {"id", "message", "part", "account", "user", "text",
//! "by", "persona"}}`. `webhook-id` equals `data.id` and stays equal over all attempts, so the partner keeps a message
//! once. Answers: 2xx taken (a JSON body may name the partner's `id`), 410 the person cannot be reached, 408, 429
//! and 5xx try again (`Retry-After` counts), 3xx a wrong address, any other 4xx final.

use super::inbound::Http;
use super::{call, callback, keys};
use crate::contract::{Account, Misconfigured, Outbound, SendOutcome, Sender, Tools};
use crate::standard_webhooks as standard;
use crate::text::clean_line;
use call::Answer;
use events::Micros;
use events::thread::FailureClass;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;

const TIMEOUT_MS: u64 = 15_000;

impl Sender for Http {
    fn send<'a>(
        &'a self,
        account: &'a Account,
        outbound: &'a Outbound,
        tools: &'a Tools,
    ) -> BoxFuture<'a, SendOutcome> {
        Box::pin(async move {
            let Ok(request) = request(account, outbound, tools) else {
                return SendOutcome::failed(FailureClass::Configuration);
            };
            outcome(call::once(request, account.number("timeout_ms").unwrap_or(TIMEOUT_MS)).await)
        })
    }
}

fn request(
    account: &Account,
    outbound: &Outbound,
    tools: &Tools,
) -> Result<reqwest::RequestBuilder, Misconfigured> {
    let at = (tools.now)();
    let id = outbound.idempotency_key();
    let body = body(account, outbound, &id, at);
    let at_s = at.div_euclid(1_000_000);
    // While a secret is being changed both sign, so the partner may change over at any moment.
    let signatures: Vec<String> =
        keys(account)?.iter().map(|key| key.sign(&id, at_s, body.as_bytes())).collect();
    let request = tools.http.post(callback(account)?).header("content-type", "application/json");
    Ok(request
        .header(standard::ID, id)
        .header(standard::TIMESTAMP, at_s.to_string())
        .header(standard::SIGNATURE, signatures.join(" "))
        .body(body))
}

fn body(account: &Account, outbound: &Outbound, id: &str, at: Micros) -> String {
    json!({
        "type": "message",
        "timestamp": jiff::Timestamp::from_microsecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string(),
        "data": {
            "id": id,
            "message": outbound.message_id,
            "part": outbound.part,
            "account": account.slug,
            "user": outbound.contact,
            "text": outbound.text,
            "by": match (outbound.by_ai, outbound.by_system) {
                (true, _) => "ai",
                (_, true) => "system",
                _ => "person",
            },
            "persona": outbound.persona,
        },
    })
    .to_string()
}

#[derive(Deserialize)]
struct Taken {
    id: String,
}

fn outcome(answer: Answer) -> SendOutcome {
    let (status, retry_after_ms, body) = match answer {
        Answer::NeverLeft => return SendOutcome::failed(FailureClass::Retryable),
        Answer::None => return SendOutcome::Unknown,
        Answer::Came { status, retry_after_ms, body } => (status, retry_after_ms, body),
    };
    let class = match status {
        200..=299 => {
            let taken: Option<Taken> = serde_json::from_slice(&body).ok();
            let provider = taken.map(|taken| clean_line(&taken.id, 200)).filter(|id| !id.is_empty());
            return SendOutcome::Sent { provider };
        }
        300..=399 => FailureClass::Configuration,
        410 => FailureClass::Unreachable,
        429 => FailureClass::RateLimited,
        408 | 500.. => FailureClass::Retryable,
        _ => FailureClass::Permanent,
    };
    SendOutcome::Failed { class, retry_after_ms, code: Some(i64::from(status)) }
}
