//! Owns the fitted weights, as `cargo run -p ai-agent --example fit` prints them.

use super::confidence::{Line, Weights};

pub(crate) const WEIGHTS: Weights = Weights {
    rank: [
        0.808,  // known_in_question
        1.665,  // known_anywhere
        0.000,  // unknown_in_question
        0.886,  // unknown_anywhere
        -0.948, // missing_known
        -0.075, // missing_unknown
        0.000,  // matched
        0.302,  // covered
        2.204,  // question_covered
        0.000,  // surface
        2.667,  // in_order
        0.000,  // bm25_question
        4.172,  // bm25_answer
        -0.987, // asks_mismatch
        0.000,  // focus_in_question
        1.071,  // focus_anywhere
        0.500,  // length
        -2.385, // language_mismatch
        0.000,  // number_conflict
        0.965,  // whole_covered
        -2.342, // elsewhere
        -2.331, // nowhere
        0.000,  // heaviest_missing
        1.799,  // bm25_whole
        0.000,  // owned
        0.000,  // vote
        0.000,  // best_wording
        3.258,  // best_three
    ],
    confidence: [
        Line { slopes: [0.519, -0.419, 1.025], knots: [0.44, 0.63] }, // known_in_question
        Line { slopes: [-1.686, -1.257, -2.681], knots: [0.55, 0.70] }, // known_anywhere
        Line { slopes: [-0.208, -0.208, -0.208], knots: [0.00, 0.00] }, // unknown_in_question
        Line { slopes: [0.250, 0.250, 0.250], knots: [0.00, 0.00] },  // unknown_anywhere
        Line { slopes: [-3.152, -1.120, 2.499], knots: [0.02, 0.16] }, // missing_known
        Line { slopes: [0.162, 0.162, 0.073], knots: [0.00, 0.23] },  // missing_unknown
        Line { slopes: [0.735, 2.282, -0.289], knots: [0.25, 0.34] }, // matched
        Line { slopes: [-0.056, -1.062, 0.208], knots: [0.42, 0.71] }, // covered
        Line { slopes: [1.170, 0.347, 1.081], knots: [0.56, 0.95] },  // question_covered
        Line { slopes: [-1.025, -1.240, 1.751], knots: [0.19, 0.32] }, // surface
        Line { slopes: [1.587, -0.248, -0.266], knots: [0.25, 0.40] }, // in_order
        Line { slopes: [-3.038, -1.369, 3.067], knots: [0.21, 0.37] }, // bm25_question
        Line { slopes: [-1.345, 0.587, 0.217], knots: [0.22, 0.43] }, // bm25_answer
        Line { slopes: [0.006, 0.006, 0.006], knots: [0.00, 0.00] },  // asks_mismatch
        Line { slopes: [-0.750, 2.712, -2.034], knots: [0.35, 0.58] }, // focus_in_question
        Line { slopes: [0.040, -0.230, 2.218], knots: [0.47, 0.67] }, // focus_anywhere
        Line { slopes: [1.097, 1.133, 6.834], knots: [0.32, 0.40] },  // length
        Line { slopes: [-1.643, -1.643, -1.643], knots: [0.00, 0.00] }, // language_mismatch
        Line { slopes: [-0.130, -0.130, -0.130], knots: [0.00, 0.00] }, // number_conflict
        Line { slopes: [-0.043, -1.426, 2.185], knots: [0.51, 0.85] }, // whole_covered
        Line { slopes: [-4.076, -3.211, 2.928], knots: [0.01, 0.15] }, // elsewhere
        Line { slopes: [-1.651, -1.651, -1.959], knots: [0.00, 0.07] }, // nowhere
        Line { slopes: [0.855, 1.080, -0.040], knots: [0.01, 0.30] }, // heaviest_missing
        Line { slopes: [-1.048, 2.639, 0.489], knots: [0.38, 0.68] }, // bm25_whole
        Line { slopes: [2.445, -0.069, -3.213], knots: [0.13, 0.33] }, // owned
        Line { slopes: [0.852, -2.040, 3.071], knots: [0.22, 0.47] }, // vote
        Line { slopes: [-0.648, 0.837, 0.550], knots: [0.66, 0.86] }, // best_wording
        Line { slopes: [2.762, -0.071, 0.309], knots: [0.56, 0.77] }, // best_three
        Line { slopes: [0.523, 0.107, 0.000], knots: [1.00, 3.00] },  // lead
    ],
    bias: -2.374,
};
