//! The forms that the value of a setting or secret can have.

use reqwest::Url;

/// What a value must look like.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Text,
    /// An http or https address with a host.
    Address,
    Number {
        min: u64,
    },
    OneOf(&'static [&'static str]),
    /// A form that only some channel has, and what to write in words.
    Own {
        fits: fn(&str) -> bool,
        words: &'static str,
    },
}

impl Shape {
    /// What the value should have been, if it is not.
    pub(super) fn fault(self, value: &str) -> Option<String> {
        let fits = match self {
            Self::Text => true,
            Self::Address => address(value).is_some(),
            Self::Number { min } => value.parse::<u64>().is_ok_and(|number| number >= min),
            Self::OneOf(words) => words.contains(&value),
            Self::Own { fits, .. } => fits(value),
        };
        (!fits).then(|| self.words())
    }

    /// What to write.
    pub(super) fn words(self) -> String {
        match self {
            Self::Text => "a text".into(),
            Self::Address => "an http or https address, such as https://shop.example/callback".into(),
            Self::Number { min } => format!("a whole number of {min} or more"),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::Own { words, .. } => words.into(),
        }
    }
}

/// The address, if it is one of http or https with a host. A browser's leniency is not ours: an address with a third
/// slash or a blank is a slip of whoever wrote it.
pub fn address(value: &str) -> Option<Url> {
    let (_, rest) = value.split_once("://")?;
    if rest.starts_with(['/', '\\']) || rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    Url::parse(value).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
