//! Owns the step from a comparison to a probability: a logistic function with fixed weights.

/// Features of a comparison.
pub const FEATURES: usize = 12;

/// Names of the features, in their order.
pub const FEATURE_NAMES: [&str; FEATURES] = [
    "in_question",
    "anywhere",
    "question_covered",
    "surface",
    "bm25_question",
    "bm25_answer",
    "missing",
    "gap",
    "matched",
    "asks_mismatch",
    "negation_mismatch",
    "number_conflict",
];

/// The weights of the confidence.
///
/// `rank` of an entry is `bias + Σ weight · feature`; entries are ordered by it. The confidence of an entry is the
/// logistic function of `scale · rank + margin · min(rank − rival, 3) + shift`, where `rival` is the best rank of an entry
/// with another answer. Both steps are fitted by logistic regression on a development set written for this project
/// (`tests/data`), so that among comparisons with confidence c about the share c is right. The command
/// `cargo run --release -p ai-agent --example fit` reproduces them.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// One per feature.
    pub features: [f32; FEATURES],
    /// Added to the weighted features.
    pub bias: f32,
    /// What the rank counts in the confidence.
    pub scale: f32,
    /// What the lead over the rival counts.
    pub margin: f32,
    /// Added last.
    pub shift: f32,
}

/// The fitted weights.
pub(crate) const WEIGHTS: Weights = Weights {
    features: [3.0, 2.5, 2.0, 2.0, 2.0, 1.0, -1.5, -1.0, 1.0, -1.0, -0.5, -1.0],
    bias: -6.0,
    scale: 1.0,
    margin: 0.3,
    shift: 0.0,
};

/// Lead over the rival beyond which more of it says no more.
pub(crate) const MARGIN_MAX: f32 = 3.0;

pub(crate) fn rank(features: &[f32; FEATURES]) -> f32 {
    WEIGHTS.bias
        + WEIGHTS.features.iter().zip(features).map(|(weight, feature)| weight * feature).sum::<f32>()
}

pub(crate) fn confidence(rank: f32, rival: Option<f32>) -> f32 {
    let lead = rival.map_or(MARGIN_MAX, |rival| (rank - rival).clamp(-MARGIN_MAX, MARGIN_MAX));
    let z = WEIGHTS.scale * rank + WEIGHTS.margin * lead + WEIGHTS.shift;
    1.0 / (1.0 + (-z).exp())
}
