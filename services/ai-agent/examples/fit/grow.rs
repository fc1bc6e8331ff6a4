//! Owns growing trees on top of a confidence's sum: each corrects what the sum and the trees before it get wrong.
//!
//! Newton steps on the logistic loss over histograms; no random number. A tree asks the same three things of all rows, so
//! that eight values are told by three bounds and few rows cannot bend it.

use ai_agent::retrieve::{FEATURES, INPUTS, Judge, Tree};

use super::learn::{Row, sigmoid};

/// Chosen over the folds, among 50 to 300 trees of 4 to 32 values and shares of 0.05 to 0.1: more gained nothing.
const TREES: usize = 100;
/// Share of its best step that a tree takes.
const SHARE: f64 = 0.1;
/// Pull of its values towards 0, in counts of cases.
const PULL: f64 = 10.0;
/// No row bends less: sure rows that are wrong would else be given steps without end.
const BEND_MIN: f64 = 0.02;
const STEP_MAX: f64 = 4.0;
/// Ranges into which an input's values are put, equally many rows in each.
const RANGES: usize = 32;
const LEAVES: usize = 8;
/// How many wordings an entry has is not asked: of the cases made from the knowledge's own words it tells which entry one was
/// taken from, and trees find that.
const UNASKED: usize = FEATURES - 1;
const THOUSAND: f64 = 1000.0;

/// Slope and bend of the loss.
type Force = (f64, f64);

pub(crate) fn trees(rows: &[Row], judge: &Judge) -> Vec<Tree> {
    let inputs: Vec<[f32; INPUTS]> = rows.iter().map(|row| row.inputs.map(|input| input as f32)).collect();
    let mut sums: Vec<f64> = inputs.iter().map(|inputs| f64::from(judge.sum(inputs))).collect();
    let bounds: Vec<Vec<i16>> = (0..INPUTS).map(|at| bounds(rows, at)).collect();
    let ranges: Vec<[u8; INPUTS]> = inputs.iter().map(|inputs| ranges(inputs, &bounds)).collect();
    let mut trees = Vec::with_capacity(TREES);
    for _ in 0..TREES {
        let forces: Vec<Force> = rows.iter().zip(&sums).map(|(row, sum)| force(row, *sum)).collect();
        let tree = grow(&forces, &ranges, &bounds);
        for (sum, inputs) in sums.iter_mut().zip(&inputs) {
            *sum += f64::from(tree.adds[tree.leaf(inputs)]) / THOUSAND;
        }
        trees.push(tree);
    }
    trees
}

fn force(row: &Row, sum: f64) -> Force {
    let guess = sigmoid(sum);
    (row.counts * (row.right - guess), row.counts * (guess * (1.0 - guess)).max(BEND_MIN))
}

/// Where an input's values are parted, in thousandths.
fn bounds(rows: &[Row], at: usize) -> Vec<i16> {
    let mut values: Vec<f64> = rows.iter().map(|row| row.inputs[at]).collect();
    values.sort_by(f64::total_cmp);
    let parted = (1..RANGES).map(|range| values[values.len() * range / RANGES]);
    let mut bounds: Vec<i16> = parted.map(|value| (value * THOUSAND).round() as i16).collect();
    bounds.dedup();
    bounds
}

/// How many bounds each input reaches.
fn ranges(inputs: &[f32; INPUTS], bounds: &[Vec<i16>]) -> [u8; INPUTS] {
    let reached = |at: usize| bounds[at].partition_point(|bound| f32::from(*bound) <= inputs[at] * 1000.0);
    std::array::from_fn(|at| reached(at) as u8)
}

fn grow(forces: &[Force], ranges: &[[u8; INPUTS]], bounds: &[Vec<i16>]) -> Tree {
    let mut tree = Tree { inputs: [0; 3], bounds: [0; 3], adds: [0; LEAVES] };
    let mut places = vec![0_usize; forces.len()];
    for level in 0..3 {
        let (at, range) = split(forces, &places, ranges, bounds);
        (tree.inputs[level], tree.bounds[level]) = (at as u8, bounds[at][range]);
        for (place, ranges) in places.iter_mut().zip(ranges) {
            *place = *place * 2 + usize::from(usize::from(ranges[at]) > range);
        }
    }
    let mut leaves = [(0.0, 0.0); LEAVES];
    for (place, force) in places.iter().zip(forces) {
        push(&mut leaves[*place], *force);
    }
    tree.adds = leaves.map(|(slope, bend)| {
        let step = (slope / (bend + PULL)).clamp(-STEP_MAX, STEP_MAX);
        (SHARE * step * THOUSAND).round() as i16
    });
    tree
}

/// The input and the bound that part the rows of all places best; of equal ones the first.
fn split(forces: &[Force], places: &[usize], ranges: &[[u8; INPUTS]], bounds: &[Vec<i16>]) -> (usize, usize) {
    let mut counts = vec![[[(0.0, 0.0); RANGES]; INPUTS]; LEAVES];
    for ((force, place), ranges) in forces.iter().zip(places).zip(ranges) {
        for (counts, range) in counts[*place].iter_mut().zip(ranges) {
            push(&mut counts[usize::from(*range)], *force);
        }
    }
    let worth = |(slope, bend): Force| slope * slope / (bend + PULL);
    let mut best = (f64::MIN, (0, 0));
    for (at, bounds) in bounds.iter().enumerate().filter(|(at, _)| *at != UNASKED) {
        let mut gains = vec![0.0; bounds.len()];
        for counts in &counts {
            let mut all = (0.0, 0.0);
            counts[at].iter().for_each(|force| push(&mut all, *force));
            let mut below = (0.0, 0.0);
            for (gain, force) in gains.iter_mut().zip(&counts[at]) {
                push(&mut below, *force);
                *gain += worth(below) + worth((all.0 - below.0, all.1 - below.1));
            }
        }
        for (range, gain) in gains.into_iter().enumerate() {
            if gain > best.0 {
                best = (gain, (at, range));
            }
        }
    }
    best.1
}

fn push(sum: &mut Force, force: Force) {
    *sum = (sum.0 + force.0, sum.1 + force.1);
}
