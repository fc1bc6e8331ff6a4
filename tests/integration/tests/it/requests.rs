//! Requests that are forged, stale, broken, too large, and texts that strict parsers refuse.

use crate::shop;
use events::ThreadEvent;
use integration::{Outside, Place, World, count, eventually, on_each};
use runtime::Role;
use serde_json::{Value, json};
use simulators::http::Item;
use simulators::wechat::Push;

/// What users type, and what of it must be there afterwards.
const TEXTS: [(&str, &str); 7] = [
    ("👩‍👩‍👧‍👦 退货运费谁承担？🏳️‍🌈", "👩‍👩‍👧‍👦 退货运费谁承担？🏳️‍🌈"),
    ("مرحبا كيف حالك", "مرحبا كيف حالك"),
    (
        "]]> <xml><ToUserName>x</ToUserName></xml> &amp; ]]>",
        "]]> <xml><ToUserName>x</ToUserName></xml> &amp; ]]>",
    ),
    ("{\"items\": [\"\\u4f60\"]} '; DROP TABLE x; --", "{\"items\": [\"\\u4f60\"]} '; DROP TABLE x; --"),
    ("a\u{0}b", "ab"),
    ("\u{feff}零宽\u{200b}字", "\u{feff}零宽\u{200b}字"),
    ("第一行\n第二行\t末", "第一行\n第二行\t末"),
];

async fn is_answered(outside: &Outside, world: &World, user: &str) {
    let item =
        Item { id: format!("{user}-sound"), user: user.into(), text: "退货运费谁承担？".into() };
    assert!(outside.partner.post(&[item]).await.accepted);
    eventually("the answer of an unaffected customer", async || {
        let all = outside.ledger.all_received();
        all.iter().any(|received| received.user == user).then_some(())
    })
    .await;
    assert!(world.parked().await.is_empty());
}

fn body(world: &World, id: &str, user: &str, text: &str) -> Value {
    let sent_at = world.spine.log.clock().now() / 1_000;
    json!({ "id": id, "user": user, "text": text, "sent_at": sent_at })
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_stale_and_unknown_requests_are_refused_and_leave_nothing() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let before = world.spine.log.ends().await.unwrap();
        let forged = body(&world, "x-1", "mallory", "退货运费谁承担？").to_string();
        let other = "whsec_YW5vdGhlci1zZWNyZXQtYWx0b2dldGhlci0wMDE=";
        assert_eq!(outside.partner.post_forged(&forged, Some(other), 0).await, Some(401));
        for age_s in [3_600, -3_600] {
            assert_eq!(outside.partner.post_forged(&forged, None, age_s).await, Some(401));
        }
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let post = async |path: &str, body: &str| {
            let request = client.post(format!("{}{path}", world.http)).body(body.to_owned());
            request.send().await.unwrap().status().as_u16()
        };
        let xml = "<xml><ToUserName>a</ToUserName><Encrypt>QUFBQQ==</Encrypt></xml>";
        let signed = "?signature=0&timestamp=1&nonce=2&encrypt_type=aes&msg_signature=0";
        assert_eq!(post(&format!("/channels/wechat_oa/oa{signed}"), xml).await, 401);
        assert!((400..500).contains(&post("/channels/wechat_oa/oa", xml).await));
        assert!((400..500).contains(&post("/channels/http/shop/messages", &forged).await));
        assert_eq!(post("/channels/http/nobody/messages", &forged).await, 404);
        assert_eq!(post("/channels/pigeon/shop", &forged).await, 404);
        assert!(outside.wechat.handshake().await, "an honest handshake is answered");
        assert_eq!(world.spine.log.ends().await.unwrap(), before);
        assert!(world.ingest.as_ref().unwrap().quarantine(None).await.unwrap().is_empty());
        is_answered(&outside, &world, "u-1").await;
        world.stop().await;
    })
    .await;
}

/// The same signed body again is a redelivery: taken, acknowledged, and without effect.
#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_request_is_acknowledged_and_changes_nothing() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let replayed = body(&world, "r-1", "u-1", "退货运费谁承担？").to_string();
        for _ in 0..5 {
            assert_eq!(outside.partner.post_raw(&replayed).await, Some(202));
        }
        world.journal_is_read(&outside).await;
        let thread = world.thread_of(outside.shop, "u-1").await;
        world.quiet(thread).await;
        let events = world.history(thread).await;
        assert_eq!(count(&events, |event| matches!(event, ThreadEvent::Received { .. })), 1);
        assert_eq!(count(&events, |event| matches!(event, ThreadEvent::Replied { .. })), 1);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_bodies_are_kept_whole_and_too_large_ones_refused_clearly() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let broken = ["{", "", "[]", "null", "\"text\"", "[1, 2]", "{\"id\": 7}", "\u{0}\u{1}", "<xml/>"];
        for body in broken {
            assert_eq!(outside.partner.post_raw(body).await, Some(202), "{body:?}");
        }
        let large = body(&world, "l-1", "u-l", &"长".repeat(5 << 20 >> 1)).to_string();
        assert!(large.len() > 5 << 20);
        assert_eq!(outside.partner.post_raw(&large).await, Some(413));
        world.journal_is_read(&outside).await;
        let held = world.ingest.as_ref().unwrap().quarantine(None).await.unwrap();
        // `[1, 2]` holds two items.
        assert_eq!(held.len(), broken.len() + 1, "{held:?}");
        is_answered(&outside, &world, "u-1").await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_users_type_is_stored_whole_on_both_channels() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        for (n, (typed, kept)) in TEXTS.into_iter().enumerate() {
            let user = format!("u-{n}");
            let typed_json = body(&world, &format!("t-{n}"), &user, typed).to_string();
            assert_eq!(outside.partner.post_raw(&typed_json).await, Some(202));
            let pushed = outside.wechat.push(Push::text(&format!("w-{n}"), typed)).await;
            assert!(pushed.acknowledged, "{typed:?}");
            for (account, user) in [(outside.shop, user), (outside.oa, format!("w-{n}"))] {
                let thread = world.thread_of(account, &user).await;
                let found = eventually(&format!("{typed:?} of {user}"), async || {
                    world.texts(thread).await.into_iter().next()
                })
                .await;
                assert_eq!(found, kept, "{user}");
            }
        }
        // A lone surrogate, which no text of ours can hold, leaves the rest of the text whole.
        let lone = body(&world, "t-lone", "u-lone", "前SURR后").to_string().replace("SURR", "\\ud83d");
        assert_eq!(outside.partner.post_raw(&lone).await, Some(202));
        let thread = world.thread_of(outside.shop, "u-lone").await;
        let found =
            eventually("the mended text", async || world.texts(thread).await.into_iter().next()).await;
        assert!(found.starts_with('前') && found.ends_with('后'), "{found}");
        world.every_model_equals_the_log().await;
        is_answered(&outside, &world, "u-sound").await;
        world.stop().await;
    })
    .await;
}
