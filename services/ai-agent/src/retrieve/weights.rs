//! Owns the fitted weights, as `cargo run -p ai-agent --example fit` prints them.

use super::confidence::{Line, Weights};

pub(crate) const WEIGHTS: Weights = Weights {
    rank: [
        0.833,  // known_in_question
        1.505,  // known_anywhere
        0.000,  // unknown_in_question
        0.677,  // unknown_anywhere
        -0.753, // missing_known
        -0.060, // missing_unknown
        0.907,  // matched
        0.613,  // covered
        1.863,  // question_covered
        0.290,  // surface
        2.919,  // in_order
        0.000,  // bm25_question
        3.741,  // bm25_answer
        -0.596, // asks_mismatch
        0.000,  // focus_in_question
        1.085,  // focus_anywhere
        0.500,  // length
        -2.384, // language_mismatch
        -0.264, // number_conflict
        1.098,  // whole_covered
        -1.861, // elsewhere
        -1.637, // nowhere
        0.000,  // heaviest_missing
        1.224,  // bm25_whole
        0.000,  // owned
        0.000,  // vote
        0.691,  // focus_whole
        -1.276, // focus_missing
        3.249,  // core
        0.000,  // best_wording
        3.125,  // best_three
        -0.725, // asks_whole
    ],
    confidence: [
        Line { slopes: [-0.922, 1.381, -0.937], knots: [0.40, 0.61] }, // known_in_question
        Line { slopes: [-1.254, -1.694, -1.752], knots: [0.50, 0.69] }, // known_anywhere
        Line { slopes: [-0.733, -0.733, -0.733], knots: [0.00, 0.00] }, // unknown_in_question
        Line { slopes: [0.575, 0.575, 0.575], knots: [0.00, 0.00] },   // unknown_anywhere
        Line { slopes: [-2.885, -1.203, 1.853], knots: [0.03, 0.26] }, // missing_known
        Line { slopes: [-0.435, -0.435, 0.644], knots: [0.00, 0.27] }, // missing_unknown
        Line { slopes: [2.543, 1.978, -0.550], knots: [0.26, 0.35] },  // matched
        Line { slopes: [-0.656, -1.024, 0.758], knots: [0.37, 0.66] }, // covered
        Line { slopes: [0.261, 0.351, 9.167], knots: [0.59, 0.97] },   // question_covered
        Line { slopes: [-1.303, -1.347, 1.088], knots: [0.17, 0.29] }, // surface
        Line { slopes: [1.374, 0.187, 0.028], knots: [0.22, 0.35] },   // in_order
        Line { slopes: [-2.485, -1.033, 1.791], knots: [0.17, 0.32] }, // bm25_question
        Line { slopes: [-2.109, -0.870, 1.442], knots: [0.18, 0.37] }, // bm25_answer
        Line { slopes: [-0.106, -0.106, -0.106], knots: [0.00, 0.00] }, // asks_mismatch
        Line { slopes: [-0.206, 0.278, 1.129], knots: [0.35, 0.59] },  // focus_in_question
        Line { slopes: [-1.329, -0.298, 1.304], knots: [0.46, 0.67] }, // focus_anywhere
        Line { slopes: [0.618, 7.318, 0.044], knots: [0.35, 0.44] },   // length
        Line { slopes: [-1.640, -1.640, -1.640], knots: [0.00, 0.00] }, // language_mismatch
        Line { slopes: [-0.009, -0.009, -0.009], knots: [0.00, 0.00] }, // number_conflict
        Line { slopes: [-0.148, -0.051, 1.973], knots: [0.45, 0.78] }, // whole_covered
        Line { slopes: [-2.187, -1.683, 2.073], knots: [0.02, 0.20] }, // elsewhere
        Line { slopes: [-0.584, -0.584, -0.324], knots: [0.00, 0.09] }, // nowhere
        Line { slopes: [0.994, 0.824, 0.146], knots: [0.07, 0.34] },   // heaviest_missing
        Line { slopes: [-0.778, 1.792, 1.101], knots: [0.34, 0.60] },  // bm25_whole
        Line { slopes: [2.567, -1.170, -0.957], knots: [0.14, 0.31] }, // owned
        Line { slopes: [-0.211, -1.516, 0.160], knots: [0.22, 0.47] }, // vote
        Line { slopes: [0.236, 0.309, -3.987], knots: [0.42, 0.66] },  // focus_whole
        Line { slopes: [-0.840, -0.322, -4.801], knots: [0.03, 0.45] }, // focus_missing
        Line { slopes: [4.376, -3.978, -2.296], knots: [0.18, 0.40] }, // core
        Line { slopes: [-1.281, 0.973, 2.296], knots: [0.63, 0.82] },  // best_wording
        Line { slopes: [2.320, 0.856, 0.730], knots: [0.54, 0.74] },   // best_three
        Line { slopes: [-0.338, 0.420, 0.420], knots: [0.30, 0.30] },  // asks_whole
        Line { slopes: [-0.188, 0.028, 0.000], knots: [1.17, 3.00] },  // lead
        Line { slopes: [4.004, 0.983, 13.728], knots: [0.59, 0.94] },  // share
    ],
    bias: -2.239,
};
