//! How a detail is written: the plainer, the surer, and disguise itself is a fact worth knowing.

use serde::{Deserialize, Serialize};

use super::Kind;

/// The way a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    Plain,
    /// With blanks, hyphens or dots inside.
    Spaced,
    FullWidth,
    /// In Chinese numerals.
    Hanzi,
    /// In keycap, circled or other signs.
    Emoji,
    /// Chinese numerals and ASCII digits together.
    Mixed,
    /// In characters or words that sound like digits.
    Homophone,
    /// In letters that look like digits.
    LookAlike,
    /// Family name only.
    Surname,
    /// An e-mail address with its signs spelled out.
    Spelled,
}

impl Form {
    /// True if the value was written so that a filter does not see it.
    pub fn is_obfuscated(self) -> bool {
        !matches!(self, Self::Plain | Self::Spaced | Self::Surname)
    }
}

/// The form of a value as written.
pub(super) fn of(kind: Kind, value: &str) -> Form {
    if matches!(kind, Kind::Name | Kind::Address | Kind::Company) {
        return Form::Plain;
    }
    let hanzi = value.chars().any(|c| "一二三四五六七八九零〇幺两壹贰叁肆伍陆陸柒捌玖".contains(c));
    let ascii = value.chars().any(|c| c.is_ascii_digit());
    let emoji = value.chars().any(|c| {
        matches!(c, '\u{20e3}' | '\u{2460}'..='\u{24ff}' | '\u{2776}'..='\u{2793}' | '\u{1f100}'..='\u{1ffff}' | '\u{1d400}'..='\u{1d7ff}')
    });
    let wide = value.chars().any(|c| matches!(c, '\u{ff01}'..='\u{ff5e}'));
    let spaced = value.chars().any(|c| matches!(c, ' ' | '-' | '.' | '(' | ')'));
    match (hanzi, ascii, emoji, wide) {
        (_, _, true, _) => Form::Emoji,
        (true, true, ..) => Form::Mixed,
        (true, ..) => Form::Hanzi,
        (.., true) => Form::FullWidth,
        _ if spaced && kind == Kind::Phone || value.contains(' ') => Form::Spaced,
        _ => Form::Plain,
    }
}
