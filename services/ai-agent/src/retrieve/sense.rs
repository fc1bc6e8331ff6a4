//! Owns the table of senses: where the words of a Chinese text end, and how near two words are in meaning.
//!
//! `senses.bin` is made by `senses/make.py`, which says from what: the number of words (u32, little-endian), each word as
//! its length in bytes, ten times the logarithm of how common it is, and its letters; then each word's vector.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::LazyLock;

use super::atoms::{self, Atom, Kind};
use super::postings::Keyed;

/// Numbers of a word's vector.
const DIMS: usize = 32;
/// The length 1 of a vector in its table.
const ONE: f32 = 127.0;
/// Characters of the longest word.
pub(crate) const LETTERS_MAX: usize = 3;
/// Logarithm of all words that were counted.
const COMMONNESS_ALL: f32 = 17.9;
/// What an unknown character is rarer than a word that was counted once.
const UNKNOWN: f32 = 3.0;

pub(crate) struct Senses {
    rows: HashMap<u64, u16, BuildHasherDefault<Keyed>>,
    commonness: Vec<f32>,
    vectors: &'static [u8],
}

static SENSES: LazyLock<Senses> = LazyLock::new(|| Senses::parse(include_bytes!("senses.bin")));

impl Senses {
    pub(crate) fn of_chinese() -> &'static Senses {
        &SENSES
    }

    fn parse(table: &'static [u8]) -> Senses {
        let (count, mut rest) = table.split_first_chunk().map_or((0, table), |(count, rest)| {
            let count: &[u8; 4] = count;
            (u32::from_le_bytes(*count), rest)
        });
        let mut rows = HashMap::with_capacity_and_hasher(count as usize, BuildHasherDefault::default());
        let mut commonness = Vec::with_capacity(count as usize);
        for row in 0..count {
            let [length, common, after @ ..] = rest else { break };
            let Some((word, after)) = after.split_at_checked(usize::from(*length)) else { break };
            let word = String::from_utf8_lossy(word);
            rows.insert(atoms::run(atoms::split(&word).iter().map(|atom| atom.key)), row as u16);
            commonness.push(f32::from(*common) / 10.0);
            rest = after;
        }
        Senses { rows, commonness, vectors: rest }
    }

    /// The word with this key, if the table has it.
    pub(crate) fn row(&self, key: u64) -> Option<u16> {
        self.rows.get(&key).copied()
    }

    fn vector(&self, row: u16) -> &[u8] {
        let start = usize::from(row) * DIMS;
        self.vectors.get(start..start + DIMS).unwrap_or_default()
    }

    /// Cosine of the angle between two words: 1 for the same meaning, about 0 for words that have nothing in common.
    pub(crate) fn cosine(&self, a: u16, b: u16) -> f32 {
        let pairs = self.vector(a).iter().zip(self.vector(b));
        let sum: i32 =
            pairs.map(|(a, b)| i32::from(i16::from(a.cast_signed()) * i16::from(b.cast_signed()))).sum();
        sum as f32 / (ONE * ONE)
    }

    /// How many atoms each word of the text holds, in order: the likeliest division by how common its words are.
    pub(crate) fn divide(&self, atoms: &[Atom]) -> Vec<usize> {
        let mut best = vec![(f32::MIN, 0); atoms.len() + 1];
        best[0].0 = 0.0;
        for from in 0..atoms.len() {
            let mut key = 0;
            for length in 1..=LETTERS_MAX.min(atoms.len() - from) {
                let last = &atoms[from + length - 1];
                if length > 1 && (last.kind != Kind::Han || last.apart || atoms[from].kind != Kind::Han) {
                    break;
                }
                key = atoms::joined(key, last.key);
                let common = match self.row(key) {
                    Some(row) => self.commonness[usize::from(row)],
                    None if length == 1 => -UNKNOWN,
                    None => continue,
                };
                let likely = best[from].0 + common - COMMONNESS_ALL;
                if likely > best[from + length].0 {
                    best[from + length] = (likely, length);
                }
            }
        }
        let mut lengths = Vec::new();
        let mut at = atoms.len();
        while at > 0 {
            lengths.push(best[at].1);
            at -= best[at].1;
        }
        lengths.reverse();
        lengths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(word: &str) -> u16 {
        let key = atoms::run(atoms::split(word).iter().map(|atom| atom.key));
        Senses::of_chinese().row(key).expect("a word of the table")
    }

    #[test]
    fn the_table_is_whole() {
        let senses = Senses::of_chinese();
        assert_eq!(senses.vectors.len(), senses.commonness.len() * DIMS);
        assert_eq!(senses.rows.len(), senses.commonness.len());
    }

    #[test]
    fn words_of_one_meaning_are_nearer_than_others() {
        let near = |a, b| Senses::of_chinese().cosine(row(a), row(b));
        assert!((near("过期", "过期") - 1.0).abs() < 0.1);
        assert!(near("过期", "逾期") > 0.5 && near("注销", "取消") > 0.5 && near("红薯", "土豆") > 0.5);
        assert!(near("过期", "红薯") < 0.3 && near("电梯", "发票") < 0.3);
    }

    #[test]
    fn a_text_is_divided_into_its_words() {
        let divided = Senses::of_chinese().divide(&atoms::split("退款多久到账 ok"));
        assert_eq!(divided.iter().sum::<usize>(), 7);
        assert_eq!(divided[..2], [2, 2]);
    }
}
