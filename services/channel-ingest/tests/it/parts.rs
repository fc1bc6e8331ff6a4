//! A text that is too long for one message of WeChat, against what the platform still takes.

use crate::service::{Replica, TENANT};
use conversation::Thread;
use events::ThreadEvent;
use events::thread::WithdrawnReason;
use ground::{Place, Server, eventually, on_each};
use laws::account::Account;
use simulators::wechat::{Config, Platform, Push};
use simulators::{Clock, Ledger};
use spine::{Address, Entity, new_id};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const USER: &str = "oLong_1";

/// An account at the platform, and the thread of somebody who wrote to it.
async fn written_to(replica: &Replica, platform: &Platform, config: &Config) -> Address {
    let id = new_id();
    let address = Address::of(TENANT, Account::KIND, id).unwrap();
    let base = platform.url();
    let settings = [("app_id", config.app_id.as_str()), ("api_base", base.as_str())];
    let secrets = [
        ("token", config.token.as_str()),
        ("encoding_aes_key", config.encoding_aes_key.as_str()),
        ("app_secret", config.app_secret.as_str()),
    ];
    let setup = replica.setup(("wechat_oa", "oa"), &address, &settings, &secrets).await;
    replica.configure(&address, &setup).await;
    platform.point_at(&format!("{}/channels/wechat_oa/oa", replica.url));
    assert!(platform.push(Push::text(USER, "介绍一下")).await.acknowledged);
    let thread = replica.thread_of(id, USER).await;
    eventually("a window", async || replica.says(&thread, Thread::window).await).await;
    thread
}

/// Says it, and waits until an event of the message is `wanted`.
async fn say(
    replica: &Replica,
    thread: &Address,
    text: &str,
    wanted: impl Fn(&ThreadEvent, Uuid) -> bool + Copy,
) {
    let message = replica.notify(thread, text).await;
    eventually("what becomes of it", async || {
        replica.history(thread).await.iter().any(|event| wanted(event, message)).then_some(())
    })
    .await;
}

fn was_sent(event: &ThreadEvent, of: Uuid) -> bool {
    matches!(event, ThreadEvent::Sent { message, .. } if *message == of)
}

fn had_no_room(event: &ThreadEvent, of: Uuid) -> bool {
    matches!(event, ThreadEvent::Withdrawn { message, reason: WithdrawnReason::Window, .. } if *message == of)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_of_a_long_text_takes_of_the_window_and_one_without_room_leaves_no_part() {
    on_each(async |place: Place| {
        let server = Server::start().await;
        let replica = Replica::start(&place, server.log().await).await;
        let (shutdown, ledger) = (CancellationToken::new(), Ledger::default());
        let config = Config { pause_ms: 1, ..Config::new("oa") };
        let platform =
            Platform::start(config.clone(), Clock::world(), ledger.clone(), &shutdown).await.unwrap();
        let thread = written_to(&replica, &platform, &config).await;
        let state = async || {
            let left = replica.says(&thread, |state| state.window().and_then(|window| window.left)).await;
            (ledger.all_received().len(), left)
        };
        assert_eq!(state().await, (0, Some(5)));
        // 4500 bytes, of which a message takes 2048.
        let long = "长".repeat(1_500);
        say(&replica, &thread, &long, was_sent).await;
        assert_eq!(state().await, (3, Some(2)));
        say(&replica, &thread, &long, had_no_room).await;
        assert_eq!(state().await, (3, Some(2)));
        say(&replica, &thread, "短", was_sent).await;
        assert_eq!(state().await, (4, Some(1)));
        shutdown.cancel();
        replica.stop().await;
    })
    .await;
}
