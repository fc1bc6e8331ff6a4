//! Owns the close comparison of a text with one entry: how much of what it asks the entry speaks of, and what speaks against it.

use super::atoms::{self, Kind, Reading};
use super::confidence::PAIR_FEATURES;
use super::lexicon::{Asks, SYNONYM_LIKENESS};
use super::postings::Postings;

/// What a match of one Chinese character says when neither neighbour matches.
pub(crate) const LONE_CHARACTER: f32 = 0.4;

/// A term that weighs less is not looked up beside heavier ones.
const LIGHT: f32 = 0.05;

/// Atoms whose order is compared.
const ORDERED_MAX: usize = 40;

pub(crate) struct Term {
    pub(crate) key: u64,
    pub(crate) weight: f32,
    pub(crate) question_idf: f32,
    pub(crate) answer_idf: f32,
}

/// A text to be answered, with what the knowledge base says about the weight of its words.
pub(crate) struct Scene<'a> {
    query: &'a Reading,
    questions: &'a Postings,
    pub(crate) terms: Vec<Term>,
    /// Weight of each atom: from the words of the field, times how rare it is in this knowledge base.
    pub(crate) weights: Vec<f32>,
    total: f32,
    /// How long the text is, 0..1: a story holds much that no question repeats.
    length: f32,
    pub(crate) self_question: f32,
    self_answer: f32,
}

/// Weights of some of a text's atoms: all, those that the question speaks of, those that question or answer does.
#[derive(Default)]
struct Mass {
    all: f32,
    question: f32,
    anywhere: f32,
}

impl Mass {
    fn add(&mut self, weight: f32, question: f32, anywhere: f32) {
        self.all += weight;
        self.question += weight * question;
        self.anywhere += weight * anywhere;
    }
}

/// The answer of the entry under comparison.
pub(crate) struct AnswerSide<'a> {
    pub(crate) postings: &'a Postings,
    pub(crate) entry: u32,
    pub(crate) score: f32,
}

impl<'a> Scene<'a> {
    pub(crate) fn of(query: &'a Reading, questions: &'a Postings, answers: &Postings) -> Scene<'a> {
        let mut merged = query.terms();
        merged.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        merged.dedup_by_key(|term| term.0);
        // Nearly every entry has them: they cost much and tell next to nothing.
        if merged.iter().any(|term| term.1 >= LIGHT) {
            merged.retain(|term| term.1 >= LIGHT);
        }
        let terms: Vec<Term> = merged
            .into_iter()
            .map(|(key, weight)| Term {
                key,
                weight,
                question_idf: questions.idf(key),
                answer_idf: answers.idf(key),
            })
            .collect();
        let weights = weights(query, questions, answers);
        let total = weights.iter().sum::<f32>().max(1e-6);
        let self_question = terms.iter().map(|term| term.weight * term.question_idf).sum::<f32>().max(1e-6);
        let self_answer = terms.iter().map(|term| term.weight * term.answer_idf).sum::<f32>().max(1e-6);
        let length = query.atoms.len() as f32 / (query.atoms.len() as f32 + 15.0);
        Scene { query, questions, terms, weights, total, length, self_question, self_answer }
    }

    /// The features of the pair (text, entry), each about 0..1, in the order of `FEATURE_NAMES`.
    pub(crate) fn compare(
        &self,
        unit: Option<&Reading>,
        score: f32,
        answer: &AnswerSide,
    ) -> [f32; PAIR_FEATURES] {
        let empty = Reading::default();
        let unit = unit.unwrap_or(&empty);
        let in_question = credits(self.query, unit);
        let (mut known, mut unknown, mut focus) = (Mass::default(), Mass::default(), Mass::default());
        for (at, credit) in in_question.iter().enumerate() {
            let either = if *credit < 1.0 { credit.max(self.in_answer(at, answer)) } else { *credit };
            let mass = if self.query.atoms[at].meaning.is_some() { &mut known } else { &mut unknown };
            mass.add(self.weights[at], *credit, either);
            if self.query.focus.contains(&at) {
                focus.add(self.weights[at], *credit, either);
            }
        }
        let (missing_known, missing_unknown) = (known.all - known.anywhere, unknown.all - unknown.anywhere);
        let matched = known.question + unknown.question;
        [
            known.question / (known.all + 0.5),
            known.anywhere / (known.all + 0.5),
            unknown.question / (unknown.all + 1.0),
            unknown.anywhere / (unknown.all + 1.0),
            missing_known / (2.0 + missing_known),
            missing_unknown / (2.0 + missing_unknown),
            matched / (3.0 + matched),
            matched / self.total,
            self.covered_back(unit),
            surface(self.query, unit),
            in_order(self.query, unit),
            (score / self.self_question).min(1.5),
            (answer.score / self.self_answer).min(1.5),
            self.query.asks.mismatch(unit.asks) * f32::from(u8::from(!unit.atoms.is_empty())),
            focus.question / (focus.all + 0.5),
            focus.anywhere / (focus.all + 0.5),
            self.length,
            f32::from(u8::from(!unit.atoms.is_empty() && self.query.is_spaced() != unit.is_spaced())),
            number_conflict(self.query, unit, answer),
        ]
    }

    /// How much the text asks for something else than the entry's wordings together.
    pub(crate) fn asks_mismatch(&self, other: Asks) -> f32 {
        self.query.asks.mismatch(other)
    }

    /// For each atom what the answer contains of it.
    pub(crate) fn answered(&self, answer: &AnswerSide) -> Vec<f32> {
        (0..self.query.atoms.len()).map(|at| self.in_answer(at, answer)).collect()
    }

    /// What of the text's atom the answer contains, when the question does not.
    fn in_answer(&self, at: usize, answer: &AnswerSide) -> f32 {
        let atom = &self.query.atoms[at];
        let has = |key: u64| answer.postings.contains(key, answer.entry);
        let has_any = |lines: &[u16]| lines.iter().any(|line| has(atoms::topic(*line)));
        if atom.meaning().is_some_and(|meaning| has_any(&meaning.topics)) {
            return SYNONYM_LIKENESS;
        }
        if atom.kind != Kind::Han {
            return f32::from(u8::from(has(atom.key)));
        }
        let next = self.query.atoms.get(at + 1).is_some_and(|next| has(atoms::pair(atom, next)));
        let previous = at > 0 && has(atoms::pair(&self.query.atoms[at - 1], atom));
        if next || previous {
            1.0
        } else if has(atom.key) {
            LONE_CHARACTER * 0.5
        } else {
            0.0
        }
    }

    /// Share of the question's own topic that the text speaks of.
    fn covered_back(&self, unit: &Reading) -> f32 {
        let credits = credits(unit, self.query);
        let (mut covered, mut total) = (0.0, 1e-6);
        for (atom, credit) in unit.atoms.iter().zip(credits) {
            let weight = atom.weight * self.questions.rarity(atom.key).max(0.1);
            covered += weight * credit;
            total += weight;
        }
        covered / total
    }
}

/// An atom's weight: what the field says of its phrase, times its rarity here (of its topic, where it has one).
fn weights(query: &Reading, questions: &Postings, answers: &Postings) -> Vec<f32> {
    let fields = if questions.units() > 0 { questions } else { answers };
    let rarity = |key: u64| fields.rarity(key).max(0.15);
    query
        .atoms
        .iter()
        .map(|atom| {
            let own = rarity(atom.key);
            let scale = if atom.kind == Kind::Han { 1.0 } else { 2.0 };
            let topics = atom.meaning().map(|meaning| meaning.topics.as_slice()).unwrap_or_default();
            let common = topics.iter().map(|line| rarity(atoms::topic(*line))).reduce(f32::min);
            let rare = common.map_or(own, |common| common.min(own.max(0.3)));
            scale * atom.weight * rare
        })
        .collect()
}

/// For each atom of `a`: how well `b` speaks of it, 0..1.
fn credits(a: &Reading, b: &Reading) -> Vec<f32> {
    let mut credits = vec![0.0_f32; a.atoms.len()];
    for (at, atom) in a.atoms.iter().enumerate() {
        let next = a.atoms.get(at + 1);
        for (there, other) in b.atoms.iter().enumerate() {
            if let (Some(mine), Some(theirs)) = (atom.meaning(), other.meaning()) {
                credits[at] = credits[at].max(mine.likeness(theirs));
            }
            if atom.key != other.key {
                continue;
            }
            let alone = if atom.kind == Kind::Han { LONE_CHARACTER } else { 1.0 };
            credits[at] = credits[at].max(alone);
            let both = next.zip(b.atoms.get(there + 1)).is_some_and(|(next, beside)| next.key == beside.key);
            if both {
                credits[at] = 1.0;
                credits[at + 1] = 1.0;
            }
        }
    }
    credits
}

/// Dice coefficient of characters and neighbouring pairs, with no regard to meaning.
fn surface(a: &Reading, b: &Reading) -> f32 {
    let keys = |reading: &Reading| -> Vec<u64> {
        let pairs = reading.atoms.windows(2).map(|two| atoms::pair(&two[0], &two[1]));
        let mut keys: Vec<u64> = reading.atoms.iter().map(|atom| atom.key).chain(pairs).collect();
        keys.sort_unstable();
        keys
    };
    let (a, b) = (keys(a), keys(b));
    let (mut i, mut j, mut same) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => (i, j, same) = (i + 1, j + 1, same + 1),
        }
    }
    2.0 * same as f32 / (a.len() + b.len()).max(1) as f32
}

/// Share of both texts that their longest common subsequence covers; of long texts the beginnings.
fn in_order(a: &Reading, b: &Reading) -> f32 {
    let keys =
        |reading: &Reading| reading.atoms.iter().take(ORDERED_MAX).map(|atom| atom.key).collect::<Vec<_>>();
    let (a, b) = (keys(a), keys(b));
    let mut row = [0_u16; ORDERED_MAX + 1];
    for x in &a {
        let mut diagonal = 0;
        for (at, y) in b.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if x == y { diagonal + 1 } else { above.max(row[at]) };
            diagonal = above;
        }
    }
    2.0 * f32::from(row[b.len()]) / (a.len() + b.len()).max(1) as f32
}

/// 1 if the text names a number that neither the question nor the answer has, though the question names another.
fn number_conflict(query: &Reading, unit: &Reading, answer: &AnswerSide) -> f32 {
    let is_number = |atom: &&atoms::Atom| atom.kind == Kind::Number;
    let mut asked = query.atoms.iter().filter(is_number).peekable();
    if asked.peek().is_none() {
        return 0.0;
    }
    let known = |key: u64| {
        unit.atoms.iter().any(|atom| atom.key == key) || answer.postings.contains(key, answer.entry)
    };
    if asked.all(|atom| known(atom.key)) {
        0.0
    } else if unit.atoms.iter().any(|atom| atom.kind == Kind::Number) {
        1.0
    } else {
        0.5
    }
}
