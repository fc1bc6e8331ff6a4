//! The words that say what the next number or name is, and whose.

use std::sync::LazyLock;

use super::fold::Folded;
use super::lexicon;

/// What a word announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cue {
    Phone,
    Wechat,
    Qq,
    Email,
    Telegram,
    /// A person's name follows: 我叫, my name is.
    Name,
    /// A family name follows: 我姓.
    Surname,
    /// A form of address follows the name: 先生, 经理.
    Title,
    Address,
    /// A company's name follows: 公司名称, 抬头.
    Company,
    /// A number follows that reaches nobody: order, parcel, card, identity.
    Reference,
    /// What follows belongs to the writer.
    Own,
    /// What follows belongs to somebody else.
    Other,
}

/// A cue word at a place of the folded text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) cue: Cue,
    pub(super) start: usize,
    pub(super) end: usize,
}

struct Entry {
    word: Vec<char>,
    cue: Cue,
}

/// Sorted by first character, the longest word first.
static LEXICON: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let mut entries: Vec<Entry> = lexicon::WORDS
        .iter()
        .flat_map(|(cue, words)| {
            words.split('|').map(|word| Entry { word: word.chars().collect(), cue: *cue })
        })
        .filter(|entry| !entry.word.is_empty())
        .collect();
    entries.sort_by(|a, b| a.word[0].cmp(&b.word[0]).then(b.word.len().cmp(&a.word.len())));
    entries
});

/// Marks of a text in reading order, the longest at each place, without overlap.
pub(super) fn marks(text: &Folded<'_>) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut index = 0;
    while index < text.len() {
        match mark_at(text, index) {
            Some(mark) => {
                index = mark.end;
                marks.push(mark);
            }
            None => index += 1,
        }
    }
    marks
}

fn mark_at(text: &Folded<'_>, index: usize) -> Option<Mark> {
    let built = built_wechat(text, index);
    let first = text.low(index);
    let from = LEXICON.partition_point(|entry| entry.word[0] < first);
    let listed = LEXICON[from..]
        .iter()
        .take_while(|entry| entry.word[0] == first)
        .find(|entry| stands(text, index, &entry.word) && !is_relatives(text, index, entry))
        .map(|entry| Mark { cue: entry.cue, start: index, end: index + entry.word.len() });
    match (built, listed) {
        (Some(built), Some(listed)) if listed.end > built.end => Some(listed),
        (Some(built), _) => Some(built),
        (None, listed) => listed,
    }
}

/// 打我妈电话: 我 belongs to the relative, not to 打我.
fn is_relatives(text: &Folded<'_>, index: usize, entry: &Entry) -> bool {
    let last = entry.word.len() - 1;
    entry.cue == Cue::Own
        && last > 0
        && entry.word[last] == '我'
        && lexicon::RELATIVES.split('|').any(|word| word.starts_with('我') && text.reads(index + last, word))
}

/// A Latin word needs boundaries: no letter or digit before it, no letter after it.
fn stands(text: &Folded<'_>, index: usize, word: &[char]) -> bool {
    if !word.iter().enumerate().all(|(offset, wanted)| text.low(index + offset) == *wanted) {
        return false;
    }
    let last = word[word.len() - 1];
    let runs_in = word[0].is_ascii_alphanumeric() && text.before(index).is_ascii_alphanumeric();
    let runs_on = last.is_ascii_alphanumeric() && text.at(index + word.len()).is_ascii_alphabetic();
    !runs_in && !runs_on
}

/// 微信 written around: a character that sounds or looks like 微, and one for 信.
fn built_wechat(text: &Folded<'_>, index: usize) -> Option<Mark> {
    const FIRST: &str = "微薇威徽维唯卫围魏溦嶶伟委尾葳崴巍惟薇為为韦危味胃喂微vwVW";
    const LATIN: [&str; 3] = ["wei", "we", "ve"];
    const SECOND: &str = "信芯心❤x✉馨欣新辛xX伈訫信星性兴";
    let mut after = index + 1;
    if !FIRST.contains(text.at(index)) {
        return None;
    }
    if text.at(index).is_ascii() {
        if text.before(index).is_ascii_alphanumeric() {
            return None;
        }
        after = index + text.reads_any(index, &LATIN).unwrap_or(1);
    }
    // One sign may part the halves: 微-信, 薇 信, v.信.
    if matches!(text.at(after), ' ' | '-' | '.' | '·' | '*' | '_' | '/' | '+' | '、' | '丶') {
        after += 1;
    }
    let second = text.at(after);
    // w x, V-X: letters apart; together they are listed.
    if text.at(index).is_ascii()
        && after == index + 2
        && !text.at(index + 1).is_ascii_alphabetic()
        && matches!(second, 'x' | 'X')
        && !text.at(after + 1).is_ascii_alphanumeric()
    {
        return Some(Mark { cue: Cue::Wechat, start: index, end: after + 1 });
    }
    if !SECOND.contains(second) || text.at(index).is_ascii() && second.is_ascii() {
        return (text.reads(after, "xin") && !text.at(after + 3).is_ascii_alphabetic()).then_some(Mark {
            cue: Cue::Wechat,
            start: index,
            end: after + 3,
        });
    }
    if second.is_ascii() && text.at(after + 1).is_ascii_alphabetic() {
        return None;
    }
    Some(Mark { cue: Cue::Wechat, start: index, end: after + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Option<Cue> {
        marks(&Folded::new(text)).first().map(|mark| mark.cue)
    }

    #[test]
    fn wechat_is_known_under_its_nicknames() {
        for word in [
            "微信",
            "薇信",
            "威信",
            "徽信",
            "V信",
            "vx",
            "WX",
            "薇❤",
            "薇❤️",
            "绿泡泡",
            "卫星",
            "wei信",
            "微 信",
            "微xin",
            "➕V",
            "v♥",
        ] {
            assert_eq!(first(word), Some(Cue::Wechat), "{word}");
        }
    }

    #[test]
    fn a_latin_cue_inside_a_word_is_none() {
        assert_eq!(first("hotels"), None);
        assert_eq!(first("phone"), Some(Cue::Phone));
        assert_eq!(first("tel13800000000"), Some(Cue::Phone));
    }

    #[test]
    fn the_longest_cue_wins() {
        assert_eq!(first("order number 5"), Some(Cue::Reference));
        assert_eq!(first("number 5"), Some(Cue::Phone));
    }
}
