//! What may be written down of an account is what its adapter can use.

use crate::account::{AT, WEBHOOK_SECRET, account, request, tools};
use channels::contract::{Account, Cause, Outbound, Refusal, SendOutcome, Verified};
use channels::find;
use events::thread::FailureClass;
use std::collections::BTreeMap;
use uuid::Uuid;

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

/// Whether the sender, which nobody answers, blames the settings or secrets for what it could not do.
async fn blames_the_account(channel: &str, settings: Pairs<'_>, secrets: Pairs<'_>) -> bool {
    let Some(sender) = find(channel).and_then(|channel| channel.sender) else { return false };
    let mut account = account(settings, secrets);
    if channel == "wechat_oa" {
        // Without it the platform itself would be called.
        account.settings.entry("api_base".into()).or_insert_with(|| "http://127.0.0.1:9".into());
    }
    let outbound = Outbound {
        contact: "u1".into(),
        text: "您好".into(),
        message_id: Uuid::from_u128(1),
        part: 0,
        attempt: 1,
        by_ai: true,
        by_system: false,
        persona: None,
    };
    let outcome = sender.send(&account, &outbound, &tools(AT)).await;
    assert!(!matches!(outcome, SendOutcome::Sent { .. }), "{channel} {settings:?}: {outcome:?}");
    matches!(outcome, SendOutcome::Failed { class: FailureClass::Configuration, .. })
}

/// What the form finds, and where the adapter stumbles.
fn judged(channel: &str, settings: Pairs<'_>, secrets: Pairs<'_>) -> (Vec<String>, Option<&'static str>) {
    let faults = find(channel).expect("a channel").faults(&[], &map(settings), &map(secrets));
    let paths = faults.into_iter().map(|fault| fault.path).collect();
    (paths, stumbles(channel, &account(settings, secrets)))
}

#[tokio::test]
async fn what_the_form_lets_pass_the_adapter_can_use() {
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
        assert!(!blames_the_account(channel, settings, secrets).await, "{channel} {settings:?}");
    }
}

#[tokio::test]
async fn what_the_sender_cannot_use_the_form_tells() {
    let webhook = ("webhook_secret", WEBHOOK_SECRET);
    let oa = [("token", "t"), ("encoding_aes_key", AES_KEY), ("app_secret", "s")];
    let cases: [(&str, Pairs<'_>, Pairs<'_>, &str); 4] = [
        ("http", &[], &[webhook], "callback_url"),
        ("http", &[("callback_url", "ftp://127.0.0.1:9/x")], &[webhook], "callback_url"),
        ("wechat_oa", &[("app_id", "wx1")], &oa[..2], "app_secret"),
        ("wechat_oa", &[], &oa, "app_id"),
    ];
    for (channel, settings, secrets, name) in cases {
        let (faults, _) = judged(channel, settings, secrets);
        assert!(blames_the_account(channel, settings, secrets).await, "{channel} {settings:?}");
        assert!(faults.iter().any(|path| path.ends_with(&format!(".{name}"))), "{name}: {faults:?}");
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
