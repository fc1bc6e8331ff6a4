//! Owns searching the index: candidates, their close comparison, order and confidence.

use std::sync::Arc;

use super::atoms::Reading;
use super::compare::{self, Scene};
use super::confidence::{self, FEATURES, PAIR_FEATURES};
use super::fold::fold;
use super::index::{Hit, Index};
use super::lexicon::Asks;
use super::soft::{Asked, SOFT_FEATURES};
use super::whole::{WHOLE_FEATURES, Wholes};

/// Entries that are compared closely per search.
const CANDIDATES_MAX: usize = 16;
/// Questions and variants of one entry that are compared closely per search.
const UNITS_COMPARED_MAX: usize = 6;
/// Share of an answer's score beside that of the best question.
const ANSWER_SHARE: f32 = 0.35;
/// Share of the score of all wordings together.
const WHOLE_SHARE: f32 = 0.35;
/// The foremost of them, which are also compared by what their words mean.
const FOREMOST_MAX: usize = 6;
/// How strongly long questions and long answers are held back (BM25's b).
const LEAN_QUESTION: f32 = 0.4;
const LEAN_ANSWER: f32 = 0.6;
/// What a wording that fits well ranks, so that its feature is about 1.
const RANK_TYPICAL: f32 = 12.0;

/// An entry by its slot, with what it was compared by and its rank.
type Found = (u32, [f32; FEATURES], f32);

/// What the inverted indexes say of a text.
struct Scores {
    /// Of each wording, by its slot.
    units: Vec<f32>,
    /// Of each answer, by the entry's slot.
    answers: Vec<f32>,
}

impl Index {
    /// The entries valid at `at` (µs since 1970) that may answer the text, surest first, at most `limit` and never more than some few.
    pub fn search(&self, text: &str, at: i64, limit: usize) -> Vec<Hit> {
        let query = Reading::of(&fold(text));
        if query.atoms.is_empty() || self.is_empty() {
            return Vec::new();
        }
        let scene = Scene::of(&query, &self.questions, &self.answers);
        let terms: Vec<(u64, f32)> = scene.terms.iter().map(|term| (term.key, term.weight)).collect();
        let scores = Scores { units: self.question_scores(&scene), answers: self.answer_scores(&scene) };
        let mut wholes = Wholes::of(&query, &terms, &self.wholes, self.entries.len());
        wholes.vote(self.nearest(&scores, scene.self_question, at));
        let mut found: Vec<Found> = self
            .candidates(&scores, &wholes, at)
            .iter()
            .map(|(slot, _)| {
                let features = self.features(*slot, &scene, &scores, &wholes);
                (*slot, features, confidence::rank(&features))
            })
            .collect();
        // Equal scores are ordered by id, so that two runs and two replicas answer alike.
        let order = |a: &Found, b: &Found| b.2.total_cmp(&a.2).then_with(|| self.id(a.0).cmp(self.id(b.0)));
        found.sort_by(order);
        found.truncate(FOREMOST_MAX);
        let asked = Asked::of(&query, &self.spread, self.len());
        for (slot, features, rank) in &mut found {
            if let Some(stored) = &self.entries[*slot as usize] {
                features[FEATURES - SOFT_FEATURES..].copy_from_slice(&asked.compare(&stored.spoken));
                *rank = confidence::rank(features);
            }
        }
        found.sort_by(order);
        self.hits(&found, limit)
    }

    fn hits(&self, found: &[Found], limit: usize) -> Vec<Hit> {
        let answer =
            |slot: u32| self.entries[slot as usize].as_ref().map(|stored| stored.entry.answer.as_str());
        let mut hits = Vec::with_capacity(limit.min(found.len()));
        for (place, (slot, features, rank)) in found.iter().take(limit).enumerate() {
            // Two entries with the same answer do not put each other in doubt.
            let rivals: Vec<f32> = found
                .iter()
                .enumerate()
                .filter(|(other, (rival, ..))| {
                    *other != place && (answer(*rival) != answer(*slot) || answer(*slot) == Some(""))
                })
                .map(|(_, (.., rank))| *rank)
                .collect();
            let Some(stored) = &self.entries[*slot as usize] else { continue };
            let confidence = confidence::confidence(features, *rank, &rivals);
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
    fn candidates(&self, scores: &Scores, wholes: &Wholes, at: i64) -> Vec<(u32, f32)> {
        let mut best: Vec<f32> = scores.answers.iter().map(|score| score * ANSWER_SHARE).collect();
        for (best, whole) in best.iter_mut().zip(&wholes.scores) {
            *best += whole * WHOLE_SHARE;
        }
        let mut questions = vec![0.0_f32; best.len()];
        for (score, unit) in scores.units.iter().zip(&self.units) {
            if let Some(unit) = unit.as_ref().filter(|_| *score > 0.0) {
                let question = &mut questions[unit.entry as usize];
                *question = question.max(*score);
            }
        }
        for (best, question) in best.iter_mut().zip(&questions) {
            *best += question;
        }
        let mut ranked: Vec<(u32, f32)> =
            (0_u32..).zip(best).filter(|(slot, score)| *score > 0.0 && self.is_valid(*slot, at)).collect();
        let order =
            |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then_with(|| self.id(a.0).cmp(self.id(b.0)));
        if ranked.len() > CANDIDATES_MAX {
            ranked.select_nth_unstable_by(CANDIDATES_MAX, order);
            ranked.truncate(CANDIDATES_MAX);
        }
        ranked
    }

    fn is_valid(&self, slot: u32, at: i64) -> bool {
        self.entries
            .get(slot as usize)
            .and_then(Option::as_ref)
            .is_some_and(|stored| stored.entry.is_valid(at))
    }

    /// The wordings of valid entries that share any term, with scores of about 0..1.
    fn nearest(&self, scores: &Scores, most: f32, at: i64) -> Vec<(u32, f32)> {
        let units = scores.units.iter().zip(&self.units).filter(|(score, _)| **score > 0.0);
        units
            .filter_map(|(score, unit)| unit.as_ref().map(|unit| (unit.entry, score / most)))
            .filter(|(slot, _)| self.is_valid(*slot, at))
            .collect()
    }

    /// The comparison with the question or variant that fits best, then what all of them say together.
    fn features(&self, slot: u32, scene: &Scene, scores: &Scores, wholes: &Wholes) -> [f32; FEATURES] {
        let answer = compare::AnswerSide {
            postings: &self.answers,
            entry: slot,
            score: scores.answers[slot as usize],
        };
        let mut features = [0.0; FEATURES];
        let Some(stored) = &self.entries[slot as usize] else { return features };
        let mut units: Vec<u32> = stored.units.to_vec();
        if units.len() > UNITS_COMPARED_MAX {
            units.sort_by(|a, b| {
                scores.units[*b as usize].total_cmp(&scores.units[*a as usize]).then(a.cmp(b))
            });
            units.truncate(UNITS_COMPARED_MAX);
        }
        let readings = units.iter().filter_map(|unit| {
            self.units[*unit as usize].as_ref().map(|held| (&held.reading, scores.units[*unit as usize]))
        });
        let mut compared: Vec<(f32, [f32; PAIR_FEATURES])> = readings
            .map(|(reading, score)| scene.compare(Some(reading), score, &answer))
            .map(|pair| (confidence::pair_rank(&pair), pair))
            .collect();
        if compared.is_empty() {
            let pair = scene.compare(None, 0.0, &answer);
            compared.push((confidence::pair_rank(&pair), pair));
        }
        compared.sort_by(|a, b| b.0.total_cmp(&a.0));
        let three = &compared[..compared.len().min(3)];
        let mean = three.iter().map(|(rank, _)| rank).sum::<f32>() / three.len() as f32;
        let whole = wholes.compare((slot, &stored.core), &scene.weights, &scene.answered(&answer));
        let asked = stored.units.iter().filter_map(|unit| self.units[*unit as usize].as_ref());
        let asked = asked.map(|unit| unit.reading.asks).fold(Asks::default(), Asks::with);
        let asks = scene.asks_mismatch(asked);
        features[..PAIR_FEATURES].copy_from_slice(&compared[0].1);
        features[PAIR_FEATURES..PAIR_FEATURES + WHOLE_FEATURES].copy_from_slice(&whole);
        features[PAIR_FEATURES + WHOLE_FEATURES..FEATURES - SOFT_FEATURES].copy_from_slice(&[
            compared[0].0 / RANK_TYPICAL,
            mean / RANK_TYPICAL,
            asks,
        ]);
        features
    }
}
