//! Blacks out what a model has no need to know: numbers to call, addresses, handles.

/// What stands in the place of a detail.
const BLACK: &str = "***";
/// Digits in a row, with what people put between them, from which they are a phone, card or identity number.
const DIGITS_MIN: usize = 7;
/// Words after which letters and digits are somebody's name on a platform.
const CUES: [&str; 7] = ["微信", "薇信", "vx", "wx", "wechat", "qq", "加我"];
/// Characters of such a name.
const HANDLE_CHARS_MIN: usize = 5;
/// Characters between a cue and the name: 微信号是：
const CUE_GAP_MAX: usize = 4;

/// The text without phone, card and identity numbers, e-mail addresses, and names on WeChat and QQ.
///
/// It is meant to hide too much rather than too little: an order number goes too, which no answer from knowledge needs.
pub fn mask(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut black = vec![false; chars.len()];
    addresses(&chars, &mut black);
    numbers(&chars, &mut black);
    handles(&chars, &mut black);
    let mut masked = String::with_capacity(text.len());
    for (place, c) in chars.iter().enumerate() {
        match (black[place], place > 0 && black[place - 1]) {
            (false, _) => masked.push(*c),
            (true, false) => masked.push_str(BLACK),
            (true, true) => {}
        }
    }
    masked
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || ('０'..='９').contains(&c)
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || is_digit(c) || matches!(c, '.' | '_' | '-' | '+' | '%')
}

/// Both sides of each `@`.
fn addresses(chars: &[char], black: &mut [bool]) {
    let marks = chars.iter().enumerate().filter(|(_, c)| matches!(c, '@' | '＠'));
    for (at, _) in marks {
        let before = chars[..at].iter().rev().take_while(|c| is_of_word(**c)).count();
        let after = chars[at + 1..].iter().take_while(|c| is_of_word(**c)).count();
        black[at - before..=at + after].fill(true);
    }
}

/// Runs of digits, across single marks between them.
fn numbers(chars: &[char], black: &mut [bool]) {
    let mut at = 0;
    while at < chars.len() {
        if !is_digit(chars[at]) {
            at += 1;
            continue;
        }
        let (mut end, mut digits) = (at + 1, 1);
        while let Some(next) = chars.get(end) {
            if is_digit(*next) {
                (end, digits) = (end + 1, digits + 1);
            } else if matches!(next, '-' | ' ' | '－') && chars.get(end + 1).copied().is_some_and(is_digit) {
                end += 1;
            } else {
                break;
            }
        }
        if digits >= DIGITS_MIN {
            black[at..end].fill(true);
        }
        at = end;
    }
}

/// What follows a cue and looks like a name.
fn handles(chars: &[char], black: &mut [bool]) {
    let lower: Vec<char> = chars.iter().map(char::to_ascii_lowercase).collect();
    for cue in CUES {
        let cue: Vec<char> = cue.chars().collect();
        let found = lower.windows(cue.len()).enumerate().filter(|(_, window)| *window == cue);
        for (at, _) in found {
            let rest = at + cue.len();
            let gap = chars[rest..].iter().take_while(|c| !c.is_ascii_alphanumeric()).count();
            let name = rest + gap;
            let long = chars[name..].iter().take_while(|c| is_of_word(**c)).count();
            if gap <= CUE_GAP_MAX && long >= HANDLE_CHARS_MIN {
                black[name..name + long].fill(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_addresses_and_handles_are_blacked_out() {
        for (text, masked) in [
            ("我的电话是13812345678，谢谢", "我的电话是***，谢谢"),
            ("138 1234-5678", "***"),
            ("１３８１２３４５６７８", "***"),
            ("发到 a.b+c@example.com.cn 吧", "发到 *** 吧"),
            ("身份证11010519491231002X", "身份证***X"),
            ("加我微信：xiaoxi_2024", "加我微信：***"),
            ("VX xiaoxi2024 在吗", "VX *** 在吗"),
            ("a@b", "***"),
            ("@", "***"),
        ] {
            assert_eq!(mask(text), masked, "{text}");
        }
    }

    #[test]
    fn a_question_stays_as_it_is() {
        for text in ["满299减50怎么用？", "3-5天能到吗", "微信能付款吗", "iPhone 15 有货吗", ""]
        {
            assert_eq!(mask(text), text);
        }
    }
}
