//! What may be written down of an account is what its adapter can use.

use crate::account::{AT, WEBHOOK_SECRET, account, request};
use channels::contract::{Account, Cause, Refusal, Verified};
use channels::find;
use std::collections::BTreeMap;

type Pairs<'a> = &'a [(&'a str, &'a str)];

const AES_KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

fn map(pairs: Pairs<'_>) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The setting or secret for want of which the adapter cannot read a request.
fn stumbles(channel: &str, account: &Account) -> Option<&'static str> {
    let webhook = find(channel).and_then(|channel| channel.webhook)?;
    let request =
        request("POST", "msg_signature=a&signature=a&timestamp=1&nonce=a", b"<Encrypt>AA</Encrypt>");
    if let Err(Refusal::Misconfigured(fault)) = webhook.verify(account, &request, AT) {
        return Some(fault.name);
    }
    let read = webhook.items(account, Verified::journalled(&request));
    read.into_iter().find_map(|item| match item.err()?.cause {
        Cause::Misconfigured(fault) => Some(fault.name),
        _ => None,
    })
}

/// What the form finds, and where the adapter stumbles.
fn judged(channel: &str, settings: Pairs<'_>, secrets: Pairs<'_>) -> (Vec<String>, Option<&'static str>) {
    let faults = find(channel).expect("a channel").faults(&[], &map(settings), &map(secrets));
    let paths = faults.into_iter().map(|fault| fault.path).collect();
    (paths, stumbles(channel, &account(settings, secrets)))
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
    let cases: [(&str, Pairs<'_>, Pairs<'_>); 6] = [
        ("http", &[url], &[]),
        ("http", &[url], &[("webhook_secret", "whsec_c2hvcnQ=")]),
        ("wechat_oa", &[], &oa),
        ("wechat_oa", &[("app_id", "wx1")], &oa[1..]),
        ("wechat_oa", &[("app_id", "wx1")], &oa[..2]),
        ("wechat_oa", &[("app_id", "wx1"), ("mode", "open")], &oa),
    ];
    for (channel, settings, secrets) in cases {
        let (faults, name) = judged(channel, settings, secrets);
        let name = name.unwrap_or_else(|| panic!("the adapter takes {channel} {settings:?}"));
        assert!(faults.iter().any(|path| path.ends_with(&format!(".{name}"))), "{name}: {faults:?}");
    }
}
