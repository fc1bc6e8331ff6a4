//! The forms that the value of a setting or secret can have.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A shorter secret can be guessed.
const SECRET_BYTES_MIN: usize = 16;
/// Bytes of a key by the specification of Standard Webhooks.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Characters of an AES key as the platform hands it out.
const AES_KEY_CHARS: usize = 43;
const QUEUE_CHARS_MAX: usize = 40;

/// What a value must look like.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Text,
    /// An http or https address with a host.
    Address,
    /// Addresses without a path, with commas between them.
    Origins,
    Number {
        min: u64,
    },
    OneOf(&'static [&'static str]),
    Queue,
    /// A secret of ours that nobody may guess.
    Secret,
    /// A secret of Standard Webhooks.
    SigningKey,
    /// WeChat's EncodingAESKey.
    AesKey,
}

impl Shape {
    /// What the value should have been, if it is not.
    pub(super) fn fault(self, value: &str) -> Option<String> {
        let fits = match self {
            Self::Text => true,
            Self::Address => is_address(value),
            Self::Origins => value.split(',').all(|origin| is_origin(origin.trim())),
            Self::Number { min } => value.parse::<u64>().is_ok_and(|number| number >= min),
            Self::OneOf(words) => words.contains(&value),
            Self::Queue => is_queue(value),
            Self::Secret => value.len() >= SECRET_BYTES_MIN,
            Self::SigningKey => is_signing_key(value),
            Self::AesKey => {
                value.len() == AES_KEY_CHARS && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
            }
        };
        (!fits).then(|| self.words())
    }

    /// What to write.
    pub(super) fn words(self) -> String {
        match self {
            Self::Text => "a text".into(),
            Self::Address => "an http or https address, such as https://shop.example/callback".into(),
            Self::Origins => "origins such as https://shop.example, with commas between them".into(),
            Self::Number { min } => format!("a whole number of {min} or more"),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::Queue => "1 to 40 letters, digits, dashes and underscores".into(),
            Self::Secret => "16 bytes or more that nobody can guess".into(),
            Self::SigningKey => "base64 of 24 to 64 random bytes, with or without `whsec_` before it".into(),
            Self::AesKey => "the 43 letters and digits of the platform's EncodingAESKey".into(),
        }
    }
}

/// Whether the name can be a queue's.
pub fn is_queue(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=QUEUE_CHARS_MAX).contains(&name.len()) && name.chars().all(allowed)
}

fn is_signing_key(value: &str) -> bool {
    STANDARD
        .decode(value.strip_prefix("whsec_").unwrap_or(value))
        .is_ok_and(|bytes| KEY_BYTES.contains(&bytes.len()))
}

fn is_address(value: &str) -> bool {
    host_of(value).is_some()
}

fn is_origin(value: &str) -> bool {
    host_of(value).is_some_and(|(_, rest)| rest.is_empty() || rest == "/")
}

/// The host with its port, and what follows; none unless it is an http address.
fn host_of(value: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = value.split_once("://")?;
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if !is_http || rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (name, port) = match host.rsplit_once(':') {
        // The colons of an IPv6 address are within brackets.
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let named = match name.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|a| a.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')),
    };
    let reached = port.is_none_or(|port| port.is_empty() || port.parse::<u16>().is_ok());
    (named && reached).then_some((host, rest))
}
