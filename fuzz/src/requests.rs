//! Requests of partner systems on the generic channel.

use crate::wechat::{AT, account, request};
use channels::contract::{Verified, Webhook};
use channels::http::Http;
use channels::standard_webhooks::{Headers, Key, verify};
use std::hint::black_box;

/// The example secret of the Standard Webhooks specification.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Items of one body that are cut out again: in use it is those that are set aside.
const ALONE_MAX: usize = 4;

/// A body of the generic channel.
pub fn http_body(input: &[u8]) {
    let (account, request) = (account(&[], &[("webhook_secret", SECRET)]), request("", input));
    let verified = Verified::journalled(&request);
    let items = Http.items(&account, verified);
    for number in (0..items.len()).take(ALONE_MAX) {
        black_box(Http.alone(verified, number));
    }
    black_box(items);
}

/// The three headers and a body, one a line, and a secret behind them.
pub fn webhook_headers(input: &[u8]) {
    let mut lines = input.splitn(5, |byte| *byte == b'\n');
    let mut line = || lines.next().and_then(|line| std::str::from_utf8(line).ok());
    let headers = Headers { id: line(), timestamp: line(), signature: line() };
    let body = line().unwrap_or_default();
    let keys: Vec<Key> = [Some(SECRET), line()].into_iter().flatten().filter_map(Key::parse).collect();
    let _ = black_box(verify(&keys, headers, body.as_bytes(), AT / 1_000_000));
}
