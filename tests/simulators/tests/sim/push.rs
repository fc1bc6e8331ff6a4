//! Pushes to a webhook: retried with fresh values, acknowledged by the one word, duplicated and reordered by plan.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;
use simulators::door::Door;
use simulators::wechat::{Config, Mode, Platform, Push};
use simulators::{Clock, Ledger, Plan};
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

/// A webhook that gives the answers it was told to, then `success`.
#[derive(Default)]
struct Webhook {
    answers: Mutex<Vec<(u16, &'static str)>>,
    seen: Mutex<Vec<(String, String)>>,
}

type Shared = Arc<Webhook>;

async fn posted(
    State(hook): State<Shared>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let body = String::from_utf8_lossy(&body).into_owned();
    hook.seen.lock().unwrap().push((query.unwrap_or_default(), body));
    let (status, answer) = hook.answers.lock().unwrap().pop().unwrap_or((200, "success"));
    (StatusCode::from_u16(status).unwrap(), answer)
}

async fn got(RawQuery(query): RawQuery) -> String {
    let query = query.unwrap_or_default();
    query.split('&').find_map(|pair| pair.strip_prefix("echostr=")).unwrap_or_default().to_owned()
}

async fn world(change: impl FnOnce(&mut Config)) -> (Platform, Shared, Ledger, Door, CancellationToken) {
    let shutdown = CancellationToken::new();
    let hook = Shared::default();
    let router = Router::new().route("/hook", get(got).post(posted)).with_state(Arc::clone(&hook));
    let door = Door::open(std::net::Ipv4Addr::LOCALHOST.into(), router, &shutdown).await.unwrap();
    let mut config = Config { pause_ms: 1, ..Config::new("desk") };
    change(&mut config);
    let ledger = Ledger::default();
    let platform = Platform::start(config, Clock::world(), ledger.clone(), &shutdown).await.unwrap();
    platform.point_at(&format!("{}/hook", door.url()));
    (platform, hook, ledger, door, shutdown)
}

#[tokio::test]
async fn the_handshake_wants_its_echo_back() {
    let (platform, _hook, _ledger, door, _shutdown) = world(|_| {}).await;
    assert!(platform.handshake().await);
    platform.point_at(&format!("{}/other", door.url()));
    assert!(!platform.handshake().await);
}

#[tokio::test]
async fn a_push_is_repeated_with_fresh_values_until_it_is_acknowledged() {
    let (platform, hook, ledger, _door, _shutdown) = world(|_| {}).await;
    *hook.answers.lock().unwrap() = vec![(500, "success"), (200, "success\n"), (200, "{\"ok\":true}")];
    let pushed = platform.push(Push::text("o1", "您好")).await;
    assert_eq!((pushed.deliveries, pushed.acknowledged), (4, true));
    let seen = hook.seen.lock().unwrap();
    for (a, b) in seen.iter().zip(&seen[1..]) {
        assert_ne!(a.0, b.0, "the nonce");
        assert_ne!(a.1, b.1, "the random of the envelope");
    }
    let sent = &ledger.all_sent()[0];
    assert_eq!((sent.deliveries, sent.text.as_str(), sent.provider == pushed.provider), (4, "您好", true));
    assert!(sent.acknowledged.unwrap() >= sent.at);
}

#[tokio::test]
async fn an_empty_answer_acknowledges_and_four_wrong_ones_end_it() {
    let (platform, hook, ledger, _door, _shutdown) = world(|_| {}).await;
    *hook.answers.lock().unwrap() = vec![(200, "")];
    assert!(platform.push(Push::text("o1", "a")).await.acknowledged);
    *hook.answers.lock().unwrap() = vec![(200, "ok"); 9];
    let pushed = platform.push(Push::text("o1", "b")).await;
    assert_eq!((pushed.deliveries, pushed.acknowledged), (4, false));
    assert_eq!(ledger.all_sent()[1].acknowledged, None);
}

#[tokio::test]
async fn a_webhook_that_is_away_gets_the_push_when_it_is_back() {
    let (platform, _hook, _ledger, door, _shutdown) = world(|config| config.pause_ms = 300).await;
    door.shut().await;
    let (pushed, ()) = tokio::join!(platform.push(Push::text("o1", "a")), async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        door.reopen().await.unwrap();
    });
    assert!(pushed.acknowledged && pushed.deliveries > 1, "{pushed:?}");
}

#[tokio::test]
async fn each_mode_has_its_form() {
    for (mode, json, clear, envelope) in [
        (Mode::Plain, false, true, false),
        (Mode::Compat, false, true, true),
        (Mode::Safe, false, false, true),
        (Mode::Plain, true, true, false),
        (Mode::Compat, true, true, true),
        (Mode::Safe, true, false, true),
    ] {
        let (platform, hook, _ledger, _door, _shutdown) =
            world(|config| (config.mode, config.json) = (mode, json)).await;
        platform.push(Push::text("o1", "a]]>\"b")).await;
        let (query, body) = hook.seen.lock().unwrap().pop().unwrap();
        assert_eq!(body.contains("CreateTime"), clear, "{mode:?} {json}");
        assert_eq!(body.contains("Encrypt"), envelope, "{mode:?} {json}");
        assert_eq!(query.contains("msg_signature"), envelope, "{mode:?} {json}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&body).is_ok(), json, "{mode:?} {json}");
    }
}

#[tokio::test]
async fn a_storm_loses_nothing_and_repeats_what_the_plan_says() {
    let (platform, hook, ledger, _door, _shutdown) = world(|_| {}).await;
    let pushes: Vec<Push> = (0..200).map(|n| Push::text(&format!("o{}", n % 20), &format!("m{n}"))).collect();
    let plan = Plan { seed: 3, duplicated_permille: 100, reordered_within: 4, in_flight_max: 16 };
    let pushed = platform.storm(&pushes, plan).await;
    assert!(pushed.len() > 200 && pushed.iter().all(|pushed| pushed.acknowledged));
    assert_eq!(hook.seen.lock().unwrap().len(), pushed.len());
    let sent = ledger.all_sent();
    assert_eq!((sent.len(), sent.iter().filter(|sent| sent.deliveries == 0).count()), (200, 0));
    assert_eq!(sent.iter().map(|sent| sent.deliveries as usize).sum::<usize>(), pushed.len());
}
