//! Owns the fitted weights, as `cargo run -p ai-agent --example fit` prints them.

use super::confidence::{Line, Weights};

pub(crate) const WEIGHTS: Weights = Weights {
    rank: [
        0.478, // known_in_question
        1.208, // known_anywhere
        0.227, // unknown_in_question
        0.417, // unknown_anywhere
        -0.576, // missing_known
        -0.257, // missing_unknown
        0.000, // matched
        0.579, // covered
        1.369, // question_covered
        2.129, // surface
        3.390, // in_order
        0.000, // bm25_question
        4.549, // bm25_answer
        -0.577, // asks_mismatch
        0.000, // focus_in_question
        1.110, // focus_anywhere
        0.500, // length
        -3.032, // language_mismatch
        0.000, // number_conflict
        0.504, // whole_covered
        -0.852, // elsewhere
        -0.705, // nowhere
        0.000, // heaviest_missing
        1.122, // bm25_whole
        0.000, // owned
        0.000, // vote
        0.224, // focus_whole
        -1.323, // focus_missing
        1.298, // core
        0.024, // best_wording
        1.035, // best_three
        -1.032, // asks_whole
        0.860, // soft_covered
        0.000, // soft_missing
        2.472, // soft_rest
        1.776, // soft_wording
        2.235, // soft_three
        -0.308, // wordings
    ],
    confidence: [
        Line { slopes: [0.105, 0.150, 0.554], knots: [0.27, 0.53] }, // known_in_question
        Line { slopes: [0.010, -0.017, 0.395], knots: [0.44, 0.65] }, // known_anywhere
        Line { slopes: [-0.007, -0.007, -0.007], knots: [0.00, 0.00] }, // unknown_in_question
        Line { slopes: [0.321, 0.321, 0.321], knots: [0.00, 0.00] }, // unknown_anywhere
        Line { slopes: [-0.904, -0.472, 0.840], knots: [0.09, 0.34] }, // missing_known
        Line { slopes: [0.222, 0.222, -0.050], knots: [0.00, 0.37] }, // missing_unknown
        Line { slopes: [0.632, 0.382, 0.014], knots: [0.22, 0.33] }, // matched
        Line { slopes: [-0.052, -0.319, 0.115], knots: [0.23, 0.50] }, // covered
        Line { slopes: [0.471, 0.635, 0.594], knots: [0.41, 0.83] }, // question_covered
        Line { slopes: [-0.465, -0.507, -0.417], knots: [0.10, 0.25] }, // surface
        Line { slopes: [0.636, 1.004, 0.885], knots: [0.15, 0.31] }, // in_order
        Line { slopes: [-1.040, -1.115, 0.618], knots: [0.11, 0.25] }, // bm25_question
        Line { slopes: [-1.282, -1.157, 1.189], knots: [0.16, 0.34] }, // bm25_answer
        Line { slopes: [-0.014, -0.014, -0.014], knots: [0.00, 0.00] }, // asks_mismatch
        Line { slopes: [-0.279, -0.231, 2.757], knots: [0.19, 0.49] }, // focus_in_question
        Line { slopes: [-0.956, -0.664, -2.723], knots: [0.37, 0.62] }, // focus_anywhere
        Line { slopes: [3.519, 6.458, -0.772], knots: [0.38, 0.48] }, // length
        Line { slopes: [-0.981, -0.981, -0.981], knots: [0.00, 0.00] }, // language_mismatch
        Line { slopes: [0.151, 0.151, 0.151], knots: [0.00, 0.00] }, // number_conflict
        Line { slopes: [0.181, 0.021, 0.023], knots: [0.26, 0.59] }, // whole_covered
        Line { slopes: [-1.459, -1.464, 1.335], knots: [0.00, 0.17] }, // elsewhere
        Line { slopes: [-0.524, -0.563, -1.729], knots: [0.00, 0.28] }, // nowhere
        Line { slopes: [0.753, 0.306, 1.445], knots: [0.19, 0.43] }, // heaviest_missing
        Line { slopes: [0.229, 0.379, 1.681], knots: [0.15, 0.46] }, // bm25_whole
        Line { slopes: [0.128, -0.283, -0.186], knots: [0.09, 0.28] }, // owned
        Line { slopes: [0.177, -0.250, -0.619], knots: [0.13, 0.41] }, // vote
        Line { slopes: [-0.187, -0.679, -0.824], knots: [0.22, 0.56] }, // focus_whole
        Line { slopes: [-2.288, -1.784, -3.490], knots: [0.19, 0.58] }, // focus_missing
        Line { slopes: [0.246, -0.461, -1.877], knots: [0.07, 0.34] }, // core
        Line { slopes: [-0.125, -0.531, 0.058], knots: [0.50, 0.74] }, // best_wording
        Line { slopes: [0.563, 0.081, -0.412], knots: [0.43, 0.68] }, // best_three
        Line { slopes: [0.115, 0.115, -0.852], knots: [0.00, 0.30] }, // asks_whole
        Line { slopes: [-0.089, -0.521, 1.523], knots: [0.55, 0.81] }, // soft_covered
        Line { slopes: [0.098, 0.155, -0.382], knots: [0.40, 1.00] }, // soft_missing
        Line { slopes: [1.187, 0.827, -1.182], knots: [0.35, 0.61] }, // soft_rest
        Line { slopes: [0.067, -0.053, -0.052], knots: [0.52, 0.72] }, // soft_wording
        Line { slopes: [0.375, 0.368, 1.153], knots: [0.25, 0.55] }, // soft_three
        Line { slopes: [-0.277, -0.915, -167.057], knots: [0.20, 0.82] }, // wordings
        Line { slopes: [0.055, -0.016, 0.000], knots: [0.93, 3.00] }, // lead
        Line { slopes: [1.812, 1.382, 8.588], knots: [0.56, 0.92] }, // share
    ],
    bias: -2.756,
};
