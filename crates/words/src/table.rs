//! Tables of words in context, which a service team can read and extend; no regular expressions.
//!
//! A line is `weight pattern [: veto veto …]`. A pattern is a row of groups, each alternatives parted by `|`; `_` stands for
//! the edge of a word. What joins two groups says what may lie between: `+` nothing, `~` a few characters, `^` the same
//! without a mark, `>` whatever the clause still holds; at the end it takes all that in. A veto is a pattern that, where it covers the match, makes it mean
//! something else: 垃圾 in 垃圾袋. What denies ends with its clause, and takes a `^` therefore: 别废话，转人工 asks for a person.
//! A line `: veto veto …` holds for all lines below it, up to the next such line. `#` begins a remark.

use crate::fold::fold;
use std::collections::VecDeque;
use std::sync::Arc;

/// Characters that a gap may span: a clause of Chinese, a few words of English.
const GAP_HAN_MAX: usize = 9;
const GAP_LATIN_MAX: usize = 28;
/// And what one to the end of its clause may span: longer clauses are cut there, so that no text costs its square.
const CLAUSE_MAX: usize = 64;
/// Matches of one pattern in a text whose vetoes are looked for, the last ones: no honest text has more, and a hostile one
/// is not to cost a moment for each.
const MATCHES_MAX: usize = 16;
/// Digits from which a word is a number of its own; a shorter one stands for how numbers begin (不满+9).
const NUMBER_DIGITS_MIN: usize = 3;

/// A text made ready for matching.
///
/// Folded; titles in 《》 left out; blanks between Chinese characters dropped; punctuation but `?!` made a comma; words
/// of other scripts with blanks on both sides.
#[derive(Debug)]
pub struct Prepared {
    chars: Vec<char>,
}

impl Prepared {
    pub fn of(text: &str) -> Prepared {
        // The one word of 别 that stands where a denial would and denies nothing.
        let folded = fold(text).replace("特别", "非常");
        let mut depth = 0_u32;
        let mut chars: Vec<char> = vec![' '];
        for c in folded.chars() {
            match c {
                '《' => depth += 1,
                '》' => depth = depth.saturating_sub(1),
                _ if depth == 0 => push(&mut chars, c),
                _ => {}
            }
        }
        if depth > 0 {
            // A title that is never closed is no title.
            chars = vec![' '];
            folded.chars().filter(|c| !matches!(c, '《' | '》')).for_each(|c| push(&mut chars, c));
        }
        push(&mut chars, ' ');
        Prepared { chars }
    }

    /// Letters, digits and Chinese characters in it.
    pub fn letters(&self) -> usize {
        self.chars.iter().filter(|c| c.is_alphanumeric()).count()
    }

    /// How often the character stands in it.
    pub fn count(&self, wanted: char) -> usize {
        self.chars.iter().filter(|c| **c == wanted).count()
    }

    /// Its clauses, without blanks around them.
    pub fn clauses(&self) -> Vec<String> {
        let parts = self.chars.split(|c| is_mark(*c));
        parts
            .map(|part| part.iter().collect::<String>().trim().to_owned())
            .filter(|part| !part.is_empty())
            .collect()
    }
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

fn is_mark(c: char) -> bool {
    matches!(c, ',' | '?' | '!')
}

fn push(chars: &mut Vec<char>, c: char) {
    let last = chars.last().copied().unwrap_or(' ');
    if c.is_alphanumeric() {
        // A blank between two Chinese characters is how the impatient type: 转 人 工.
        if is_han(c)
            && last == ' '
            && chars.len() > 1
            && chars.get(chars.len() - 2).is_some_and(|c| is_han(*c))
        {
            chars.pop();
        } else if last.is_alphanumeric()
            && is_han(c) != is_han(last)
            && (c.is_alphabetic() && last.is_alphabetic())
        {
            chars.push(' ');
        }
        chars.push(c);
    } else if matches!(c, '\'' | '’' | '*' | '#') && last != ' ' {
        chars.push(if c == '’' { '\'' } else { c });
    } else if c.is_whitespace() || matches!(c, '-' | '_' | '/' | '*' | '#' | '\'' | '’') {
        if last != ' ' {
            chars.push(' ');
        }
    } else {
        let mark = if matches!(c, '?' | '!') { c } else { ',' };
        if last != ' ' {
            chars.push(' ');
        }
        chars.push(mark);
        chars.push(' ');
    }
}

/// A pattern with its vetoes.
#[derive(Debug)]
pub struct Pattern {
    groups: Vec<Group>,
    /// A match goes on to the end of its clause.
    takes_clause: bool,
    vetoes: Vec<Pattern>,
    /// Those that hold for a whole part of a table.
    shared: Arc<Vec<Pattern>>,
    /// With what a match begins, in order.
    firsts: Vec<char>,
}

#[derive(Debug)]
struct Group {
    alternatives: Vec<Vec<char>>,
    /// The most characters that may lie before it.
    gap_max: usize,
    /// Whether one of these may be a mark.
    crosses_marks: bool,
}

impl Pattern {
    /// Reads `groups` and, parted by blanks, the vetoes.
    pub fn parse(groups: &str, vetoes: &str) -> Pattern {
        Self::with_shared(groups, vetoes, Arc::default())
    }

    fn with_shared(groups: &str, vetoes: &str, shared: Arc<Vec<Pattern>>) -> Pattern {
        let latin = groups.chars().find(|c| c.is_alphanumeric()).is_some_and(|c| c.is_ascii_alphabetic());
        let gap = if latin { GAP_LATIN_MAX } else { GAP_HAN_MAX };
        let mut parsed = Vec::new();
        let (mut gap_max, mut crosses_marks) = (0, false);
        let takes_clause = groups.ends_with('>');
        let mut rest = groups.trim_end_matches('>');
        loop {
            let end = rest.find(['~', '^', '+', '>']).unwrap_or(rest.len());
            let alternatives: Vec<Vec<char>> =
                rest[..end].split('|').map(|word| word.replace('_', " ").chars().collect()).collect();
            parsed.push(Group { alternatives, gap_max, crosses_marks });
            let Some(joint) = rest[end..].chars().next() else { break };
            gap_max = match joint {
                '+' => 0,
                '>' => CLAUSE_MAX,
                _ => gap,
            };
            crosses_marks = joint == '~';
            rest = &rest[end + 1..];
        }
        let first =
            |group: &Group| group.alternatives.iter().filter_map(|word| word.first().copied()).collect();
        let mut firsts: Vec<char> = parsed.first().map(first).unwrap_or_default();
        firsts.sort_unstable();
        firsts.dedup();
        Pattern { groups: parsed, takes_clause, vetoes: patterns(vetoes), shared, firsts }
    }

    /// True if it stands somewhere in the text where no veto covers it.
    pub fn is_in(&self, text: &Prepared) -> bool {
        self.spans(text).next().is_some()
    }

    /// Where it stands in the text, by where it begins: first character and the one behind the last.
    pub fn spans<'t>(&'t self, text: &'t Prepared) -> impl Iterator<Item = (usize, usize)> + 't {
        let chars = &text.chars;
        let mut matches = VecDeque::new();
        for start in 0..chars.len() {
            if let Some(end) = self.end(chars, start) {
                if matches.len() == MATCHES_MAX {
                    matches.pop_front();
                }
                matches.push_back((start, end));
            }
        }
        matches.into_iter().filter(move |(start, end)| {
            let from = window(chars, *start);
            // A veto counts where it overlaps the match.
            let covers = |veto: &Pattern| {
                (from..*end).any(|at| veto.end(chars, at).is_some_and(|veto_end| veto_end > *start))
            };
            !self.vetoes.iter().chain(self.shared.iter()).any(covers)
        })
    }

    /// Where the match ends that begins at `start`.
    fn end(&self, chars: &[char], start: usize) -> Option<usize> {
        let first = chars.get(start)?;
        let end = self.firsts.binary_search(first).ok().and_then(|_| self.ends(chars, start, 0))?;
        let rest = || chars[end..].iter().take(CLAUSE_MAX).take_while(|c| !is_mark(**c)).count();
        Some(if self.takes_clause { end + rest() } else { end })
    }

    fn ends(&self, chars: &[char], start: usize, group: usize) -> Option<usize> {
        let Some(wanted) = self.groups.get(group) else { return Some(start) };
        for gap in 0..=wanted.gap_max {
            let at = start + gap;
            if at > chars.len() || !(wanted.crosses_marks || gap == 0 || !is_mark(chars[at - 1])) {
                return None;
            }
            for word in &wanted.alternatives {
                let matched = chars[at..].starts_with(word) && is_whole(chars, at, word);
                if let Some(end) = matched.then(|| self.ends(chars, at + word.len(), group + 1)).flatten() {
                    return Some(end);
                }
            }
        }
        None
    }
}

fn patterns(list: &str) -> Vec<Pattern> {
    list.split_whitespace().map(|pattern| Pattern::parse(pattern, "")).collect()
}

/// From where on a veto of a match at `start` may begin: its clause, or a little before it.
fn window(chars: &[char], start: usize) -> usize {
    let clause = chars[..start].iter().rev().take(CLAUSE_MAX).take_while(|c| !is_mark(**c)).count();
    start - clause.max(GAP_HAN_MAX.min(start))
}

/// Whether the word, where it is a number, is all of it: 12315 is no part of a phone number.
fn is_whole(chars: &[char], at: usize, word: &[char]) -> bool {
    let is_digit = |place: usize| chars.get(place).is_some_and(char::is_ascii_digit);
    word.len() < NUMBER_DIGITS_MIN
        || !word.iter().all(char::is_ascii_digit)
        || !(at.checked_sub(1).is_some_and(is_digit) || is_digit(at + word.len()))
}

/// A line of a table.
#[derive(Debug)]
pub struct Cue {
    pub weight: f32,
    pub pattern: Pattern,
}

/// Reads a table; a line that is none is left out.
pub fn cues(table: &str) -> Vec<Cue> {
    let mut shared = Arc::default();
    let mut found = Vec::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(vetoes) = line.strip_prefix(": ") {
            shared = Arc::new(patterns(vetoes));
            continue;
        }
        let (head, vetoes) = line.split_once(" : ").unwrap_or((line, ""));
        let parts =
            head.split_once(' ').and_then(|(weight, groups)| Some((weight.parse().ok()?, groups.trim())));
        if let Some((weight, groups)) = parts {
            found.push(Cue { weight, pattern: Pattern::with_shared(groups, vetoes, Arc::clone(&shared)) });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(groups: &str, vetoes: &str, text: &str) -> bool {
        Pattern::parse(groups, vetoes).is_in(&Prepared::of(text))
    }

    #[test]
    fn gaps_alternatives_and_word_edges_are_honoured() {
        assert!(is_in("转|接~人工", "", "请帮我转 一下 人 工"));
        assert!(is_in("_agent_", "", "Agent, please"));
        assert!(!is_in("_agent_", "", "agents"));
        assert!(!is_in("转+人工", "", "转一下人工"));
    }

    #[test]
    fn a_number_is_no_part_of_a_longer_one() {
        assert!(is_in("12315", "", "我打12315了"));
        assert!(!is_in("12315", "", "我的电话是13812315678"));
        assert!(!is_in("打+315", "", "打3150的电话"));
    }

    #[test]
    fn a_veto_counts_only_where_it_covers_the_match() {
        assert!(!is_in("垃圾", "垃圾袋", "垃圾袋有大号的吗"));
        assert!(is_in("垃圾", "垃圾袋", "垃圾袋是垃圾"));
    }

    #[test]
    fn a_gap_holds_a_mark_where_it_may() {
        assert!(is_in("转~人工", "别^转", "别废话，转人工"));
        assert!(!is_in("转~人工", "别^转", "别废话转人工"));
        assert!(is_in("转~人工", "别^转", "特别着急转一下人工"));
        assert!(!is_in("不满意", "不满意~可以", "不满意，可以退吗"));
        assert!(is_in("麻烦~转", "", "麻烦，帮我转"));
    }

    #[test]
    fn a_joint_to_the_clause_s_end_and_a_veto_from_its_beginning_stay_in_the_clause() {
        let far = "昨天下午大概三点多的时候你们公司的一个同事打给我";
        assert!(is_in("昨天>打给我", "", far));
        assert!(!is_in("打给我", "昨天>打", far));
        assert!(is_in("打给我", "昨天>打", "昨天下午大概三点多的时候没接到，现在可以打给我"));
        assert!(!is_in("联系我", "为什么>", "为什么打了电话还要联系我"));
        assert!(is_in("联系我", "为什么>", "为什么打了电话，还可以联系我吗"));
    }

    #[test]
    fn a_veto_of_a_part_holds_for_the_lines_below_it_and_all_places_are_found() {
        let table = cues("1 打\n: 不^打\n# remark\n1 打给 : 别^打\n: 别^打\n-1 打给");
        let text = Prepared::of("不要打给他，打给我");
        let found = |line: usize| table[line].pattern.spans(&text).count();
        assert_eq!((table.len(), found(0), found(1), found(2)), (3, 2, 1, 2));
    }

    #[test]
    fn of_a_text_that_matches_everywhere_the_last_matches_are_looked_at() {
        let table = cues("1 打给我 : 打>吗 打~了 你>打");
        let found = |text: &str| table[0].pattern.spans(&Prepared::of(text)).count();
        assert_eq!((found("你打给我"), found(&"打给我你".repeat(1_000))), (0, 0));
        assert_eq!((found(&"打给我，".repeat(3)), found(&"打给我，".repeat(1_000))), (3, MATCHES_MAX));
    }

    #[test]
    fn titles_are_left_out() {
        assert!(!is_in("愤怒", "", "《愤怒的葡萄》有货吗"));
    }
}
