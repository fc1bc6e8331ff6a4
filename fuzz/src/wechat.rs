//! Requests of WeChat official accounts: query, envelope, and what is in it.

use bytes::Bytes;
use channels::contract::{Account, RawRequest, Secret, Verified, Webhook};
use channels::wechat::{Document, Key, query};
use channels::wechat_oa::OfficialAccount;
use std::collections::BTreeMap;
use std::hint::black_box;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The time of the vectors, 2026-01-01T00:00:00Z.
pub(crate) const AT: i64 = 1_767_225_600_000_000;
/// Those of the vectors in `crates/channels/tests/vectors`.
const APP: &str = "wx0a1b2c3d4e5f6071";
const TOKEN: &str = "deskOaToken2026";
const KEY: &str = "vzmY1UIDfAoGhk70zBbWqKxUkF7XRXKA1HKk4eAovWP";

pub(crate) fn account(settings: &[(&str, &str)], secrets: &[(&str, &str)]) -> Account {
    let secrets: BTreeMap<_, _> =
        secrets.iter().map(|(name, value)| ((*name).to_owned(), Secret::from(*value))).collect();
    Account {
        id: Uuid::from_u128(7),
        slug: "desk".into(),
        settings: settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        secrets,
        identity_key: Zeroizing::new([9; 32]),
    }
}

pub(crate) fn request(query: &str, body: &[u8]) -> RawRequest {
    RawRequest {
        method: "POST".into(),
        path: "/channels/x/desk".into(),
        query: query.into(),
        headers: vec![],
        body: Bytes::copy_from_slice(body),
    }
}

fn official(mode: &str) -> Account {
    account(&[("mode", mode), ("app_id", APP)], &[("token", TOKEN), ("encoding_aes_key", KEY)])
}

/// A document alone, XML or JSON.
pub fn wechat_document(input: &[u8]) {
    if let Ok(document) = Document::parse(input) {
        black_box(document.get("FromUserName"));
    }
}

/// A body before anything of it was verified: the envelopes in it are searched, and the signature of each.
pub fn wechat_envelope(input: &[u8]) {
    let request = request("msg_signature=a&timestamp=1767225600&nonce=a", input);
    for mode in ["safe", "compat"] {
        let account = official(mode);
        let _ = black_box(OfficialAccount.verify(&account, &request, AT));
        black_box(OfficialAccount.items(&account, Verified::journalled(&request)));
    }
    if let (Ok(key), Ok(envelope)) = (Key::parse(KEY), std::str::from_utf8(input)) {
        let _ = black_box(key.open(envelope, APP));
    }
}

/// What the platform says, in clear and inside an envelope of the right key.
pub fn wechat_push(input: &[u8]) {
    let plain = request("", input);
    black_box(OfficialAccount.items(&official("plain"), Verified::journalled(&plain)));
    let Ok(key) = Key::parse(KEY) else { return };
    let body = format!("<xml><Encrypt>{}</Encrypt></xml>", key.seal([7; 16], input, APP));
    let sealed = request("", body.as_bytes());
    black_box(OfficialAccount.items(&official("safe"), Verified::journalled(&sealed)));
}

/// The query of a handshake and of a push.
pub fn wechat_query(input: &[u8]) {
    let given = String::from_utf8_lossy(input);
    black_box(query::value(&given, "echostr"));
    let request = request(&given, b"<xml><Encrypt>AAAA</Encrypt></xml>");
    for mode in ["plain", "safe"] {
        let account = official(mode);
        let _ = black_box(OfficialAccount.handshake(&account, &request, AT));
        let _ = black_box(OfficialAccount.verify(&account, &request, AT));
    }
}
