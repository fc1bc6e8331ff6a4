//! Whether a text holds what somebody looks for, however either is spelt.

use crate::refusal::Refusal;
use runtime::Problem;
use unicode_segmentation::UnicodeSegmentation;
use words::fold::{FOLDED_CHARS_MAX, numerals, spelling};

/// Graphemes that can be looked for.
const LENGTH_MAX: usize = 200;
/// Characters that are folded at a time: no character becomes more than 18 in one spelling.
const FOLDED_AT_ONCE: usize = FOLDED_CHARS_MAX / 18;

/// What is looked for: as it is spelt, and with its numbers in digits. Part of a number is found by the first alone,
/// since 七 is no number before 天 is written behind it.
pub(super) struct Needle {
    spelt: String,
    counted: String,
}

impl Needle {
    pub(super) fn of(text: &str) -> Result<Self, Refusal> {
        if text.graphemes(true).count() > LENGTH_MAX {
            let problem = Problem::invalid("text", format!("It is longer than {LENGTH_MAX} characters."));
            return Err(problem.remedy("Look for less of it.").into());
        }
        let spelt = spelt(text);
        if spelt.is_empty() {
            let problem = Problem::invalid("text", "It holds no character to look for.");
            return Err(problem.remedy("Write a part of the message.").into());
        }
        let counted = numerals(&spelt);
        Ok(Self { spelt, counted })
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        let spelt = spelt(text);
        spelt.contains(&self.spelt) || numerals(&spelt).contains(&self.counted)
    }
}

/// In one spelling, without spaces, to its end.
fn spelt(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let folded = chars.chunks(FOLDED_AT_ONCE).map(|part| spelling(&part.iter().collect::<String>()));
    folded.flat_map(|part| part.chars().filter(|c| !c.is_whitespace()).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, needle: &str) -> bool {
        Needle::of(needle).unwrap_or_else(|_| panic!("{needle} can be looked for")).is_in(text)
    }

    #[test]
    fn spellings_of_one_word_find_each_other() {
        for (text, needle) in [
            ("請問怎麼退貨？", "退货"),
            ("请问怎么退货？", "退貨"),
            ("型号ＡＢＣ－１２", "abc-12"),
            ("My Order", "ORDER"),
            ("订单 2026 1127", "20261127"),
            ("七天内可以退", "7天"),
            ("7天内可以退", "七天"),
            ("七天内可以退", "七"),
            ("满一百五十减十元", "150"),
            ("王小明", "小明"),
            ("打 8 折吗", "8折"),
        ] {
            assert!(holds(text, needle), "{needle} in {text}");
        }
    }

    #[test]
    fn marks_of_query_languages_are_characters_like_others() {
        for needle in ["%", "_", "*", "\"", "'", "(", "a OR b", "-退货", "."] {
            assert!(!holds("怎么退货", needle), "{needle}");
            assert!(holds(&format!("这个 {needle} 呢"), needle), "{needle}");
        }
    }

    #[test]
    fn a_text_is_searched_to_its_end() {
        for filling in ["长", "…", "ﷺ"] {
            let long = format!("{}退货", filling.repeat(FOLDED_CHARS_MAX + 10));
            assert!(holds(&long, "退货"), "{filling}");
            assert!(!holds(&long, "换货"));
        }
    }

    #[test]
    fn nothing_and_too_much_cannot_be_looked_for() {
        for wrong in ["", "  ", "\u{200b}", &"长".repeat(LENGTH_MAX + 1)] {
            assert!(Needle::of(wrong).is_err(), "{wrong:?}");
        }
    }
}
