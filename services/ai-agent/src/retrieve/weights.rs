//! Owns the fitted weights, as `cargo run -p ai-agent --example fit` prints them.

use super::confidence::{Judge, Line, Weights};

pub(crate) const WEIGHTS: Weights = Weights {
    rank: [
        0.715,  // known_in_question
        1.091,  // known_anywhere
        0.442,  // unknown_in_question
        0.335,  // unknown_anywhere
        -0.467, // missing_known
        -0.234, // missing_unknown
        0.000,  // matched
        0.812,  // covered
        1.545,  // question_covered
        2.012,  // surface
        3.314,  // in_order
        0.000,  // bm25_question
        4.561,  // bm25_answer
        -0.585, // asks_mismatch
        0.000,  // focus_in_question
        1.044,  // focus_anywhere
        0.500,  // length
        -2.914, // language_mismatch
        0.000,  // number_conflict
        0.805,  // whole_covered
        -1.041, // elsewhere
        -0.765, // nowhere
        0.000,  // heaviest_missing
        1.271,  // bm25_whole
        0.000,  // owned
        0.000,  // vote
        0.451,  // focus_whole
        -1.203, // focus_missing
        1.508,  // core
        0.190,  // best_wording
        1.309,  // best_three
        -0.966, // asks_whole
        0.575,  // soft_covered
        0.000,  // soft_missing
        2.143,  // soft_rest
        1.419,  // soft_wording
        1.300,  // soft_three
        0.157,  // wordings
    ],
    wordings: Judge {
        lines: [
            Line { slopes: [-0.062, 0.763, 0.357], knots: [0.37, 0.58] }, // known_in_question
            Line { slopes: [-0.085, -0.226, 0.421], knots: [0.46, 0.67] }, // known_anywhere
            Line { slopes: [-0.237, -0.237, -0.237], knots: [0.00, 0.00] }, // unknown_in_question
            Line { slopes: [0.473, 0.473, 0.473], knots: [0.00, 0.00] },  // unknown_anywhere
            Line { slopes: [-1.020, -0.499, 0.768], knots: [0.06, 0.33] }, // missing_known
            Line { slopes: [0.165, 0.165, -0.298], knots: [0.00, 0.34] }, // missing_unknown
            Line { slopes: [0.943, 1.547, -1.124], knots: [0.27, 0.35] }, // matched
            Line { slopes: [-0.157, -0.515, 0.185], knots: [0.32, 0.57] }, // covered
            Line { slopes: [0.778, 0.441, 0.052], knots: [0.56, 0.93] },  // question_covered
            Line { slopes: [-0.771, -0.456, -0.470], knots: [0.16, 0.28] }, // surface
            Line { slopes: [0.842, 1.104, 0.768], knots: [0.21, 0.33] },  // in_order
            Line { slopes: [-1.383, -0.677, 0.684], knots: [0.16, 0.29] }, // bm25_question
            Line { slopes: [-1.453, -1.222, 1.387], knots: [0.17, 0.34] }, // bm25_answer
            Line { slopes: [-0.034, -0.034, -0.034], knots: [0.00, 0.00] }, // asks_mismatch
            Line { slopes: [-0.569, 0.542, 2.336], knots: [0.31, 0.55] }, // focus_in_question
            Line { slopes: [-0.760, -0.771, -3.025], knots: [0.40, 0.64] }, // focus_anywhere
            Line { slopes: [2.780, 7.142, -0.254], knots: [0.38, 0.48] }, // length
            Line { slopes: [-0.863, -0.863, -0.863], knots: [0.00, 0.00] }, // language_mismatch
            Line { slopes: [0.108, 0.108, 0.108], knots: [0.00, 0.00] },  // number_conflict
            Line { slopes: [0.217, -0.204, 0.191], knots: [0.37, 0.67] }, // whole_covered
            Line { slopes: [-1.786, -1.140, 1.436], knots: [0.04, 0.21] }, // elsewhere
            Line { slopes: [-0.328, -0.341, -1.340], knots: [0.00, 0.18] }, // nowhere
            Line { slopes: [0.612, 0.377, 1.867], knots: [0.17, 0.43] },  // heaviest_missing
            Line { slopes: [0.282, 0.692, 1.218], knots: [0.25, 0.53] },  // bm25_whole
            Line { slopes: [0.093, -0.536, 0.271], knots: [0.14, 0.32] }, // owned
            Line { slopes: [0.185, -0.649, -0.497], knots: [0.22, 0.48] }, // vote
            Line { slopes: [-0.214, -0.892, -1.393], knots: [0.35, 0.62] }, // focus_whole
            Line { slopes: [-2.206, -1.955, -3.428], knots: [0.10, 0.56] }, // focus_missing
            Line { slopes: [0.726, -1.454, -1.010], knots: [0.17, 0.39] }, // core
            Line { slopes: [-0.374, -0.404, 0.840], knots: [0.59, 0.78] }, // best_wording
            Line { slopes: [0.524, -0.251, -0.474], knots: [0.53, 0.72] }, // best_three
            Line { slopes: [0.020, 0.020, -0.710], knots: [0.00, 0.30] }, // asks_whole
            Line { slopes: [-0.356, -0.349, 2.527], knots: [0.58, 0.85] }, // soft_covered
            Line { slopes: [0.051, 0.112, -0.203], knots: [0.33, 1.00] }, // soft_missing
            Line { slopes: [0.617, 0.789, -0.592], knots: [0.37, 0.64] }, // soft_rest
            Line { slopes: [0.085, 0.149, 0.382], knots: [0.54, 0.74] },  // soft_wording
            Line { slopes: [0.774, 0.761, 0.333], knots: [0.47, 0.67] },  // soft_three
            Line { slopes: [-0.008, -3.474, 0.000], knots: [0.50, 0.83] }, // wordings
            Line { slopes: [0.051, 0.053, 0.000], knots: [1.18, 3.00] },  // lead
            Line { slopes: [1.747, 1.563, 14.099], knots: [0.63, 0.95] }, // share
        ],
        bias: -2.351,
    },
    passage: Judge {
        lines: [
            Line { slopes: [-0.870, -0.870, -0.870], knots: [0.00, 0.00] }, // known_in_question
            Line { slopes: [-0.106, 0.682, 1.161], knots: [0.34, 0.55] },   // known_anywhere
            Line { slopes: [0.131, 0.131, 0.131], knots: [0.00, 0.00] },    // unknown_in_question
            Line { slopes: [-0.012, -0.012, -0.157], knots: [0.00, 0.06] }, // unknown_anywhere
            Line { slopes: [0.484, 0.192, 1.012], knots: [0.15, 0.36] },    // missing_known
            Line { slopes: [0.327, 0.653, -1.810], knots: [0.19, 0.49] },   // missing_unknown
            Line { slopes: [-0.791, -0.791, -0.791], knots: [0.00, 0.00] }, // matched
            Line { slopes: [-0.002, -0.002, -0.002], knots: [0.00, 0.00] }, // covered
            Line { slopes: [0.353, 0.353, 0.353], knots: [0.00, 0.00] },    // question_covered
            Line { slopes: [0.386, 0.386, 0.386], knots: [0.00, 0.00] },    // surface
            Line { slopes: [-0.128, -0.128, -0.128], knots: [0.00, 0.00] }, // in_order
            Line { slopes: [0.647, 0.647, 0.647], knots: [0.00, 0.00] },    // bm25_question
            Line { slopes: [0.448, 0.153, 0.250], knots: [0.17, 0.35] },    // bm25_answer
            Line { slopes: [0.030, 0.030, 0.030], knots: [0.00, 0.00] },    // asks_mismatch
            Line { slopes: [0.277, 0.277, 0.277], knots: [0.00, 0.00] },    // focus_in_question
            Line { slopes: [-1.429, -0.976, 0.592], knots: [0.30, 0.54] },  // focus_anywhere
            Line { slopes: [6.398, 0.229, -1.387], knots: [0.42, 0.53] },   // length
            Line { slopes: [0.000, 0.000, 0.000], knots: [0.00, 0.00] },    // language_mismatch
            Line { slopes: [0.077, 0.077, 0.077], knots: [0.00, 0.00] },    // number_conflict
            Line { slopes: [0.014, 0.014, 0.014], knots: [0.00, 0.00] },    // whole_covered
            Line { slopes: [-2.046, -2.046, -2.046], knots: [0.00, 0.00] }, // elsewhere
            Line { slopes: [-0.713, -0.786, -1.094], knots: [0.32, 0.54] }, // nowhere
            Line { slopes: [0.697, 0.903, 0.474], knots: [0.29, 0.50] },    // heaviest_missing
            Line { slopes: [0.610, 0.610, 0.610], knots: [0.00, 0.00] },    // bm25_whole
            Line { slopes: [0.233, 0.233, 0.233], knots: [-0.00, -0.00] },  // owned
            Line { slopes: [-0.039, -0.039, -0.039], knots: [0.00, 0.00] }, // vote
            Line { slopes: [0.296, 0.296, 0.296], knots: [0.00, 0.00] },    // focus_whole
            Line { slopes: [-1.992, -2.730, -4.298], knots: [0.45, 0.67] }, // focus_missing
            Line { slopes: [0.579, 0.579, 0.579], knots: [0.00, 0.00] },    // core
            Line { slopes: [0.215, 0.073, 0.006], knots: [0.18, 0.28] },    // best_wording
            Line { slopes: [0.215, 0.073, 0.006], knots: [0.18, 0.28] },    // best_three
            Line { slopes: [0.169, 0.169, 0.169], knots: [0.00, 0.00] },    // asks_whole
            Line { slopes: [-0.109, 0.156, 0.215], knots: [0.60, 0.78] },   // soft_covered
            Line { slopes: [0.061, -0.079, 0.247], knots: [0.52, 1.00] },   // soft_missing
            Line { slopes: [0.834, 1.254, -0.479], knots: [0.45, 0.65] },   // soft_rest
            Line { slopes: [-0.107, 0.159, 0.203], knots: [0.60, 0.78] },   // soft_wording
            Line { slopes: [-0.107, 0.159, 0.203], knots: [0.60, 0.78] },   // soft_three
            Line { slopes: [2.699, 2.699, 2.699], knots: [0.00, 0.00] },    // wordings
            Line { slopes: [0.005, 0.016, -0.156], knots: [0.44, 1.46] },   // lead
            Line { slopes: [1.484, 1.162, 1.835], knots: [0.38, 0.66] },    // share
        ],
        bias: -4.325,
    },
};
