//! Accounts of messengers: WeChat, QQ, Telegram. Each needs its word before it.

use super::cue::{Cue, Mark};
use super::digit::{self, Script};
use super::fold::{Folded, is_han};
use super::purpose::{self, Place};
use super::scene::{Find, Scene};
use super::{Form, Kind};

/// What may stand between the word and the account, in characters.
const LINK_MAX: usize = 12;

/// Reads the accounts behind each messenger's word.
pub(super) fn read(scene: &mut Scene<'_>) {
    let marks: Vec<Mark> = scene.marks.clone();
    for mark in &marks {
        let reader = match mark.cue {
            Cue::Wechat => wechat,
            Cue::Qq => qq,
            Cue::Telegram => telegram,
            _ => continue,
        };
        let (start, says_is) = link(&scene.text, mark.end);
        let find = reader(scene, mark, &Place { start, says_is })
            .or_else(|| purpose::after(scene, mark).and_then(|place| reader(scene, mark, &place)));
        if let Some(find) = find {
            scene.add(find);
        }
    }
    unannounced(scene);
}

/// 加vxzhao6688, 加我zhao6688, wxid_…: no word of its own before the account.
fn unannounced(scene: &mut Scene<'_>) {
    const ADD: [&str; 8] = ["加vx", "加wx", "+vx", "+wx", "加我vx", "加我wx", "加我v", "加v"];
    for index in 0..scene.text.len() {
        let text = &scene.text;
        let length = match text.at(index) {
            '加' | '+' => text.reads_any(index, &ADD).or_else(|| text.reads_any(index, &["加我"])),
            'w' if text.reads(index, "wxid_") && !text.before(index).is_ascii_alphanumeric() => Some(0),
            _ => None,
        };
        let Some(length) = length else { continue };
        let from = if length == 0 { index } else { link(text, index + length).0 };
        let end = (from..text.len()).find(|at| !is_account(text.at(*at))).unwrap_or(text.len());
        let account = text.text(from, end).to_ascii_lowercase();
        let fits = (6..=20).contains(&account.len())
            && account.starts_with(|c: char| c.is_ascii_alphabetic())
            && account.contains(|c: char| c.is_ascii_digit())
            && text.at(end) != '@';
        if fits {
            let confidence = if length == 0 { 95 } else { 65 };
            scene.add(Find::new(Kind::Wechat, (from, end), account, confidence));
        }
    }
}

/// The index behind linking words and signs, and whether one of them says "is".
pub(super) fn link(text: &Folded<'_>, from: usize) -> (usize, bool) {
    const WORDS: [&str; 26] = [
        "账号", "帐号", "号码", "号", "是", "为", "的", "我的", "我", "id", "叫", "is", "搜索", "搜", "加",
        "这个", "就是", "码", "联系", "也是", "my", "这", "添加", "->", "=>", "请",
    ];
    let mut index = from;
    let mut says_is = false;
    while index - from < LINK_MAX {
        let c = text.at(index);
        if matches!(
            c,
            ' ' | ':'
                | '='
                | '-'
                | '~'
                | '('
                | '['
                | '【'
                | '「'
                | '"'
                | '\''
                | '“'
                | '<'
                | '《'
                | '→'
                | '➡'
                | '👉'
                | '👇'
                | '|'
                | '/'
                | '\n'
                | '_'
                | '*'
        ) || matches!(c, ',' | '、') && index == from
        {
            says_is |= matches!(c, ':' | '=' | '→' | '➡' | '👉');
            index += 1;
            continue;
        }
        let Some(length) = text.reads_any(index, &WORDS) else { break };
        // "id" and "is" are words here only if they end: "isabel88" is an account.
        if c.is_ascii_alphabetic() && text.at(index + length).is_ascii_alphanumeric() {
            break;
        }
        says_is |= matches!(c, '是' | '为' | '号' | '叫' | 'i' | 'I');
        index += length;
    }
    (index, says_is)
}

/// WeChat's rule (its help centre): 6 to 20 letters, digits, `_` or `-`, beginning with a letter.
fn wechat(scene: &Scene<'_>, mark: &Mark, place: &Place) -> Option<Find> {
    const LENGTH: std::ops::RangeInclusive<usize> = 6..=20;
    let text = &scene.text;
    let Place { start, says_is } = *place;
    if !text.at(start).is_ascii_alphabetic() || scene.is_taken(start, start + 1) {
        return None;
    }
    // 通信卫星（SINOSAT-2） is a satellite.
    if text.at(mark.start) == '卫'
        && is_han(text.before(mark.start))
        && !"我的加是".contains(text.before(mark.start))
    {
        return None;
    }
    let Account { name: account, end, is_disguised } = account(text, start);
    if !LENGTH.contains(&account.len()) || scene.mark_at(start).is_some_and(|mark| mark.end == end) {
        return None;
    }
    let has_sign = account.contains(|c: char| !c.is_ascii_alphabetic());
    // Without a digit it may be a plain word: "wechat payment". Chinese text does not run on in English words.
    let is_sole = !matches!(text.at(end), ' ') || is_han(text.at(text.skip_blanks(end)));
    let is_believed = has_sign || says_is || text.has_han() && is_sole;
    if !is_believed || text.at(end) == '@' || text.at(end) == '.' && text.at(end + 1).is_ascii_alphanumeric()
    {
        return None;
    }
    let confidence = if has_sign { 95 } else { 75 };
    let mut find = Find::new(Kind::Wechat, (start, end), account, confidence);
    let cue = text.text(mark.start, mark.end).to_lowercase();
    let is_open = ["微信", "wechat", "weixin", "vx", "wx", "we chat"].iter().any(|word| cue.contains(word));
    find.form = (!is_open || is_disguised).then_some(Form::Homophone);
    Some(find)
}

/// An account as its owner meant it.
struct Account {
    name: String,
    end: usize,
    is_disguised: bool,
}

/// Reads the account at `start`: letters, digits and signs; letters parted by blanks (z h a o 6 6); signs as words
/// (下划线); figures in Chinese numerals, two at least, since one begins a word (一下).
fn account(text: &Folded<'_>, start: usize) -> Account {
    const SIGNS: [(&str, char); 5] =
        [("下划线", '_'), ("横杠", '-'), ("横线", '-'), ("减号", '-'), ("中划线", '-')];
    let single = |at: usize| is_account(text.at(at)) && !is_account(text.at(at + 1));
    let spaced = single(start) && text.at(start + 1) == ' ' && single(start + 2);
    let mut account = Account { name: String::new(), end: start, is_disguised: spaced };
    let mut at = start;
    loop {
        if is_account(text.at(at)) {
            account.name.push(text.low(at));
            at += 1;
            account.end = at;
            if spaced && text.at(at) == ' ' && single(at + 1) {
                at += 1;
            }
        } else if let Some((word, sign)) = SIGNS.iter().find(|(word, _)| text.reads(at, word)) {
            account.name.push(*sign);
            account.is_disguised = true;
            at += word.chars().count();
        } else if let Some(digit) = digit::open(text, at)
            && (digit::open(text, at + 1).is_some()
                || account.end == at
                    && account.name.ends_with(|c: char| c.is_ascii_digit())
                    && account.is_disguised)
        {
            account.name.push(char::from(b'0' + digit.value));
            account.is_disguised = true;
            at += 1;
            account.end = at;
        } else {
            break;
        }
    }
    while account.name.ends_with(['-', '_']) {
        account.name.pop();
        if matches!(text.at(account.end.saturating_sub(1)), '-' | '_') {
            account.end -= 1;
        }
    }
    account
}

fn is_account(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// QQ numbers have 5 to 11 digits and no leading zero.
fn qq(scene: &Scene<'_>, _: &Mark, place: &Place) -> Option<Find> {
    const LENGTH: std::ops::RangeInclusive<usize> = 5..=11;
    let text = &scene.text;
    let start = place.start;
    let mut digits = String::new();
    let mut end = start;
    let mut index = start;
    let mut sounds = false;
    while let Some(digit) = digit::disguised(text, index) {
        // A homophone alone is a word; between digits it is a digit.
        if digit.script > Script::Hanzi {
            let look_alike =
                digit.script == Script::Letter && matches!(text.low(index), 'o' | 'l' | 'i') && index > start;
            if digit.script != Script::Sound && !look_alike {
                break;
            }
            sounds = true;
        }
        digits.push(char::from(b'0' + digit.value));
        end = digit.end;
        index = if matches!(text.at(end), ' ' | '-') && digit::open(text, end + 1).is_some() {
            end + 1
        } else {
            end
        };
    }
    let whole = !text.at(end).is_ascii_alphanumeric() && text.at(end) != '@';
    if !LENGTH.contains(&digits.len()) || digits.starts_with('0') || !whole || scene.is_taken(start, end) {
        return None;
    }
    let mut find = Find::new(Kind::Qq, (start, end), digits, if sounds { 70 } else { 95 });
    find.form = sounds.then_some(Form::Homophone);
    Some(find)
}

/// Telegram's rule: 5 to 32 letters, digits or `_`, beginning with a letter.
fn telegram(scene: &Scene<'_>, mark: &Mark, place: &Place) -> Option<Find> {
    const LENGTH: std::ops::RangeInclusive<usize> = 5..=32;
    let text = &scene.text;
    let Place { mut start, says_is } = *place;
    let has_at = text.at(start) == '@';
    let is_link = text.at(mark.end - 1) == '/';
    if !(has_at || is_link || says_is || text.has_han()) {
        return None;
    }
    let from = start + usize::from(has_at);
    let end = (from..text.len())
        .find(|at| !text.at(*at).is_ascii_alphanumeric() && text.at(*at) != '_')
        .unwrap_or(text.len());
    let account = text.text(from, end).to_ascii_lowercase();
    if !LENGTH.contains(&account.len()) || !account.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    if is_link {
        start = from;
    }
    Some(Find::new(
        Kind::Telegram,
        (start, end),
        format!("@{account}"),
        if has_at || is_link { 95 } else { 70 },
    ))
}
