//! Pushes of an official account: what is refused and what is set aside.

use crate::account::{AT, AT_S, OA_KEY, OA_TOKEN, USER, oa};
use crate::oa_push::{NONCE, push, read, read_one, safe, sealed};
use channels::contract::{Cause, Refusal, Webhook};
use channels::wechat::signature;
use channels::wechat_oa::OfficialAccount;

#[test]
fn a_wrong_signature_is_refused_in_each_mode() {
    let request = safe(&push("<MsgType>text</MsgType><Content>a</Content><MsgId>1</MsgId>"), AT_S);
    let mut forged = request.clone();
    forged.body =
        String::from_utf8_lossy(&request.body).replace("<![CDATA[", "<![CDATA[A").into_bytes().into();
    for mode in ["safe", "compat"] {
        assert_eq!(OfficialAccount.verify(&oa(mode), &forged, AT).unwrap_err(), Refusal::Signature);
    }
    let mut plain = request.clone();
    plain.query = format!("timestamp={AT_S}&nonce=1&signature=9eb6171a80727ea17d1680288a6975237800662b");
    assert_eq!(OfficialAccount.verify(&oa("plain"), &plain, AT).unwrap_err(), Refusal::Signature);
    assert_eq!(
        OfficialAccount
            .handshake(&oa("safe"), &crate::account::request("GET", &plain.query, b""), AT)
            .unwrap_err(),
        Refusal::Signature
    );
}

#[test]
fn the_signature_for_plain_mode_does_not_open_safe_mode() {
    let mut request = safe(&push("<MsgType>text</MsgType>"), AT_S);
    let signed = signature::sign(&[OA_TOKEN, &AT_S.to_string(), NONCE]);
    request.query = format!("timestamp={AT_S}&nonce={NONCE}&signature={signed}");
    assert_eq!(
        OfficialAccount.verify(&oa("safe"), &request, AT).unwrap_err(),
        Refusal::Missing("msg_signature")
    );
    request.query = format!("{}&msg_signature={signed}", request.query);
    assert_eq!(OfficialAccount.verify(&oa("safe"), &request, AT).unwrap_err(), Refusal::Signature);
}

#[test]
fn a_signature_that_is_an_hour_old_is_refused() {
    let request = safe(&push("<MsgType>text</MsgType>"), AT_S);
    assert!(OfficialAccount.verify(&oa("safe"), &request, AT + 3600 * 1_000_000).is_ok());
    assert_eq!(
        OfficialAccount.verify(&oa("safe"), &request, AT + 3601 * 1_000_000).unwrap_err(),
        Refusal::Stale
    );
}

#[test]
fn what_has_no_envelope_or_is_too_large_is_refused_unread() {
    let mut request = safe(&push(""), AT_S);
    request.body = b"<xml><ToUserName>g</ToUserName></xml>".as_slice().into();
    assert_eq!(OfficialAccount.verify(&oa("safe"), &request, AT).unwrap_err(), Refusal::Missing("Encrypt"));
    request.body = vec![b' '; (1 << 20) + 1].into();
    assert_eq!(OfficialAccount.verify(&oa("safe"), &request, AT).unwrap_err(), Refusal::TooLarge);
    request.query = String::new();
    assert_eq!(OfficialAccount.verify(&oa("plain"), &request, AT).unwrap_err(), Refusal::TooLarge);
}

#[test]
fn an_account_without_its_secrets_asks_for_redelivery() {
    let mut account = oa("safe");
    account.secrets.remove("token");
    let refusal = OfficialAccount.verify(&account, &safe(&push(""), AT_S), AT).unwrap_err();
    assert_eq!((refusal.status(), refusal.to_string().as_str()), (503, "the account's token is missing"));
}

#[test]
fn an_envelope_for_another_receiver_or_key_is_quarantined_whole() {
    let request = sealed(&push("<MsgType>text</MsgType>"), AT_S, "wxOTHER");
    OfficialAccount.verify(&oa("safe"), &request, AT).unwrap();
    let fault = read_one(&oa("safe"), &request).unwrap_err();
    assert_eq!(fault.cause, Cause::Envelope("it is for another receiver"));
    assert_eq!(fault.raw, request.body);
}

#[test]
fn the_key_before_the_current_one_still_opens() {
    let mut account = oa("safe");
    account.secrets.insert("encoding_aes_key_previous".into(), OA_KEY.into());
    account.secrets.insert("encoding_aes_key".into(), "A".repeat(43).as_str().into());
    assert!(read_one(&account, &safe(&push("<MsgType>x</MsgType><MsgId>1</MsgId>"), AT_S)).is_ok());
}

#[test]
fn a_field_that_is_missing_or_wrong_is_named() {
    for (body, named) in [
        (push("<MsgId>1</MsgId>"), "MsgType is missing"),
        (push("<MsgType>text</MsgType>"), "MsgId is missing"),
        (push("<MsgType>text</MsgType><MsgId>a b</MsgId>"), "MsgId is not a short number"),
        (push("<MsgType>event</MsgType>"), "Event is missing"),
        (
            push("<MsgType>x</MsgType><MsgId>1</MsgId>").replace(&AT_S.to_string(), "x"),
            "CreateTime is not a time in seconds",
        ),
        (push("<MsgType>x</MsgType><MsgId>1</MsgId>").replace("CreateTime", "C"), "CreateTime is missing"),
        (push("<MsgType>x</MsgType><MsgId>1</MsgId>").replace(USER, ""), "FromUserName is missing"),
        ("<!DOCTYPE a><xml/>".into(), "the body is unreadable: it has a document type"),
        ("<xml>".into(), "the body is unreadable: it ends too early"),
    ] {
        assert_eq!(read(&body).unwrap_err().to_string(), named);
    }
}

#[test]
fn the_acknowledgement_is_the_one_word_that_stops_redelivery() {
    let reply = OfficialAccount.accepted();
    assert_eq!((reply.status, reply.body.as_str()), (200, "success"));
    assert!(reply.content_type.starts_with("text/plain"));
}
