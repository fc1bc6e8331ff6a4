//! What is shown of personal data to those who may not see it, and what nobody is shown.

use unicode_segmentation::UnicodeSegmentation;

/// Shown in place of each letter and digit.
const DOT: char = '•';
/// Digits that stay readable at the end of a number that is masked for everybody.
const DIGITS_SHOWN: usize = 4;

/// A text whose letters and digits are hidden; its length and punctuation stay.
pub(crate) fn text(text: &str) -> String {
    text.graphemes(true)
        .map(|grapheme| {
            let plain = grapheme.chars().all(|c| c.is_whitespace() || c.is_ascii_punctuation() || is_mark(c));
            if plain { grapheme.to_owned() } else { DOT.to_string() }
        })
        .collect()
}

fn is_mark(c: char) -> bool {
    // CJK and full-width punctuation.
    matches!(c, '\u{3000}'..='\u{303f}' | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' | '…')
}

/// A name of which only the first grapheme is shown.
pub(crate) fn name(name: &str) -> String {
    match name.graphemes(true).next() {
        Some(first) => format!("{first}**"),
        None => String::new(),
    }
}

/// A text in which valid identity numbers (GB 11643) and bank-card numbers (ISO/IEC 7812) are hidden but for
/// their last digits, whoever looks.
pub(crate) fn numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars() {
        let ends_identity = matches!(c, 'x' | 'X') && run.len() == 17;
        if c.is_ascii_digit() || ends_identity {
            run.push(c);
            continue;
        }
        flush(&mut out, &mut run);
        out.push(c);
    }
    flush(&mut out, &mut run);
    out
}

fn flush(out: &mut String, run: &mut String) {
    if is_identity(run) || is_card(run) {
        let hidden = run.len() - DIGITS_SHOWN;
        out.extend(std::iter::repeat_n('*', hidden));
        out.push_str(&run[hidden..]);
    } else {
        out.push_str(run);
    }
    run.clear();
}

/// Eighteen characters whose last one is the check character of the others (ISO 7064, MOD 11-2).
fn is_identity(run: &str) -> bool {
    if run.len() != 18 {
        return false;
    }
    let value = |c: char| if c.eq_ignore_ascii_case(&'x') { 10 } else { c.to_digit(10).unwrap_or(0) };
    let sum: u32 = run.chars().enumerate().map(|(place, c)| value(c) * (1 << (17 - place)) % 11).sum();
    sum % 11 == 1
}

/// 16 to 19 digits whose last one is the check digit (Luhn).
fn is_card(run: &str) -> bool {
    if !(16..=19).contains(&run.len()) || !run.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let sum: u32 = run
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0') * if place % 2 == 1 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_text_keeps_its_shape_only() {
        assert_eq!(text("我的电话 138，急！"), "•••• •••，•！");
        assert_eq!(text("👨‍👩‍👧 hi"), "• ••");
        assert_eq!(name("张三"), "张**");
        assert_eq!(name(""), "");
    }

    #[test]
    fn valid_identity_and_card_numbers_are_hidden_from_everybody() {
        assert_eq!(numbers("身份证11010519491231002X。"), "身份证**************002X。");
        assert_eq!(numbers("卡4111111111111111"), "卡************1111");
    }

    #[test]
    fn order_numbers_and_phones_stay() {
        assert_eq!(numbers("订单202611260000001234，13800138000"), "订单202611260000001234，13800138000");
    }
}
