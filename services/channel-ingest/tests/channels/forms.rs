//! What may be written down of an account is what its adapter can use.

use crate::account::{WEBHOOK_SECRET, account};
use channel_ingest::channels;
use std::collections::BTreeMap;

type Pairs<'a> = &'a [(&'a str, &'a str)];

const AES_KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

fn map(pairs: Pairs<'_>) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What the form finds, and what the adapter does.
fn judged(channel: &str, settings: Pairs<'_>, secrets: Pairs<'_>) -> (Vec<String>, Option<&'static str>) {
    let form = directory::form::of(channel).expect("a channel");
    let faults = form.faults(&map(settings), &map(secrets)).into_iter().map(|fault| fault.path).collect();
    let check = channels::find(channel).expect("a channel").check;
    (faults, check(&account(settings, secrets)).err().map(|fault| fault.name))
}

#[test]
fn what_the_form_lets_pass_the_adapter_can_use() {
    let url = ("callback_url", "http://127.0.0.1:9/callback");
    let oa = [("token", "t"), ("app_secret", "s"), ("encoding_aes_key", AES_KEY)];
    let cases: [(&str, Pairs<'_>, Pairs<'_>); 6] = [
        ("http", &[url], &[("webhook_secret", WEBHOOK_SECRET)]),
        (
            "http",
            &[("callback_url", "https://[::1]:9/x"), ("timeout_ms", "1")],
            &[("webhook_secret", WEBHOOK_SECRET)],
        ),
        ("wechat_oa", &[("app_id", "wx1")], &oa),
        ("wechat_oa", &[("app_id", "wx1"), ("mode", "plain")], &oa[..2]),
        ("wechat_oa", &[("app_id", "wx1"), ("mode", "compat"), ("api_base", "http://localhost:9/")], &oa),
        ("widget", &[], &[("widget_secret", "0123456789abcdef")]),
    ];
    for (channel, settings, secrets) in cases {
        assert_eq!(judged(channel, settings, secrets), (vec![], None), "{channel} {settings:?}");
    }
}

#[test]
fn what_the_adapter_cannot_use_the_form_tells() {
    let url = ("callback_url", "http://127.0.0.1:9/callback");
    let oa = [("token", "t"), ("app_secret", "s"), ("encoding_aes_key", AES_KEY)];
    let cases: [(&str, Pairs<'_>, Pairs<'_>); 10] = [
        ("http", &[url], &[]),
        ("http", &[url], &[("webhook_secret", "whsec_c2hvcnQ=")]),
        ("http", &[], &[("webhook_secret", WEBHOOK_SECRET)]),
        ("http", &[("callback_url", "callback")], &[("webhook_secret", WEBHOOK_SECRET)]),
        ("wechat_oa", &[], &oa),
        ("wechat_oa", &[("app_id", "wx1")], &oa[..2]),
        ("wechat_oa", &[("app_id", "wx1"), ("mode", "open")], &oa),
        ("wechat_oa", &[("app_id", "wx1"), ("api_base", "api.weixin.qq.com")], &oa),
        ("widget", &[], &[]),
        ("widget", &[], &[("widget_secret", "0123456789abcdef"), ("identity_secret", "short")]),
    ];
    for (channel, settings, secrets) in cases {
        let (faults, name) = judged(channel, settings, secrets);
        let name = name.unwrap_or_else(|| panic!("the adapter takes {channel} {settings:?}"));
        assert!(faults.iter().any(|path| path.ends_with(&format!(".{name}"))), "{name}: {faults:?}");
    }
}
