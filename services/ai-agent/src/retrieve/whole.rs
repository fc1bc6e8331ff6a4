//! Owns what all wordings of an entry say together: which words of a text they share, and which other entries have the rest.
//!
//! One wording rarely holds all the words of a new one, but the others of its entry often hold the rest; and a word that
//! only other entries have, or none, says that the text asks for something else.

use std::collections::HashMap;

use super::atoms::{self, Kind, Reading};
use super::compare::LONE_CHARACTER;
use super::postings::{Posting, Postings, count_in};

/// Wordings that have a vote.
const VOTERS_MAX: usize = 16;

/// Where one atom of the text stands in the entries: itself, with its neighbours, by its topics.
struct Places<'a> {
    alone: &'a [Posting],
    alone_counts: f32,
    paired: [&'a [Posting]; 2],
    topics: Vec<&'a [Posting]>,
    /// How well any entry knows it, 0..1.
    anywhere: f32,
}

/// What one search knows of entries as wholes.
pub(crate) struct Wholes<'a> {
    places: Vec<Places<'a>>,
    focus: std::ops::Range<usize>,
    /// Score of each entry's wordings together, by slot, and what the text gets at most.
    pub(crate) scores: Vec<f32>,
    most: f32,
    /// Terms' lists with weight times rarity, and how often each is said at all.
    lists: Vec<(&'a [Posting], f32, f32)>,
    known: f32,
    /// Share of the nearest wordings, by slot of their entries.
    votes: Vec<f32>,
    postings: &'a Postings,
    keys: Vec<u64>,
}

/// Features that only all wordings of an entry give.
pub(crate) const WHOLE_FEATURES: usize = 10;

impl<'a> Wholes<'a> {
    pub(crate) fn of(
        query: &Reading,
        terms: &[(u64, f32)],
        postings: &'a Postings,
        slots: usize,
    ) -> Wholes<'a> {
        let mut scores = vec![0.0; slots.max(postings.slots())];
        let (mut most, mut known, mut lists) = (1e-6, 1e-6, Vec::with_capacity(terms.len()));
        for (key, weight) in terms {
            let idf = postings.idf(*key);
            postings.add(*key, weight * idf, 0.3, &mut scores);
            most += weight * idf;
            let list = postings.list(*key);
            if !list.is_empty() {
                let rare = weight * postings.rarity(*key);
                known += rare;
                lists.push((list, rare, counts(list)));
            }
        }
        let places = (0..query.atoms.len()).map(|at| places(query, at, postings)).collect();
        Wholes {
            places,
            focus: query.focus.clone(),
            scores,
            most,
            lists,
            known,
            votes: Vec::new(),
            postings,
            keys: terms.iter().map(|(key, _)| *key).collect(),
        }
    }

    /// Counts the votes of the wordings nearest by score: (entry, score between 0 and about 1).
    pub(crate) fn vote(&mut self, mut nearest: Vec<(u32, f32)>) {
        self.votes = vec![0.0; self.scores.len()];
        if nearest.len() > VOTERS_MAX {
            nearest.select_nth_unstable_by(VOTERS_MAX, |a, b| b.1.total_cmp(&a.1));
            let least = nearest[VOTERS_MAX].1;
            // All of those that are equally near or none, so that no order of putting decides.
            nearest.retain(|(_, score)| *score > least);
        }
        nearest.sort_by(|a, b| b.1.total_cmp(&a.1));
        let total: f32 = nearest.iter().map(|(_, score)| score * score).sum::<f32>().max(1e-6);
        for (entry, score) in nearest {
            self.votes[entry as usize] += score * score / total;
        }
    }

    /// The features of an entry, in the order of their names in `FEATURE_NAMES`.
    pub(crate) fn compare(
        &self,
        (entry, entry_core): (u32, &[(u64, f32)]),
        weights: &[f32],
        answered: &[f32],
    ) -> [f32; WHOLE_FEATURES] {
        let (mut all, mut covered, mut elsewhere, mut nowhere, mut missed) = (1e-6, 0.0, 0.0, 0.0, 0.0_f32);
        let (mut focus_all, mut focus_here, mut focus_missed) = (0.5, 0.0, 0.0_f32);
        for (at, ((places, weight), answered)) in self.places.iter().zip(weights).zip(answered).enumerate() {
            let here = places.credit(entry);
            let anywhere = here.max(*answered);
            all += weight;
            covered += weight * here;
            elsewhere += weight * (places.anywhere - anywhere).max(0.0);
            nowhere += weight * (1.0 - places.anywhere.max(anywhere));
            missed = missed.max(weight * (1.0 - anywhere));
            if self.focus.contains(&at) {
                focus_all += weight;
                focus_here += weight * here;
                focus_missed += weight * (1.0 - anywhere);
            }
        }
        let owned: f32 =
            self.lists.iter().map(|(list, rare, said)| rare * count_in(list, entry) / said).sum();
        let vote = self.votes[entry as usize];
        [
            covered / all,
            elsewhere / (1.0 + all),
            nowhere / (1.0 + all),
            missed / 2.0,
            (self.scores[entry as usize] / self.most).min(1.5),
            owned / self.known,
            vote,
            focus_here / focus_all,
            focus_missed / (1.0 + focus_missed),
            self.core(entry_core),
        ]
    }
}

impl Wholes<'_> {
    /// Share of what most wordings of the entry say that the text says too.
    fn core(&self, core: &[(u64, f32)]) -> f32 {
        let (mut all, mut said) = (1e-6, 0.0);
        for (key, share) in core {
            let weight = share * self.postings.rarity(*key);
            all += weight;
            if self.keys.binary_search(key).is_ok() {
                said += weight;
            }
        }
        said / all
    }
}

/// Terms that an entry's core holds.
const CORE_MAX: usize = 16;

/// What an entry's wordings have in common: its commonest terms, each with the share of wordings that hold it.
pub(crate) fn core(readings: &[&Reading]) -> Box<[(u64, f32)]> {
    let mut counts: HashMap<u64, (f32, f32)> = HashMap::new();
    for reading in readings {
        let mut terms = reading.terms();
        terms.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        terms.dedup_by_key(|term| term.0);
        for (key, weight) in terms.iter().filter(|(_, weight)| *weight > 0.2) {
            let count = counts.entry(*key).or_default();
            count.0 += 1.0;
            count.1 = count.1.max(*weight);
        }
    }
    let mut core: Vec<(u64, f32)> = counts
        .into_iter()
        .map(|(key, (count, weight))| (key, count / readings.len() as f32 * weight))
        .collect();
    core.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    core.truncate(CORE_MAX);
    core.into_boxed_slice()
}

impl Places<'_> {
    fn credit(&self, entry: u32) -> f32 {
        let has = |list: &[Posting]| count_in(list, entry) > 0.0;
        if self.topics.iter().any(|list| has(list)) || self.paired.iter().any(|list| has(list)) {
            1.0
        } else if has(self.alone) {
            self.alone_counts
        } else {
            0.0
        }
    }
}

fn places<'a>(query: &Reading, at: usize, postings: &'a Postings) -> Places<'a> {
    let atom = &query.atoms[at];
    let list = |key: Option<u64>| key.map_or(&[][..], |key| postings.list(key));
    let alone = postings.list(atom.key);
    let next = query.atoms.get(at + 1).map(|next| atoms::pair(atom, next));
    let previous = (at > 0).then(|| atoms::pair(&query.atoms[at - 1], atom));
    let topics: Vec<_> = atom
        .meaning()
        .map(|meaning| meaning.topics.iter().map(|line| postings.list(atoms::topic(*line))).collect())
        .unwrap_or_default();
    let alone_counts = if atom.kind == Kind::Han { LONE_CHARACTER } else { 1.0 };
    let mut places =
        Places { alone, alone_counts, paired: [list(next), list(previous)], topics, anywhere: 0.0 };
    let known = places.paired.iter().chain(&places.topics).any(|list| !list.is_empty());
    places.anywhere = match (known, alone.is_empty()) {
        (true, _) => 1.0,
        (false, false) => alone_counts,
        _ => 0.0,
    };
    places
}

fn counts(list: &[Posting]) -> f32 {
    list.iter().map(|posting| (posting & 0xff) as f32).sum()
}
