//! Owns the comparison by what words mean: how much of a text an entry's wordings say in the same or in other words.
//!
//! It is dearer than the rest, so it is made for the foremost entries only.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::atoms::{self, Kind, Reading};
use super::lexicon::{Asks, Lexicon};
use super::postings::Keyed;
use super::sense::{LETTERS_MAX, Senses};

/// Features that it gives.
pub(crate) const SOFT_FEATURES: usize = 6;

/// Words that weigh less tell nothing.
const LIGHT: f32 = 0.16;
/// What a word weighs at most, and at least beside one that no entry has.
const HEAVY: f32 = 2.0;
const RARITY_MIN: f32 = 0.15;
/// How well a word that is part of another, or that has a character in common with it, speaks of it.
const PART: f32 = 0.8;
const KIN: f32 = 0.4;
/// How well the nearest of other words speaks of a word, and the cosines at which that begins and is full.
const NEAREST: f32 = 0.9;
const NEAR_FROM: f32 = 0.3;
const NEAR_RANGE: f32 = 0.5;

/// A word of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    key: u64,
    /// Of each letter the lower half of its key, which is enough to tell a few from each other.
    letters: [u32; LETTERS_MAX],
    length: u8,
    weight: f32,
    sense: Option<u16>,
    /// Meanings of the phrases of its first and of its last character.
    meanings: [Option<u16>; 2],
}

/// The words that tell something.
pub(crate) fn words(reading: &Reading) -> Vec<Word> {
    let senses = Senses::of_chinese();
    let mut rest = reading.atoms.as_slice();
    let mut words = Vec::new();
    for length in senses.divide(rest) {
        let (atoms, after) = rest.split_at(length);
        rest = after;
        let weight: f32 = atoms.iter().map(|atom| atom.weight).sum();
        let weight = if atoms[0].kind == Kind::Word { 2.0 * weight } else { weight }.min(HEAVY);
        if weight <= LIGHT {
            continue;
        }
        let mut letters = [0; LETTERS_MAX];
        letters.iter_mut().zip(atoms).for_each(|(letter, atom)| *letter = atom.key as u32);
        let key = atoms::run(atoms.iter().map(|atom| atom.key));
        let meanings = [atoms[0].meaning, atoms[length - 1].meaning];
        words.push(Word { key, letters, length: length as u8, weight, sense: senses.row(key), meanings });
    }
    words
}

impl Word {
    fn letters(&self) -> &[u32] {
        &self.letters[..usize::from(self.length)]
    }

    /// How well one word speaks of another, 0..1.
    fn likeness(&self, other: &Word) -> f32 {
        if self.key == other.key || self.is_synonym(other) {
            return 1.0;
        }
        let cosine = self
            .sense
            .zip(other.sense)
            .map_or(0.0, |(mine, theirs)| Senses::of_chinese().cosine(mine, theirs));
        let near = NEAREST * ((cosine - NEAR_FROM) / NEAR_RANGE).clamp(0.0, 1.0);
        let (short, long) = if self.length <= other.length { (self, other) } else { (other, self) };
        let shared = short.letters().iter().filter(|letter| long.letters().contains(letter)).count();
        near.max(match shared {
            0 => 0.0,
            all if all == short.letters().len() => PART,
            _ => KIN,
        })
    }

    fn is_synonym(&self, other: &Word) -> bool {
        let lexicon = Lexicon::of_the_field();
        self.meanings.iter().flatten().any(|mine| {
            other.meanings.iter().flatten().any(|theirs| {
                mine == theirs && !lexicon.meaning(*mine).topics.is_empty()
                    || lexicon.meaning(*mine).shares_topic(lexicon.meaning(*theirs))
            })
        })
    }
}

/// The words of an entry's wordings.
#[derive(Debug, Default)]
pub(crate) struct Spoken {
    /// Each word once.
    words: Box<[Word]>,
    /// Numbers of each wording's words.
    wordings: Box<[Box<[u16]>]>,
    /// Nothing asks: a document with or without a title. It is asked about in its own words, which are one wording.
    is_passage: bool,
}

impl Spoken {
    pub(crate) fn of(readings: &[&Reading], answer: &Reading) -> Spoken {
        let asks = readings.len() > 1 || readings.iter().any(|reading| reading.asks != Asks::default());
        let is_passage = !asks && !answer.atoms.is_empty();
        let (mut all, mut wordings) = (Vec::new(), Vec::new());
        let mut numbers: HashMap<u64, u16> = HashMap::new();
        for reading in readings.iter().copied().chain(is_passage.then_some(answer)) {
            let mut wording = Vec::new();
            for word in words(reading) {
                let next = all.len() as u16;
                let number = *numbers.entry(word.key).or_insert(next);
                if number == next {
                    all.push(word);
                }
                wording.push(number);
            }
            wordings.push(wording.into_boxed_slice());
        }
        if is_passage {
            wordings = vec![wordings.concat().into_boxed_slice()];
        }
        Spoken { words: all.into_boxed_slice(), wordings: wordings.into_boxed_slice(), is_passage }
    }

    /// How many wordings there are: 0 for a passage, towards 1 for many.
    fn many(&self) -> f32 {
        let count = if self.is_passage { 0.0 } else { self.wordings.len() as f32 };
        count / (count + 4.0)
    }
}

/// In how many entries each word stands.
#[derive(Default)]
pub(crate) struct Spread(HashMap<u64, u32, BuildHasherDefault<Keyed>>);

impl Spread {
    pub(crate) fn insert(&mut self, spoken: &Spoken) {
        spoken.words.iter().for_each(|word| *self.0.entry(word.key).or_default() += 1);
    }

    pub(crate) fn remove(&mut self, spoken: &Spoken) {
        for word in &spoken.words {
            if let Some(count) = self.0.get_mut(&word.key) {
                *count -= 1;
                if *count == 0 {
                    self.0.remove(&word.key);
                }
            }
        }
    }

    /// What the word weighs among so many entries.
    fn weight(&self, word: &Word, entries: usize) -> f32 {
        let all = entries as f32 + 1.0;
        let seen = self.0.get(&word.key).copied().unwrap_or(0) as f32;
        word.weight * ((all / (1.0 + seen)).ln() / all.ln().max(0.1)).max(RARITY_MIN)
    }
}

/// What is asked, in words.
pub(crate) struct Asked<'a> {
    words: Vec<(Word, f32)>,
    total: f32,
    spread: &'a Spread,
    entries: usize,
}

impl Asked<'_> {
    pub(crate) fn of<'a>(query: &Reading, spread: &'a Spread, entries: usize) -> Asked<'a> {
        let weigh = |word: Word| (word, spread.weight(&word, entries));
        let words: Vec<(Word, f32)> = words(query).into_iter().map(weigh).collect();
        let total = words.iter().map(|(_, weight)| weight).sum::<f32>() + 1e-6;
        Asked { words, total, spread, entries }
    }

    /// The features of an entry, in the order of their names in `FEATURE_NAMES`.
    pub(crate) fn compare(&self, spoken: &Spoken) -> [f32; SOFT_FEATURES] {
        let likeness: Vec<Vec<f32>> = spoken
            .words
            .iter()
            .map(|theirs| self.words.iter().map(|(word, _)| word.likeness(theirs)).collect())
            .collect();
        let mut best = vec![0.0_f32; self.words.len()];
        for row in &likeness {
            best.iter_mut().zip(row).for_each(|(best, like)| *best = best.max(*like));
        }
        let weighed = || self.words.iter().map(|(_, weight)| *weight).zip(&best);
        let said: f32 = weighed().map(|(weight, best)| weight * best).sum();
        let missed = weighed().map(|(weight, best)| weight * (1.0 - best)).fold(0.0, f32::max);
        // What the entry is about is easily said; the rest tells whether the same is asked about it.
        let (topic, topic_said) = weighed()
            .map(|(weight, best)| (weight, weight * best))
            .reduce(|a, b| if b.1 > a.1 { b } else { a })
            .unwrap_or_default();
        let mut fits: Vec<f32> =
            spoken.wordings.iter().map(|wording| self.fit(spoken, wording, &likeness)).collect();
        fits.sort_by(|a, b| b.total_cmp(a));
        fits.truncate(3);
        [
            said / self.total,
            missed,
            (said - topic_said) / (self.total - topic + 0.3),
            fits.first().copied().unwrap_or(0.0),
            fits.iter().sum::<f32>() / fits.len().max(1) as f32,
            spoken.many(),
        ]
    }

    /// Harmonic mean of what of the text the wording says and what of the wording the text says.
    fn fit(&self, spoken: &Spoken, wording: &[u16], likeness: &[Vec<f32>]) -> f32 {
        let rows = || {
            wording
                .iter()
                .map(|number| (&spoken.words[usize::from(*number)], &likeness[usize::from(*number)]))
        };
        let mut best = vec![0.0_f32; self.words.len()];
        let (mut theirs, mut theirs_all) = (0.0, 1e-6);
        for (word, row) in rows() {
            best.iter_mut().zip(row).for_each(|(best, like)| *best = best.max(*like));
            let weight = self.spread.weight(word, self.entries);
            theirs += weight * row.iter().copied().fold(0.0, f32::max);
            theirs_all += weight;
        }
        let mine =
            self.words.iter().zip(&best).map(|((_, weight), best)| weight * best).sum::<f32>() / self.total;
        // A passage says much that nobody asks about at once.
        let theirs = if spoken.is_passage { mine } else { theirs / theirs_all };
        2.0 * mine * theirs / (mine + theirs + 1e-6)
    }
}
