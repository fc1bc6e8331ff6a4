//! A message folded to the characters that rules compare, with the way back to what was written.

use unicode_normalization::UnicodeNormalization;

/// Where a folded character stands in the source.
#[derive(Debug, Clone, Copy)]
struct Origin {
    /// First code point and the one after the last.
    point: (u32, u32),
    /// The same in bytes.
    byte: (u32, u32),
}

/// The folded text: NFKC, full-width, circled, keycap and emoji digits as ASCII, traditional as simplified
/// where a rule needs it, invisible characters gone. Case is kept; compare with [`Folded::low`].
#[derive(Debug)]
pub(super) struct Folded<'a> {
    source: &'a str,
    chars: Vec<char>,
    origins: Vec<Origin>,
    has_han: bool,
}

impl<'a> Folded<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        let mut folded = Self {
            source,
            chars: Vec::with_capacity(source.len()),
            origins: Vec::with_capacity(source.len()),
            has_han: false,
        };
        for (point, (byte, written)) in source.char_indices().enumerate() {
            let (point, byte) = (point as u32, byte as u32);
            let origin = Origin { point: (point, point + 1), byte: (byte, byte + written.len_utf8() as u32) };
            folded.push(written, origin);
        }
        folded
    }

    fn push(&mut self, written: char, origin: Origin) {
        if written.is_ascii() {
            self.keep(written, origin);
        } else if is_invisible(written) {
            // A keycap is a digit, a selector and a frame: the digit's span grows over them.
            if let Some(last) = self.origins.last_mut() {
                last.point.1 = origin.point.1;
                last.byte.1 = origin.byte.1;
            }
        } else if is_han(written) {
            self.has_han = true;
            self.keep(simplified(written), origin);
        } else if let Some(digits) = emblem(written) {
            for digit in digits.chars() {
                self.keep(digit, origin);
            }
        } else {
            for part in std::iter::once(written).nfkc() {
                self.keep(latin(part), origin);
            }
        }
    }

    fn keep(&mut self, folded: char, origin: Origin) {
        self.chars.push(folded);
        self.origins.push(origin);
    }

    pub(super) fn len(&self) -> usize {
        self.chars.len()
    }

    /// True if Chinese characters occur: then a bare number is read by Chinese rules first.
    pub(super) fn has_han(&self) -> bool {
        self.has_han
    }

    /// The folded character, or U+0000 outside the text, which no rule matches.
    pub(super) fn at(&self, index: usize) -> char {
        self.chars.get(index).copied().unwrap_or('\0')
    }

    pub(super) fn low(&self, index: usize) -> char {
        self.at(index).to_ascii_lowercase()
    }

    /// The character before `index`, or U+0000 at the start.
    pub(super) fn before(&self, index: usize) -> char {
        index.checked_sub(1).map_or('\0', |previous| self.at(previous))
    }

    /// True if the lower-case `word` stands at `index`.
    pub(super) fn reads(&self, index: usize, word: &str) -> bool {
        word.chars().enumerate().all(|(offset, wanted)| self.low(index + offset) == wanted)
    }

    /// The longest of `words` at `index`, as a length in folded characters.
    pub(super) fn reads_any(&self, index: usize, words: &[&str]) -> Option<usize> {
        words.iter().filter(|word| self.reads(index, word)).map(|word| word.chars().count()).max()
    }

    /// The folded characters of a range.
    pub(super) fn text(&self, start: usize, end: usize) -> String {
        self.chars[start.min(self.len())..end.min(self.len())].iter().collect()
    }

    /// What was written there.
    pub(super) fn written(&self, start: usize, end: usize) -> &'a str {
        if start >= end || end > self.len() {
            return "";
        }
        let (from, to) = (self.origins[start].byte.0 as usize, self.origins[end - 1].byte.1 as usize);
        self.source.get(from..to).unwrap_or("")
    }

    /// The code points of the source that a folded range stands for, half open.
    pub(super) fn points(&self, start: usize, end: usize) -> (usize, usize) {
        (self.origins[start].point.0 as usize, self.origins[end - 1].point.1 as usize)
    }

    /// The range without white space at its ends.
    pub(super) fn trim(&self, mut start: usize, mut end: usize) -> (usize, usize) {
        while start < end && self.at(start).is_whitespace() {
            start += 1;
        }
        while start < end && self.at(end - 1).is_whitespace() {
            end -= 1;
        }
        (start, end)
    }

    /// The first index at or after `index` that is not a blank; line breaks are not blanks.
    pub(super) fn skip_blanks(&self, mut index: usize) -> usize {
        while matches!(self.at(index), ' ' | '\t') {
            index += 1;
        }
        index
    }
}

pub(super) fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '〇' | '\u{20000}'..='\u{2fa1f}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}'
        | '\u{feff}' | '\u{ad}' | '\u{fe00}'..='\u{fe0f}' | '\u{20e3}' | '\u{180e}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// Digits and letters of signs that NFKC leaves alone.
fn emblem(c: char) -> Option<&'static str> {
    const DIGITS: [&str; 11] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
    let code = c as usize;
    let digit = match code {
        0x2776..=0x277f => code - 0x2775,
        0x2780..=0x2789 => code - 0x277f,
        0x278a..=0x2793 => code - 0x2789,
        0x24f5..=0x24fe => code - 0x24f4,
        0x24ff | 0x1f10b | 0x1f10c => 0,
        0x1f51f => 10,
        0x0660..=0x0669 => code - 0x0660,
        0x06f0..=0x06f9 => code - 0x06f0,
        0x0966..=0x096f => code - 0x0966,
        0x0e50..=0x0e59 => code - 0x0e50,
        0x1f150..=0x1f169 => return LETTERS.get(code - 0x1f150..code - 0x1f14f),
        0x1f170..=0x1f189 => return LETTERS.get(code - 0x1f170..code - 0x1f16f),
        0x1f1e6..=0x1f1ff => return LETTERS.get(code - 0x1f1e6..code - 0x1f1e5),
        _ => return None,
    };
    Some(DIGITS[digit])
}

/// Cyrillic and Greek letters that look like Latin ones, and dashes and hearts that mean the same.
fn latin(c: char) -> char {
    match c {
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'С' => 'C',
        'Е' | 'Ε' => 'E',
        'Н' | 'Η' => 'H',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'О' | 'Ο' => 'O',
        'Р' | 'Ρ' => 'P',
        'Т' | 'Τ' => 'T',
        'Х' | 'Χ' => 'X',
        'Ѕ' => 'S',
        'а' => 'a',
        'с' => 'c',
        'е' => 'e',
        'о' | 'ο' => 'o',
        'р' => 'p',
        'х' => 'x',
        'у' => 'y',
        'і' => 'i',
        'ѕ' => 's',
        'ν' => 'v',
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '－' | '﹣' | '➖' => '-',
        '♥' | '💗' | '💖' | '💕' | '💓' | '💘' | '💙' | '💚' | '💛' | '💜' | '🖤' | '🧡' | '🤍' => {
            '❤'
        }
        '➕' => '+',
        '○' | '◯' | '⭕' => '〇',
        '‘' | '’' | 'ʼ' => '\'',
        other => other,
    }
}

/// Traditional characters of cue words, numerals and surnames, beside their simplified form.
const TRADITIONAL: &str = "\
電电話话號号碼码機机郵邮箱箱聯联繫系絡络係系姓姓請请問问訂订單单編编證证帳账賬账貨货發发票票稱称呼呼\
鄉乡縣县區区莊庄棟栋樓楼層层號号門门廣广東东灣湾陝陕蘇苏遼辽寧宁龍龙臺台鎮镇衛卫維维偉伟貳贰參叁陸陆\
兩两萬万億亿個个們们師师經经總总長长業业務务員员會会張张陳陈劉刘楊杨趙赵吳吴孫孙馬马黃黄羅罗鄭郑謝谢\
許许鄧邓馮冯蕭萧葉叶呂吕蔣蒋盧卢鐘钟鍾钟賈贾賴赖龔龚魯鲁韋韦鄒邹嚴严湯汤侯侯顧顾萬万錢钱譚谭蘭兰歐欧\
陽阳諸诸葛葛閻阎薛薛齊齐應应費费聶聂關关紀纪項项祝祝買买賣卖給给傳传簡简訊讯開开關关這这裡里裏里對对\
點点鐘钟撥拨線线熱热圖图數数據据";

/// Simplified form where the table has one.
fn simplified(c: char) -> char {
    static PAIRS: std::sync::LazyLock<Vec<(char, char)>> = std::sync::LazyLock::new(|| {
        let all: Vec<char> = TRADITIONAL.chars().collect();
        let mut pairs: Vec<(char, char)> = all.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        pairs.sort_unstable();
        pairs.dedup_by_key(|pair| pair.0);
        pairs
    });
    match PAIRS.binary_search_by_key(&c, |pair| pair.0) {
        Ok(found) => PAIRS[found].1,
        Err(_) => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(text: &str) -> String {
        let folded = Folded::new(text);
        folded.text(0, folded.len())
    }

    #[test]
    fn full_width_circled_and_keycap_digits_become_ascii() {
        assert_eq!(fold("１３８①❷３️⃣🔟"), "13812310");
    }

    #[test]
    fn traditional_cue_words_become_simplified() {
        assert_eq!(fold("聯繫電話號碼"), "联系电话号码");
    }

    #[test]
    fn a_keycap_digit_spans_all_its_code_points() {
        let folded = Folded::new("a1️⃣b");
        assert_eq!(folded.points(1, 2), (1, 4));
        assert_eq!(folded.written(1, 2), "1️⃣");
    }

    #[test]
    fn invisible_characters_do_not_part_a_number() {
        assert_eq!(fold("138\u{200b}1234"), "1381234");
    }
}
