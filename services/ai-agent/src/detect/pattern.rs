//! Owns matching word patterns in short texts: alternatives, gaps, vetoes; no regular expressions.
//!
//! A pattern is a row of groups joined by `~` (a gap of a few characters may lie between), `^` (the same without a mark in
//! it) or `+` (none may). A group is alternatives parted by `|`. `_` stands for the edge of a word. A veto is a pattern
//! that, where it covers the match, makes it mean something else: 垃圾 in 垃圾袋. What denies ends with its clause, and
//! takes a `^` therefore: 别废话，转人工 asks for a person.

use crate::retrieve::fold::fold;

/// Characters that a gap may span: a clause of Chinese, a few words of English.
const GAP_HAN_MAX: usize = 9;
const GAP_LATIN_MAX: usize = 28;
/// Digits from which a word is a number of its own; a shorter one stands for how numbers begin (不满+9).
const NUMBER_DIGITS_MIN: usize = 3;

/// A text made ready for matching.
///
/// Folded; titles in 《》 left out; blanks between Chinese characters dropped; punctuation but `?!` made a comma; words
/// of other scripts with blanks on both sides.
pub(crate) struct Prepared {
    chars: Vec<char>,
}

impl Prepared {
    pub(crate) fn of(text: &str) -> Prepared {
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
    pub(crate) fn letters(&self) -> usize {
        self.chars.iter().filter(|c| c.is_alphanumeric()).count()
    }

    /// How often the character stands in it.
    pub(crate) fn count(&self, wanted: char) -> usize {
        self.chars.iter().filter(|c| **c == wanted).count()
    }

    /// Its clauses, without blanks around them.
    pub(crate) fn clauses(&self) -> Vec<String> {
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
pub(crate) struct Pattern {
    groups: Vec<Group>,
    vetoes: Vec<Pattern>,
}

struct Group {
    alternatives: Vec<Vec<char>>,
    /// The most characters that may lie before it.
    gap_max: usize,
    /// Whether one of these may be a mark.
    crosses_marks: bool,
}

impl Pattern {
    /// Reads `groups` and, parted by blanks, the vetoes.
    pub(crate) fn parse(groups: &str, vetoes: &str) -> Pattern {
        let latin = groups.chars().find(|c| c.is_alphanumeric()).is_some_and(|c| c.is_ascii_alphabetic());
        let gap = if latin { GAP_LATIN_MAX } else { GAP_HAN_MAX };
        let mut parsed = Vec::new();
        let (mut gap_max, mut crosses_marks) = (0, false);
        let mut rest = groups;
        loop {
            let end = rest.find(['~', '^', '+']).unwrap_or(rest.len());
            let alternatives =
                rest[..end].split('|').map(|word| word.replace('_', " ").chars().collect()).collect();
            parsed.push(Group { alternatives, gap_max, crosses_marks });
            let Some(joint) = rest[end..].chars().next() else { break };
            (gap_max, crosses_marks) = (if joint == '+' { 0 } else { gap }, joint == '~');
            rest = &rest[end + 1..];
        }
        Pattern {
            groups: parsed,
            vetoes: vetoes.split_whitespace().map(|veto| Pattern::parse(veto, "")).collect(),
        }
    }

    /// True if it stands somewhere in the text where no veto covers it.
    pub(crate) fn is_in(&self, text: &Prepared) -> bool {
        self.span(text).is_some()
    }

    /// Where it first stands in the text.
    pub(crate) fn span(&self, text: &Prepared) -> Option<(usize, usize)> {
        (0..text.chars.len()).find_map(|start| {
            let end = self.ends(&text.chars, start, 0)?;
            // A veto counts where it overlaps the match.
            let covered = |veto: &Pattern| {
                (start.saturating_sub(GAP_HAN_MAX)..end)
                    .any(|at| veto.ends(&text.chars, at, 0).is_some_and(|veto_end| veto_end > start))
            };
            (!self.vetoes.iter().any(covered)).then_some((start, end))
        })
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

/// Whether the word, where it is a number, is all of it: 12315 is no part of a phone number.
fn is_whole(chars: &[char], at: usize, word: &[char]) -> bool {
    let is_digit = |place: usize| chars.get(place).is_some_and(char::is_ascii_digit);
    word.len() < NUMBER_DIGITS_MIN
        || !word.iter().all(char::is_ascii_digit)
        || !(at.checked_sub(1).is_some_and(is_digit) || is_digit(at + word.len()))
}

/// A line of a cue table: `weight pattern [: veto veto …]`.
pub(crate) struct Cue {
    pub(crate) weight: f32,
    pub(crate) pattern: Pattern,
}

/// Reads a cue table; lines that begin with `#` are remarks.
pub(crate) fn cues(table: &str) -> Vec<Cue> {
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (head, vetoes) = line.split_once(" : ").unwrap_or((line, ""));
            let (weight, groups) = head.split_once(' ')?;
            Some(Cue { weight: weight.parse().ok()?, pattern: Pattern::parse(groups.trim(), vetoes) })
        })
        .collect()
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
    fn titles_are_left_out() {
        assert!(!is_in("愤怒", "", "《愤怒的葡萄》有货吗"));
    }
}
