//! The text of a message as every writer names its seal and measures it, so that every reader opens and counts it alike.

use events::{Content, ContentKind, Sealed};
use unicode_segmentation::UnicodeSegmentation;

/// The class of the keys that texts of conversations are sealed under.
pub const CLASS: &str = "message";
/// The field that a text is sealed for; it opens for no other.
pub const TEXT: &str = "content.text";

/// The content of a text message: `sealed` is the text, sealed for [`TEXT`] under a key of the class [`CLASS`].
pub fn text_content(sealed: String, text: &str) -> Content {
    Content {
        kind: ContentKind::Text,
        text: Some(Sealed(sealed)),
        media: None,
        length: length(text),
        language: language(text).into(),
    }
}

/// How long a text is, in graphemes: what a reader would count.
pub fn length(text: &str) -> u32 {
    u32::try_from(text.graphemes(true).count()).unwrap_or(u32::MAX)
}

/// `zh` when a Han character is in the text, else `en` when a Latin letter is, else undecided and empty.
pub fn language(text: &str) -> &'static str {
    // The unified ideographs with all their extensions, as Unicode blocks name them.
    let is_han =
        |c: char| matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{323af}');
    if text.chars().any(is_han) {
        "zh"
    } else if text.chars().any(|c| c.is_ascii_alphabetic()) {
        "en"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_told_by_its_letters() {
        assert_eq!(
            (language("正在为您转接 VIP 客服"), language("OK 的"), language("𠮷")),
            ("zh", "zh", "zh")
        );
        assert_eq!((language("One moment, please."), language("……"), language("12!")), ("en", "", ""));
    }

    #[test]
    fn a_length_is_what_a_reader_counts() {
        assert_eq!((length("运费"), length("👨‍👩‍👧"), length("")), (2, 1, 0));
    }
}
