//! Items of a partner system through the generic channel.

use crate::account::{AT, AT_S, WEBHOOK_SECRET, account, request};
use channels::contract::{Account, Item, ItemFault, Kind, RawRequest, Refusal, Verified, Webhook};
use channels::http::{Http, item_id};
use channels::standard_webhooks::Key;
use events::ContentKind;
use events::customer::EvidenceKind;
use events::thread::ReceiptState;

const OLD_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

fn partner() -> Account {
    account(&[("callback_url", "http://127.0.0.1:1/in")], &[("webhook_secret", WEBHOOK_SECRET)])
}

fn signed(secret: &str, body: &[u8]) -> RawRequest {
    let mut request = request("POST", "", body);
    request.headers = vec![
        ("webhook-id".into(), "evt_1".into()),
        ("webhook-timestamp".into(), AT_S.to_string()),
        ("webhook-signature".into(), Key::parse(secret).unwrap().sign("evt_1", AT_S, body)),
    ];
    request
}

fn read(body: &[u8]) -> Vec<Result<Item, ItemFault>> {
    let request = signed(WEBHOOK_SECRET, body);
    let partner = partner();
    let verified = Http.verify(&partner, &request, AT).unwrap();
    Http.items(&partner, verified)
}

fn one(fields: &str) -> Result<Item, ItemFault> {
    let body = format!(r#"{{"id":"1","user":"u","sent_at":"2026-01-01T00:00:00Z"{fields}}}"#);
    let mut items = read(body.as_bytes());
    assert_eq!(items.len(), 1);
    items.remove(0)
}

#[test]
fn a_message_is_read_with_all_its_fields() {
    let item = one(r#","text":"您好\r\n\u0000","name":"张三","order":-3,"unknown":[1],
           "touch":{"source":"douyin","campaign":"618","page":"https://a.b/c?tel=138"}"#)
    .unwrap();
    assert_eq!(item.kind, Kind::Message { content: ContentKind::Text });
    assert_eq!((item.text.as_deref(), item.nickname.as_deref()), (Some("您好\n"), Some("张三")));
    assert_eq!((item.sent_at, item.order, item.window), (Some(AT), Some(-3), None));
    let touch = item.touch.unwrap();
    assert_eq!((touch.source.as_deref(), touch.page.as_deref()), (Some("douyin"), Some("https://a.b/c")));
}

#[test]
fn what_the_partner_vouches_for_is_evidence() {
    let item =
        one(r#","text":"a","identity":{"login":"user-7","phone":"+8613800138000","email":null,"x":1}"#);
    let found = item.unwrap().evidence;
    let found: Vec<_> = found.iter().map(|found| (found.kind, found.value.as_str())).collect();
    let wanted = [(EvidenceKind::Login, "user-7"), (EvidenceKind::VerifiedPhone, "+8613800138000")];
    assert_eq!(found, wanted);
    assert!(one(r#","text":"a""#).unwrap().evidence.is_empty());
    for wrong in [
        r#""user-7""#,
        r#"{"login":7}"#,
        r#"{"phone":" "}"#,
        r#"{"phone":"12"}"#,
        r#"{"login":"user-7","phone":"13800138000"}"#,
        r#"{"email":"li"}"#,
    ] {
        let fault = one(&format!(r#","text":"a","identity":{wrong}"#)).unwrap_err();
        assert!(fault.to_string().contains("identity"), "{fault}");
    }
}

#[test]
fn one_item_a_list_and_an_object_of_items_are_read_alike() {
    let item = r#"{"id":"1","user":"u","sent_at":1767225600000,"text":"a"}"#;
    let alone = read(item.as_bytes());
    assert_eq!(alone[0].as_ref().unwrap().sent_at, Some(AT));
    assert_eq!(read(format!("[{item}]").as_bytes()), alone);
    assert_eq!(read(format!(r#"{{"id":"batch-7","items":[{item}],"more":1}}"#).as_bytes()), alone);
    assert_eq!(read(format!("\u{feff} {item}\n").as_bytes()), alone);
    // A field of the partner's own may have that name, too, also where the item is wrong.
    let wrong = read(br#"{"id":"1","sent_at":1767225600000,"text":"a","items":[{"sku":"A"},{"sku":"B"}]}"#);
    assert_eq!(wrong.len(), 1);
    let order = r#"{"id":"1","user":"u","sent_at":1767225600000,"text":"a","items":[{"sku":"A"}]}"#;
    assert_eq!(read(order.as_bytes()), alone);
}

#[test]
fn one_poisoned_item_leaves_the_others_alone() {
    let sound = |id: &str| format!(r#"{{"id":"{id}","user":"u","sent_at":1767225600000,"text":"a"}}"#);
    let deep = "[".repeat(5000) + &"]".repeat(5000);
    for poison in [
        "null".into(),
        "7".into(),
        r#"{"id":7,"user":"u","sent_at":1767225600000,"text":"a"}"#.into(),
        r#"{"id":"x","user":"u","text":"a"}"#.into(),
        format!(r#"{{"id":"x","user":"u","sent_at":1767225600000,"text":"a","deep":{deep}}}"#),
    ] {
        let items = read(format!("[{},{poison},{}]", sound("1"), sound("2")).as_bytes());
        let read: Vec<bool> = items.iter().map(Result::is_ok).collect();
        assert_eq!(read, [true, false, true], "{poison}");
        assert_eq!(items[1].as_ref().unwrap_err().raw, poison);
    }
}

#[test]
fn half_a_surrogate_pair_in_one_text_harms_nobody() {
    let items = read(
        br#"[{"id":"1","user":"u","sent_at":1767225600000,"text":"a\ud83d"},
                          {"id":"2","user":"u","sent_at":1767225600000,"text":"b"}]"#,
    );
    assert_eq!(items[0].as_ref().unwrap().text.as_deref(), Some("a\u{fffd}"));
    assert!(items[1].is_ok());
}

#[test]
fn a_fault_brings_its_item_and_its_person_back() {
    let fault = one(r#","text":3"#).unwrap_err();
    assert_eq!((fault.to_string().as_str(), fault.external_user.as_deref()), ("text is not text", Some("u")));
    let repaired = String::from_utf8_lossy(&fault.raw).replace('3', "\"3\"");
    assert_eq!(read(repaired.as_bytes())[0].as_ref().unwrap().text.as_deref(), Some("3"));
}

#[test]
fn ids_that_differ_by_a_blank_alone_are_two_people_and_two_messages() {
    assert_ne!(item_id(&partner(), "message", "m"), item_id(&partner(), "message", " m "));
    for [id, user] in [["m", "u-7"], [" m ", " u-7"], ["m", "u-7\u{3000}"]] {
        let body =
            serde_json::json!({"id": id, "user": user, "sent_at": "2026-01-01T00:00:00Z", "text": "a"});
        let item = read(body.to_string().as_bytes()).remove(0).unwrap();
        assert_eq!(item.external_user, user);
        assert_eq!(item.item_id, item_id(&partner(), "message", id));
    }
}

#[test]
fn logins_that_differ_by_a_blank_alone_are_two() {
    for login in ["user-7", "user-7 ", "\u{3000}user-7"] {
        let more = format!(r#","text":"a","identity":{{"login":"{login}"}}"#);
        assert_eq!(one(&more).unwrap().evidence[0].value, login);
    }
    for login in [" ", r"user-7\n", r"\u0000user-7"] {
        let more = format!(r#","text":"a","identity":{{"login":"{login}"}}"#);
        let fault = one(&more).unwrap_err().to_string();
        assert!(fault.starts_with("identity.login is not text of 1 to 320"), "{fault}");
    }
}

const NO_NAME: &str = "id is not text of 1 to 200 characters, without line ends and control characters";

#[test]
fn a_field_that_is_missing_or_wrong_is_named() {
    for (body, named) in [
        (r#"{}"#, "id is missing"),
        (r#"{"id":7}"#, "id is not text"),
        (r#"{"id":" "}"#, NO_NAME),
        (r#"{"id":"1\n"}"#, NO_NAME),
        (r#"{"id":"\u00001"}"#, NO_NAME),
        (r#"{"id":"1"}"#, "user is missing"),
        (r#"{"id":"1","user":"u"}"#, "sent_at is missing"),
        (
            r#"{"id":"1","user":"u","sent_at":1767225600}"#,
            "sent_at is not an RFC 3339 time or milliseconds since 1970",
        ),
        (
            r#"{"id":"1","user":"u","sent_at":"yesterday"}"#,
            "sent_at is not an RFC 3339 time or milliseconds since 1970",
        ),
        (r#"{"items":[]}"#, "the body is unreadable: it has no items"),
        (r#"{"items":{}}"#, "id is missing"),
        (r#"{"id":"#, "the body is unreadable: it is no JSON"),
        ("<xml/>", "the body is unreadable: it is no JSON object or list"),
    ] {
        assert_eq!(read(body.as_bytes())[0].as_ref().unwrap_err().to_string(), named, "{body}");
    }
    for (fields, named) in [
        ("", "text is missing"),
        (r#","text":null"#, "text is missing"),
        (r#","text":" \u0007""#, "text is not something to read, and there is no media"),
        (r#","kind":"echo","text":"""#, "text is not something to read, and there is no media"),
        (r#","text":"a","kind":5"#, "kind is not text"),
        (r#","text":"a","order":1.5"#, "order is not a whole number of 64 bits"),
        (r#","text":"a","order":"1""#, "order is not a whole number of 64 bits"),
        (r#","text":"a","touch":"x""#, "touch is not an object"),
        (r#","media":{"kind":"image"}"#, "media is not an object with url or id"),
        (r#","media":{"kind":"scent","url":"x"}"#, "media is not of a known kind"),
        (r#","media":7"#, "media is not an object"),
        (r#","kind":"receipt","state":"read""#, "of is missing"),
        (r#","kind":"receipt","of":"m""#, "state is missing"),
        (r#","kind":"receipt","of":"m","state":"eaten""#, "state is not delivered or read"),
    ] {
        assert_eq!(one(fields).unwrap_err().to_string(), named, "{fields}");
    }
}

#[test]
fn each_kind_is_understood_and_an_unknown_one_is_set_aside() {
    let kind = |fields: &str| one(fields).unwrap().kind;
    assert_eq!(kind(r#","kind":"follow""#), Kind::Follow);
    assert_eq!(kind(r#","kind":"unfollow""#), Kind::Unfollow);
    assert_eq!(kind(r#","kind":"scan""#), Kind::Scan);
    let read = Kind::Receipt { of: "m".into(), state: ReceiptState::Read };
    assert_eq!(kind(r#","kind":"receipt","of":"m","state":"read""#), read);
    assert_eq!(kind(r#","kind":"echo","text":"t""#), Kind::Echo { of: None });
    assert_eq!(kind(r#","kind":"echo","text":"t","of":"m""#), Kind::Echo { of: Some("m".into()) });
    let words = "kind is not message, follow, unfollow, scan, receipt or echo";
    assert_eq!(one(r#","kind":"dance","text":"a""#).unwrap_err().to_string(), words);
    let image = r#","media":{"kind":"image","url":"https://a.b/c.png"}"#;
    assert_eq!(kind(image), Kind::Message { content: ContentKind::Image });
}

#[test]
fn the_identity_is_kind_and_id_and_shows_neither() {
    let id = |fields: &str| one(fields).unwrap().item_id;
    let message = id(r#","text":"a""#);
    assert_eq!(message, id(r#","text":"b""#));
    assert_eq!(message, item_id(&partner(), "message", "1"));
    assert_ne!(message, id(r#","kind":"follow""#));
    assert_ne!(item_id(&partner(), "message", "13800138000"), item_id(&partner(), "message", "13800138001"));
    assert!(!item_id(&partner(), "message", "13800138000").contains("13800138000"));
}

#[test]
fn a_request_without_or_with_a_wrong_signature_is_refused() {
    let partner = partner();
    let body = br#"{"id":"1"}"#;
    assert_eq!(
        Http.verify(&partner, &request("POST", "", body), AT).unwrap_err(),
        Refusal::Missing("webhook-id")
    );
    let mut forged = signed(WEBHOOK_SECRET, body);
    forged.body = br#"{"id":"2"}"#.as_slice().into();
    assert_eq!(Http.verify(&partner, &forged, AT).unwrap_err(), Refusal::Signature);
    assert_eq!(Http.verify(&partner, &signed(OLD_SECRET, body), AT).unwrap_err(), Refusal::Signature);
}

#[test]
fn a_recorded_request_is_refused_after_five_minutes_and_still_readable_in_the_journal() {
    let (partner, request) = (partner(), signed(WEBHOOK_SECRET, br#"{"id":"1"}"#));
    assert!(Http.verify(&partner, &request, AT + 300 * 1_000_000).is_ok());
    assert_eq!(Http.verify(&partner, &request, AT + 301 * 1_000_000).unwrap_err(), Refusal::Stale);
    assert_eq!(Http.items(&partner, Verified::journalled(&request)).len(), 1);
}

#[test]
fn while_a_secret_is_being_changed_both_are_accepted() {
    let mut partner = partner();
    partner.secrets.insert("webhook_secret_previous".into(), OLD_SECRET.into());
    for secret in [WEBHOOK_SECRET, OLD_SECRET] {
        assert!(Http.verify(&partner, &signed(secret, b"{}"), AT).is_ok());
    }
}

#[test]
fn too_many_items_and_too_large_a_body_are_refused() {
    let many = format!("[{}]", vec!["{}"; 1001].join(","));
    assert_eq!(
        read(many.as_bytes())[0].as_ref().unwrap_err().to_string(),
        "the body is unreadable: it has more than 1000 items"
    );
    let large = vec![b' '; (4 << 20) + 1];
    assert_eq!(Http.verify(&partner(), &signed(WEBHOOK_SECRET, &large), AT).unwrap_err(), Refusal::TooLarge);
}

#[test]
fn there_is_no_handshake() {
    assert_eq!(Http.handshake(&partner(), &request("GET", "", b""), AT).unwrap_err().status(), 405);
}
