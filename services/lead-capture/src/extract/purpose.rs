//! Accounts behind the words that say what for: 加我微信说一声：…, WeChat me when it ships: ….

use super::account::link;
use super::cue::{Cue, Mark};
use super::fold::is_han;
use super::numbering;
use super::scene::Scene;

/// Where an account may begin.
pub(super) struct Place {
    pub(super) start: usize,
    /// A colon leads to it.
    pub(super) says_is: bool,
}

/// The place behind the messenger's word and a purpose, if the writer asks to be reached there. Without a colon only
/// lower-case letters with a digit or a sign are believed, since models and codes are written in capitals.
pub(super) fn after(scene: &Scene<'_>, mark: &Mark) -> Option<Place> {
    const WORDS_MAX: usize = 16;
    const LATIN_MAX: usize = 48;
    let text = &scene.text;
    let latin = !text.has_han();
    let mut at = mark.end;
    while at - mark.end < if latin { LATIN_MAX } else { WORDS_MAX } {
        let c = text.at(at);
        let parts = c == ':' || !latin && matches!(c, ' ' | ',');
        if parts {
            let start = link(text, at).0;
            if text.at(start).is_ascii_alphanumeric() || text.at(start) == '@' {
                let says_is = (at..start).any(|index| text.at(index) == ':');
                let fits = is_wanted(scene, mark, at, start) && (says_is || is_account_like(scene, start));
                return fits.then_some(Place { start, says_is });
            }
        }
        if !(parts || is_han(c) || latin && (c.is_ascii_alphabetic() || matches!(c, ' ' | ',' | '\''))) {
            return None;
        }
        at += 1;
    }
    None
}

fn is_account_like(scene: &Scene<'_>, start: usize) -> bool {
    let text = &scene.text;
    let end = (start..text.len())
        .find(|at| !(text.at(*at).is_ascii_alphanumeric() || matches!(text.at(*at), '_' | '-')))
        .unwrap_or(text.len());
    let account = text.text(start, end);
    if numbering::is_mobile(&account) {
        return false;
    }
    let signed = account.contains(|c: char| c.is_ascii_digit() || c == '_' || c == '-');
    signed && !account.contains(|c: char| c.is_ascii_uppercase()) && !is_han(text.at(end))
}

/// The words between are a request to reach the writer, and speak of nothing else that has a number.
fn is_wanted(scene: &Scene<'_>, mark: &Mark, gap_end: usize, start: usize) -> bool {
    const PAYMENT: [char; 7] = ['付', '扣', '款', '钱', '包', '程', '众'];
    let text = &scene.text;
    let between = || scene.marks_after(mark.end).take_while(|other| other.end <= start);
    let another = |other: &Mark| {
        let reaches = matches!(other.cue, Cue::Phone | Cue::Qq | Cue::Email | Cue::Telegram | Cue::Wechat);
        let names = matches!(other.cue, Cue::Reference | Cue::Company | Cue::Address);
        reaches && !text.reads(other.start, "联") || names && other.end + 2 >= gap_end
    };
    if between().any(another) || text.text(mark.end, gap_end).contains(PAYMENT) {
        return false;
    }
    // 我的 and "my" speak for what follows them at once, 加我 and "reach me" for the messenger.
    let invites =
        |own: &Mark| own.cue == Cue::Own && !text.reads(own.start, "my") && text.before(own.end) != '的';
    let offered = |own: &Mark| own.cue == Cue::Own && link(text, own.end).0 == start;
    scene.mark_ending(before_link(scene, mark.start)).is_some_and(invites)
        || between().any(|own| invites(own) || offered(own))
        || text.reads(mark.end, " me ")
        || (mark.end..gap_end).any(|at| is_call(scene, mark.end, at))
}

/// 告诉我, 喊我: a verb with the writer as its object, and no third person who did it (群里有人告诉我).
fn is_call(scene: &Scene<'_>, from: usize, at: usize) -> bool {
    const CALLS: &str = "诉知喊叫找系络发回戳敲拉踢滴加教醒";
    scene.text.at(at) == '我'
        && CALLS.contains(scene.text.before(at))
        && !scene.text.text(from, at).contains(['人', '群', '他', '她', '谁'])
}

/// The end of 加我 or "add me" before a linking 的, "on" or "by".
fn before_link(scene: &Scene<'_>, index: usize) -> usize {
    ["的", " on ", " by ", " via ", " "]
        .iter()
        .find_map(|word| {
            let at = index.checked_sub(word.chars().count())?;
            scene.text.reads(at, word).then_some(at)
        })
        .unwrap_or(index)
}
