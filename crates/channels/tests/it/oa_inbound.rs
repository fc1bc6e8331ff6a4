//! Pushes of an official account: what each one means.

use crate::account::{AT, AT_S, USER, oa};
use crate::oa_push::{push, read, read_one, safe};
use crate::vectors::file;
use channels::contract::{Item, Kind, PrivacyDemand};
use events::ContentKind;

fn sample(id: &str) -> Item {
    let file = file();
    let samples = file["payload_samples"].as_array().unwrap();
    let found = samples.iter().find(|sample| sample["id"] == id).unwrap_or_else(|| panic!("{id}"));
    read(found["body"].as_str().unwrap()).unwrap()
}

fn left(item: &Item) -> Option<(i64, Option<u32>)> {
    item.window.map(|window| (window.until - AT, window.left))
}

const HOURS_48: i64 = 48 * 3600 * 1_000_000;
const MINUTE: i64 = 60 * 1_000_000;

#[test]
fn each_sample_of_a_push_is_read() {
    let file = file();
    let mut read_count = 0;
    for sample in file["payload_samples"].as_array().unwrap().iter().filter(|s| s["direction"] == "in") {
        let item = read(sample["body"].as_str().unwrap()).unwrap();
        assert_eq!(item.external_user, USER, "{}", sample["id"]);
        assert_eq!(item.sent_at, Some(AT), "{}", sample["id"]);
        assert!(!matches!(item.kind, Kind::Unsupported { .. }), "{}", sample["id"]);
        read_count += 1;
    }
    assert_eq!(read_count, 22);
}

#[test]
fn a_text_is_cleaned_and_opens_48_hours() {
    let item = sample("oa-text");
    assert_eq!(item.kind, Kind::Message { content: ContentKind::Text });
    assert_eq!((item.text.as_deref(), item.item_id.as_str()), (Some("你好"), "msg:24812345678901234"));
    assert_eq!((left(&item), item.order), (Some((HOURS_48, Some(5))), Some(24_812_345_678_901_234)));
    let dirty = push("<MsgType>text</MsgType><Content><![CDATA[a\u{1}\r\nb]]></Content><MsgId>1</MsgId>");
    assert_eq!(read(&dirty).unwrap().text.as_deref(), Some("a\nb"));
}

#[test]
fn a_tap_on_a_menu_message_is_a_text_with_the_window_of_a_menu() {
    let item = sample("oa-text-menu-reply");
    assert_eq!(
        (&item.kind, item.text.as_deref()),
        (&Kind::Message { content: ContentKind::Text }, Some("满意"))
    );
    assert_eq!(left(&item), Some((MINUTE, Some(3))));
}

#[test]
fn a_message_below_an_article_names_the_article() {
    let touch = sample("oa-text-from-article").touch.unwrap();
    assert_eq!(touch.campaign.as_deref(), Some("2247483650_1/1"));
}

#[test]
fn pictures_voices_and_videos_keep_their_ids() {
    for (id, kind, media) in [
        ("oa-image", ContentKind::Image, "MEDIA_IMG"),
        ("oa-voice", ContentKind::Voice, "MEDIA_VOICE"),
        ("oa-video", ContentKind::Video, "MEDIA_VIDEO"),
        ("oa-shortvideo", ContentKind::Video, "MEDIA_SV"),
    ] {
        let item = sample(id);
        assert_eq!(item.kind, Kind::Message { content: kind }, "{id}");
        assert_eq!(item.media.unwrap().id.as_deref(), Some(media), "{id}");
    }
}

#[test]
fn a_place_and_a_link_are_readable() {
    let place = sample("oa-location");
    assert_eq!(place.media.unwrap().url.as_deref(), Some("geo:23.134521,113.358803"));
    assert_eq!(place.text.as_deref(), Some("位置信息"));
    let link = sample("oa-link");
    assert_eq!(link.media.unwrap().url.as_deref(), Some("https://example.com/a"));
    assert_eq!(link.text.as_deref(), Some("标题\n描述"));
}

#[test]
fn following_and_scanning_open_a_minute_and_name_the_scene() {
    let plain = sample("oa-subscribe");
    assert_eq!((&plain.kind, left(&plain), &plain.touch), (&Kind::Follow, Some((MINUTE, Some(3))), &None));
    for id in ["oa-subscribe-qr", "oa-scan"] {
        let item = sample(id);
        assert_eq!(left(&item), Some((MINUTE, Some(3))), "{id}");
        assert_eq!(item.touch.unwrap().scene.as_deref(), Some("expo7"), "{id}");
    }
    assert_eq!(sample("oa-scan").kind, Kind::Scan);
    assert_eq!(read(&push("<MsgType>event</MsgType><Event>scan</Event>")).unwrap().kind, Kind::Scan);
    let gone = sample("oa-unsubscribe");
    assert_eq!((gone.kind, gone.window), (Kind::Unfollow, None));
}

#[test]
fn a_menu_that_sends_a_key_opens_a_minute_and_a_link_does_not() {
    let click = sample("oa-click");
    assert_eq!((&click.kind, left(&click)), (&Kind::Menu, Some((MINUTE, Some(3)))));
    let wait = sample("oa-scancode-waitmsg");
    assert_eq!((left(&wait), wait.text.as_deref()), (Some((MINUTE, Some(3))), Some("https://example.com/x")));
    for id in ["oa-view", "oa-view-miniprogram", "oa-location-select"] {
        assert_eq!(sample(id).window, None, "{id}");
    }
    let view = push("<MsgType>event</MsgType><Event>VIEW</Event><EventKey>https://a.b/c?tel=138</EventKey>");
    let view = read(&view).unwrap();
    assert_eq!(view.kind, Kind::Menu);
    assert_eq!(view.touch.unwrap().page.as_deref(), Some("https://a.b/c"));
}

#[test]
fn the_platforms_own_desk_taking_over_is_seen() {
    assert_eq!(sample("oa-kf-create-session").kind, Kind::Desk { took: true });
    assert_eq!(sample("oa-kf-switch-session").kind, Kind::Desk { took: true });
    let closed = push("<MsgType>event</MsgType><Event>kf_close_session</Event>");
    assert_eq!(read(&closed).unwrap().kind, Kind::Desk { took: false });
}

#[test]
fn a_right_that_was_used_names_the_person_and_what_it_covers() {
    let revoked = sample("oa-authorization-revoke");
    let scope = vec!["205".to_owned()];
    assert_eq!(revoked.kind, Kind::Privacy { demand: PrivacyDemand::Revoked, scope });
    let by_system = "<xml><FromUserName>sys</FromUserName><OpenID>o1</OpenID><CreateTime>1</CreateTime>\
                     <MsgType>event</MsgType><Event>user_authorization_cancellation</Event></xml>";
    assert_eq!(read(by_system).unwrap().external_user, "o1");
}

#[test]
fn what_is_not_known_is_a_placeholder() {
    let message = push("<MsgType>hologram</MsgType><MsgId>5</MsgId>");
    assert_eq!(read(&message).unwrap().kind, Kind::Unsupported { name: "hologram".into() });
    let event = push("<MsgType>event</MsgType><Event>New_Thing</Event>");
    assert_eq!(read(&event).unwrap().kind, Kind::Unsupported { name: "event:new_thing".into() });
    let aside = push("<MsgType>event</MsgType><Event>TEMPLATESENDJOBFINISH</Event><MsgID>1</MsgID>");
    assert_eq!(read(&aside).unwrap().kind, Kind::Aside { name: "templatesendjobfinish".into() });
}

#[test]
fn two_events_of_one_second_are_two_and_a_redelivery_is_the_same() {
    let click =
        |key: &str| push(&format!("<MsgType>event</MsgType><Event>CLICK</Event><EventKey>{key}</EventKey>"));
    let id = |message: &str| read(message).unwrap().item_id;
    assert_ne!(id(&click("A")), id(&click("B")));
    assert_eq!(id(&click("A")), id(&click("A")));
    assert_ne!(id(&click("A")), id(&click("A").replace(USER, "another")));
    assert!(!id(&click("A")).contains(USER));
    let account = oa("safe");
    let mut other = oa("safe");
    other.identity_key[0] ^= 1;
    let request = safe(&click("A"), AT_S);
    assert_ne!(read_one(&account, &request).unwrap().item_id, read_one(&other, &request).unwrap().item_id);
}

#[test]
fn json_pushes_mean_the_same_and_keep_all_digits() {
    let json = format!(
        r#"{{"ToUserName":"g","FromUserName":"{USER}","CreateTime":{AT_S},"MsgType":"text","Content":"a\ud83d","MsgId":9007199254740993}}"#
    );
    let item = read(&json).unwrap();
    assert_eq!((item.item_id.as_str(), item.text.as_deref()), ("msg:9007199254740993", Some("a\u{fffd}")));
}
