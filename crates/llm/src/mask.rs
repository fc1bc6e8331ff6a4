//! Blacks out what a model has no need to know: numbers to call, addresses, handles.

use unicode_normalization::UnicodeNormalization;

/// What stands in the place of a detail.
const BLACK: &str = "***";
/// Digits in a row, with what people put between them, from which they are a phone, card or identity number.
const DIGITS_MIN: usize = 7;
/// How Chinese writes single digits.
const HAN_DIGITS: &str = "〇零一二两三四五六七八九幺洞拐壹贰貳叁參肆伍陆陸柒捌玖";
/// Marks between the digits of one number; 、 parts several.
const BETWEEN_MAX: usize = 3;
/// Words after which letters and digits are somebody's name on a platform.
const CUES: [&str; 18] = [
    "微信",
    "薇信",
    "威信",
    "v信",
    "加v",
    "加微",
    "薇",
    "微:",
    "v:",
    "vx",
    "wx",
    "wechat",
    "qq",
    "扣扣",
    "加我",
    "whatsapp",
    "telegram",
    "抖音号",
];
/// Words between a cue and the name.
const FILLERS: [&str; 4] = ["is", "id", "no", "number"];
/// Characters of such a name. Platforms take 32 at most; what is longer is blacked out all the same, as a name with
/// something behind it.
const HANDLE_CHARS_MIN: usize = 5;
const HANDLE_CHARS_MAX: usize = 64;
/// Characters between a cue and the name: 微信号是：
const CUE_GAP_MAX: usize = 4;
/// What is not seen and only keeps a number from being read: joiners, blanks of no width, the frame of an emoji.
pub(crate) const UNSEEN: [char; 7] =
    ['\u{fe0f}', '\u{20e3}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'];

/// The text without phone, card and identity numbers, e-mail addresses, and names behind words for a platform such as
/// WeChat, QQ, WhatsApp or Telegram; its characters in their plain form (NFKC).
///
/// It is meant to hide too much rather than too little: order numbers and whole dates go too.
pub fn mask(text: &str) -> String {
    let chars: Vec<char> = text.nfkc().filter(|c| !UNSEEN.contains(c)).collect();
    let mut black = vec![false; chars.len()];
    addresses(&chars, &mut black);
    numbers(&chars, &mut black);
    for (start, end) in handles(&chars) {
        black[start..end].fill(true);
    }
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

/// The names on platforms in a text that is in its plain form.
pub(crate) fn names(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    handles(&chars).into_iter().map(|(start, end)| chars[start..end].iter().collect()).collect()
}

fn is_digit(c: char) -> bool {
    c.is_numeric() || HAN_DIGITS.contains(c)
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '%')
}

/// Both sides of each `@`.
fn addresses(chars: &[char], black: &mut [bool]) {
    // What is black already was looked at: a row of marks costs no square.
    let mut done = 0;
    for (at, _) in chars.iter().enumerate().filter(|(_, c)| **c == '@') {
        let blank = |c: Option<&char>| usize::from(c == Some(&' '));
        let (left, right) = (blank(chars[done..at].last()), blank(chars.get(at + 1)));
        let before = chars[done..at - left].iter().rev().take_while(|c| is_of_word(**c)).count();
        let after = chars[at + 1 + right..].iter().take_while(|c| is_of_word(**c)).count();
        let from = if before > 0 { at - left - before } else { at };
        let to = if after > 0 { at + right + after } else { at };
        black[from..=to].fill(true);
        done = at;
    }
}

/// Runs of digits, across a few marks between them.
fn numbers(chars: &[char], black: &mut [bool]) {
    let mut at = 0;
    while at < chars.len() {
        if !is_digit(chars[at]) {
            at += 1;
            continue;
        }
        let (mut end, mut digits) = (at + 1, 1);
        while let Some(next) = next_digit(chars, end) {
            (end, digits) = (next + 1, digits + 1);
        }
        if digits >= DIGITS_MIN {
            black[at..end].fill(true);
        }
        at = end;
    }
}

/// The place of the digit that goes on with the number that ended before `end`.
fn next_digit(chars: &[char], end: usize) -> Option<usize> {
    let is_between = |c: &&char| !c.is_alphanumeric() && **c != '、';
    let between = chars[end..].iter().take(BETWEEN_MAX).take_while(is_between).count();
    chars.get(end + between).copied().is_some_and(is_digit).then_some(end + between)
}

/// Where what follows a cue and looks like a name begins and ends.
fn handles(chars: &[char]) -> Vec<(usize, usize)> {
    let lower: Vec<char> = chars.iter().map(char::to_ascii_lowercase).collect();
    let mut found = Vec::new();
    for cue in CUES {
        let cue: Vec<char> = cue.chars().collect();
        for (at, _) in lower.windows(cue.len()).enumerate().filter(|(_, window)| *window == cue) {
            let Some(name) = name_after(&lower, at + cue.len()) else { continue };
            let end = end_of_name(&lower, name);
            if end - name >= HANDLE_CHARS_MIN {
                found.push((name, end));
            }
        }
    }
    found
}

/// Where a name begins behind a cue, past marks and words such as `ID is:`; none if something else goes on there.
fn name_after(lower: &[char], cue_end: usize) -> Option<usize> {
    let mut at = cue_end;
    for _ in 0..=FILLERS.len() {
        let is_gap = |c: &&char| !c.is_ascii_alphanumeric();
        let gap = lower[at..].iter().take(CUE_GAP_MAX + 1).take_while(is_gap).count();
        let name = at + gap;
        let word: String = lower[name..end_of_name(lower, name)].iter().collect();
        if gap > CUE_GAP_MAX {
            return None;
        }
        if !FILLERS.contains(&word.as_str()) {
            return Some(name);
        }
        at = name + word.len();
    }
    None
}

fn end_of_name(chars: &[char], name: usize) -> usize {
    name + chars[name..].iter().take(HANDLE_CHARS_MAX).take_while(|c| is_of_word(**c)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_addresses_and_handles_are_blacked_out() {
        for (text, masked) in [
            ("我的电话是13812345678，谢谢", "我的电话是***,谢谢"),
            ("138 1234-5678", "***"),
            ("138.1234.5678", "***"),
            ("138 - 1234 - 5678", "***"),
            ("(010)62345678", "(***"),
            ("１３８１２３４５６７８", "***"),
            ("①③⑧①②③④⑤⑥⑦⑧", "***"),
            ("1️⃣3️⃣8️⃣1️⃣2️⃣3️⃣4️⃣", "***"),
            ("一三八一二三四五六七八", "***"),
            ("1三8一2三4五6七8", "***"),
            ("13\u{200b}81\u{200b}2345678", "***"),
            ("发到 a.b+c@example.com.cn 吧", "发到 *** 吧"),
            ("身份证11010519491231002X", "身份证***X"),
            ("加我微信:xiaoxi_2024", "加我微信:***"),
            ("VX xiaoxi2024 在吗", "VX *** 在吗"),
            ("扣扣 123456", "扣扣 ***"),
            ("my WeChat is xiaoxi_2024", "my WeChat is ***"),
            ("WeChat ID: xiaoxi_2024", "WeChat ID: ***"),
            ("V：abc12345", "V:***"),
            ("138，1234，5678", "***"),
            ("138\n1234\n5678", "***"),
            ("user @ qq.com", "***"),
            ("a@b", "***"),
            ("@", "***"),
        ] {
            assert_eq!(mask(text), masked, "{text}");
        }
    }

    #[test]
    fn a_question_stays_as_it_is() {
        for text in
            ["满299减50怎么用?", "3-5天能到吗", "微信能付款吗", "iPhone 15 有货吗", "一二三线城市", ""]
        {
            assert_eq!(mask(text), text);
        }
    }
}
