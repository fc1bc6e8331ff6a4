//! The customer-message API over the wire: each refusal.

use serde_json::{Value, json};
use simulators::wechat::{Config, Platform, Push};
use simulators::{Clock, Ledger};
use tokio_util::sync::CancellationToken;

/// A platform whose pushes go nowhere, and a caller.
struct Api {
    platform: Platform,
    clock: Clock,
    ledger: Ledger,
    http: reqwest::Client,
    _shutdown: tokio_util::sync::DropGuard,
}

async fn api_with(change: impl FnOnce(&mut Config)) -> Api {
    let shutdown = CancellationToken::new();
    let (clock, ledger) = (Clock::at(1_767_225_600_000_000), Ledger::default());
    let mut config = Config { deliveries_max: 1, ..Config::new("desk") };
    change(&mut config);
    let platform = Platform::start(config, clock.clone(), ledger.clone(), &shutdown).await.unwrap();
    platform.point_at("http://127.0.0.1:9/nowhere");
    let http = reqwest::Client::new();
    Api { platform, clock, ledger, http, _shutdown: shutdown.drop_guard() }
}

async fn api() -> Api {
    api_with(|_| {}).await
}

impl Api {
    async fn post(&self, path: &str, body: String) -> Value {
        let url = format!("{}{path}", self.platform.url());
        let response = self.http.post(url).body(body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    async fn stable(&self, force: bool) -> String {
        let config = Config::new("desk");
        let body = json!({"grant_type": "client_credential", "appid": config.app_id, "secret": config.app_secret,
                          "force_refresh": force});
        let answer = self.post("/cgi-bin/stable_token", body.to_string()).await;
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn send(&self, token: &str, user: &str) -> i64 {
        let body = json!({"touser": user, "msgtype": "text", "text": {"content": "您好"}});
        let answer =
            self.post(&format!("/cgi-bin/message/custom/send?access_token={token}"), body.to_string()).await;
        answer["errcode"].as_i64().unwrap()
    }

    async fn info(&self, token: &str, openid: &str) -> Value {
        let url = format!(
            "{}/cgi-bin/user/info?access_token={token}&openid={openid}&lang=zh_CN",
            self.platform.url()
        );
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }

    async fn typing(&self, token: &str, user: &str) -> i64 {
        let body = json!({"touser": user, "command": "Typing"}).to_string();
        let answer = self.post(&format!("/cgi-bin/message/custom/typing?access_token={token}"), body).await;
        answer["errcode"].as_i64().unwrap()
    }
}

#[tokio::test]
async fn a_token_request_is_refused_for_each_fault() {
    let api = api().await;
    let config = Config::new("desk");
    let (app, secret) = (config.app_id.as_str(), config.app_secret.as_str());
    for (body, code) in [
        (json!({"grant_type": "x", "appid": app, "secret": secret}), 40002),
        (json!({"appid": app, "secret": secret}), 40002),
        (json!({"grant_type": "client_credential", "secret": secret}), 41002),
        (json!({"grant_type": "client_credential", "appid": app}), 41004),
        (json!({"grant_type": "client_credential", "appid": "wx0", "secret": secret}), 40013),
        (json!({"grant_type": "client_credential", "appid": app, "secret": "x"}), 40001),
        (json!({"grant_type": "client_credential", "appid": app, "secret": secret, "extra": 1}), 47001),
        (
            json!({"grant_type": "client_credential", "appid": app, "secret": secret, "force_refresh": "yes"}),
            47001,
        ),
    ] {
        assert_eq!(api.post("/cgi-bin/stable_token", body.to_string()).await["errcode"], code, "{body}");
    }
    let url =
        format!("{}/cgi-bin/token?grant_type=client_credential&appid={app}&secret=", api.platform.url());
    let plain = |secret: &str| api.http.get(format!("{url}{secret}")).send();
    assert_eq!(plain("x").await.unwrap().json::<Value>().await.unwrap()["errcode"], 40001);
    assert_eq!(plain(secret).await.unwrap().json::<Value>().await.unwrap()["expires_in"], 7200);
}

#[tokio::test]
async fn a_send_without_or_with_a_dead_token_is_refused() {
    let api = api().await;
    api.platform.push(Push::text("o1", "hi")).await;
    assert_eq!(api.send("", "o1").await, 41001);
    assert_eq!(api.send("made-up", "o1").await, 40001);
    let first = api.stable(false).await;
    assert_eq!(api.send(&first, "o1").await, 0);
    let second = api.stable(true).await;
    assert_eq!(api.send(&first, "o1").await, 40001);
    assert_eq!(api.send(&second, "o1").await, 0);
    api.platform.revoke_tokens();
    assert_eq!(api.send(&second, "o1").await, 40001);
    let third = api.stable(false).await;
    api.clock.skip_s(7200);
    assert_eq!(api.send(&third, "o1").await, 42001);
}

#[tokio::test]
async fn a_person_is_reached_only_while_they_follow_and_their_window_is_open() {
    let api = api().await;
    let token = api.stable(false).await;
    assert_eq!(api.send(&token, "stranger").await, 40003);
    api.platform.push(Push::text("o1", "hi")).await;
    for _ in 0..5 {
        assert_eq!(api.send(&token, "o1").await, 0);
    }
    assert_eq!(api.send(&token, "o1").await, 45047);
    api.platform.push(Push::text("o1", "again")).await;
    api.platform.close_window("o1");
    assert_eq!(api.send(&token, "o1").await, 45015);
    api.platform.push(Push::Unfollow { openid: "o1".into() }).await;
    assert_eq!(api.send(&token, "o1").await, 43004);
    api.platform.push(Push::Follow { openid: "o1".into(), scene: None }).await;
    api.platform.mute("o1", true);
    assert_eq!(api.send(&token, "o1").await, 48002);
    api.platform.mute("o1", false);
    assert_eq!(api.send(&token, "o1").await, 0);
    assert_eq!(api.ledger.all_received().len(), 6);
}

#[tokio::test]
async fn a_follow_opens_one_minute_and_three_messages_and_never_lowers_what_is_open() {
    let api = api().await;
    let token = api.stable(false).await;
    api.platform.push(Push::Follow { openid: "o1".into(), scene: Some("expo7".into()) }).await;
    for expected in [0, 0, 0, 45047] {
        assert_eq!(api.send(&token, "o1").await, expected);
    }
    api.clock.skip_s(61);
    assert_eq!(api.send(&token, "o1").await, 45015);
    api.platform.push(Push::text("o1", "hi")).await;
    api.platform.push(Push::Click { openid: "o1".into(), key: "K".into() }).await;
    for expected in [0, 0, 0, 0, 0, 45047] {
        assert_eq!(api.send(&token, "o1").await, expected);
    }
}

#[tokio::test]
async fn the_daily_quota_ends_and_comes_back() {
    let api = api_with(|config| config.sends_per_day = 1).await;
    api.platform.push(Push::text("o1", "hi")).await;
    let token = api.stable(false).await;
    assert_eq!(api.send(&token, "o1").await, 0);
    assert_eq!(api.send(&token, "o1").await, 45009);
    api.clock.skip_s(86_400);
    let token = api.stable(false).await;
    assert_eq!(api.send(&token, "o1").await, 0);
}

#[tokio::test]
async fn the_typing_mark_needs_a_recent_message_and_appears_once() {
    let api = api().await;
    let token = api.stable(false).await;
    assert_eq!(api.typing(&token, "o1").await, 40003);
    api.platform.push(Push::text("o1", "hi")).await;
    assert_eq!(api.typing(&token, "o1").await, 0);
    assert_eq!(api.typing(&token, "o1").await, 45081);
    api.clock.skip_s(31);
    assert_eq!(api.typing(&token, "o1").await, 45080);
}

#[tokio::test]
async fn a_bound_account_is_told_the_union_id_of_who_follows() {
    let api = api().await;
    let token = api.stable(false).await;
    api.platform.bind("o1", "union-1");
    assert_eq!(api.info(&token, "o1").await["errcode"], 40003, "nobody came yet");
    api.platform.push(Push::Follow { openid: "o1".into(), scene: None }).await;
    let told = api.info(&token, "o1").await;
    assert_eq!((told["subscribe"].as_i64(), told["unionid"].as_str()), (Some(1), Some("union-1")));
    api.platform.push(Push::text("o2", "hi")).await;
    assert!(
        api.info(&token, "o2").await.get("unionid").is_none(),
        "an account that is not bound is told none"
    );
    api.platform.push(Push::Unfollow { openid: "o1".into() }).await;
    assert_eq!(api.info(&token, "o1").await, json!({ "subscribe": 0, "openid": "o1" }));
    assert_eq!(api.info(&token, "").await["errcode"], 41009);
    assert_eq!(api.info("made-up", "o1").await["errcode"], 40001);
    assert_eq!(
        api.post(&format!("/cgi-bin/user/info?access_token={token}"), String::new()).await["errcode"],
        43001
    );
}

#[tokio::test]
async fn questions_about_people_have_a_quota_of_their_own() {
    let api = api_with(|config| config.infos_per_day = 1).await;
    api.platform.push(Push::text("o1", "hi")).await;
    let token = api.stable(false).await;
    assert_eq!(api.info(&token, "o1").await["subscribe"], 1);
    assert_eq!(api.info(&token, "o1").await["errcode"], 45009);
    assert_eq!(api.send(&token, "o1").await, 0);
}
