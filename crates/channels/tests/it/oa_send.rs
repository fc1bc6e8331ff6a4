//! Customer messages to the simulated platform: what each outcome of a call means.

use crate::account::{account, tools};
use channels::contract::{Account, Outbound, SendOutcome, Sender, Tools};
use channels::wechat_oa::OfficialAccount;
use events::thread::FailureClass;
use simulators::wechat::{Config, Platform, Push};
use simulators::{Clock, Fault, Ledger};
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

struct World {
    platform: Platform,
    ledger: Ledger,
    clock: Clock,
    account: Account,
    tools: Tools,
    _shutdown: DropGuard,
}

async fn world() -> World {
    let shutdown = CancellationToken::new();
    let (clock, ledger) = (Clock::world(), Ledger::default());
    let config = Config { deliveries_max: 1, ..Config::new("desk") };
    let platform = Platform::start(config.clone(), clock.clone(), ledger.clone(), &shutdown).await.unwrap();
    platform.point_at("http://127.0.0.1:9/nowhere");
    platform.push(Push::text("o1", "hi")).await;
    let url = platform.url();
    let settings = [("app_id", config.app_id.as_str()), ("api_base", url.as_str()), ("timeout_ms", "500")];
    let account = account(&settings, &[("app_secret", config.app_secret.as_str())]);
    let ticking = clock.clone();
    let tools = Tools { now: Arc::new(move || ticking.now()), ..tools(0) };
    World { platform, ledger, clock, account, tools, _shutdown: shutdown.drop_guard() }
}

fn outbound(text: &str) -> Outbound {
    Outbound {
        contact: "o1".into(),
        text: text.into(),
        message_id: Uuid::from_u128(1),
        part: 0,
        attempt: 1,
        by_ai: true,
        by_system: false,
        persona: None,
    }
}

impl World {
    async fn send(&self) -> SendOutcome {
        OfficialAccount.send(&self.account, &outbound("您好"), &self.tools).await
    }

    fn arrived(&self) -> usize {
        self.ledger.counts().1
    }
}

const SENT: SendOutcome = SendOutcome::Sent { provider: None };

fn failed(class: FailureClass, code: i64) -> SendOutcome {
    SendOutcome::Failed { class, retry_after_ms: None, code: Some(code) }
}

#[tokio::test]
async fn a_message_arrives_as_it_was_written_and_labelled() {
    let world = world().await;
    let text = "您好，\"价格\"\n😀 ]]> \\u4f60";
    assert_eq!(OfficialAccount.send(&world.account, &outbound(text), &world.tools).await, SENT);
    let person = Outbound { by_ai: false, persona: Some("kf1@gh".into()), ..outbound("我是小王") };
    assert_eq!(OfficialAccount.send(&world.account, &person, &world.tools).await, SENT);
    let received = world.ledger.all_received();
    assert_eq!((received[0].text.as_str(), received[0].by_ai), (text, true));
    assert_eq!((received[1].text.as_str(), received[1].by_ai), ("我是小王", false));
}

#[tokio::test]
async fn a_token_that_another_system_killed_is_refreshed_once_and_the_message_arrives_once() {
    let world = world().await;
    assert_eq!(world.send().await, SENT);
    world.platform.revoke_tokens();
    assert_eq!(world.send().await, SENT);
    // The platform still hands out the token that it refuses: only force helps.
    world.platform.faults().next(Fault::Code(40014), 1);
    assert_eq!(world.send().await, SENT);
    assert_eq!(world.arrived(), 3);
}

#[tokio::test]
async fn a_token_that_ran_out_is_replaced_before_it_is_used() {
    let world = world().await;
    assert_eq!(world.send().await, SENT);
    world.clock.skip_s(7200 - 60);
    assert_eq!(world.send().await, SENT);
}

#[tokio::test]
async fn a_token_refused_twice_is_told_and_not_tried_again() {
    let world = world().await;
    world.platform.faults().next(Fault::Code(42001), 2);
    assert_eq!(world.send().await, failed(FailureClass::TokenStale, 42001));
    assert_eq!(world.arrived(), 0);
    assert_eq!(world.send().await, SENT);
}

#[tokio::test]
async fn a_wrong_secret_is_a_matter_of_configuration() {
    let mut world = world().await;
    world.account.secrets.insert("app_secret".into(), "wrong".into());
    assert_eq!(world.send().await, failed(FailureClass::Configuration, 40001));
}

#[tokio::test]
async fn windows_and_people_who_left_are_told_apart() {
    let world = world().await;
    for _ in 0..5 {
        assert_eq!(world.send().await, SENT);
    }
    assert_eq!(world.send().await, failed(FailureClass::WindowClosed, 45047));
    world.platform.close_window("o1");
    assert_eq!(world.send().await, failed(FailureClass::WindowClosed, 45015));
    world.platform.push(Push::Unfollow { openid: "o1".into() }).await;
    assert_eq!(world.send().await, failed(FailureClass::Unreachable, 43004));
    let stranger = Outbound { contact: "nobody".into(), ..outbound("a") };
    let outcome = OfficialAccount.send(&world.account, &stranger, &world.tools).await;
    assert_eq!(outcome, failed(FailureClass::Unreachable, 40003));
}

#[tokio::test]
async fn what_the_platform_refuses_is_classed() {
    let world = world().await;
    for (code, class) in [
        (-1, FailureClass::Retryable),
        (87014, FailureClass::Rejected),
        (48001, FailureClass::Configuration),
        (40008, FailureClass::Permanent),
        (31_415, FailureClass::Permanent),
    ] {
        world.platform.faults().next(Fault::Code(code), 1);
        assert_eq!(world.send().await, failed(class, code));
    }
    let long = OfficialAccount.send(&world.account, &outbound(&"好".repeat(683)), &world.tools).await;
    assert_eq!(long, failed(FailureClass::Permanent, 45002));
    for code in [45009, 45011] {
        world.platform.faults().next(Fault::Code(code), 1);
        let SendOutcome::Failed { class, retry_after_ms, .. } = world.send().await else { panic!("{code}") };
        assert_eq!(class, FailureClass::RateLimited);
        assert!(retry_after_ms.is_some_and(|ms| ms > 0 && ms <= 86_400_000), "{retry_after_ms:?}");
    }
    assert_eq!(world.arrived(), 0);
}

#[tokio::test]
async fn what_may_have_arrived_is_unknown() {
    let world = world().await;
    assert_eq!(world.send().await, SENT);
    for (fault, arrives) in [
        (Fault::Hang, 0),
        (Fault::Cut, 0),
        (Fault::status(500), 0),
        (Fault::status(504), 0),
        (Fault::TakenThenCut, 1),
        (Fault::Late { ms: 2000 }, 1),
    ] {
        let before = world.arrived();
        world.platform.faults().next(fault, 1);
        assert_eq!(world.send().await, SendOutcome::Unknown, "{fault:?}");
        assert_eq!(world.arrived() - before, arrives, "{fault:?}");
    }
}

#[tokio::test]
async fn what_surely_did_not_leave_may_be_tried_again() {
    let world = world().await;
    assert_eq!(world.send().await, SENT);
    world.platform.door().shut().await;
    assert_eq!(world.send().await, SendOutcome::failed(FailureClass::Retryable));
    world.platform.door().reopen().await.unwrap();
    world.platform.faults().next(Fault::Status { status: 503, retry_after_s: Some(3) }, 1);
    let busy =
        SendOutcome::Failed { class: FailureClass::Retryable, retry_after_ms: Some(3000), code: Some(503) };
    assert_eq!(world.send().await, busy);
    world.platform.revoke_tokens();
    for fault in [Fault::Hang, Fault::Cut, Fault::status(500)] {
        let fresh = Tools { tokens: tools(0).tokens, ..world.tools.clone() };
        world.platform.token_faults().next(fault, 1);
        let outcome = OfficialAccount.send(&world.account, &outbound("a"), &fresh).await;
        assert_eq!(outcome, SendOutcome::failed(FailureClass::Retryable), "{fault:?}");
    }
    assert_eq!(world.arrived(), 1);
}

#[tokio::test]
async fn many_messages_at_once_ask_for_one_token() {
    let world = world().await;
    // A second token request would hang and its message fail.
    world.platform.token_faults().next(Fault::Late { ms: 50 }, 1);
    world.platform.token_faults().next(Fault::Hang, 9);
    let texts: Vec<Outbound> = (0..5).map(|n| outbound(&n.to_string())).collect();
    let sends = texts.iter().map(|text| OfficialAccount.send(&world.account, text, &world.tools));
    assert_eq!(futures::future::join_all(sends).await, vec![SENT; 5]);
}

#[tokio::test]
async fn the_typing_mark_costs_nothing_when_it_fails() {
    let world = world().await;
    OfficialAccount.typing(&world.account, "o1", &world.tools).await;
    OfficialAccount.typing(&world.account, "nobody", &world.tools).await;
    assert_eq!(world.send().await, SENT);
}
