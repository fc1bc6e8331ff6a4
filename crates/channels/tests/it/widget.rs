//! The widget's session: which frames are allowed when.

use crate::account::{AT, AT_S, account};
use channels::contract::Account;
use channels::widget::session::{FRAMES_PER_MINUTE_MAX, MESSAGES_PER_MINUTE_MAX};
use channels::widget::{Action, Code, ServerFrame, Session, item_id, origin_allowed, token};
use serde_json::json;
use simulators::widget::Shop;
use std::sync::Arc;
use uuid::Uuid;

const NEWCOMER: Uuid = Uuid::from_u128(11);
const THREAD: Uuid = Uuid::from_u128(12);
const SECRET: &str = "0123456789abcdef";
const HELLO: &str = r#"{"type":"hello","account":"desk"}"#;
const MESSAGE: &str = r#"{"type":"message","client_id":"client-1","text":"您好\r\n\ud83d"}"#;
const MINUTE: i64 = 60_000_000;

fn site() -> Account {
    account(&[], &[("widget_secret", SECRET), ("identity_secret", SECRET)])
}

fn session() -> Session {
    Session::new(Arc::new(site()), NEWCOMER)
}

fn open() -> Session {
    let mut session = session();
    session.on_frame(HELLO, AT);
    session.welcome(THREAD, 0, AT).unwrap();
    session
}

/// The code of a refusal, and whether the socket ends.
fn refusal(actions: &[Action]) -> (Code, bool) {
    match actions {
        [Action::Send(ServerFrame::Error { code, .. })] => (*code, false),
        [Action::Send(ServerFrame::Error { code, .. }), Action::Close] => (*code, true),
        other => panic!("{other:?}"),
    }
}

fn hello(fields: &str) -> String {
    format!(r#"{{"type":"hello","account":"desk"{fields}}}"#)
}

#[test]
fn a_newcomer_gets_a_token_and_comes_back_with_it() {
    let mut first = session();
    let opened = first.on_frame(&hello(r#","page":{"url":"https://a.b/c?utm_source=x"},"after":9"#), AT);
    let [Action::Open(opening)] = &opened[..] else { panic!("{opened:?}") };
    assert_eq!((opening.visitor, opening.is_new, opening.after), (NEWCOMER, true, None));
    assert_eq!(opening.touch.as_ref().unwrap().source.as_deref(), Some("x"));
    let Some(ServerFrame::Welcome { token, resume: 4, .. }) = first.welcome(THREAD, 4, AT) else { panic!() };

    let mut second = Session::new(Arc::new(site()), Uuid::from_u128(99));
    let opened = second.on_frame(&hello(&format!(r#","token":"{token}","after":9"#)), AT);
    let [Action::Open(opening)] = &opened[..] else { panic!("{opened:?}") };
    assert_eq!((opening.visitor, opening.is_new, opening.after), (NEWCOMER, false, Some(9)));
}

#[test]
fn a_message_is_cleaned_and_given_to_the_server() {
    let received = open().on_frame(MESSAGE, AT);
    assert_eq!(received, [Action::Receive { client_id: "client-1".into(), text: "您好\n\u{fffd}".into() }]);
    assert_eq!(item_id("client-1"), "widget:client-1");
}

#[test]
fn typing_receipts_and_pings_pass() {
    let mut session = open();
    assert_eq!(session.on_frame(r#"{"type":"typing","on":true}"#, AT), [Action::Typing { on: true }]);
    assert_eq!(session.on_frame(r#"{"type":"read","sequence":7}"#, AT), [Action::Read { sequence: 7 }]);
    assert_eq!(
        session.on_frame(r#"{"type":"delivered","sequence":8}"#, AT),
        [Action::Delivered { sequence: 8 }]
    );
    assert_eq!(session.on_frame(r#"{"type":"ping"}"#, AT), [Action::Send(ServerFrame::Pong)]);
}

#[test]
fn nothing_goes_before_hello() {
    assert_eq!(refusal(&session().on_frame(MESSAGE, AT)), (Code::HelloFirst, true));
    assert_eq!(refusal(&session().on_frame("GET / HTTP/1.1", AT)), (Code::HelloFirst, true));
    let mut early = session();
    early.on_frame(HELLO, AT);
    assert_eq!(refusal(&early.on_frame(MESSAGE, AT)), (Code::HelloFirst, true));
    assert_eq!(early.on_frame(HELLO, AT), []);
}

#[test]
fn a_second_hello_and_an_unreadable_frame_are_refused_and_the_socket_stays() {
    let mut session = open();
    assert_eq!(refusal(&session.on_frame(HELLO, AT)), (Code::HelloAgain, false));
    for frame in
        ["", "{", r#"{"type":"dance"}"#, r#"{"type":"read","sequence":"7"}"#, r#"{"type":"message"}"#]
    {
        assert_eq!(refusal(&session.on_frame(frame, AT)), (Code::Unreadable, false), "{frame}");
    }
    assert_eq!(session.on_frame(MESSAGE, AT).len(), 1);
}

#[test]
fn another_account_is_refused() {
    let other = r#"{"type":"hello","account":"other"}"#;
    assert_eq!(refusal(&session().on_frame(other, AT)), (Code::UnknownAccount, true));
}

#[test]
fn a_token_that_is_forged_or_over_is_refused_and_a_new_hello_may_follow() {
    let mut session = session();
    assert_eq!(refusal(&session.on_frame(&hello(r#","token":"v1.AAAA""#), AT)), (Code::TokenInvalid, false));
    let old = token::issue(SECRET, site().id, NEWCOMER, None, AT - 31 * 24 * 3600 * 1_000_000);
    assert_eq!(
        refusal(&session.on_frame(&hello(&format!(r#","token":"{old}""#)), AT)),
        (Code::TokenExpired, false)
    );
    assert!(matches!(&session.on_frame(HELLO, AT)[..], [Action::Open(_)]));
}

fn proof(user: &str, ends_s: i64) -> String {
    let shop = Shop { account: "desk".into(), secret: SECRET.into() };
    shop.proof(user, ends_s, &json!({ "phone_number": "+8613800138000", "phone_number_verified": true }))
}

fn signed_in(user: &str) -> String {
    hello(&format!(r#","identity":"{}""#, proof(user, AT_S + 600)))
}

#[test]
fn a_sign_in_of_the_shop_counts_only_when_it_is_proven() {
    let opened = session().on_frame(&signed_in("user-7"), AT);
    let [Action::Open(opening)] = &opened[..] else { panic!("{opened:?}") };
    let evidence = opening.signed_in.as_ref().unwrap().evidence();
    assert_eq!((evidence[0].value.as_str(), evidence[1].value.as_str()), ("user-7", "+8613800138000"));
    let other = Shop { account: "other".into(), secret: SECRET.into() };
    for (proof, code) in [
        (proof("user-7", AT_S), Code::IdentityExpired),
        (other.proof("user-7", AT_S + 600, &json!({})), Code::IdentityOtherAccount),
        (proof("user-7", AT_S + 600).replacen('e', "f", 1), Code::IdentityInvalid),
        ("made-up".to_owned(), Code::IdentityInvalid),
    ] {
        let mut session = session();
        let frame = hello(&format!(r#","identity":"{proof}""#));
        assert_eq!(refusal(&session.on_frame(&frame, AT)), (code, false));
        // The page may come in without, or with a better one.
        assert!(matches!(&session.on_frame(HELLO, AT)[..], [Action::Open(_)]));
    }
    let mut without = site();
    without.secrets.remove("identity_secret");
    let mut session = Session::new(Arc::new(without), NEWCOMER);
    assert_eq!(refusal(&session.on_frame(&signed_in("user-7"), AT)), (Code::IdentityInvalid, false));
}

#[test]
fn who_signs_in_on_the_open_page_is_told_and_another_user_needs_another_socket() {
    let mut session = open();
    let frame = |proof: &str| format!(r#"{{"type":"identify","identity":"{proof}"}}"#);
    let asked = session.on_frame(&frame(&proof("user-7", AT_S + 600)), AT);
    let [Action::Identify(proven)] = &asked[..] else { panic!("{asked:?}") };
    let Some(ServerFrame::Identified { token }) = session.identified(proven, AT) else { panic!() };
    let claims = token::verify(SECRET, site().id, &token, AT).unwrap();
    assert_eq!((claims.visitor, claims.login.is_some()), (NEWCOMER, true));
    assert_eq!(
        refusal(&session.on_frame(&frame(&proof("user-7", AT_S)), AT)),
        (Code::IdentityExpired, false)
    );
    assert!(matches!(&session.on_frame(&frame(&proof("user-7", AT_S + 9)), AT)[..], [Action::Identify(_)]));
    assert_eq!(
        refusal(&session.on_frame(&frame(&proof("user-8", AT_S + 9)), AT)),
        (Code::IdentityChanged, true)
    );
}

#[test]
fn a_message_must_have_an_id_and_a_text_of_bounded_length() {
    let message =
        |id: &str, text: &str| serde_json::json!({"type":"message","client_id":id,"text":text}).to_string();
    for id in ["short", "has space", &"x".repeat(65), "编号编号编号编号"] {
        assert_eq!(refusal(&open().on_frame(&message(id, "a"), AT)), (Code::ClientIdInvalid, false), "{id}");
    }
    assert_eq!(refusal(&open().on_frame(&message("client-1", " \u{0}\n"), AT)), (Code::TextEmpty, false));
    assert_eq!(
        refusal(&open().on_frame(&message("client-1", &"好".repeat(4001)), AT)),
        (Code::TextTooLong, false)
    );
    assert_eq!(open().on_frame(&message("client-1", &"好".repeat(4000)), AT).len(), 1);
}

#[test]
fn a_frame_above_sixteen_kilobytes_ends_the_socket() {
    let mut session = open();
    assert_eq!(refusal(&session.on_frame(&" ".repeat(16 * 1024 + 1), AT)), (Code::FrameTooLarge, true));
    assert_eq!(session.on_frame(MESSAGE, AT), []);
}

#[test]
fn too_many_messages_wait_and_say_how_long() {
    let mut session = open();
    for _ in 0..MESSAGES_PER_MINUTE_MAX {
        assert!(matches!(&session.on_frame(MESSAGE, AT)[..], [Action::Receive { .. }]));
    }
    let refused = session.on_frame(MESSAGE, AT + MINUTE / 2);
    let [Action::Send(ServerFrame::Error { code, client_id, retry_after_ms })] = &refused[..] else {
        panic!()
    };
    assert_eq!((*code, client_id.as_deref()), (Code::RateLimited, Some("client-1")));
    assert_eq!(*retry_after_ms, Some(30_001));
    assert!(matches!(&session.on_frame(MESSAGE, AT + MINUTE)[..], [Action::Receive { .. }]));
}

#[test]
fn a_flood_of_frames_ends_the_socket() {
    let mut session = open();
    for _ in 1..FRAMES_PER_MINUTE_MAX {
        session.on_frame(r#"{"type":"ping"}"#, AT);
    }
    assert_eq!(refusal(&session.on_frame(r#"{"type":"ping"}"#, AT)), (Code::Flood, true));
}

#[test]
fn only_the_sites_own_pages_may_embed_it() {
    let any = site();
    assert!(origin_allowed(&any, None));
    let own = account(&[("origins", "https://a.b, https://c.d/")], &[]);
    assert!(origin_allowed(&own, Some("https://C.D")));
    assert!(!origin_allowed(&own, Some("https://a.b.evil")));
    assert!(!origin_allowed(&own, None));
}
