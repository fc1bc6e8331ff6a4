//! Who a follower is: the union id, which is one over all apps of one owner on the platform's open platform.
//!
//! Source: Tencent's developer documentation, "获取用户基本信息(UnionID机制)": `subscribe` 0 tells nothing else, and an
//! account that is bound to no open platform is told no `unionid`. Names and pictures are told to nobody any more.

use super::inbound::OfficialAccount;
use super::send::{timeout_ms, token, without_token};
use super::{codes, settings};
use crate::contract::{Account, Evidence, Profile, ProfileFault, SendOutcome, Tools};
use crate::http::call::{self, Answer};
use events::customer::EvidenceKind;
use events::thread::FailureClass;
use futures::future::BoxFuture;
use serde::Deserialize;

const UNIONID_MAX_CHARS: usize = 128;

impl Profile for OfficialAccount {
    fn evidence<'a>(
        &'a self,
        account: &'a Account,
        contact: &'a str,
        tools: &'a Tools,
    ) -> BoxFuture<'a, Result<Vec<Evidence>, ProfileFault>> {
        Box::pin(ask(account, contact, tools))
    }
}

/// Asks once; when the platform refuses the token, once more with a new one.
async fn ask(account: &Account, contact: &str, tools: &Tools) -> Result<Vec<Evidence>, ProfileFault> {
    let mut refused = None;
    loop {
        let token = match token(account, tools, refused.clone()).await {
            Ok(token) => token.value,
            Err(fault) => return Err(ProfileFault::of(&without_token(fault, (tools.now)()))),
        };
        match once(account, tools, &token, contact).await {
            Ok(told) => return Ok(told),
            Err(SendOutcome::Failed { class: FailureClass::TokenStale, .. }) if refused.is_none() => {
                refused = Some(token);
            }
            Err(outcome) => return Err(ProfileFault::of(&outcome)),
        }
    }
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    unionid: String,
}

async fn once(
    account: &Account,
    tools: &Tools,
    token: &str,
    contact: &str,
) -> Result<Vec<Evidence>, SendOutcome> {
    let request = tools.http.get(format!("{}/cgi-bin/user/info", settings::api(account))).query(&[
        ("access_token", token),
        ("openid", contact),
        ("lang", "zh_CN"),
    ]);
    let body = match call::once(request, timeout_ms(account)).await {
        Answer::Came { status: 200, body, .. } => body,
        Answer::Came { retry_after_ms, .. } => {
            return Err(SendOutcome::Failed { class: FailureClass::Retryable, retry_after_ms, code: None });
        }
        Answer::NeverLeft | Answer::None => return Err(SendOutcome::failed(FailureClass::Retryable)),
    };
    match serde_json::from_slice::<Told>(&body) {
        Ok(Told { errcode: 0, unionid }) => Ok(evidence(unionid)),
        Ok(Told { errcode, .. }) => Err(codes::failure(errcode, (tools.now)())),
        Err(_) => Err(SendOutcome::failed(FailureClass::Retryable)),
    }
}

fn evidence(unionid: String) -> Vec<Evidence> {
    let sound = !unionid.trim().is_empty() && unionid.chars().count() <= UNIONID_MAX_CHARS;
    sound.then_some(Evidence { kind: EvidenceKind::Unionid, value: unionid }).into_iter().collect()
}
