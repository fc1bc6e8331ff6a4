//! Owns the inverted index: which units (a question, a variant, an answer) contain a term, and how often that is said at all.

use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Term keys are mixed already, so hashing them again would only cost time.
#[derive(Default)]
pub(crate) struct Keyed(u64);

impl Hasher for Keyed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// A unit's number in the upper 24 bits, the term's count in it (255 at most) in the lower 8.
pub(crate) type Posting = u32;

/// Most terms are neighbours that stand side by side in a few units only, so that few have a place of their own.
const POSTINGS_INLINE: usize = 4;

/// How often the unit stands in a term's list.
pub(crate) fn count_in(list: &[Posting], unit: u32) -> f32 {
    list.binary_search_by_key(&unit, |posting| posting >> 8).map_or(0.0, |at| (list[at] & 0xff) as f32)
}

/// Term → the units that contain it, in the order of their numbers.
#[derive(Default)]
pub(crate) struct Postings {
    terms: HashMap<u64, SmallVec<[Posting; POSTINGS_INLINE]>, BuildHasherDefault<Keyed>>,
    /// Length of each unit in terms; 0 where there is none.
    lengths: Vec<u16>,
    units: u32,
    total: u64,
}

impl Postings {
    pub(crate) fn insert(&mut self, unit: u32, keys: impl Iterator<Item = u64>) {
        let mut length = 0_u16;
        for key in keys {
            length = length.saturating_add(1);
            let list = self.terms.entry(key).or_default();
            match list.binary_search_by_key(&unit, |posting| posting >> 8) {
                Ok(at) if list[at] & 0xff < 0xff => list[at] += 1,
                Ok(_) => {}
                Err(at) => list.insert(at, unit << 8 | 1),
            }
        }
        let slot = unit as usize;
        if self.lengths.len() <= slot {
            self.lengths.resize(slot + 1, 0);
        }
        self.lengths[slot] = length;
        self.units += 1;
        self.total += u64::from(length);
    }

    pub(crate) fn remove(&mut self, unit: u32, keys: impl Iterator<Item = u64>) {
        for key in keys {
            let Some(list) = self.terms.get_mut(&key) else { continue };
            if let Ok(at) = list.binary_search_by_key(&unit, |posting| posting >> 8) {
                list.remove(at);
            }
            if list.is_empty() {
                self.terms.remove(&key);
            }
        }
        if let Some(length) = self.lengths.get_mut(unit as usize) {
            self.total -= u64::from(std::mem::take(length));
            self.units -= 1;
        }
    }

    /// The term's units with its counts, in the order of their numbers.
    pub(crate) fn list(&self, key: u64) -> &[Posting] {
        self.terms.get(&key).map_or(&[], SmallVec::as_slice)
    }

    /// Units that contain the term.
    pub(crate) fn frequency(&self, key: u64) -> usize {
        self.terms.get(&key).map_or(0, SmallVec::len)
    }

    pub(crate) fn contains(&self, key: u64, unit: u32) -> bool {
        self.terms
            .get(&key)
            .is_some_and(|list| list.binary_search_by_key(&unit, |posting| posting >> 8).is_ok())
    }

    pub(crate) fn units(&self) -> u32 {
        self.units
    }

    /// How rare a term is: 1 for one that no unit has, towards 0 for one that all have.
    pub(crate) fn rarity(&self, key: u64) -> f32 {
        let units = self.units as f32 + 1.0;
        let seen = self.frequency(key) as f32;
        ((units + 1.0) / (seen + 1.0)).ln() / (units + 1.0).ln()
    }

    /// Adds each unit's BM25 weight of the term to its score.
    ///
    /// Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with k1 = 1.2.
    pub(crate) fn add(&self, key: u64, weight: f32, lean: f32, scores: &mut [f32]) {
        let Some(list) = self.terms.get(&key) else { return };
        let mean = (self.total as f32 / self.units.max(1) as f32).max(1.0);
        for posting in list {
            let unit = (posting >> 8) as usize;
            let count = (posting & 0xff) as f32;
            let length = f32::from(self.lengths[unit]) / mean;
            scores[unit] += weight * count * 2.2 / (count + 1.2 * (1.0 - lean + lean * length));
        }
    }

    /// What BM25 gives at most for the term in a unit of mean length.
    pub(crate) fn idf(&self, key: u64) -> f32 {
        let seen = self.frequency(key) as f32;
        (1.0 + (self.units as f32 - seen + 0.5) / (seen + 0.5)).ln()
    }

    /// One more than the highest unit number.
    pub(crate) fn slots(&self) -> usize {
        self.lengths.len()
    }
}
