//! Owns reading several messages as one wish: corrections put right, fragments joined, questions told apart.

use crate::retrieve::fold::fold;

/// One thing asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) text: String,
    /// It stands as a question by itself, so it must not stay unanswered.
    pub(super) is_question: bool,
}

/// Words with which people take back what they just wrote.
const CORRECTIONS: [&str; 27] = [
    "不对不对",
    "不对",
    "不是不是",
    "说错了",
    "说错",
    "打错了",
    "打错字了",
    "打错",
    "写错了",
    "发错了",
    "搞错了",
    "更正",
    "纠正一下",
    "我是说",
    "我的意思是",
    "应该是",
    "哦不",
    "噢不",
    "啊不",
    "sorry i mean",
    "sorry, i mean",
    "i mean",
    "i meant",
    "correction",
    "typo",
    "no wait",
    "actually",
];

/// Words that a follow-up begins with.
const LEANS: [&str; 12] = [
    "那",
    "那么",
    "如果",
    "要是",
    "那如果",
    "那要是",
    "还有",
    "and",
    "what about",
    "how about",
    "what if",
    "then",
];

/// Whether there is anything to read: letters or digits, and not only a placeholder in brackets such as `[图片]`.
pub(super) fn has_words(text: &str) -> bool {
    let text = text.trim();
    let bracketed = [('[', ']'), ('【', '】'), ('<', '>')].iter().any(|(open, close)| {
        text.starts_with(*open) && text.find(*close).is_some_and(|at| at + close.len_utf8() == text.len())
    });
    !bracketed && fold(text).chars().any(char::is_alphanumeric)
}

/// A message with several questions, each with its mark, is several.
fn questions(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split_inclusive(['？', '?']).filter(|part| has_words(part)).collect();
    if parts.len() > 1 && parts.iter().all(|part| is_question(part)) {
        parts.into_iter().map(str::to_owned).collect()
    } else {
        vec![text.to_owned()]
    }
}

/// What is asked, in order, after corrections.
pub(super) fn asks(texts: &[String]) -> Vec<Ask> {
    let mut asks: Vec<String> = Vec::new();
    for text in texts {
        if let Some((wrong, right)) = exchanged(text) {
            // Only words that were said before can be taken back.
            if let Some(ask) = asks.iter_mut().rev().find(|ask| fold(ask).contains(&wrong)) {
                *ask = fold(ask).replace(&wrong, &right);
                continue;
            }
        }
        match corrected(text) {
            Some(correction) => correct(&mut asks, correction),
            None => asks.extend(questions(text)),
        }
    }
    asks.into_iter().map(|text| Ask { is_question: is_question(&text), text }).collect()
}

/// What stands after words of correction; None if there are none.
fn corrected(text: &str) -> Option<String> {
    let folded = fold(text);
    let trimmed = folded.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '*');
    let mut rest = trimmed.strip_prefix('*').unwrap_or(trimmed);
    let mut found = rest.len() < trimmed.len();
    while let Some(after) = without_correction(bare(rest)) {
        rest = after;
        found = true;
    }
    let openings = ["应该是", "想问的是", "我要问的是", "我想问的是", "问的是", "我是说", "是"];
    let value = openings.iter().find_map(|word| bare(rest).strip_prefix(word)).unwrap_or(bare(rest));
    (found && value.chars().any(char::is_alphanumeric)).then(|| value.to_owned())
}

/// From its first letter or digit on.
fn bare(text: &str) -> &str {
    text.trim_start_matches(|c: char| !c.is_alphanumeric())
}

/// What follows one word of correction; 不对称 and 不是正品吗 are none.
fn without_correction(text: &str) -> Option<&str> {
    if let Some(after) = text.strip_prefix("不是").filter(|after| !after.starts_with(char::is_alphanumeric))
    {
        return Some(after);
    }
    let word = CORRECTIONS.iter().find(|word| text.starts_with(**word))?;
    let after = &text[word.len()..];
    let goes_on = match word.is_ascii() {
        true => after.starts_with(|c: char| c.is_ascii_alphanumeric()),
        false => *word == "不对" && after.starts_with(['称', '劲', '应', '外']),
    };
    (!goes_on).then_some(after)
}

/// 不是红色是蓝色: what was wrong and what is right.
fn exchanged(text: &str) -> Option<(String, String)> {
    let folded = fold(text);
    let (wrong, right) = bare(&folded).strip_prefix("不是")?.split_once('是')?;
    let clean = |part: &str| part.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let (wrong, right) = (clean(wrong), clean(right));
    (!wrong.is_empty() && !right.is_empty()).then_some((wrong, right))
}

/// Puts a correction in the place of what it corrects.
fn correct(asks: &mut Vec<String>, correction: String) {
    let Some(last) = asks.last_mut() else {
        asks.push(correction);
        return;
    };
    let folded = fold(last);
    if let Some(mended) = substitute(&folded, &correction) {
        *last = mended;
    } else if is_question(&correction) {
        *last = correction;
    } else {
        last.push(' ');
        last.push_str(&correction);
    }
}

/// The earlier text with the piece that looks like the correction (a number for a number, 红色 for 蓝色) exchanged.
fn substitute(earlier: &str, correction: &str) -> Option<String> {
    if is_question(correction) {
        return None;
    }
    let value = correction.trim_matches(|c: char| !c.is_alphanumeric());
    let digits: String = value
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    if !digits.is_empty() {
        let start = earlier.find(|c: char| c.is_ascii_digit())?;
        let length = earlier[start..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').count();
        return Some(format!("{}{digits}{}", &earlier[..start], &earlier[start + length..]));
    }
    let wanted: Vec<char> = value.chars().collect();
    let chars: Vec<char> = earlier.chars().collect();
    // A shared last character (色, 码, 省, 店) shows which piece is meant.
    let last = *wanted.last()?;
    let end = chars.iter().rposition(|c| *c == last).filter(|_| wanted.len() >= 2 && !last.is_ascii())?;
    let start = (end + 1).checked_sub(wanted.len())?;
    let mended: Vec<char> = chars[..start].iter().chain(&wanted).chain(&chars[end + 1..]).copied().collect();
    Some(mended.into_iter().collect())
}

/// Asks for something by itself: a question word or mark, and more than a few characters.
fn is_question(text: &str) -> bool {
    let folded = fold(text);
    let marks = [
        "?",
        "吗",
        "么",
        "怎",
        "如何",
        "多少",
        "多久",
        "几",
        "哪",
        "谁",
        "什么",
        "为啥",
        "能不能",
        "可不可以",
        "是不是",
        "有没有",
        "可以",
        "how",
        "what",
        "when",
        "where",
        "why",
        "which",
        "who",
        "can ",
        "could ",
        "do ",
        "does ",
        "is ",
        "are ",
    ];
    folded.chars().filter(|c| c.is_alphanumeric()).count() >= 4
        && marks.iter().any(|mark| folded.contains(mark))
}

/// A short text that begins as a follow-up does.
pub(super) fn leans_on_before(text: &str) -> bool {
    let folded = fold(text);
    let trimmed = folded.trim();
    trimmed.chars().count() <= 24
        && (LEANS.iter().any(|word| trimmed.starts_with(word))
            || trimmed.ends_with('呢')
            || trimmed.ends_with("呢?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(of: &[&str]) -> Vec<String> {
        asks(&of.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
            .into_iter()
            .map(|ask| ask.text)
            .collect()
    }

    #[test]
    fn a_correction_takes_the_place_of_what_it_corrects() {
        assert_eq!(texts(&["满50包邮吗", "打错了，99"]), ["满99包邮吗"]);
        assert_eq!(texts(&["红色有货吗", "不对，蓝色"]), ["蓝色有货吗"]);
        assert_eq!(texts(&["红色有货吗", "不是红色，是黑白"]), ["黑白有货吗"]);
        assert_eq!(texts(&["怎么退货", "不是，我是说怎么换货"]), ["怎么换货"]);
        assert_eq!(
            texts(&["how long to return", "sorry I mean how long to exchange?"]),
            ["how long to exchange?"]
        );
    }

    #[test]
    fn two_questions_stay_two() {
        let asks = asks(&["怎么退货".to_owned(), "运费谁出呢？".to_owned()]);
        assert_eq!(asks.len(), 2);
        assert!(asks.iter().all(|ask| ask.is_question));
    }

    #[test]
    fn placeholders_are_no_words() {
        assert!(!has_words("[图片]"));
        assert!(!has_words("👍👍"));
        assert!(!has_words(" \u{301} "));
        assert!(has_words("[图片] 这个多少钱"));
    }
}
