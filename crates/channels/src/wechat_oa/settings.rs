//! An official account's settings, read from the account each time: they are few.

use crate::contract::{Account, Misconfigured};
use crate::wechat::Key;

const API: &str = "https://api.weixin.qq.com";
/// Signatures older than this are refused, so that a captured one does not open a plain-mode account for ever. Each
/// redelivery of the platform carries a new time stamp.
const TOLERANCE_S: u64 = 3600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Plain,
    Compat,
    Safe,
}

pub(super) fn missing(name: &'static str) -> Misconfigured {
    Misconfigured { name, fault: "is missing" }
}

pub(super) fn mode(account: &Account) -> Result<Mode, Misconfigured> {
    match account.setting("mode").unwrap_or("safe") {
        "plain" => Ok(Mode::Plain),
        "compat" => Ok(Mode::Compat),
        "safe" => Ok(Mode::Safe),
        _ => Err(Misconfigured { name: "mode", fault: "is not plain, compat or safe" }),
    }
}

pub(super) fn token(account: &Account) -> Result<&str, Misconfigured> {
    account.secret("token").ok_or(missing("token"))
}

pub(super) fn app_id(account: &Account) -> Result<&str, Misconfigured> {
    account.setting("app_id").ok_or(missing("app_id"))
}

pub(super) fn app_secret(account: &Account) -> Result<&str, Misconfigured> {
    account.secret("app_secret").ok_or(missing("app_secret"))
}

/// The current key, then the one before: the platform goes on using the old one for a while after a change.
pub(super) fn keys(account: &Account) -> Result<Vec<Key>, Misconfigured> {
    let current = account.secret("encoding_aes_key").ok_or(missing("encoding_aes_key"))?;
    let fault = |name| move |_| Misconfigured { name, fault: "is not 43 letters and digits" };
    let mut keys = vec![Key::parse(current).map_err(fault("encoding_aes_key"))?];
    if let Some(previous) = account.secret("encoding_aes_key_previous") {
        keys.push(Key::parse(previous).map_err(fault("encoding_aes_key_previous"))?);
    }
    Ok(keys)
}

/// Where the platform is, without a slash at the end.
pub(super) fn api(account: &Account) -> &str {
    account.setting("api_base").unwrap_or(API).trim_end_matches('/')
}

/// In seconds; 0 switches the check off.
pub(super) fn tolerance_s(account: &Account) -> u64 {
    account.number("tolerance_s").unwrap_or(TOLERANCE_S)
}

/// Whether messages of the AI carry the platform's label.
pub(super) fn label_ai(account: &Account) -> bool {
    account.setting("label_ai") != Some("false")
}
