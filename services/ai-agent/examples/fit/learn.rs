//! Owns learning the two functions from cases: the rank among a question's candidates, the confidence of the best one.
//!
//! No random number: the rank by accelerated gradient descent, the confidence by Newton's method.

use ai_agent::retrieve::{FEATURES, INPUTS, Judge, Line, MARGIN_MAX, Weights};

use super::cases::{Candidate, Case};

const ROUNDS: usize = 400;
const STEP: f64 = 0.15;
/// Pull of the rank's weights towards those that an engineer would guess, and of the confidence's towards none: both must
/// also serve knowledge of other kinds than what they are fitted on.
const PULL: f64 = 0.03;
const PULL_CONFIDENCE: f64 = 0.008;
const NEWTON_STEPS: usize = 12;

/// A feature's value, and how far it is beyond each of the two knots of its line.
const PARTS: usize = 3 * INPUTS;

/// Among a question's candidates the right one shall stand first (softmax). Signs are held.
pub(crate) fn rank(cases: &[&Case]) -> [f64; FEATURES] {
    let cases: Vec<&&Case> = cases.iter().filter(|case| case.candidates.iter().any(|c| c.right)).collect();
    let scale = spread(cases.iter().flat_map(|case| &case.candidates).map(|c| &c.features[..]));
    let total: f64 = cases.iter().map(|case| case.counts()).sum();
    let (mut weights, mut before) = (Weights::GUESS, Weights::GUESS);
    for _ in 0..ROUNDS {
        let mut ahead = weights;
        for at in 0..FEATURES {
            ahead[at] += 0.9 * (weights[at] - before[at]);
        }
        let mut slope = [0.0; FEATURES];
        for case in &cases {
            let scores: Vec<f64> = case.candidates.iter().map(|c| dot(&ahead, &c.features)).collect();
            let top = scores.iter().copied().fold(f64::MIN, f64::max);
            let all: f64 = scores.iter().map(|score| (score - top).exp()).sum();
            for (candidate, score) in case.candidates.iter().zip(&scores) {
                let error = (score - top).exp() / all - f64::from(u8::from(candidate.right));
                for (slope, feature) in slope.iter_mut().zip(&candidate.features) {
                    *slope += error * case.counts() / total * feature;
                }
            }
        }
        before = weights;
        for at in 0..FEATURES {
            // As if each feature had the spread 1.
            let part = scale[at] * scale[at];
            weights[at] = ahead[at] - STEP * (slope[at] / part + PULL * (ahead[at] - Weights::GUESS[at]));
            if weights[at] * Weights::GUESS[at] < 0.0 {
                weights[at] = 0.0;
            }
        }
    }
    weights
}

/// The best candidate's features with its lead and its share, and that candidate.
pub(crate) fn best<'a>(case: &'a Case, rank: &[f64; FEATURES]) -> Option<([f64; INPUTS], &'a Candidate)> {
    let mut ranked: Vec<(f64, &Candidate)> =
        case.candidates.iter().map(|candidate| (dot(rank, &candidate.features), candidate)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.id.cmp(&b.1.id)));
    let (score, candidate) = *ranked.first()?;
    let mut inputs = [f64::from(MARGIN_MAX); INPUTS];
    inputs[..FEATURES].copy_from_slice(&candidate.features);
    if let Some((rival, _)) = ranked.get(1) {
        inputs[FEATURES] = (score - rival).min(f64::from(MARGIN_MAX));
    }
    inputs[FEATURES + 1] = 1.0 / ranked.iter().map(|(other, _)| (other - score).exp()).sum::<f64>();
    Some((inputs, candidate))
}

/// The best candidate of a case.
pub(crate) struct Row {
    pub(crate) inputs: [f64; INPUTS],
    /// 1: it is right.
    pub(crate) right: f64,
    pub(crate) counts: f64,
}

pub(crate) fn rows(cases: &[&Case], rank: &[f64; FEATURES]) -> Vec<Row> {
    let row = |case: &&Case| {
        let (inputs, best) = best(case, rank)?;
        Some(Row { inputs, right: f64::from(u8::from(best.right)), counts: case.counts() })
    };
    cases.iter().filter_map(row).collect()
}

/// How probable it is that the best candidate is right: one broken line for each input, and what is added last.
pub(crate) fn confidence(rows: &[Row]) -> Judge {
    let mut knots = [[0.0; 2]; INPUTS];
    for (at, knots) in knots.iter_mut().enumerate() {
        let mut values: Vec<f64> = rows.iter().map(|row| row.inputs[at]).collect();
        values.sort_by(f64::total_cmp);
        *knots = [values[values.len() / 3], values[values.len() * 2 / 3]];
    }
    let parts: Vec<Vec<f64>> = rows.iter().map(|row| parts(&row.inputs, &knots)).collect();
    let scale = spread(parts.iter().map(Vec::as_slice));
    let truth: Vec<(f64, f64)> = rows.iter().map(|row| (row.right, row.counts)).collect();
    let solved = logistic(&parts, &truth, &scale);
    let mut lines = [Line::default(); INPUTS];
    for (at, line) in lines.iter_mut().enumerate() {
        let slopes = [solved[at], solved[INPUTS + at], solved[2 * INPUTS + at]];
        line.slopes = slopes.map(|slope| slope as f32);
        line.knots = knots[at].map(|knot| knot as f32);
    }
    Judge { lines, bias: solved[PARTS] as f32 }
}

fn parts(row: &[f64; INPUTS], knots: &[[f64; 2]; INPUTS]) -> Vec<f64> {
    let mut parts = row.to_vec();
    for knot in 0..2 {
        parts.extend(row.iter().zip(knots).map(|(value, knots)| (value - knots[knot]).max(0.0)));
    }
    parts.push(1.0);
    parts
}

/// Logistic regression by Newton's method with a pull towards 0, as if each part had the spread 1.
fn logistic(parts: &[Vec<f64>], truth: &[(f64, f64)], scale: &[f64]) -> Vec<f64> {
    let size = PARTS + 1;
    let total: f64 = truth.iter().map(|(_, counts)| counts).sum();
    let mut weights = vec![0.0; size];
    for _ in 0..NEWTON_STEPS {
        let (mut slope, mut bend) = (vec![0.0; size], vec![vec![0.0; size]; size]);
        for at in 0..PARTS {
            let pull = PULL_CONFIDENCE * scale[at] * scale[at];
            slope[at] = pull * weights[at];
            bend[at][at] = pull;
        }
        for (row, (right, counts)) in parts.iter().zip(truth) {
            let guess = sigmoid(dot(&weights, row));
            let (error, doubt) = (counts / total * (guess - right), counts / total * guess * (1.0 - guess));
            for i in 0..size {
                slope[i] += error * row[i];
                for j in 0..=i {
                    bend[i][j] += doubt * row[i] * row[j];
                }
            }
        }
        let step = solve(bend, slope);
        weights.iter_mut().zip(step).for_each(|(weight, step)| *weight -= step);
    }
    weights
}

/// Solves a symmetric positive system, given by its lower half (Cholesky).
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    for i in 0..size {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| matrix[i][k] * matrix[j][k]).sum();
            let rest = matrix[i][j] - known;
            matrix[i][j] = if i == j { (rest + 1e-9).sqrt() } else { rest / matrix[j][j] };
        }
        let known: f64 = (0..i).map(|k| matrix[i][k] * right[k]).sum();
        right[i] = (right[i] - known) / matrix[i][i];
    }
    for i in (0..size).rev() {
        let known: f64 = (i + 1..size).map(|k| matrix[k][i] * right[k]).sum();
        right[i] = (right[i] - known) / matrix[i][i];
    }
    right
}

/// Standard deviation of each place.
fn spread<'a>(rows: impl Iterator<Item = &'a [f64]>) -> Vec<f64> {
    let (mut count, mut sums) = (0.0, Vec::new());
    for row in rows {
        sums.resize(row.len(), [0.0, 0.0]);
        count += 1.0;
        for (sums, value) in sums.iter_mut().zip(row) {
            sums[0] += value;
            sums[1] += value * value;
        }
    }
    sums.iter().map(|[sum, squares]| (squares / count - (sum / count).powi(2)).max(1e-6).sqrt()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(crate) fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}
