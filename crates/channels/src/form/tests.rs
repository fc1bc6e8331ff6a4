//! Each fault of an account is told, all at once, without its secrets.

use super::*;
use crate::{LIST, find, names};

const KEY: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// As every account may have for the sake of others.
const OTHERS: &[Field] = &[
    optional("persona", Shape::Text),
    optional("queue", Shape::Own { fits: |value| !value.contains(' '), words: "one word" }),
];

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn paths(channel: &str, settings: &[(&str, &str)], secrets: &[(&str, &str)]) -> Vec<String> {
    let faults = find(channel).unwrap().faults(OTHERS, &map(settings), &map(secrets));
    assert!(faults.iter().all(|fault| !fault.reason.is_empty() && !fault.remedy.is_empty()));
    faults.into_iter().map(|fault| fault.path).collect()
}

#[test]
fn a_whole_account_has_no_fault() {
    let url = ("callback_url", "https://shop.example:8443/in?x=1");
    assert_eq!(paths("http", &[url, ("timeout_ms", "2000")], &[("webhook_secret", KEY)]), [""; 0]);
    let aes = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
    let secrets = [("token", "t"), ("app_secret", "s"), ("encoding_aes_key", aes)];
    assert_eq!(paths("wechat_oa", &[("app_id", "wx1")], &secrets), [""; 0]);
    let plain = [("app_id", "wx1"), ("mode", "plain"), ("tolerance_s", "0"), ("label_ai", "false")];
    assert_eq!(paths("wechat_oa", &plain, &secrets[..2]), [""; 0]);
    let widget =
        [("origins", "https://a.example, http://localhost:8080/"), ("queue", "sales"), ("persona", "小溪")];
    assert_eq!(paths("widget", &widget, &[("widget_secret", "0123456789abcdef")]), [""; 0]);
}

#[test]
fn everything_wrong_is_told_at_once() {
    assert_eq!(paths("http", &[], &[]), ["settings.callback_url", "secrets.webhook_secret"]);
    let settings = [("callback_ur", "x"), ("callback_url", "shop.example"), ("rate_per_second", "fast")];
    let secrets = [("webhook_secret", "whsec_short"), ("key", "k")];
    assert_eq!(
        paths("http", &settings, &secrets),
        [
            "settings.callback_ur",
            "settings.callback_url",
            "settings.rate_per_second",
            "secrets.key",
            "secrets.webhook_secret"
        ]
    );
    let settings = [("app_id", " "), ("mode", "secret"), ("timeout_ms", "0"), ("queue", "a b")];
    let secrets = [("token", "t"), ("app_secret", "s"), ("encoding_aes_key", "short")];
    assert_eq!(
        paths("wechat_oa", &settings, &secrets),
        [
            "settings.app_id",
            "settings.mode",
            "settings.timeout_ms",
            "settings.queue",
            "secrets.encoding_aes_key"
        ]
    );
    assert_eq!(
        paths("widget", &[("origins", "https://a.example/path")], &[("widget_secret", "short")]),
        ["settings.origins", "secrets.widget_secret"]
    );
}

#[test]
fn a_fault_names_what_there_is_and_never_a_secret() {
    let faults =
        find("http").unwrap().faults(&[], &map(&[("calback", "x")]), &map(&[("webhook_secret", "hunter2")]));
    assert!(faults[0].remedy.contains("callback_url"), "{faults:?}");
    assert!(faults.iter().all(|fault| !format!("{fault:?}").contains("hunter2")), "{faults:?}");
    assert!(find("htp").is_none());
    assert!(LIST.iter().all(|channel| names().contains(channel.name)));
}

#[test]
fn an_address_has_a_scheme_and_a_host() {
    for right in
        ["http://a", "https://a.b:1/c", "HTTP://127.0.0.1:9/callback", "http://u:p@a/", "http://[::1]:9/"]
    {
        assert!(Shape::Address.fault(right).is_none(), "{right}");
    }
    for wrong in [
        "a.b",
        "ftp://a",
        "http://",
        "http:///x",
        "http://a b",
        "http://:9",
        "http://a:b",
        "http://[::1",
        "//a",
    ] {
        assert!(Shape::Address.fault(wrong).is_some(), "{wrong}");
    }
}
