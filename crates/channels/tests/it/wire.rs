//! Requests of the simulated outside, over the wire, through the adapters.

use crate::account::account;
use crate::inlet::Inlet;
use channels::contract::{Cause, Item, ItemFault, Kind};
use channels::http::{Http, item_id};
use channels::wechat_oa::OfficialAccount;
use events::ContentKind;
use simulators::door::Door;
use simulators::http::{Item as Posted, Partner};
use simulators::wechat::{Forgery, Mode, Platform, Push};
use simulators::{Clock, Ledger, Plan};
use std::collections::HashMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

struct World<S> {
    outside: S,
    inlet: Arc<Inlet>,
    ledger: Ledger,
    clock: Clock,
    _door: Door,
    _shutdown: tokio_util::sync::DropGuard,
}

async fn platform(mode: Mode, json: bool) -> World<Platform> {
    let shutdown = CancellationToken::new();
    let (clock, ledger) = (Clock::world(), Ledger::default());
    let config =
        simulators::wechat::Config { mode, json, pause_ms: 1, ..simulators::wechat::Config::new("desk") };
    let name = match mode {
        Mode::Plain => "plain",
        Mode::Compat => "compat",
        Mode::Safe => "safe",
    };
    let account = account(
        &[("mode", name), ("app_id", &config.app_id)],
        &[("token", &config.token), ("encoding_aes_key", &config.encoding_aes_key)],
    );
    let (inlet, door) = Inlet::open(&OfficialAccount, account, clock.clone(), &shutdown).await;
    let outside = Platform::start(config, clock.clone(), ledger.clone(), &shutdown).await.unwrap();
    outside.point_at(&format!("{}/hook", door.url()));
    World { outside, inlet, ledger, clock, _door: door, _shutdown: shutdown.drop_guard() }
}

async fn partner() -> World<Partner> {
    let shutdown = CancellationToken::new();
    let (clock, ledger) = (Clock::world(), Ledger::default());
    let config = simulators::http::Config { pause_ms: 1, ..simulators::http::Config::new("crm") };
    let account = account(&[], &[("webhook_secret", &config.secret)]);
    let (inlet, door) = Inlet::open(&Http, account, clock.clone(), &shutdown).await;
    let outside = Partner::start(config, clock.clone(), ledger.clone(), &shutdown).await.unwrap();
    outside.point_at(&format!("{}/hook", door.url()));
    World { outside, inlet, ledger, clock, _door: door, _shutdown: shutdown.drop_guard() }
}

impl<S> World<S> {
    fn read(&self) -> Vec<Result<Item, ItemFault>> {
        std::mem::take(&mut *self.inlet.read.lock().unwrap())
    }

    /// The items by identity, however often each came.
    fn distinct(&self) -> HashMap<String, Item> {
        self.read().into_iter().map(|item| item.unwrap()).map(|item| (item.item_id.clone(), item)).collect()
    }
}

#[tokio::test]
async fn the_platform_reaches_us_in_each_mode_and_format() {
    let text = "您好 ]]> <b>&amp; 😀\r\n\"x\"";
    for (mode, json) in [
        (Mode::Plain, false),
        (Mode::Compat, false),
        (Mode::Safe, false),
        (Mode::Plain, true),
        (Mode::Compat, true),
        (Mode::Safe, true),
    ] {
        let world = platform(mode, json).await;
        assert!(world.outside.handshake().await);
        assert!(world.outside.push(Push::text("o1", text)).await.acknowledged, "{mode:?} {json}");
        let read = world.read();
        let [Ok(item)] = &read[..] else { panic!("{mode:?} {json}: {read:?}") };
        assert_eq!(item.text.as_deref(), Some(text.replace("\r\n", "\n").as_str()), "{mode:?} {json}");
        assert_eq!(item.external_user, "o1");
    }
}

#[tokio::test]
async fn words_that_look_like_an_envelope_do_not_stop_a_message() {
    for json in [false, true] {
        let world = platform(Mode::Compat, json).await;
        for text in [
            "<Encrypt>AAAA</Encrypt>",
            "<Encrypt>",
            "\"Encrypt\":\"AAAA\"",
            "]]></Content><Encrypt>x</Encrypt>",
        ] {
            assert!(world.outside.push(Push::text("o1", text)).await.acknowledged, "{text}");
            assert_eq!(world.read().remove(0).unwrap().text.as_deref(), Some(text));
        }
    }
}

#[tokio::test]
async fn a_storm_with_duplicates_and_disorder_is_each_message_once() {
    let world = platform(Mode::Safe, false).await;
    let pushes: Vec<Push> =
        (0..300).map(|n| Push::text(&format!("o{}", n % 30), &format!("message {n}"))).collect();
    let plan = Plan { seed: 11, duplicated_permille: 150, reordered_within: 6, in_flight_max: 32 };
    world.outside.storm(&pushes, plan).await;
    let distinct = world.distinct();
    let sent = world.ledger.all_sent();
    assert_eq!((sent.len(), distinct.len()), (300, 300));
    for sent in sent {
        let item = &distinct[&format!("msg:{}", sent.provider)];
        assert_eq!((item.text.as_deref(), &item.external_user), (Some(sent.text.as_str()), &sent.user));
    }
}

#[tokio::test]
async fn each_kind_of_push_is_understood() {
    let world = platform(Mode::Safe, false).await;
    let openid = || "o1".to_owned();
    for push in [
        Push::Follow { openid: openid(), scene: Some("expo7".into()) },
        Push::Scan { openid: openid(), scene: "expo8".into() },
        Push::Click { openid: openid(), key: "PRICE".into() },
        Push::Strange { openid: openid() },
        Push::Unfollow { openid: openid() },
    ] {
        assert!(world.outside.push(push).await.acknowledged);
    }
    let items: Vec<Item> = world.read().into_iter().map(Result::unwrap).collect();
    let kinds: Vec<&Kind> = items.iter().map(|item| &item.kind).collect();
    let (menu, strange) = (Kind::Menu, Kind::Unsupported { name: "hologram".into() });
    assert_eq!(kinds, [&Kind::Follow, &Kind::Scan, &menu, &strange, &Kind::Unfollow]);
    let scenes: Vec<_> =
        items[..2].iter().map(|item| item.touch.as_ref().unwrap().scene.as_deref()).collect();
    assert_eq!(scenes, [Some("expo7"), Some("expo8")]);
}

#[tokio::test]
async fn forged_requests_are_refused_and_broken_ones_set_aside() {
    let world = platform(Mode::Safe, false).await;
    for (forgery, status) in [
        (Forgery::Signature, 401),
        (Forgery::Unsigned, 400),
        (Forgery::Stale, 401),
        (Forgery::Oversized, 413),
    ] {
        assert_eq!(world.outside.forge(forgery, "o1").await.unwrap(), (status, String::new()), "{forgery:?}");
        assert!(world.read().is_empty(), "{forgery:?}");
    }
    for (forgery, cause) in [
        (Forgery::Receiver, Cause::Envelope("it is for another receiver")),
        (Forgery::Padding, Cause::Envelope("its padding is wrong")),
        (Forgery::Doctype, Cause::Unreadable("it has a document type")),
    ] {
        let answer = world.outside.forge(forgery, "o1").await.unwrap();
        assert_eq!(answer, (200, "success".into()), "{forgery:?}");
        assert_eq!(world.read().remove(0).unwrap_err().cause, cause, "{forgery:?}");
    }
}

#[tokio::test]
async fn a_partner_posts_one_many_and_a_storm() {
    let world = partner().await;
    let items: Vec<Posted> = (0..40)
        .map(|n| Posted {
            id: format!("p{n}"), user: format!("u{}", n % 7), text: format!("您好 {n} \u{0}")
        })
        .collect();
    assert!(world.outside.post(&items[..1]).await.accepted);
    assert!(world.outside.post(&items[1..20]).await.accepted);
    let plan = Plan { seed: 2, duplicated_permille: 300, reordered_within: 4, in_flight_max: 8 };
    assert!(world.outside.storm(&items[20..], plan).await.iter().all(|posted| posted.accepted));
    let distinct = world.distinct();
    assert_eq!(distinct.len(), 40);
    for item in &items {
        let read = &distinct[&item_id(&world.inlet.account, "message", &item.id)];
        assert_eq!(
            (&read.external_user, read.text.as_deref()),
            (&item.user, Some(item.text.trim_end_matches('\0')))
        );
        assert!((world.clock.now() - read.sent_at.unwrap()) < 60_000_000);
        assert_eq!(read.kind, Kind::Message { content: ContentKind::Text });
    }
}

#[tokio::test]
async fn a_partner_with_another_secret_or_an_old_stamp_is_refused() {
    let world = partner().await;
    let other = Some(crate::account::WEBHOOK_SECRET);
    assert_eq!(world.outside.post_forged("{}", other, 0).await, Some(401));
    assert_eq!(world.outside.post_forged("{}", None, 301).await, Some(401));
    // The clock runs on until it is looked at.
    assert_eq!(world.outside.post_forged("{}", None, -360).await, Some(401));
    assert!(world.read().is_empty());
    assert_eq!(world.outside.post_raw("[{\"id\":").await, Some(202));
    assert_eq!(world.read().remove(0).unwrap_err().cause, Cause::Unreadable("it is no JSON"));
}
