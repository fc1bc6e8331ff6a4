//! Customer messages (客服消息) and the access token that they need.

use super::codes::failure;
use super::inbound::OfficialAccount;
use super::settings;
use crate::contract::{Account, Outbound, SendOutcome, Sender, Tools};
use crate::http::call::{self, Answer};
use crate::tokens::{Token, TokenFault};
use events::Micros;
use events::thread::FailureClass;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

/// The token is given up this long before its end, so that it does not end on the way.
const SPARE_S: i64 = 60;
const TIMEOUT_MS: u64 = 10_000;

impl Sender for OfficialAccount {
    fn send<'a>(
        &'a self,
        account: &'a Account,
        outbound: &'a Outbound,
        tools: &'a Tools,
    ) -> BoxFuture<'a, SendOutcome> {
        let body = message(account, outbound);
        Box::pin(async move { call_with_token(account, tools, "/cgi-bin/message/custom/send", &body).await })
    }

    fn typing<'a>(&'a self, account: &'a Account, contact: &'a str, tools: &'a Tools) -> BoxFuture<'a, ()> {
        let body = json!({ "touser": contact, "command": "Typing" });
        Box::pin(async move {
            // The customer loses nothing when the mark does not appear.
            call_with_token(account, tools, "/cgi-bin/message/custom/typing", &body).await;
        })
    }
}

pub(super) fn timeout_ms(account: &Account) -> u64 {
    account.number("timeout_ms").unwrap_or(TIMEOUT_MS)
}

fn message(account: &Account, outbound: &Outbound) -> Value {
    let mut body = json!({
        "touser": outbound.contact,
        "msgtype": "text",
        "text": { "content": outbound.text },
    });
    // Agent accounts of the platform have an at sign in their names; any other persona is not the platform's.
    let persona = outbound.persona.as_deref().filter(|persona| persona.contains('@'));
    if let Some(face) = persona.or(account.setting("kf_account")) {
        body["customservice"] = json!({ "kf_account": face });
    }
    if outbound.by_ai && settings::label_ai(account) {
        body["aimsgcontext"] = json!({ "is_ai_msg": 1 });
    }
    body
}

/// Calls once; when the platform refuses the token, once more with a new one.
async fn call_with_token(account: &Account, tools: &Tools, path: &str, body: &Value) -> SendOutcome {
    let mut refused = None;
    loop {
        let token = match token(account, tools, refused.clone()).await {
            Ok(token) => token,
            Err(fault) => return without_token(fault, (tools.now)()),
        };
        let outcome = call_once(account, tools, path, (&token.value, body)).await;
        let stale = matches!(outcome, SendOutcome::Failed { class: FailureClass::TokenStale, .. });
        if !stale || refused.is_some() {
            return outcome;
        }
        refused = Some(token.value);
    }
}

async fn call_once(
    account: &Account,
    tools: &Tools,
    path: &str,
    (token, body): (&str, &Value),
) -> SendOutcome {
    // The platform refuses `\u` escapes; serde_json writes letters as they are.
    let request = tools
        .http
        .post(format!("{}{path}", settings::api(account)))
        .query(&[("access_token", token)])
        .header("content-type", "application/json; charset=utf-8")
        .body(body.to_string());
    match call::once(request, timeout_ms(account)).await {
        Answer::NeverLeft => SendOutcome::failed(FailureClass::Retryable),
        Answer::None => SendOutcome::Unknown,
        Answer::Came { status: 200, body, .. } => outcome(&body, (tools.now)()),
        Answer::Came { status: 429, retry_after_ms, .. } => {
            SendOutcome::Failed { class: FailureClass::RateLimited, retry_after_ms, code: Some(429) }
        }
        Answer::Came { status: 503, retry_after_ms, .. } => {
            SendOutcome::Failed { class: FailureClass::Retryable, retry_after_ms, code: Some(503) }
        }
        // A gateway that failed behind the platform's door does not know what became of the message.
        Answer::Came { status: 500.., .. } => SendOutcome::Unknown,
        Answer::Came { status, .. } => SendOutcome::Failed {
            class: FailureClass::Configuration,
            retry_after_ms: None,
            code: Some(i64::from(status)),
        },
    }
}

#[derive(Deserialize)]
struct Result {
    #[serde(default)]
    errcode: i64,
}

/// Success may come without `errcode`; a body that is none of ours says nothing.
fn outcome(body: &[u8], at: Micros) -> SendOutcome {
    match serde_json::from_slice::<Result>(body) {
        Ok(Result { errcode: 0 }) => SendOutcome::Sent { provider: None },
        Ok(Result { errcode }) => failure(errcode, at),
        Err(_) => SendOutcome::Unknown,
    }
}

pub(super) fn without_token(fault: TokenFault, at: Micros) -> SendOutcome {
    match fault {
        TokenFault::Refused { class: FailureClass::TokenStale, code } => {
            // For a token request this code means a wrong secret.
            SendOutcome::Failed { class: FailureClass::Configuration, retry_after_ms: None, code: Some(code) }
        }
        TokenFault::Refused { code, .. } => failure(code, at),
        TokenFault::Unanswered | TokenFault::Store => SendOutcome::failed(FailureClass::Retryable),
    }
}

pub(super) async fn token(
    account: &Account,
    tools: &Tools,
    refused: Option<String>,
) -> std::result::Result<Token, TokenFault> {
    let fetch = move |refused: Option<String>| -> BoxFuture<'_, std::result::Result<Token, TokenFault>> {
        Box::pin(async move {
            let token = stable_token(account, tools, false).await?;
            // Force costs one of twenty a day and kills the token for everybody, so it is the last resort.
            if refused.as_deref() == Some(token.value.as_str()) {
                return stable_token(account, tools, true).await;
            }
            Ok(token)
        })
    };
    tools.tokens.token(account.id, refused, (tools.now)(), Box::new(fetch)).await
}

#[derive(Deserialize)]
struct Issued {
    access_token: Option<String>,
    expires_in: Option<i64>,
    #[serde(default)]
    errcode: i64,
}

async fn stable_token(
    account: &Account,
    tools: &Tools,
    force: bool,
) -> std::result::Result<Token, TokenFault> {
    let configuration = |_| TokenFault::Refused { class: FailureClass::Configuration, code: 40013 };
    let body = json!({
        "grant_type": "client_credential",
        "appid": settings::app_id(account).map_err(configuration)?,
        "secret": settings::app_secret(account).map_err(configuration)?,
        "force_refresh": force,
    });
    let asked_at = (tools.now)();
    let request = tools
        .http
        .post(format!("{}/cgi-bin/stable_token", settings::api(account)))
        .header("content-type", "application/json; charset=utf-8")
        .body(body.to_string());
    let Answer::Came { status: 200, body, .. } = call::once(request, timeout_ms(account)).await else {
        return Err(TokenFault::Unanswered);
    };
    let issued: Issued = serde_json::from_slice(&body).map_err(|_| TokenFault::Unanswered)?;
    match issued {
        Issued { access_token: Some(value), expires_in: Some(seconds), errcode: 0 } => {
            let lives_s = (seconds - SPARE_S).clamp(1, 7200);
            Ok(Token { value, expires_at: asked_at.saturating_add(lives_s * 1_000_000) })
        }
        Issued { errcode: 0, .. } => Err(TokenFault::Unanswered),
        Issued { errcode, .. } => {
            Err(TokenFault::Refused { class: super::codes::class_of(errcode), code: errcode })
        }
    }
}
