//! Owns folding: many spellings of one text become one, before anything is compared.
//!
//! Customers type full-width letters, traditional characters, circled and keycap digits and Chinese numerals;
//! an editor of knowledge types another of these. Comparing is done on the folded form only.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

/// Characters of a text that are looked at; the rest is ignored, so that one huge message cannot cost seconds.
pub const FOLDED_CHARS_MAX: usize = 4_096;

static SIMPLIFIED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let table = include_str!("simplified.txt");
    let pairs: Vec<char> = table.lines().filter(|line| !line.starts_with('#')).flat_map(str::chars).collect();
    let direct: HashMap<char, char> = pairs.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    // A form that is itself folded further is followed to its end, so that folding twice changes nothing.
    let settled = |mut c: char| {
        for _ in 0..4 {
            c = direct.get(&c).copied().unwrap_or(c);
        }
        c
    };
    direct.keys().map(|c| (*c, settled(*c))).collect()
});

/// First characters of Unicode's decimal digit runs (general category Nd) outside ASCII.
const ZEROS: [char; 20] = [
    '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}', '\u{be6}',
    '\u{c66}', '\u{ce6}', '\u{d66}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}', '\u{17e0}', '\u{1810}',
    '\u{1946}', '\u{19d0}',
];

/// Units after which a single Chinese numeral is a number and not part of a word (七天, but 一起).
const MEASURES: &str = "天日月年周个件元块角分秒时点号折次岁斤克升米寸码套双台部条张楼层期倍位人名款箱包瓶盒";

/// The folded form: [`spelling`] with the [`numerals`] of numbers in digits.
///
/// Folding twice gives the same as folding once, and a text and its NFKC form fold alike.
pub fn fold(text: &str) -> String {
    in_digits(&plain_chars(text))
}

/// One spelling of a text: the first [`FOLDED_CHARS_MAX`] characters of its NFKC form, marks and invisible characters
/// removed, lower case, simplified, digits in ASCII.
pub fn spelling(text: &str) -> String {
    plain_chars(text).into_iter().collect()
}

/// Replaces runs of Chinese numerals that mean a number by ASCII digits.
pub fn numerals(text: &str) -> String {
    in_digits(&text.chars().collect::<Vec<_>>())
}

fn plain_chars(text: &str) -> Vec<char> {
    text.nfkc()
        .take(FOLDED_CHARS_MAX)
        .filter(|c| !is_dropped(*c))
        .nfd()
        .filter(|c| !is_mark(*c))
        .nfc()
        .flat_map(char::to_lowercase)
        .filter(|c| !is_mark(*c))
        .map(plain)
        .collect()
}

fn plain(c: char) -> char {
    if c.is_ascii() {
        return if c.is_ascii_control() { ' ' } else { c };
    }
    if let Some(simple) = SIMPLIFIED.get(&c) {
        return *simple;
    }
    if c.is_control() || c.is_whitespace() {
        return ' ';
    }
    if c == '〇' {
        return '零';
    }
    let zero = ZEROS.iter().find(|zero| (**zero as u32..**zero as u32 + 10).contains(&(c as u32)));
    zero.and_then(|zero| char::from_digit(c as u32 - *zero as u32, 10)).unwrap_or(c)
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Invisible characters: joiners, direction marks, variation selectors, tags, soft hyphen, byte order mark.
fn is_dropped(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

fn numeral(c: char) -> Option<u64> {
    Some(match c {
        '零' => 0,
        '一' => 1,
        '二' | '两' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' => 7,
        '八' => 8,
        '九' => 9,
        '十' => 10,
        '百' => 100,
        '千' => 1_000,
        '万' => 10_000,
        _ => return None,
    })
}

fn in_digits(chars: &[char]) -> String {
    let mut folded = String::with_capacity(chars.len() * 3);
    let mut at = 0;
    while at < chars.len() {
        let run = chars[at..].iter().take_while(|c| numeral(**c).is_some()).count();
        if run == 0 {
            folded.push(chars[at]);
            at += 1;
            continue;
        }
        let digits = &chars[at..at + run];
        let counted = chars.get(at + run).is_some_and(|c| MEASURES.contains(*c));
        match value(digits) {
            Some(value)
                if (run > 1 && digits.iter().any(|c| numeral(*c).is_some_and(|n| n > 0 && n < 10)))
                    || counted =>
            {
                folded.push_str(&value);
            }
            _ => folded.extend(digits),
        }
        at += run;
    }
    folded
}

/// 三十五 is 35, 一三八 is 138; a run that is neither (十百) has no value.
fn value(run: &[char]) -> Option<String> {
    let numbers: Vec<u64> = run.iter().map(|c| numeral(*c)).collect::<Option<_>>()?;
    if numbers.iter().all(|n| *n < 10) {
        return Some(numbers.iter().map(u64::to_string).collect());
    }
    let (mut total, mut section, mut digit) = (0_u64, 0_u64, None);
    for n in numbers {
        match n {
            0..=9 => digit = Some(n),
            10_000 => {
                total = total.checked_add((section + digit.take().unwrap_or(0)).max(1).checked_mul(n)?)?;
                section = 0;
            }
            _ => section += digit.take().unwrap_or(1) * n,
        }
    }
    Some((total + section + digit.unwrap_or(0)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_text_fold_alike() {
        assert_eq!(fold("電子錢包ＡＢＣ"), "电子钱包abc");
        assert_eq!(fold("①②3️⃣٤"), "1234");
        assert_eq!(fold("七天无理由"), "7天无理由");
        assert_eq!(fold("三十五天"), "35天");
        assert_eq!(fold("一三八零零"), "13800");
        assert_eq!(fold("Cafe\u{301} CAFÉ"), "cafe cafe");
    }

    #[test]
    fn numerals_inside_words_stay() {
        assert_eq!(fold("一起买一般多少"), "一起买一般多少");
        assert_eq!(fold("统一发票"), "统一发票");
    }
}
