//! Owns the step from a comparison to a probability: a logistic function with fixed weights.

/// Features of a comparison.
pub const FEATURES: usize = 19;

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
];

/// Weights of the two functions of a comparison, in the order of [`FEATURE_NAMES`].
///
/// `rank = Σ rank · feature`; entries are ordered by it. The confidence of an entry is the logistic function of
/// `Σ confidence · feature + lead · (rank − rival) + bias`, where `rival` is the best rank of an entry with another answer
/// and the difference is held within ±[`MARGIN_MAX`]. Both are fitted by logistic regression on a development set
/// written for this project (`tests/data`), so that among best hits with confidence c about the share c is right there:
/// a third of its questions have no answer in the knowledge. The command
/// `cargo run --release -p ai-agent --example fit` reproduces them.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// Of the rank.
    pub rank: [f32; FEATURES],
    /// Of the confidence.
    pub confidence: [f32; FEATURES],
    /// What the lead over the rival counts.
    pub lead: f32,
    /// Added last.
    pub bias: f32,
}

impl Weights {
    /// The sizes from which the fit starts, and whose signs it keeps: what an engineer would guess.
    pub const GUESS: [f64; FEATURES] =
        [1.5, 1.0, 2.0, 0.5, -0.3, -0.5, 1.5, 1.5, 2.0, 2.0, 2.0, 3.0, 5.0, -0.7, 0.7, 0.5, 0.5, -1.5, -0.5];
}

/// The fitted weights.
pub(crate) const WEIGHTS: Weights = Weights {
    rank: [
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
    ],
    confidence: [
        1.053,  // known_in_question
        2.123,  // known_anywhere
        1.238,  // unknown_in_question
        0.574,  // unknown_anywhere
        -0.329, // missing_known
        -0.997, // missing_unknown
        1.643,  // matched
        1.697,  // covered
        1.998,  // question_covered
        0.000,  // surface
        0.000,  // in_order
        0.000,  // bm25_question
        0.436,  // bm25_answer
        -0.792, // asks_mismatch
        0.276,  // focus_in_question
        1.770,  // focus_anywhere
        2.443,  // length
        -2.783, // language_mismatch
        0.000,  // number_conflict
    ],
    lead: 0.363,
    bias: -7.115,
};

/// Lead over the rival beyond which more of it says no more.
pub const MARGIN_MAX: f32 = 3.0;

pub(crate) fn rank(features: &[f32; FEATURES]) -> f32 {
    WEIGHTS.rank.iter().zip(features).map(|(weight, feature)| weight * feature).sum()
}

pub(crate) fn confidence(features: &[f32; FEATURES], rank: f32, rival: Option<f32>) -> f32 {
    let lead = rival.map_or(MARGIN_MAX, |rival| (rank - rival).clamp(-MARGIN_MAX, MARGIN_MAX));
    let sum: f32 = WEIGHTS.confidence.iter().zip(features).map(|(weight, feature)| weight * feature).sum();
    1.0 / (1.0 + (-(sum + WEIGHTS.lead * lead + WEIGHTS.bias)).exp())
}
