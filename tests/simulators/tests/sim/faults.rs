//! Each fault as its caller sees it.

use serde_json::{Value, json};
use simulators::wechat::{Config, Platform, Push};
use simulators::{Clock, Fault, Ledger};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

struct World {
    platform: Platform,
    ledger: Ledger,
    token: String,
    http: reqwest::Client,
    shutdown: CancellationToken,
}

async fn world() -> World {
    let shutdown = CancellationToken::new();
    let ledger = Ledger::default();
    let config = Config { deliveries_max: 1, ..Config::new("desk") };
    let platform = Platform::start(config.clone(), Clock::world(), ledger.clone(), &shutdown).await.unwrap();
    platform.point_at("http://127.0.0.1:9/nowhere");
    for user in ["o1", "o2"] {
        platform.push(Push::text(user, "hi")).await;
    }
    let http = reqwest::Client::builder().timeout(Duration::from_millis(400)).build().unwrap();
    let body =
        json!({"grant_type": "client_credential", "appid": config.app_id, "secret": config.app_secret});
    let url = format!("{}/cgi-bin/stable_token", platform.url());
    let answer: Value = http.post(url).body(body.to_string()).send().await.unwrap().json().await.unwrap();
    let token = answer["access_token"].as_str().unwrap().to_owned();
    World { platform, ledger, token, http, shutdown }
}

impl World {
    async fn send(&self, user: &str) -> reqwest::Result<(u16, Option<String>, Value)> {
        let body = json!({"touser": user, "msgtype": "text", "text": {"content": "a"}}).to_string();
        let url = format!("{}/cgi-bin/message/custom/send?access_token={}", self.platform.url(), self.token);
        let response = self.http.post(url).body(body).send().await?;
        let wait = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = response.text().await?;
        Ok((status, wait, serde_json::from_str(&body).unwrap_or_default()))
    }

    fn arrived(&self) -> usize {
        self.ledger.counts().1
    }
}

#[tokio::test]
async fn a_status_and_a_code_are_answered_as_often_as_told_and_nothing_arrives() {
    let world = world().await;
    world.platform.faults().next(Fault::Status { status: 503, retry_after_s: Some(7) }, 1);
    world.platform.faults().next(Fault::Code(-1), 1);
    let (status, wait, _) = world.send("o1").await.unwrap();
    assert_eq!((status, wait.as_deref()), (503, Some("7")));
    assert_eq!(world.send("o1").await.unwrap().2["errcode"], -1);
    assert_eq!(world.arrived(), 0);
    assert_eq!(world.send("o1").await.unwrap().2["errcode"], 0);
}

#[tokio::test]
async fn a_fault_of_one_person_is_not_anothers() {
    let world = world().await;
    world.platform.faults().user("o2", Fault::Code(45015), 1);
    assert_eq!(world.send("o1").await.unwrap().2["errcode"], 0);
    assert_eq!(world.send("o2").await.unwrap().2["errcode"], 45015);
    world.platform.faults().next(Fault::Code(-1), 9);
    world.platform.faults().clear();
    assert_eq!(world.send("o2").await.unwrap().2["errcode"], 0);
}

#[tokio::test]
async fn a_hanging_answer_never_comes_and_nothing_arrives() {
    let world = world().await;
    world.platform.faults().next(Fault::Hang, 1);
    assert!(world.send("o1").await.unwrap_err().is_timeout());
    assert_eq!(world.arrived(), 0);
}

#[tokio::test]
async fn a_cut_connection_is_no_timeout_and_no_refusal() {
    let world = world().await;
    world.platform.faults().next(Fault::Cut, 1);
    let error = world.send("o1").await.unwrap_err();
    assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
    assert_eq!(world.arrived(), 0);
    world.platform.faults().next(Fault::TakenThenCut, 1);
    assert!(world.send("o1").await.is_err());
    assert_eq!(world.arrived(), 1);
    assert_eq!(world.send("o1").await.unwrap().2["errcode"], 0);
}

#[tokio::test]
async fn a_late_answer_comes_after_the_message_was_taken() {
    let world = world().await;
    world.platform.faults().next(Fault::Late { ms: 100 }, 1);
    let began = Instant::now();
    assert_eq!(world.send("o1").await.unwrap().2["errcode"], 0);
    assert!(began.elapsed() >= Duration::from_millis(100));
    world.platform.faults().next(Fault::Late { ms: 5000 }, 1);
    assert!(world.send("o1").await.unwrap_err().is_timeout());
    assert_eq!(world.arrived(), 2);
}

#[tokio::test]
async fn a_shut_door_refuses_connections_until_it_is_open_again() {
    let world = world().await;
    world.platform.door().shut().await;
    assert!(world.send("o1").await.unwrap_err().is_connect());
    world.platform.door().reopen().await.unwrap();
    assert_eq!(world.send("o1").await.unwrap().2["errcode"], 0);
}

#[tokio::test]
async fn the_token_ends_the_server() {
    let world = world().await;
    world.shutdown.cancel();
    let began = Instant::now();
    while world.send("o1").await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(5), "it still answers");
        tokio::task::yield_now().await;
    }
    assert!(world.send("o1").await.unwrap_err().is_connect());
}
