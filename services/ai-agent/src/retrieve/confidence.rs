//! Owns the step from a comparison to a probability: a logistic function with fixed weights and small trees.

use super::trees::Tree;
use super::weights::WEIGHTS;

/// Features of a comparison with one question or variant.
pub(crate) const PAIR_FEATURES: usize = 19;

/// Features of a comparison with an entry.
pub const FEATURES: usize = PAIR_FEATURES + ENTRY_FEATURES + super::soft::SOFT_FEATURES;

/// Features that only all wordings of an entry together give.
pub(crate) const ENTRY_FEATURES: usize = super::whole::WHOLE_FEATURES + 3;

/// Names of the features, in their order.
pub const FEATURE_NAMES: [&str; FEATURES] = [
    "known_in_question",
    "known_anywhere",
    "unknown_in_question",
    "unknown_anywhere",
    "missing_known",
    "missing_unknown",
    "matched",
    "covered",
    "question_covered",
    "surface",
    "in_order",
    "bm25_question",
    "bm25_answer",
    "asks_mismatch",
    "focus_in_question",
    "focus_anywhere",
    "length",
    "language_mismatch",
    "number_conflict",
    "whole_covered",
    "elsewhere",
    "nowhere",
    "heaviest_missing",
    "bm25_whole",
    "owned",
    "vote",
    "focus_whole",
    "focus_missing",
    "core",
    "best_wording",
    "best_three",
    "asks_whole",
    "soft_covered",
    "soft_missing",
    "soft_rest",
    "soft_wording",
    "soft_three",
    "wordings",
];

/// What the confidence is computed from: the features, the lead over the rival, the share among all.
pub const INPUTS: usize = FEATURES + 2;

/// A broken line: what an input adds to the confidence's sum.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    /// Slope from the start, and what is added to it beyond each knot.
    pub slopes: [f32; 3],
    /// Where the slope changes.
    pub knots: [f32; 2],
}

impl Line {
    /// What the value adds.
    pub fn at(&self, value: f32) -> f32 {
        let beyond = |knot: f32| (value - knot).max(0.0);
        self.slopes[0] * value
            + self.slopes[1] * beyond(self.knots[0])
            + self.slopes[2] * beyond(self.knots[1])
    }
}

/// Weights of the two functions of a comparison, in the order of [`FEATURE_NAMES`].
///
/// `rank = Σ rank · feature`; entries are ordered by it. The confidence of an entry is the logistic function of
/// `Σ line(feature) + line(lead) + line(share) + bias`, where `lead` is the distance of the rank to the best one of an entry
/// with another answer, held within ±[`MARGIN_MAX`], and `share` is `1 / Σ exp(rank of each candidate − own rank)`. An entry
/// with a question and a passage without have lines of their own; to the sum of the former a hundred trees add what two or
/// three inputs say together (gradient boosting; they do not see how many wordings an entry has). All are fitted on questions
/// written for this project to three knowledge bases (`tests/data` and the demo's), each as it stands, with its questions alone
/// and as passages, every other question once more as a story; on articles; and on what each knowledge base teaches about
/// itself: every wording must be found by the others of its entry, and must find nothing when its entry is taken out. The
/// command `cargo run -p ai-agent --example fit` prints the figures over folds of entries and then `weights.rs`. It learns from
/// the candidates that the present weights let through, so it is run until its figures stand (four times the last time).
///
/// The bias is chosen over the folds so that 0.5 is the recommended threshold, with the questions to the demo knowledge that
/// the lexicon was not made with (`tests/data/fresh.jsonl`). Of entries with questions: the paraphrases answered right are as
/// far above 80 % as the near questions answered are below 15 % (80.4 and 14.5 %; of near questions told as stories, 18 %).
/// Of passages: at most 14.5 % of the near questions are answered. A confidence is therefore a measure and no probability:
/// 0.5 says "as sure as one may be while one near question in seven is answered", and more of it is surer.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// Of the rank.
    pub rank: [f32; FEATURES],
    /// Of the confidence of an entry with a question.
    pub wordings: Judge,
    /// What is added to that one's sum.
    pub trees: &'static [Tree],
    /// Of the confidence of an entry without: a passage is asked about in other ways.
    pub passage: Judge,
}

/// Weights of a confidence.
#[derive(Clone, Copy, Debug)]
pub struct Judge {
    /// Of the features, the lead and the share.
    pub lines: [Line; INPUTS],
    /// Added last.
    pub bias: f32,
}

impl Judge {
    /// The sum whose logistic function is the confidence.
    pub fn sum(&self, inputs: &[f32; INPUTS]) -> f32 {
        self.lines.iter().zip(inputs).map(|(line, value)| line.at(*value)).sum::<f32>() + self.bias
    }
}

impl Weights {
    /// The sizes from which the fit of the rank starts, and whose signs it keeps: what an engineer would guess.
    pub const GUESS: [f64; FEATURES] = [
        1.5, 1.0, 2.0, 0.5, -0.3, -0.5, 1.5, 1.5, 2.0, 2.0, 2.0, 3.0, 5.0, -0.7, 0.7, 0.5, 0.5, -1.5, -0.5,
        1.0, -0.5, -0.5, -0.5, 1.0, 1.0, 1.5, 0.5, -0.5, 1.0, 1.0, 1.0, -0.5, 1.0, -0.3, 1.0, 1.5, 1.0, 0.0,
    ];
}

/// What orders the wordings of one entry among themselves: the weights that the pair's features had when they were fitted
/// alone, on the development shop.
const PAIR: [f32; PAIR_FEATURES] = [
    1.668,  // known_in_question
    1.554,  // known_anywhere
    1.977,  // unknown_in_question
    0.560,  // unknown_anywhere
    -0.291, // missing_known
    -0.020, // missing_unknown
    1.870,  // matched
    1.202,  // covered
    2.949,  // question_covered
    1.171,  // surface
    1.136,  // in_order
    2.037,  // bm25_question
    4.463,  // bm25_answer
    -0.610, // asks_mismatch
    0.688,  // focus_in_question
    0.800,  // focus_anywhere
    0.958,  // length
    -1.834, // language_mismatch
    -0.180, // number_conflict
];

/// Lead over the rival beyond which more of it says no more.
pub const MARGIN_MAX: f32 = 3.0;

/// How well one wording fits.
pub(crate) fn pair_rank(features: &[f32; PAIR_FEATURES]) -> f32 {
    PAIR.iter().zip(features).map(|(weight, feature)| weight * feature).sum()
}

/// How well an entry fits.
pub(crate) fn rank(features: &[f32; FEATURES]) -> f32 {
    WEIGHTS.rank.iter().zip(features).map(|(weight, feature)| weight * feature).sum()
}

/// How sure an entry is, from its features, its rank and the ranks of the candidates with other answers.
pub(crate) fn confidence(features: &[f32; FEATURES], rank: f32, rivals: &[f32]) -> f32 {
    let rival = rivals.iter().copied().reduce(f32::max);
    let lead = rival.map_or(MARGIN_MAX, |rival| (rank - rival).clamp(-MARGIN_MAX, MARGIN_MAX));
    let share = 1.0 / (1.0 + rivals.iter().map(|rival| (rival - rank).exp()).sum::<f32>());
    let mut inputs = [0.0; INPUTS];
    inputs[..FEATURES].copy_from_slice(features);
    inputs[FEATURES..].copy_from_slice(&[lead, share]);
    let sum = if features[FEATURES - 1] > 0.0 {
        WEIGHTS.wordings.sum(&inputs) + Tree::sum(WEIGHTS.trees, &inputs)
    } else {
        WEIGHTS.passage.sum(&inputs)
    };
    1.0 / (1.0 + (-sum).exp())
}
