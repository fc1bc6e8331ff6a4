//! Owns the index over the entries of one knowledge base: putting, removing, searching.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::atoms::Reading;
use super::compare::{self, Scene};
use super::confidence::{self, FEATURES};
use super::fold::fold;
use super::postings::Postings;
use crate::knowledge::Entry;

/// Entries that are compared closely per search.
const CANDIDATES_MAX: usize = 24;
/// Questions and variants of one entry that are compared closely per search.
const UNITS_COMPARED_MAX: usize = 6;
/// Share of an answer's score beside that of the best question.
const ANSWER_SHARE: f32 = 0.35;
/// How strongly long questions and long answers are held back (BM25's b).
const LEAN_QUESTION: f32 = 0.4;
const LEAN_ANSWER: f32 = 0.6;

/// An entry that may answer, with how sure that is.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The entry as it was when it was found.
    pub entry: Arc<Entry>,
    /// Probability, 0..1, that this entry answers the text; see [`super::Weights`] for how it is calibrated.
    pub confidence: f32,
    /// What the confidence was computed from, in the order of [`super::FEATURE_NAMES`].
    pub features: [f32; FEATURES],
}

pub(crate) struct Unit {
    pub(crate) entry: u32,
    pub(crate) reading: Reading,
}

struct Stored {
    entry: Arc<Entry>,
    units: Vec<u32>,
}

/// An index that is changed entry by entry and searched without being changed.
///
/// Results depend on its entries alone, never on the order in which they were put.
#[derive(Default)]
pub struct Index {
    ids: BTreeMap<String, u32>,
    entries: Vec<Option<Stored>>,
    entries_free: Vec<u32>,
    units: Vec<Option<Unit>>,
    units_free: Vec<u32>,
    questions: Postings,
    answers: Postings,
}

impl Index {
    /// Takes an entry in, in place of one with the same id.
    pub fn put(&mut self, entry: Arc<Entry>) {
        self.remove(&entry.id);
        let slot = self.entries_free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() as u32 - 1
        });
        let texts =
            std::iter::once(&entry.question).chain(&entry.variants).filter(|text| !text.trim().is_empty());
        let units = texts.map(|text| self.put_unit(slot, text)).collect();
        let answer = Reading::of(&fold(&entry.answer));
        self.answers.insert(slot, answer.terms().into_iter().map(|(key, _)| key));
        self.ids.insert(entry.id.clone(), slot);
        self.entries[slot as usize] = Some(Stored { entry, units });
    }

    fn put_unit(&mut self, entry: u32, text: &str) -> u32 {
        let reading = Reading::of(&fold(text));
        let slot = self.units_free.pop().unwrap_or_else(|| {
            self.units.push(None);
            self.units.len() as u32 - 1
        });
        self.questions.insert(slot, reading.terms().into_iter().map(|(key, _)| key));
        self.units[slot as usize] = Some(Unit { entry, reading });
        slot
    }

    /// Takes an entry out; false if there was none with this id.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(slot) = self.ids.remove(id) else { return false };
        let Some(stored) = self.entries[slot as usize].take() else { return false };
        for unit in stored.units {
            if let Some(gone) = self.units[unit as usize].take() {
                self.questions.remove(unit, gone.reading.terms().into_iter().map(|(key, _)| key));
            }
            self.units_free.push(unit);
        }
        let answer = Reading::of(&fold(&stored.entry.answer));
        self.answers.remove(slot, answer.terms().into_iter().map(|(key, _)| key));
        self.entries_free.push(slot);
        true
    }

    /// The entry with this id.
    pub fn get(&self, id: &str) -> Option<&Arc<Entry>> {
        self.entries[*self.ids.get(id)? as usize].as_ref().map(|stored| &stored.entry)
    }

    /// Entries held.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True without any entry.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// All entries, by id.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.ids.values().filter_map(|slot| self.entries[*slot as usize].as_ref().map(|stored| &stored.entry))
    }

    /// The entries valid at `at` (µs since 1970) that may answer the text, surest first, at most `limit`.
    pub fn search(&self, text: &str, at: i64, limit: usize) -> Vec<Hit> {
        let query = Reading::of(&fold(text));
        if query.atoms.is_empty() || self.is_empty() {
            return Vec::new();
        }
        let scene = Scene::of(&query, &self.questions, &self.answers);
        let unit_scores = self.question_scores(&scene);
        let answer_scores = self.answer_scores(&scene);
        let candidates = self.candidates(&unit_scores, &answer_scores, at);
        let mut found: Vec<(u32, [f32; FEATURES], f32)> = candidates
            .iter()
            .map(|(slot, _)| {
                let features = self.closest(*slot, &scene, &unit_scores, answer_scores[*slot as usize]);
                (*slot, features, confidence::rank(&features))
            })
            .collect();
        // Equal scores are ordered by id, so that two runs and two replicas answer alike.
        found.sort_by(|a, b| b.2.total_cmp(&a.2).then_with(|| self.id(a.0).cmp(self.id(b.0))));
        self.hits(&found, limit)
    }

    fn id(&self, slot: u32) -> &str {
        self.entries[slot as usize].as_ref().map_or("", |stored| &stored.entry.id)
    }

    fn hits(&self, found: &[(u32, [f32; FEATURES], f32)], limit: usize) -> Vec<Hit> {
        let answer =
            |slot: u32| self.entries[slot as usize].as_ref().map(|stored| stored.entry.answer.as_str());
        let mut hits = Vec::with_capacity(limit.min(found.len()));
        for (place, (slot, features, rank)) in found.iter().take(limit).enumerate() {
            // Two entries with the same answer do not put each other in doubt.
            let rival = found
                .iter()
                .enumerate()
                .filter(|(other, (rival, ..))| {
                    *other != place && (answer(*rival) != answer(*slot) || answer(*slot) == Some(""))
                })
                .map(|(_, (.., rank))| *rank)
                .next();
            let Some(stored) = &self.entries[*slot as usize] else { continue };
            let confidence = confidence::confidence(features, *rank, rival);
            hits.push(Hit { entry: Arc::clone(&stored.entry), confidence, features: *features });
        }
        hits
    }

    fn question_scores(&self, scene: &Scene) -> Vec<f32> {
        let mut scores = vec![0.0; self.questions.slots()];
        for term in &scene.terms {
            self.questions.add(term.key, term.weight * term.question_idf, LEAN_QUESTION, &mut scores);
        }
        scores
    }

    fn answer_scores(&self, scene: &Scene) -> Vec<f32> {
        let mut scores = vec![0.0; self.answers.slots().max(self.entries.len())];
        for term in &scene.terms {
            self.answers.add(term.key, term.weight * term.answer_idf, LEAN_ANSWER, &mut scores);
        }
        scores
    }

    /// The most promising valid entries by what the two lists of scores say together.
    fn candidates(&self, unit_scores: &[f32], answer_scores: &[f32], at: i64) -> Vec<(u32, f32)> {
        let mut best: Vec<f32> = answer_scores.iter().map(|score| score * ANSWER_SHARE).collect();
        let mut questions = vec![0.0_f32; best.len()];
        for (score, unit) in unit_scores.iter().zip(&self.units) {
            if let Some(unit) = unit.as_ref().filter(|_| *score > 0.0) {
                let question = &mut questions[unit.entry as usize];
                *question = question.max(*score);
            }
        }
        for (best, question) in best.iter_mut().zip(&questions) {
            *best += question;
        }
        let valid = |slot: &u32| {
            self.entries[*slot as usize].as_ref().is_some_and(|stored| stored.entry.is_valid(at))
        };
        let mut ranked: Vec<(u32, f32)> =
            (0_u32..).zip(best).filter(|(slot, score)| *score > 0.0 && valid(slot)).collect();
        let order =
            |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then_with(|| self.id(a.0).cmp(self.id(b.0)));
        if ranked.len() > CANDIDATES_MAX {
            ranked.select_nth_unstable_by(CANDIDATES_MAX, order);
            ranked.truncate(CANDIDATES_MAX);
        }
        ranked
    }

    /// The comparison with the entry's question or variant that fits best.
    fn closest(&self, slot: u32, scene: &Scene, unit_scores: &[f32], answer: f32) -> [f32; FEATURES] {
        let answer_side = compare::AnswerSide { postings: &self.answers, entry: slot, score: answer };
        let Some(stored) = &self.entries[slot as usize] else { return [0.0; FEATURES] };
        let mut units: Vec<u32> = stored.units.clone();
        if units.len() > UNITS_COMPARED_MAX {
            units
                .sort_by(|a, b| unit_scores[*b as usize].total_cmp(&unit_scores[*a as usize]).then(a.cmp(b)));
            units.truncate(UNITS_COMPARED_MAX);
        }
        let readings = units.iter().filter_map(|unit| {
            self.units[*unit as usize].as_ref().map(|held| (&held.reading, unit_scores[*unit as usize]))
        });
        readings
            .map(|(reading, score)| scene.compare(Some(reading), score, &answer_side))
            .max_by(|a, b| confidence::rank(a).total_cmp(&confidence::rank(b)))
            .unwrap_or_else(|| scene.compare(None, 0.0, &answer_side))
    }
}
