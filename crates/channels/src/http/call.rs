//! One HTTP call, with what its failure means: whether anything can have arrived.

use bytes::{Bytes, BytesMut};
use jiff::fmt::rfc2822;
use std::time::Duration;

const CONNECT_MS: u64 = 3000;
const ANSWER_MAX_BYTES: usize = 64 * 1024;
const RETRY_AFTER_MAX_MS: u64 = 24 * 3600 * 1000;

/// A client that follows no redirect (one could lead into the inner network) and gives up connecting before a
/// call's own timeout, so that a connection which was never made is told apart from an answer that never came.
///
/// # Errors
/// When TLS has no provider or no roots.
pub fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_millis(CONNECT_MS))
        .pool_idle_timeout(Duration::from_secs(20))
        .build()
}

/// How a call ended.
#[derive(Debug)]
pub enum Answer {
    /// No connection was made, so nothing left.
    NeverLeft,
    /// Something may have arrived, and no answer says what became of it.
    None,
    Came {
        status: u16,
        retry_after_ms: Option<u64>,
        body: Bytes,
    },
}

/// Calls once. An answer longer than 64 KB is cut there.
pub async fn once(request: reqwest::RequestBuilder, timeout_ms: u64) -> Answer {
    match request.timeout(Duration::from_millis(timeout_ms)).send().await {
        Ok(response) => read(response).await,
        Err(error) if error.is_connect() || error.is_builder() => Answer::NeverLeft,
        Err(_) => Answer::None,
    }
}

async fn read(mut response: reqwest::Response) -> Answer {
    let status = response.status().as_u16();
    let header =
        |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let retry_after_ms =
        header("retry-after").and_then(|value| retry_after_ms(&value, header("date").as_deref()));
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_MAX_BYTES => body.extend_from_slice(&chunk),
            Ok(_) => return Answer::Came { status, retry_after_ms, body: body.freeze() },
            // The status came, and with 2xx that is the answer for us; the body alone never decides to send again.
            Err(_) => return Answer::Came { status, retry_after_ms, body: Bytes::new() },
        }
    }
}

/// Seconds or a date (RFC 9110, 10.2.3), at most a day. A date counts from the answer's own, so that no clock of
/// ours takes part.
fn retry_after_ms(value: &str, date: Option<&str>) -> Option<u64> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(seconds.saturating_mul(1000).min(RETRY_AFTER_MAX_MS));
    }
    let instant = |text: &str| rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_millisecond());
    let wait = instant(value)?.saturating_sub(instant(date?)?);
    Some(u64::try_from(wait).unwrap_or(0).min(RETRY_AFTER_MAX_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_as_seconds_or_as_a_date_and_bounded() {
        assert_eq!(retry_after_ms("7", None), Some(7000));
        assert_eq!(retry_after_ms("99999999", None), Some(RETRY_AFTER_MAX_MS));
        let date = |second| format!("Wed, 21 Oct 2015 07:28:{second} GMT");
        assert_eq!(retry_after_ms(&date(30), Some(&date(10))), Some(20_000));
        assert_eq!(retry_after_ms(&date(10), Some(&date(30))), Some(0));
        assert_eq!(retry_after_ms("soon", Some(&date(10))), None);
    }
}
