//! One pushed document as an item: what the messages and events of an official account mean.
//!
//! Identity: a message is its `MsgId`; an event, which has no id, is everything it says (each field of the opened
//! body, sorted), hashed under the tenant's key since the user's openid is part of it. The documentation's
//! `FromUserName + CreateTime` alone would drop the second of two events of one second.

use super::{AFTER_MESSAGE, AFTER_TAP};
use crate::contract::{Account, Cause, Item, Kind, Media, PrivacyDemand};
use crate::text::{clean, clean_line};
use crate::wechat::Document;
use events::thread::{Touch, Window};
use events::{ContentKind, Micros};
use hmac::{Hmac, Mac};
use sha2::Sha256;

const KEY_MAX_CHARS: usize = 128;

pub(super) fn read(account: &Account, document: &Document) -> Result<Item, Cause> {
    let kind = document.get("MsgType").ok_or(Cause::Missing("MsgType"))?.trim().to_lowercase();
    let seconds = document.get("CreateTime").ok_or(Cause::Missing("CreateTime"))?;
    let seconds: i64 = seconds
        .trim()
        .parse()
        .ok()
        .filter(|seconds| (0..=32_503_680_000).contains(seconds))
        .ok_or(Cause::Field { field: "CreateTime", expected: "a time in seconds" })?;
    let sent_at = seconds * 1_000_000;
    if kind == "event" { event(account, document, sent_at) } else { message(document, &kind, sent_at) }
}

fn user(document: &Document, name: &'static str) -> Result<String, Cause> {
    Ok(document.get(name).ok_or(Cause::Missing(name))?.trim().to_owned())
}

fn message(document: &Document, kind: &str, sent_at: Micros) -> Result<Item, Cause> {
    let id = document.get("MsgId").ok_or(Cause::Missing("MsgId"))?.trim();
    if id.len() > 64 || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        return Err(Cause::Field { field: "MsgId", expected: "a short number" });
    }
    // A tap on a menu message counts as a menu tap, not as a message, although it comes as the text that it shows.
    let allowance = if document.get("bizmsgmenuid").is_some() { AFTER_TAP } else { AFTER_MESSAGE };
    let (kind, text, media) = content(document, kind);
    Ok(Item {
        external_user: user(document, "FromUserName")?,
        item_id: format!("msg:{id}"),
        kind,
        text,
        media,
        sent_at: Some(sent_at),
        // Ids rise with time, and the platform's time has whole seconds only.
        order: id.parse().ok(),
        nickname: None,
        touch: article(document),
        window: Some(allowance.window(sent_at)),
        evidence: Vec::new(),
    })
}

fn content(document: &Document, kind: &str) -> (Kind, Option<String>, Option<Media>) {
    let text = |name| document.get(name).map(clean);
    let media = |kind| Media {
        kind,
        id: document.get("MediaId").map(str::to_owned),
        url: document.get("PicUrl").map(str::to_owned),
    };
    let plain = |content| Kind::Message { content };
    match kind {
        "text" => (plain(ContentKind::Text), text("Content"), None),
        "image" => (plain(ContentKind::Image), None, Some(media(ContentKind::Image))),
        // What speech recognition wrote, when it is switched on.
        "voice" => (plain(ContentKind::Voice), text("Recognition"), Some(media(ContentKind::Voice))),
        "video" | "shortvideo" => (plain(ContentKind::Video), None, Some(media(ContentKind::Video))),
        "location" => (plain(ContentKind::Location), text("Label"), place(document)),
        "link" => (plain(ContentKind::Link), link_text(document), link(document)),
        other => (Kind::Unsupported { name: clean_line(other, 64) }, None, None),
    }
}

fn place(document: &Document) -> Option<Media> {
    let coordinate = |name| document.get(name).and_then(|value| value.trim().parse::<f64>().ok());
    let (latitude, longitude) = (coordinate("Location_X")?, coordinate("Location_Y")?);
    Some(Media { kind: ContentKind::Location, id: None, url: Some(format!("geo:{latitude},{longitude}")) })
}

fn link(document: &Document) -> Option<Media> {
    Some(Media { kind: ContentKind::Link, id: None, url: Some(document.get("Url")?.trim().to_owned()) })
}

fn link_text(document: &Document) -> Option<String> {
    let parts: Vec<String> =
        ["Title", "Description"].iter().filter_map(|name| document.get(name)).map(clean).collect();
    Some(parts.join("\n")).filter(|text| !text.is_empty())
}

/// A message that was written below an article.
fn article(document: &Document) -> Option<Touch> {
    let article = document.get("MsgDataId")?;
    let index = document.get("Idx").unwrap_or("1");
    Some(Touch {
        source: Some("article".into()),
        campaign: Some(clean_line(&format!("{}/{}", article.trim(), index.trim()), KEY_MAX_CHARS)),
        ..Touch::default()
    })
}

fn event(account: &Account, document: &Document, sent_at: Micros) -> Result<Item, Cause> {
    // The platform itself writes SCAN and scan.
    let name = document.get("Event").ok_or(Cause::Missing("Event"))?.trim().to_lowercase();
    let privacy = name.starts_with("user_authorization") || name == "user_info_modified";
    let external_user = match document.get("OpenID") {
        // These events may be sent in the platform's own name.
        Some(_) if privacy => user(document, "OpenID")?,
        _ => user(document, "FromUserName")?,
    };
    let (kind, touch, window) = meaning(document, &name, sent_at);
    let text = document.get("ScanCodeInfo.ScanResult").map(clean);
    Ok(Item {
        external_user,
        item_id: event_id(account, document),
        kind,
        text,
        media: None,
        sent_at: Some(sent_at),
        order: None,
        nickname: None,
        touch,
        window,
        evidence: Vec::new(),
    })
}

fn meaning(document: &Document, name: &str, sent_at: Micros) -> (Kind, Option<Touch>, Option<Window>) {
    let key = || document.get("EventKey").map(|key| clean_line(key, KEY_MAX_CHARS)).unwrap_or_default();
    let tapped = Some(AFTER_TAP.window(sent_at));
    match name {
        "subscribe" => (Kind::Follow, scene(key().strip_prefix("qrscene_").unwrap_or_default()), tapped),
        "unsubscribe" => (Kind::Unfollow, None, None),
        "scan" => (Kind::Scan, scene(&key()), tapped),
        "click" | "scancode_push" | "scancode_waitmsg" => (Kind::Menu, None, tapped),
        "view" => (Kind::Menu, Some(visited(&key())), None),
        "view_miniprogram" | "pic_sysphoto" | "pic_photo_or_album" | "pic_weixin" | "location_select" => {
            (Kind::Menu, None, None)
        }
        // Which of the desk's people has them makes no difference.
        "kf_create_session" | "kf_switch_session" => (Kind::Desk { took: true }, None, None),
        "kf_close_session" => (Kind::Desk { took: false }, None, None),
        "user_authorization_revoke" => (privacy(document, PrivacyDemand::Revoked), None, None),
        "user_authorization_cancellation" => (privacy(document, PrivacyDemand::Cancelled), None, None),
        "user_info_modified" => (privacy(document, PrivacyDemand::Modified), None, None),
        "location" | "templatesendjobfinish" | "masssendjobfinish" => {
            (Kind::Aside { name: name.to_owned() }, None, None)
        }
        other => (Kind::Unsupported { name: clean_line(&format!("event:{other}"), 64) }, None, None),
    }
}

fn scene(scene: &str) -> Option<Touch> {
    let scene = Some(scene.to_owned()).filter(|scene| !scene.is_empty())?;
    Some(Touch { source: Some("qr".into()), scene: Some(scene), ..Touch::default() })
}

/// An address without what may name a person.
fn page(address: &str) -> String {
    address.split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn visited(address: &str) -> Touch {
    Touch { source: Some("menu".into()), page: Some(page(address)), ..Touch::default() }
}

fn privacy(document: &Document, demand: PrivacyDemand) -> Kind {
    let scope = document.get("RevokeInfo").unwrap_or_default();
    let scope = scope.split(',').map(|part| clean_line(part, 16)).filter(|part| !part.is_empty());
    Kind::Privacy { demand, scope: scope.collect() }
}

/// Redeliveries repeat the opened body and differ only around it.
fn event_id(account: &Account, document: &Document) -> String {
    let mut fields: Vec<_> = document.fields().iter().collect();
    fields.sort();
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&*account.identity_key).expect("a key of any length fits HMAC");
    mac.update(b"wechat_oa event");
    for text in fields.into_iter().flat_map(|(name, value)| [name, value]) {
        mac.update(&(text.len() as u64).to_be_bytes());
        mac.update(text.as_bytes());
    }
    let digest = mac.finalize().into_bytes();
    format!("evt:{}", digest[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}
