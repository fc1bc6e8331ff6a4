//! Messages from the suite: signature checked, kept once.

use super::partner::Office;
use crate::door::Line;
use crate::fault::under;
use crate::ledger::Received;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

const TOLERANCE_S: i64 = 300;

pub(super) fn router(office: Arc<Office>) -> Router {
    Router::new().route("/callback", post(callback)).with_state(office)
}

/// Strict, so that a mistake of ours is seen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    r#type: String,
    timestamp: String,
    data: Message,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    id: String,
    message: String,
    part: u32,
    account: String,
    user: String,
    text: String,
    by: String,
    persona: Option<String>,
}

async fn callback(
    State(office): State<Arc<Office>>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let message = match genuine(&office, &headers, &body).and_then(|id| read(&body, &id)) {
        Ok(message) => message,
        Err((status, words)) => {
            office.state().refused.push(words);
            return reply(status, &json!({ "error": words }));
        }
    };
    let fault = office.faults.take(&message.user);
    let user = message.user.clone();
    let gone = office.state().gone.contains(&user);
    if gone {
        return reply(410, &json!({ "error": "gone" }));
    }
    let code = |_| reply(500, &json!({ "error": "no codes here" }));
    under(fault, &line, &office.shutdown, code, || keep(&office, message)).await
}

/// The id that was signed. Checked with the public crate's own signer; its own check of the time would use the
/// world's clock, which tests move.
fn genuine(office: &Office, headers: &HeaderMap, body: &[u8]) -> Result<String, (u16, &'static str)> {
    let header = |name: &'static str| {
        headers.get(name).and_then(|value| value.to_str().ok()).ok_or((400, "a webhook header is missing"))
    };
    let id = header(standardwebhooks::HEADER_WEBHOOK_ID)?;
    let stamp = header(standardwebhooks::HEADER_WEBHOOK_TIMESTAMP)?;
    let stamp: i64 = stamp.parse().map_err(|_| (400, "the time stamp is no number"))?;
    let expected = office.webhook.sign(id, stamp, body).map_err(|_| (400, "the body is no text"))?;
    if !header(standardwebhooks::HEADER_WEBHOOK_SIGNATURE)?.split(' ').any(|signed| signed == expected) {
        return Err((401, "the signature is wrong"));
    }
    if (office.clock.now_s() - stamp).abs() > TOLERANCE_S {
        return Err((401, "the time stamp is too far from now"));
    }
    Ok(id.to_owned())
}

fn read(body: &[u8], id: &str) -> Result<Message, (u16, &'static str)> {
    let body: Envelope = serde_json::from_slice(body).map_err(|_| (422, "the body is not as documented"))?;
    let sound = body.r#type == "message" && body.timestamp.ends_with('Z') && body.data.id == id;
    let whose = body.data.id.starts_with(&body.data.message)
        && (body.data.part == 0) == (body.data.id == body.data.message);
    let by = matches!(body.data.by.as_str(), "ai" | "person" | "system")
        && body.data.persona.as_deref() != Some("");
    if sound && whose && by && !body.data.account.is_empty() {
        Ok(body.data)
    } else {
        Err((422, "a field is wrong"))
    }
}

/// Records the message; one that was taken before is acknowledged and not taken again.
fn keep(office: &Office, message: Message) -> Response<Body> {
    let repeated = !office.state().taken.insert(message.id.clone());
    let answer = json!({ "id": format!("p-{}", message.id) });
    office.ledger.received(Received {
        channel: "http",
        account: office.config.account.clone(),
        user: message.user,
        id: Some(message.id),
        text: message.text,
        at: office.clock.now(),
        by_ai: message.by == "ai",
        repeated,
    });
    reply(200, &answer)
}

fn reply(status: u16, body: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}
