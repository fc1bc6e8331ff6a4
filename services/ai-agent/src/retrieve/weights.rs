//! Owns the fitted weights, as `cargo run -p ai-agent --example fit` prints them.

use super::confidence::{Judge, Line, Weights};

pub(crate) const WEIGHTS: Weights = Weights {
    rank: [
        0.716,  // known_in_question
        1.155,  // known_anywhere
        0.911,  // unknown_in_question
        0.251,  // unknown_anywhere
        -0.468, // missing_known
        -0.273, // missing_unknown
        0.000,  // matched
        0.968,  // covered
        1.449,  // question_covered
        2.378,  // surface
        3.609,  // in_order
        0.000,  // bm25_question
        4.406,  // bm25_answer
        -0.575, // asks_mismatch
        0.000,  // focus_in_question
        1.017,  // focus_anywhere
        0.500,  // length
        -2.736, // language_mismatch
        0.000,  // number_conflict
        0.941,  // whole_covered
        -1.137, // elsewhere
        -0.759, // nowhere
        0.000,  // heaviest_missing
        1.433,  // bm25_whole
        0.000,  // owned
        0.000,  // vote
        0.358,  // focus_whole
        -1.165, // focus_missing
        1.382,  // core
        0.200,  // best_wording
        1.233,  // best_three
        -0.982, // asks_whole
        0.658,  // soft_covered
        0.000,  // soft_missing
        2.071,  // soft_rest
        1.329,  // soft_wording
        1.192,  // soft_three
        0.258,  // wordings
    ],
    wordings: Judge {
        lines: [
            Line { slopes: [-0.734, 1.409, 1.060], knots: [0.37, 0.58] }, // known_in_question
            Line { slopes: [-0.346, -1.838, 0.203], knots: [0.46, 0.66] }, // known_anywhere
            Line { slopes: [-0.276, -0.276, -0.276], knots: [0.00, 0.00] }, // unknown_in_question
            Line { slopes: [0.254, 0.254, 0.254], knots: [0.00, 0.00] },  // unknown_anywhere
            Line { slopes: [-2.665, -0.301, 0.876], knots: [0.07, 0.33] }, // missing_known
            Line { slopes: [-0.013, -0.013, -0.352], knots: [0.00, 0.34] }, // missing_unknown
            Line { slopes: [1.850, 3.401, -3.365], knots: [0.27, 0.35] }, // matched
            Line { slopes: [-0.562, -1.509, 1.231], knots: [0.32, 0.58] }, // covered
            Line { slopes: [1.257, -0.053, -1.340], knots: [0.56, 0.93] }, // question_covered
            Line { slopes: [-1.760, -0.237, -0.862], knots: [0.16, 0.28] }, // surface
            Line { slopes: [1.653, 1.684, 0.533], knots: [0.21, 0.34] },  // in_order
            Line { slopes: [-3.540, -0.101, 1.661], knots: [0.16, 0.30] }, // bm25_question
            Line { slopes: [-2.471, -1.902, 2.838], knots: [0.17, 0.34] }, // bm25_answer
            Line { slopes: [0.020, 0.020, 0.020], knots: [0.00, 0.00] },  // asks_mismatch
            Line { slopes: [-0.871, 1.712, 2.233], knots: [0.31, 0.55] }, // focus_in_question
            Line { slopes: [-1.355, -0.939, -4.280], knots: [0.40, 0.64] }, // focus_anywhere
            Line { slopes: [4.207, 10.825, -6.452], knots: [0.38, 0.48] }, // length
            Line { slopes: [-0.789, -0.789, -0.789], knots: [0.00, 0.00] }, // language_mismatch
            Line { slopes: [0.075, 0.075, 0.075], knots: [0.00, 0.00] },  // number_conflict
            Line { slopes: [0.657, -0.698, 0.354], knots: [0.37, 0.67] }, // whole_covered
            Line { slopes: [-3.723, -1.055, 2.656], knots: [0.04, 0.21] }, // elsewhere
            Line { slopes: [-0.666, -0.718, -2.594], knots: [0.00, 0.18] }, // nowhere
            Line { slopes: [2.025, -0.912, 2.446], knots: [0.17, 0.43] }, // heaviest_missing
            Line { slopes: [0.105, 1.468, 1.285], knots: [0.26, 0.53] },  // bm25_whole
            Line { slopes: [-0.019, -1.379, 1.265], knots: [0.15, 0.32] }, // owned
            Line { slopes: [1.093, -1.548, -0.501], knots: [0.22, 0.48] }, // vote
            Line { slopes: [0.131, -2.398, -0.537], knots: [0.36, 0.62] }, // focus_whole
            Line { slopes: [-3.196, -1.450, -3.425], knots: [0.10, 0.56] }, // focus_missing
            Line { slopes: [2.655, -4.424, 0.315], knots: [0.17, 0.39] }, // core
            Line { slopes: [-0.934, -0.607, 2.365], knots: [0.59, 0.78] }, // best_wording
            Line { slopes: [1.208, -0.400, -1.072], knots: [0.52, 0.72] }, // best_three
            Line { slopes: [0.084, 0.084, -1.168], knots: [0.00, 0.30] }, // asks_whole
            Line { slopes: [-1.544, -0.366, 5.580], knots: [0.56, 0.84] }, // soft_covered
            Line { slopes: [0.258, 0.176, -0.534], knots: [0.33, 1.00] }, // soft_missing
            Line { slopes: [1.989, 1.177, -3.157], knots: [0.35, 0.62] }, // soft_rest
            Line { slopes: [-0.444, 0.557, -0.273], knots: [0.52, 0.73] }, // soft_wording
            Line { slopes: [1.097, 1.143, -0.070], knots: [0.45, 0.66] }, // soft_three
            Line { slopes: [0.476, -5.330, 0.000], knots: [0.50, 0.83] }, // wordings
            Line { slopes: [-0.102, 0.020, 0.000], knots: [1.18, 3.00] }, // lead
            Line { slopes: [3.599, 0.933, 18.271], knots: [0.63, 0.95] }, // share
        ],
        bias: -2.467,
    },
    passage: Judge {
        lines: [
            Line { slopes: [-0.974, -0.974, -0.974], knots: [0.00, 0.00] }, // known_in_question
            Line { slopes: [-0.026, 0.156, 0.893], knots: [0.35, 0.55] },   // known_anywhere
            Line { slopes: [0.916, 0.916, 0.916], knots: [0.00, 0.00] },    // unknown_in_question
            Line { slopes: [-0.039, -0.039, -0.823], knots: [0.00, 0.06] }, // unknown_anywhere
            Line { slopes: [0.255, 0.285, 2.635], knots: [0.15, 0.36] },    // missing_known
            Line { slopes: [0.596, 1.664, -1.785], knots: [0.18, 0.48] },   // missing_unknown
            Line { slopes: [-1.530, -1.530, -1.530], knots: [0.00, 0.00] }, // matched
            Line { slopes: [-0.083, -0.083, -0.083], knots: [0.00, 0.00] }, // covered
            Line { slopes: [0.506, 0.506, 0.506], knots: [0.00, 0.00] },    // question_covered
            Line { slopes: [0.714, 0.714, 0.714], knots: [0.00, 0.00] },    // surface
            Line { slopes: [-0.387, -0.387, -0.387], knots: [0.00, 0.00] }, // in_order
            Line { slopes: [0.939, 0.939, 0.939], knots: [0.00, 0.00] },    // bm25_question
            Line { slopes: [1.200, -0.493, 0.327], knots: [0.17, 0.36] },   // bm25_answer
            Line { slopes: [0.211, 0.211, 0.211], knots: [0.00, 0.00] },    // asks_mismatch
            Line { slopes: [0.359, 0.359, 0.359], knots: [0.00, 0.00] },    // focus_in_question
            Line { slopes: [-2.461, -0.963, 0.535], knots: [0.31, 0.54] },  // focus_anywhere
            Line { slopes: [10.918, -5.525, -1.585], knots: [0.42, 0.53] }, // length
            Line { slopes: [0.000, 0.000, 0.000], knots: [0.00, 0.00] },    // language_mismatch
            Line { slopes: [0.058, 0.058, 0.058], knots: [0.00, 0.00] },    // number_conflict
            Line { slopes: [-0.064, -0.064, -0.064], knots: [0.00, 0.00] }, // whole_covered
            Line { slopes: [-3.341, -3.341, -3.341], knots: [0.00, 0.00] }, // elsewhere
            Line { slopes: [-2.068, -1.239, -2.661], knots: [0.32, 0.53] }, // nowhere
            Line { slopes: [1.214, 0.465, 1.116], knots: [0.29, 0.50] },    // heaviest_missing
            Line { slopes: [0.885, 0.885, 0.885], knots: [0.00, 0.00] },    // bm25_whole
            Line { slopes: [0.422, 0.422, 0.422], knots: [-0.00, -0.00] },  // owned
            Line { slopes: [-0.284, -0.284, -0.284], knots: [0.00, 0.00] }, // vote
            Line { slopes: [0.392, 0.392, 0.392], knots: [0.00, 0.00] },    // focus_whole
            Line { slopes: [-2.611, -3.343, -2.764], knots: [0.45, 0.67] }, // focus_missing
            Line { slopes: [0.858, 0.858, 0.858], knots: [0.00, 0.00] },    // core
            Line { slopes: [0.521, -0.391, -0.444], knots: [0.18, 0.28] },  // best_wording
            Line { slopes: [0.521, -0.391, -0.444], knots: [0.18, 0.28] },  // best_three
            Line { slopes: [0.118, 0.118, 0.118], knots: [0.00, 0.00] },    // asks_whole
            Line { slopes: [-0.480, -0.383, 0.382], knots: [0.58, 0.77] },  // soft_covered
            Line { slopes: [-0.043, -0.435, 0.699], knots: [0.53, 1.00] },  // soft_missing
            Line { slopes: [1.238, 2.361, -0.633], knots: [0.43, 0.63] },   // soft_rest
            Line { slopes: [-0.492, -0.346, 0.376], knots: [0.58, 0.77] },  // soft_wording
            Line { slopes: [-0.492, -0.346, 0.376], knots: [0.58, 0.77] },  // soft_three
            Line { slopes: [1.676, 1.676, 1.676], knots: [0.00, 0.00] },    // wordings
            Line { slopes: [-0.061, -0.270, -0.086], knots: [0.42, 1.47] }, // lead
            Line { slopes: [3.201, 0.476, 2.869], knots: [0.38, 0.65] },    // share
        ],
        bias: -4.892,
    },
};
