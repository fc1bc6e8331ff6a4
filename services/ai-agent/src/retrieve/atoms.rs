//! Owns reading a text: characters of Chinese and words of other scripts as atoms, phrases that mean something, weights.

use super::lexicon::{Asks, Lexicon, Meaning};

/// What an atom is: it decides how much a match of it alone is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One Chinese character, or one of another script written without blanks.
    Han,
    /// A word.
    Word,
    /// A number.
    Number,
}

/// The smallest piece of text that is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Atom {
    pub(crate) key: u64,
    pub(crate) kind: Kind,
    /// Something that is no letter stands before it.
    pub(crate) apart: bool,
    /// A mark that ends a clause stands before it.
    pub(crate) opens: bool,
    /// How much it says about the topic, from the words of the field, 0..1.
    pub(crate) weight: f32,
    /// The meaning of the phrase that it is part of.
    pub(crate) meaning: Option<u16>,
    /// It begins that phrase.
    pub(crate) begins: bool,
}

impl Atom {
    pub(crate) fn meaning(&self) -> Option<&'static Meaning> {
        self.meaning.map(|number| Lexicon::of_the_field().meaning(number))
    }
}

/// A text as the index and the comparison see it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) atoms: Vec<Atom>,
    pub(crate) asks: Asks,
    /// The clause that asks: the last one with a question word and something to ask about, else the last one.
    pub(crate) focus: std::ops::Range<usize>,
}

/// Share of its phrase that a kind of thing weighs among the terms.
const KIND_SHARE: f32 = 0.5;

/// Atoms of one text that are looked at.
pub(crate) const ATOMS_MAX: usize = 2_048;

impl Reading {
    /// Reads a folded text.
    pub(crate) fn of(folded: &str) -> Reading {
        let mut reading = Reading { atoms: split(folded), ..Reading::default() };
        let lexicon = Lexicon::of_the_field();
        let mut at = 0;
        while at < reading.atoms.len() {
            let Some((length, number)) = lexicon.longest(&reading.atoms[at..]) else {
                at += 1;
                continue;
            };
            let meaning = lexicon.meaning(number);
            for (place, atom) in reading.atoms[at..at + length].iter_mut().enumerate() {
                // A phrase weighs as much as a word of two characters, however long it is.
                let share =
                    if atom.kind == Kind::Han { (2.0 / length as f32).min(1.0) } else { 1.0 / length as f32 };
                atom.weight = meaning.weight * share;
                atom.meaning = Some(number);
                atom.begins = place == 0;
            }
            reading.asks = reading.asks.with(meaning.asks);
            at += length;
        }
        reading.focus = reading.asking_clause();
        reading
    }

    fn asking_clause(&self) -> std::ops::Range<usize> {
        let mut starts: Vec<usize> =
            (0..self.atoms.len()).filter(|at| *at == 0 || self.atoms[*at].opens).collect();
        starts.push(self.atoms.len());
        let tells = |clause: &[Atom]| clause.iter().map(|atom| atom.weight).sum::<f32>() >= 1.0;
        let asks = |clause: &[Atom]| {
            clause.iter().any(|atom| atom.meaning().is_some_and(|m| m.asks != Asks::default()))
        };
        let clauses = || {
            starts
                .windows(2)
                .rev()
                .map(|ends| ends[0]..ends[1])
                .filter(|clause| tells(&self.atoms[clause.clone()]))
        };
        clauses()
            .find(|clause| asks(&self.atoms[clause.clone()]))
            .or_else(|| clauses().next())
            .unwrap_or(0..self.atoms.len())
    }

    /// Mostly in a script written with blanks between words.
    pub(crate) fn is_spaced(&self) -> bool {
        2 * self.atoms.iter().filter(|atom| atom.kind == Kind::Word).count() > self.atoms.len()
    }

    /// The terms of the text with their weights: atoms, neighbouring pairs, topics.
    pub(crate) fn terms(&self) -> Vec<(u64, f32)> {
        let mut terms: Vec<(u64, f32)> = Vec::with_capacity(self.atoms.len() * 3);
        for (at, atom) in self.atoms.iter().enumerate() {
            let alone = if atom.kind == Kind::Han { 0.5 } else { 1.0 };
            terms.push((atom.key, alone * atom.weight));
            let next = self.atoms.get(at + 1);
            if let Some(next) = next.filter(|next| !next.apart || next.kind != Kind::Han) {
                terms.push((pair(atom, next), 0.5 * (atom.weight + next.weight)));
            }
            if let Some(meaning) = atom.meaning().filter(|_| atom.begins) {
                terms.extend(meaning.topics.iter().map(|number| (topic(*number), atom.weight)));
                terms.extend(meaning.kinds.iter().map(|number| (topic(*number), KIND_SHARE * atom.weight)));
            }
        }
        terms
    }
}

/// The key of two atoms that stand side by side.
pub(crate) fn pair(a: &Atom, b: &Atom) -> u64 {
    mix(a.key.rotate_left(17) ^ b.key)
}

/// The key of a topic.
pub(crate) fn topic(number: u16) -> u64 {
    mix(0x7049_6300_0000_0000 | u64::from(number))
}

/// The key of a run of atoms.
pub(crate) fn run(keys: impl Iterator<Item = u64>) -> u64 {
    keys.fold(0, joined)
}

/// The key of a run that one more atom is joined to.
pub(crate) fn joined(run: u64, key: u64) -> u64 {
    mix(run.rotate_left(17) ^ key)
}

fn mix(key: u64) -> u64 {
    let key = (key ^ (key >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let key = (key ^ (key >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    key ^ (key >> 32)
}

/// Cuts a folded text into atoms, each with the weight of a word that no table knows.
pub(crate) fn split(folded: &str) -> Vec<Atom> {
    let mut atoms = Vec::new();
    let mut word = String::new();
    let mut apart = false;
    let mut opens = false;
    let mut chars = folded.chars().peekable();
    while let Some(c) = chars.next() {
        let glues = |n: &char| if c == '.' { n.is_ascii_digit() } else { n.is_ascii_alphabetic() };
        let glued = match (c, word.chars().next_back()) {
            ('\'' | '’', Some(last)) => last.is_ascii_alphabetic() && chars.peek().is_some_and(glues),
            ('.', Some(last)) => last.is_ascii_digit() && chars.peek().is_some_and(glues),
            _ => false,
        };
        if c.is_alphanumeric() && !is_unspaced(c) {
            // A model is written with and without a blank before its number.
            let digits = |c: char| c.is_ascii_digit() || c == '.';
            if word.chars().next_back().is_some_and(|last| digits(last) != digits(c)) {
                flush(&mut word, (&mut apart, &mut opens), &mut atoms);
            }
            word.push(c);
        } else if glued {
            word.push(if c == '.' { '.' } else { '\'' });
        } else {
            flush(&mut word, (&mut apart, &mut opens), &mut atoms);
            if is_unspaced(c) {
                atoms.push(Atom {
                    key: mix(u64::from(u32::from(c))),
                    kind: Kind::Han,
                    apart,
                    opens: std::mem::take(&mut opens),
                    weight: 1.0,
                    meaning: None,
                    begins: true,
                });
                apart = false;
            } else {
                apart = true;
                opens |= matches!(c, ',' | '.' | '?' | '!' | ';' | '。' | '、' | '…' | '\n');
            }
        }
        if atoms.len() >= ATOMS_MAX {
            return atoms;
        }
    }
    flush(&mut word, (&mut apart, &mut opens), &mut atoms);
    atoms
}

/// Scripts written without blanks between words: Han, kana, Thai, Lao, Khmer, Burmese.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3005}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn flush(word: &mut String, (apart, opens): (&mut bool, &mut bool), atoms: &mut Vec<Atom>) {
    if word.is_empty() {
        return;
    }
    let kind = if word.chars().any(|c| c.is_ascii_digit()) { Kind::Number } else { Kind::Word };
    let stem = if kind == Kind::Word { stem(word) } else { word.as_str() };
    // FNV-1a; the keys only need to differ, nobody gains by making them meet.
    let key = stem
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    // Two words are never written together, so the blank between them parts nothing.
    atoms.push(Atom {
        key: mix(key),
        kind,
        apart: false,
        opens: std::mem::take(opens),
        weight: 1.0,
        meaning: None,
        begins: true,
    });
    word.clear();
    *apart = false;
}

/// Takes the commonest English endings off; only as good as it must be for both sides to agree.
fn stem(word: &str) -> &str {
    if !word.is_ascii() || word.contains('\'') {
        return word.strip_suffix("'s").unwrap_or(word);
    }
    for (ending, rest_min) in [("ing", 4), ("ies", 3), ("ed", 3), ("es", 4), ("s", 3), ("e", 4), ("y", 3)] {
        let rest = word.strip_suffix(ending).filter(|rest| rest.len() >= rest_min);
        if let Some(rest) = rest.filter(|rest| ending != "s" || !rest.ends_with('s')) {
            return rest.strip_suffix('e').filter(|rest| rest.len() >= 4).unwrap_or(rest);
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_part_from_what_stands_beside_them() {
        assert_eq!(split("7天").len(), 2);
        assert_eq!(split("iphone15有货").len(), 4);
        assert_eq!(split("iphone 15")[1].key, split("iphone15")[1].key);
        assert_eq!(split("15pro").len(), 2);
    }

    #[test]
    fn forms_of_an_english_word_agree() {
        assert_eq!(split("returns")[0].key, split("return")[0].key);
        assert_eq!(split("charging")[0].key, split("charged")[0].key);
        assert_eq!(split("delivery")[0].key, split("deliver")[0].key);
    }
}
