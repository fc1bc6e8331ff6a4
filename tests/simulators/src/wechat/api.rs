//! The platform's API.

use super::platform::{Desk, State};
use super::send;
use super::tokens::Stale;
use crate::door::Line;
use crate::fault::under;
use crate::ledger::Received;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Query, State as Shared};
use axum::http::{Response, header};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

type Params = Query<HashMap<String, String>>;

pub(super) fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/cgi-bin/token", get(plain_token))
        .route("/cgi-bin/stable_token", post(stable_token))
        .route("/cgi-bin/message/custom/send", post(custom_send))
        .route("/cgi-bin/message/custom/typing", post(custom_typing))
        .route("/cgi-bin/user/info", get(user_info).fallback(get_only))
        .with_state(desk)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    grant_type: Option<String>,
    appid: Option<String>,
    secret: Option<String>,
    #[serde(default)]
    force_refresh: bool,
}

async fn plain_token(
    Shared(desk): Shared<Arc<Desk>>,
    ConnectInfo(line): ConnectInfo<Line>,
    Query(mut params): Params,
) -> Response<Body> {
    let mut take = |name: &str| params.remove(name);
    let asked = Credentials {
        grant_type: take("grant_type"),
        appid: take("appid"),
        secret: take("secret"),
        force_refresh: false,
    };
    let issue = |state: &mut State| state.tokens.plain(desk.clock.now());
    let fault = desk.tokens_fail.take(&desk.config.app_id);
    under(fault, &line, &desk.shutdown, code, || give(&desk, &asked, issue)).await
}

async fn stable_token(
    Shared(desk): Shared<Arc<Desk>>,
    ConnectInfo(line): ConnectInfo<Line>,
    body: Bytes,
) -> Response<Body> {
    let fault = desk.tokens_fail.take(&desk.config.app_id);
    let act = || match serde_json::from_slice::<Credentials>(&body) {
        Err(_) => code(47001),
        Ok(asked) => {
            let force = asked.force_refresh;
            give(&desk, &asked, |state| state.tokens.stable(force, desk.clock.now()))
        }
    };
    under(fault, &line, &desk.shutdown, code, act).await
}

fn give(desk: &Desk, asked: &Credentials, issue: impl FnOnce(&mut State) -> (String, i64)) -> Response<Body> {
    let refused = match (asked.grant_type.as_deref(), asked.appid.as_deref(), asked.secret.as_deref()) {
        (Some("client_credential"), Some(app), Some(secret)) => {
            let app_fits = app == desk.config.app_id;
            (!app_fits).then_some(40013).or((secret != desk.config.app_secret).then_some(40001))
        }
        (Some("client_credential"), None, _) => Some(41002),
        (Some("client_credential"), _, None) => Some(41004),
        _ => Some(40002),
    };
    if let Some(refused) = refused {
        return code(refused);
    }
    let (token, life) = issue(&mut desk.state());
    answer(&json!({ "access_token": token, "expires_in": life }))
}

async fn custom_send(
    Shared(desk): Shared<Arc<Desk>>,
    ConnectInfo(line): ConnectInfo<Line>,
    Query(params): Params,
    body: Bytes,
) -> Response<Body> {
    let message = send::message(&body);
    let user = message.as_ref().map(|message| message.user.clone()).unwrap_or_default();
    let fault = desk.sends.take(&user);
    let act = || {
        let taken = admit(&desk, &params).and(message).and_then(|message| take(&desk, message));
        code(taken.err().unwrap_or(0))
    };
    under(fault, &line, &desk.shutdown, code, act).await
}

async fn custom_typing(
    Shared(desk): Shared<Arc<Desk>>,
    Query(params): Params,
    body: Bytes,
) -> Response<Body> {
    let shown = admit(&desk, &params).and_then(|()| send::typing(&body)).and_then(|(user, on)| {
        let at = desk.clock.now();
        desk.state().users.type_to(&user, on, at)
    });
    code(shown.err().unwrap_or(0))
}

/// Who somebody is. Names and pictures are told to nobody since the end of 2021.
async fn user_info(
    Shared(desk): Shared<Arc<Desk>>,
    ConnectInfo(line): ConnectInfo<Line>,
    Query(params): Params,
) -> Response<Body> {
    let openid = params.get("openid").cloned().unwrap_or_default();
    desk.state().infos += 1;
    let fault = desk.infos_fail.take(&openid);
    let act = || match admit(&desk, &params).and_then(|()| info(&desk, &openid)) {
        Ok(told) => answer(&told),
        Err(refused) => code(refused),
    };
    under(fault, &line, &desk.shutdown, code, act).await
}

async fn get_only() -> Response<Body> {
    code(43001)
}

fn info(desk: &Desk, openid: &str) -> Result<serde_json::Value, i64> {
    if openid.is_empty() {
        return Err(41009);
    }
    let mut state = desk.state();
    let (day, today) = (desk.clock.now_s().div_euclid(86_400), &mut state.infos_today);
    if !count(today, day, desk.config.infos_per_day) {
        return Err(45009);
    }
    let (follows, unionid) = state.users.info(openid)?;
    if !follows {
        return Ok(json!({ "subscribe": 0, "openid": openid }));
    }
    let mut told = json!({
        "subscribe": 1, "openid": openid, "nickname": "", "sex": 0, "language": "zh_CN", "city": "", "province": "",
        "country": "", "headimgurl": "", "subscribe_time": desk.clock.now_s(), "remark": "", "groupid": 0,
        "tagid_list": [], "subscribe_scene": "ADD_SCENE_SEARCH", "qr_scene": 0, "qr_scene_str": "",
    });
    if let Some(unionid) = unionid {
        told["unionid"] = json!(unionid);
    }
    Ok(told)
}

/// Counts one call of the day; false when the day's calls are used up.
fn count(today: &mut (i64, u32), day: i64, max: u32) -> bool {
    if today.0 != day {
        *today = (day, 0);
    }
    today.1 += 1;
    today.1 <= max
}

/// Whether the call's token opens.
fn admit(desk: &Desk, params: &HashMap<String, String>) -> Result<(), i64> {
    let token = params.get("access_token").filter(|token| !token.is_empty()).ok_or(41001)?;
    match desk.state().tokens.check(token, desk.clock.now()) {
        Ok(()) => Ok(()),
        Err(Stale::Unknown) => Err(40001),
        Err(Stale::Expired) => Err(42001),
    }
}

fn take(desk: &Desk, message: send::Message) -> Result<(), i64> {
    let at = desk.clock.now();
    {
        let mut state = desk.state();
        let day = desk.clock.now_s().div_euclid(86_400);
        if state.sends_today.0 != day {
            state.sends_today = (day, 0);
        }
        if state.sends_today.1 >= desk.config.sends_per_day {
            return Err(45009);
        }
        state.users.spend(&message.user, at)?;
        state.sends_today.1 += 1;
    }
    desk.ledger.received(Received {
        channel: "wechat_oa",
        account: desk.config.account.clone(),
        user: message.user,
        id: None,
        text: message.text,
        at,
        by_ai: message.by_ai,
        repeated: false,
    });
    Ok(())
}

/// The platform tells everything, success too, with HTTP 200 and a code.
fn code(code: i64) -> Response<Body> {
    let words = match code {
        0 => "ok".to_owned(),
        45015 => "response out of time limit or subscription is canceled rid: 0-sim".to_owned(),
        45009 => "reach max api daily quota limit rid: 0-sim".to_owned(),
        code => format!("simulated refusal {code} rid: 0-sim"),
    };
    answer(&json!({ "errcode": code, "errmsg": words }))
}

fn answer(body: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    let kind = header::HeaderValue::from_static("application/json; encoding=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
