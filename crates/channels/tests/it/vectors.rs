//! Published and computed vectors of the WeChat family, each one run.

use crate::account::{account, request};
use channels::contract::{Account, Verified, Webhook};
use channels::wechat::{Key, query, signature};
use channels::wechat_oa::OfficialAccount;
use serde_json::Value;

pub(crate) fn file() -> Value {
    serde_json::from_str(include_str!("../vectors/wechat.json")).unwrap()
}

/// The vectors of a scheme; `count` guards against a file that lost some.
fn scheme(name: &str, count: usize) -> Vec<Value> {
    let vectors = file()["schemes"][name]["vectors"].as_array().unwrap().clone();
    assert_eq!(vectors.len(), count, "{name}");
    vectors
}

fn text<'v>(vector: &'v Value, name: &str) -> &'v str {
    vector[name].as_str().unwrap_or_else(|| panic!("{name} of {}", vector["id"]))
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn each_plain_signature_is_judged_rightly() {
    for v in scheme("plain_signature", 8) {
        let parts = [text(&v, "token"), text(&v, "timestamp"), text(&v, "nonce")];
        assert_eq!(signature::verify(text(&v, "signature"), &parts), v["valid"] == true, "{}", v["id"]);
    }
}

#[test]
fn each_message_signature_is_judged_rightly() {
    for v in scheme("msg_signature", 11) {
        let parts = [text(&v, "token"), text(&v, "timestamp"), text(&v, "nonce"), text(&v, "encrypt")];
        assert_eq!(signature::verify(text(&v, "msg_signature"), &parts), v["valid"] == true, "{}", v["id"]);
    }
}

#[test]
fn each_key_is_derived_also_with_bits_left_over() {
    for v in scheme("key_derivation", 6) {
        let key = Key::parse(text(&v, "encoding_aes_key")).unwrap();
        assert_eq!(key.bytes().to_vec(), hex(text(&v, "aes_key_hex")), "{}", v["id"]);
    }
}

#[test]
fn each_envelope_opens_or_fails_as_it_must() {
    for v in scheme("aes_envelope", 22) {
        let key = Key::parse(text(&v, "encoding_aes_key")).unwrap();
        let receiver = v["configured_receive_id"].as_str().or(v["receive_id"].as_str()).unwrap_or_default();
        let opened = key.open(text(&v, "encrypt"), receiver);
        match text(&v, "expect") {
            "ok" => {
                assert_eq!(opened.as_deref(), Ok(text(&v, "msg").as_bytes()), "{}", v["id"]);
                let random = hex(text(&v, "random_hex")).try_into().unwrap();
                let sealed = key.seal(random, text(&v, "msg").as_bytes(), receiver);
                assert_eq!(sealed, text(&v, "encrypt"), "{}", v["id"]);
            }
            "receive_id_mismatch" => {
                assert_eq!(opened.unwrap_err().to_string(), "it is for another receiver", "{}", v["id"]);
            }
            _ => assert!(opened.is_err(), "{}", v["id"]),
        }
    }
}

#[test]
fn each_handshake_is_answered_or_refused() {
    for v in scheme("get_handshake_plain", 4) {
        let account = account(&[("mode", "safe")], &[("token", text(&v, "token"))]);
        let at = query::value(text(&v, "query"), "timestamp").unwrap().parse::<i64>().unwrap() * 1_000_000;
        let reply = OfficialAccount.handshake(&account, &request("GET", text(&v, "query"), b""), at);
        match v["expect_body"].as_str() {
            Some(body) => {
                assert_eq!(reply.map(|reply| (reply.status, reply.body)), Ok((200, body.to_owned())))
            }
            None => assert!(reply.is_err(), "{}", v["id"]),
        }
    }
}

#[test]
fn each_encrypted_handshake_opens_with_the_shared_code() {
    for v in scheme("get_handshake_wecom", 4) {
        let value = |name| query::value(text(&v, "query"), name).unwrap();
        let echo = value("echostr");
        let (timestamp, nonce) = (value("timestamp"), value("nonce"));
        let parts = [text(&v, "token"), timestamp.as_str(), nonce.as_str(), echo.as_str()];
        assert!(signature::verify(&value("msg_signature"), &parts), "{}", v["id"]);
        let opened = Key::parse(text(&v, "encoding_aes_key")).unwrap().open(&echo, text(&v, "receive_id"));
        assert_eq!(opened.unwrap(), text(&v, "expect_body").as_bytes(), "{}", v["id"]);
    }
}

#[test]
fn each_encrypted_reply_is_made_byte_for_byte() {
    for v in scheme("passive_reply", 3) {
        let random = hex(text(&v, "random_hex")).try_into().unwrap();
        let key = Key::parse(text(&v, "encoding_aes_key")).unwrap();
        let sealed = key.seal(random, text(&v, "plaintext").as_bytes(), text(&v, "receive_id"));
        assert_eq!(sealed, text(&v, "encrypt"), "{}", v["id"]);
        let signed = signature::sign(&[text(&v, "token"), text(&v, "timestamp"), text(&v, "nonce"), &sealed]);
        assert_eq!(signed, text(&v, "msg_signature"), "{}", v["id"]);
    }
}

fn account_of(v: &Value) -> Account {
    account(
        &[("mode", text(v, "mode")), ("app_id", text(v, "receive_id"))],
        &[("token", text(v, "token")), ("encoding_aes_key", text(v, "encoding_aes_key"))],
    )
}

#[test]
fn each_push_is_verified_and_read() {
    for v in scheme("webhook_post", 8) {
        let account = account_of(&v);
        let request = request("POST", text(&v, "query"), text(&v, "body").as_bytes());
        let at = query::value(&request.query, "timestamp").unwrap().parse::<i64>().unwrap() * 1_000_000;
        OfficialAccount
            .verify(&account, &request, at)
            .unwrap_or_else(|refusal| panic!("{}: {refusal}", v["id"]));
        let read = OfficialAccount.items(&account, Verified::journalled(&request));
        let plain = channels::wechat::Document::parse(text(&v, "expect_plaintext").as_bytes()).unwrap();
        match &read[..] {
            [Ok(item)] => {
                assert_eq!(Some(item.external_user.as_str()), plain.get("FromUserName"), "{}", v["id"])
            }
            // WeCom's doorbell has no sender; it is opened all the same.
            [Err(fault)] => assert_eq!(fault.to_string(), "FromUserName is missing", "{}", v["id"]),
            _ => panic!("{}", v["id"]),
        }
    }
}

#[test]
fn each_push_with_another_token_is_refused() {
    for v in scheme("webhook_post", 8) {
        let mut account = account_of(&v);
        account.secrets.insert("token".into(), "another".into());
        let request = request("POST", text(&v, "query"), text(&v, "body").as_bytes());
        let at = query::value(&request.query, "timestamp").unwrap().parse::<i64>().unwrap() * 1_000_000;
        assert!(OfficialAccount.verify(&account, &request, at).is_err(), "{}", v["id"]);
    }
}
