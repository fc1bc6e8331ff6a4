//! Which characters stand for a digit, and how openly they do so.

use super::fold::Folded;

/// How a digit is written, from the plainest to the most disguised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Script {
    Plain,
    Hanzi,
    /// A word of English or pinyin: "three", "san".
    Word,
    /// A Latin letter that looks like it: O, l, S.
    Letter,
    /// A Chinese character that sounds like it: 妖, 巴, 酒.
    Sound,
}

/// A digit at a place of the folded text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digit {
    pub(super) value: u8,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) script: Script,
}

/// A digit that nobody could take for anything else: ASCII or a Chinese numeral.
pub(super) fn open(text: &Folded<'_>, index: usize) -> Option<Digit> {
    let c = text.at(index);
    let (value, script) = match c.to_digit(10) {
        Some(value) => (value as u8, Script::Plain),
        None => (numeral(c)?, Script::Hanzi),
    };
    Some(Digit { value, start: index, end: index + 1, script })
}

/// Any digit, disguised ones too. A word counts only between boundaries.
pub(super) fn disguised(text: &Folded<'_>, index: usize) -> Option<Digit> {
    if let Some(digit) = open(text, index) {
        return Some(digit);
    }
    let c = text.at(index);
    if let Some(value) = sound(c) {
        return Some(Digit { value, start: index, end: index + 1, script: Script::Sound });
    }
    if c.is_ascii_alphabetic()
        && !text.before(index).is_ascii_alphabetic()
        && let Some((value, length)) = word(text, index)
    {
        return Some(Digit { value, start: index, end: index + length, script: Script::Word });
    }
    let value = letter(c)?;
    Some(Digit { value, start: index, end: index + 1, script: Script::Letter })
}

fn numeral(c: char) -> Option<u8> {
    Some(match c {
        '〇' | '零' => 0,
        '一' | '壹' | '幺' | '弌' | '丨' => 1,
        '二' | '贰' | '两' | '弍' => 2,
        '三' | '叁' | '弎' | '仨' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' => 7,
        '八' | '捌' => 8,
        '九' | '玖' => 9,
        _ => return None,
    })
}

/// Characters used in place of a digit because they sound like it, tones aside. Military readings
/// (洞幺两三四五六拐八勾) are among them.
const SOUNDS: [&str; 10] = [
    "灵林玲令铃凌龄领另岭陵菱邻洞临琳淋霖麟伶羚翎聆棂哦噢喔",
    "要腰妖邀夭咬药耀摇遥窑谣姚尧瑶舀衣伊依医以已易义益意亿亦乙椅姨移疑遗宜仪蚁忆艺议异译役抑邑溢翼翌毅",
    "儿尔耳而爱饵贰洱迩俩良凉亮量",
    "山散伞叁删衫参杉珊闪善扇馓",
    "是死思丝司寺斯私似事市世式师试时士使撕嘶厮饲祀巳嗣食石史屎湿诗失施狮驶氏誓逝势室视",
    "午舞武吾无我屋污伍误务物勿巫乌吴唔雾悟捂侮晤芜梧坞戊蜈呜钨",
    "溜刘流留柳榴琉遛浏绿路硫鹿录碌禄露",
    "期其奇起气器妻齐骑旗漆戚凄企启拐棋祈亲琪淇琦岐歧脐崎鳍岂乞弃泣砌契欺栖",
    "巴吧爸把扒拔罢霸叭笆芭疤捌靶坝耙发",
    "酒久就旧救舅究纠揪韭灸勾狗鸠咎臼疚",
];

fn sound(c: char) -> Option<u8> {
    static TABLE: std::sync::LazyLock<Vec<(char, u8)>> = std::sync::LazyLock::new(|| {
        let mut table: Vec<(char, u8)> = SOUNDS
            .iter()
            .zip(0u8..)
            .flat_map(|(chars, value)| chars.chars().map(move |c| (c, value)))
            .filter(|(c, _)| numeral(*c).is_none())
            .collect();
        table.sort_unstable();
        table
    });
    if c.is_ascii() {
        return None;
    }
    TABLE.binary_search_by_key(&c, |entry| entry.0).ok().map(|found| TABLE[found].1)
}

fn letter(c: char) -> Option<u8> {
    Some(match c {
        'O' | 'o' | 'D' | 'Q' => 0,
        'l' | 'I' | 'i' | '|' | '!' | 'L' => 1,
        'Z' | 'z' => 2,
        'E' => 3,
        'A' => 4,
        'S' | 's' => 5,
        'b' | 'G' => 6,
        'T' => 7,
        'B' => 8,
        'g' | 'q' => 9,
        _ => return None,
    })
}

/// English and pinyin names of digits.
const WORDS: [(&str, u8); 25] = [
    ("zero", 0),
    ("oh", 0),
    ("ling", 0),
    ("dong", 0),
    ("one", 1),
    ("yao", 1),
    ("yi", 1),
    ("two", 2),
    ("er", 2),
    ("liang", 2),
    ("three", 3),
    ("san", 3),
    ("four", 4),
    ("si", 4),
    ("five", 5),
    ("wu", 5),
    ("six", 6),
    ("liu", 6),
    ("seven", 7),
    ("qi", 7),
    ("guai", 7),
    ("eight", 8),
    ("ba", 8),
    ("nine", 9),
    ("jiu", 9),
];

fn word(text: &Folded<'_>, index: usize) -> Option<(u8, usize)> {
    WORDS
        .iter()
        .find(|(name, _)| {
            text.low(index) == name.as_bytes()[0] as char
                && text.reads(index, name)
                && !text.at(index + name.len()).is_ascii_alphabetic()
        })
        .map(|(name, value)| (*value, name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(u8, Script)> {
        disguised(&Folded::new(text), 0).map(|digit| (digit.value, digit.script))
    }

    #[test]
    fn a_digit_is_read_in_every_disguise() {
        assert_eq!(read("8"), Some((8, Script::Plain)));
        assert_eq!(read("捌"), Some((8, Script::Hanzi)));
        assert_eq!(read("巴"), Some((8, Script::Sound)));
        assert_eq!(read("eight"), Some((8, Script::Word)));
        assert_eq!(read("B"), Some((8, Script::Letter)));
        assert_eq!(read("的"), None);
    }

    #[test]
    fn a_sound_has_one_value() {
        let mut all: Vec<char> = SOUNDS.concat().chars().filter(|c| numeral(*c).is_none()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
