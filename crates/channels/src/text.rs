//! Text at the edge: cleaned once on the way in, cut at grapheme borders on the way out.

use super::contract::{TextLimit, Unit};
use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;

impl Unit {
    /// The length of `text` as the platform counts it.
    pub fn measure(self, text: &str) -> usize {
        match self {
            Self::Bytes => text.len(),
            Self::Utf16 => text.encode_utf16().count(),
            Self::Graphemes => text.graphemes(true).count(),
        }
    }
}

/// Removes what some parser, database or terminal behind us refuses: U+0000 and the other C0 controls except
/// line feed and tab. Line ends become line feeds. Marks of writing direction, joiners and emoji sequences stay:
/// they are part of what people write.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                cleaned.push('\n');
            }
            '\n' | '\t' => cleaned.push(c),
            c if c < ' ' => {}
            c => cleaned.push(c),
        }
    }
    cleaned
}

/// [`clean`] for names and keys that must be one short line: at most `max` characters, cut at a grapheme border.
pub fn clean_line(text: &str, max: usize) -> String {
    let cleaned = clean(text).replace(['\n', '\t'], " ");
    let cleaned = cleaned.trim();
    let mut line = String::new();
    for (used, grapheme) in cleaned.graphemes(true).scan(0, |used, grapheme| {
        *used += grapheme.chars().count();
        Some((*used, grapheme))
    }) {
        if used > max {
            break;
        }
        line.push_str(grapheme);
    }
    line
}

/// Makes JSON readable that users' input made unreadable for strict parsers: bytes that are no UTF-8, raw control
/// characters inside strings, and halves of surrogate pairs (which become U+FFFD). Everything else stays as it is,
/// byte for byte; without need nothing is copied.
pub fn mend_json(body: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(body);
    if !needs_mending(text.as_bytes()) {
        return text;
    }
    let bytes = text.as_bytes();
    let mut mended = String::with_capacity(text.len() + 16);
    let (mut at, mut kept, mut in_string) = (0, 0, false);
    while at < bytes.len() {
        let (length, replacement) = match bytes[at] {
            b'\\' if in_string => escape(&bytes[at..]),
            c if in_string && c < b' ' => (1, Some(format!("\\u{c:04x}"))),
            c => {
                in_string ^= c == b'"';
                (1, None)
            }
        };
        if let Some(replacement) = replacement {
            mended.push_str(&text[kept..at]);
            mended.push_str(&replacement);
            kept = at + length;
        }
        at += length;
    }
    mended.push_str(&text[kept..]);
    Cow::Owned(mended)
}

fn needs_mending(bytes: &[u8]) -> bool {
    bytes.iter().any(|b| *b < b' ')
        || bytes.windows(4).any(|w| w[0] == b'\\' && w[1] == b'u' && (w[2] | 32) == b'd')
}

/// The length of the escape sequence that `bytes` start with, and what must replace it. A pair of surrogates
/// is one sequence. Never ends inside a character: what follows a backslash is taken along only if it is ASCII.
fn escape(bytes: &[u8]) -> (usize, Option<String>) {
    match (code_unit(bytes), bytes.get(6..).and_then(code_unit)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, None),
        (Some(0xd800..=0xdfff), _) => (6, Some("\\ufffd".to_owned())),
        (Some(_), _) => (6, None),
        (None, _) => (if bytes.get(1).is_some_and(|b| (b' '..0x80).contains(b)) { 2 } else { 1 }, None),
    }
}

fn code_unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0u16, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)? as u16))
}

/// Cuts a text into parts that each keep the limit. Cuts lie at grapheme borders, in the last quarter of a part
/// after a line end, sentence end or blank if there is one. The parts joined are the text. A single grapheme
/// above the limit is cut between characters; a character above it stands alone, above the limit.
pub fn split(text: &str, limit: TextLimit) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while limit.unit.measure(rest) > limit.max {
        let cut = cut(rest, limit);
        let (part, behind) = rest.split_at(cut);
        parts.push(part.to_owned());
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(rest.to_owned());
    }
    parts
}

/// Where to cut a text that is above the limit: above 0, at most its length.
fn cut(text: &str, limit: TextLimit) -> usize {
    let (mut used, mut end, mut preferred) = (0, 0, None);
    for (at, grapheme) in text.grapheme_indices(true) {
        used += limit.unit.measure(grapheme);
        if used > limit.max {
            break;
        }
        end = at + grapheme.len();
        if used * 4 >= limit.max * 3 && "\n。！？；!?;，, ".contains(grapheme) {
            preferred = Some(end);
        }
    }
    if end > 0 {
        return preferred.unwrap_or(end);
    }
    let mut used = 0;
    let fits = text.char_indices().take_while(|(_, c)| {
        used += limit.unit.measure(c.encode_utf8(&mut [0; 4]));
        used <= limit.max
    });
    fits.last().map_or_else(|| text.chars().next().map_or(0, char::len_utf8), |(at, c)| at + c.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(max: usize, unit: Unit) -> TextLimit {
        TextLimit { max, unit }
    }

    #[test]
    fn controls_vanish_and_line_ends_become_one_kind() {
        assert_eq!(clean("a\u{0}b\u{1b}[31m\r\nc\rd\te\u{7}"), "ab[31m\nc\nd\te");
    }

    #[test]
    fn marks_joiners_and_emoji_stay() {
        let text = "\u{200f}שלום👩‍👩‍👧 é\u{301}🇨🇳]]>&amp;";
        assert_eq!(clean(text), text);
    }

    #[test]
    fn a_line_is_cut_at_a_grapheme_border() {
        assert_eq!(clean_line(" a\nb👩‍👩‍👧c ", 5), "a b");
        assert_eq!(clean_line("你好吗", 2), "你好");
    }

    #[test]
    fn half_a_surrogate_pair_becomes_the_replacement_character() {
        let value = |body: &str| serde_json::from_str::<String>(&mend_json(body.as_bytes())).unwrap();
        assert_eq!(value(r#""a\ud800b""#), "a\u{fffd}b");
        assert_eq!(value(r#""\udc00\ud83d\ude00\ud83d""#), "\u{fffd}😀\u{fffd}");
        assert_eq!(value(r#""\ud83d\ud83d\ude00""#), "\u{fffd}😀");
        assert_eq!(value(r#""\\ud800\"""#), "\\ud800\"");
    }

    #[test]
    fn raw_controls_and_broken_bytes_inside_strings_are_readable() {
        let body = b"{\"t\":\"a\x01\nb\xff\"}\n";
        let value: serde_json::Value = serde_json::from_str(&mend_json(body)).unwrap();
        assert_eq!(value["t"], "a\u{1}\nb\u{fffd}");
    }

    #[test]
    fn sound_json_is_not_copied() {
        assert!(matches!(mend_json("{\"t\":\"你好\"}".as_bytes()), Cow::Borrowed(_)));
    }

    #[test]
    fn a_backslash_before_a_letter_of_many_bytes_is_left_to_the_parser() {
        assert_eq!(mend_json("\"\\你\u{1}\\ud800".as_bytes()), "\"\\你\\u0001\\ufffd");
    }

    #[test]
    fn a_long_text_is_cut_between_graphemes() {
        assert_eq!(split("👩‍👩‍👧👩‍👩‍👧", limit(20, Unit::Bytes)), ["👩‍👩‍👧", "👩‍👩‍👧"]);
        assert_eq!(split("你好吗", limit(7, Unit::Bytes)), ["你好", "吗"]);
        assert_eq!(split("😀😀", limit(3, Unit::Utf16)), ["😀", "😀"]);
        assert_eq!(split("", limit(3, Unit::Utf16)), Vec::<String>::new());
    }

    #[test]
    fn a_cut_prefers_the_end_of_a_sentence() {
        assert_eq!(split("一二三四五六。七八九", limit(8, Unit::Graphemes)), ["一二三四五六。", "七八九"]);
    }

    #[test]
    fn a_grapheme_above_the_limit_is_cut_between_characters() {
        assert_eq!(split("e\u{301}\u{301}\u{301}", limit(4, Unit::Bytes)).concat(), "e\u{301}\u{301}\u{301}");
        assert_eq!(split("你", limit(1, Unit::Bytes)), ["你"]);
    }

    #[test]
    fn the_parts_joined_are_the_text() {
        let text = "价格：¥199，包邮。👨‍👩‍👧‍👦\nSecond line, with words and é\u{301}".repeat(9);
        for unit in [Unit::Bytes, Unit::Utf16, Unit::Graphemes] {
            for max in 1..200 {
                let parts = split(&text, limit(max, unit));
                assert_eq!(parts.concat(), text);
                assert!(max < 40 || parts.iter().all(|part| unit.measure(part) <= max));
            }
        }
    }
}
