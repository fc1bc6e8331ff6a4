//! Fits the weights of rank and confidence and prints `weights.rs`: `fit [--misses]`.
//!
//! The figures before it, in comments, are cross-validated over folds of entries.

use std::io::Write;

use ai_agent::retrieve::{FEATURE_NAMES, FEATURES, Judge, Tree};

mod cases;
mod grow;
mod learn;

use cases::{Case, FOLDS};

/// Of the near questions to passages of the demo knowledge, at most this share is answered.
const NEAR_MAX: f64 = 0.145;
/// The goals of entries with questions: at least this share of the paraphrases is answered right, at most that share of the
/// near questions is answered.
const GOALS: (f64, f64) = (0.80, 0.15);

struct Fitted {
    rank: [f64; FEATURES],
    wordings: Judge,
    trees: Vec<Tree>,
    passage: Judge,
}

/// What the best candidate of a case gets when its fold was not learnt from.
struct Judged<'a> {
    case: &'a Case,
    sum: f64,
    right: bool,
    found: &'a str,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let misses = std::env::args().any(|argument| argument == "--misses");
    let cases = cases::cases()?;
    let mut judged = Vec::new();
    for fold in 0..FOLDS {
        let (test, train): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| case.fold == fold);
        let fitted = fit(&train);
        judged.extend(test.into_iter().map(|case| judge(case, &fitted)));
    }
    let lines = [even(&judged), least(&judged, NEAR_MAX)];
    for judged in &mut judged {
        judged.sum -= lines[usize::from(judged.case.is_of_passages())];
    }
    let mut out = std::io::stdout().lock();
    curve(&mut out, &judged)?;
    if misses {
        for judged in judged.iter().filter(|judged| judged.right != (judged.sum >= 0.0)) {
            let confidence = learn::sigmoid(judged.sum);
            writeln!(
                out,
                "// {} {confidence:.2} {} -> {}",
                judged.case.kind, judged.case.text, judged.found
            )?;
        }
    }
    let all: Vec<&Case> = cases.iter().collect();
    let mut fitted = fit(&all);
    fitted.wordings.bias -= lines[0] as f32;
    fitted.passage.bias -= lines[1] as f32;
    print(&mut out, &fitted)?;
    Ok(())
}

fn fit(cases: &[&Case]) -> Fitted {
    let rank = learn::rank(cases);
    let (passage, wordings): (Vec<&Case>, Vec<&Case>) =
        cases.iter().copied().partition(|case| case.is_of_passages());
    let rows = learn::rows(&wordings, &rank);
    let wordings = learn::confidence(&rows);
    let trees = grow::trees(&rows, &wordings);
    Fitted { wordings, trees, passage: learn::confidence(&learn::rows(&passage, &rank)), rank }
}

fn judge<'a>(case: &'a Case, fitted: &Fitted) -> Judged<'a> {
    let Some((inputs, best)) = learn::best(case, &fitted.rank) else {
        return Judged { case, sum: -99.0, right: false, found: "nothing" };
    };
    let inputs = inputs.map(|input| input as f32);
    let sum = if case.is_of_passages() {
        fitted.passage.sum(&inputs)
    } else {
        fitted.wordings.sum(&inputs) + Tree::sum(&fitted.trees, &inputs)
    };
    Judged { case, sum: f64::from(sum), right: best.right, found: &best.id }
}

/// The sum at which both goals are as far exceeded, or missed, one as the other. Of the questions that the lexicon was not
/// made with; those of `spoken.jsonl` have near questions that are too easy to decide by.
fn even(judged: &[Judged]) -> f64 {
    let near: Vec<f64> = sums(judged, &["fresh_near"], &|_| true);
    let right: Vec<f64> = sums(judged, &["fresh_paraphrase"], &|judged| judged.right);
    let all = sums(judged, &["fresh_paraphrase"], &|_| true).len();
    let from = |sums: &[f64], of: usize, line: f64| {
        (sums.len() - sums.partition_point(|sum| *sum < line)) as f64 / of as f64
    };
    let slack = |line: f64| from(&right, all, line) - GOALS.0 - (GOALS.1 - from(&near, near.len(), line));
    let lines = near.iter().chain(&right).copied();
    lines.min_by(|a, b| slack(*a).abs().total_cmp(&slack(*b).abs())).unwrap_or_default()
}

/// The sum that at most this share of the near questions to passages of the demo knowledge reaches.
fn least(judged: &[Judged], share: f64) -> f64 {
    let sums = sums(judged, &["passage_fresh_near", "passage_told_fresh_near"], &|_| true);
    sums[((sums.len() as f64 * (1.0 - share)).ceil() as usize).min(sums.len() - 1)]
}

/// In order, those of the cases of some kinds that pass.
fn sums(judged: &[Judged], kinds: &[&str], test: &dyn Fn(&Judged) -> bool) -> Vec<f64> {
    let of_kind = judged.iter().filter(|judged| kinds.contains(&judged.case.kind.as_str()));
    let mut sums: Vec<f64> = of_kind.filter(|judged| test(judged)).map(|judged| judged.sum).collect();
    sums.sort_by(f64::total_cmp);
    sums
}

fn curve(out: &mut impl Write, judged: &[Judged]) -> std::io::Result<()> {
    let share = |kind: &str, test: &dyn Fn(&Judged) -> bool| {
        let of: Vec<&Judged> = judged.iter().filter(|judged| judged.case.kind == kind).collect();
        100.0 * of.iter().filter(|judged| test(judged)).count() as f64 / of.len().max(1) as f64
    };
    let kinds = |kinds: [&'static str; 4]| {
        [
            "",
            "gym_",
            "demo_",
            "fresh_",
            "told_fresh_",
            "spoken_",
            "single_",
            "passage_",
            "single_fresh_",
            "passage_fresh_",
            "passage_articles_",
        ]
        .map(|of| kinds.map(|kind| format!("{of}{kind}")))
    };
    let held = |kind: &String| judged.iter().any(|judged| judged.case.kind == *kind);
    let rights: Vec<String> =
        kinds(["paraphrase", "story", "wording", "told"]).into_iter().flatten().filter(held).collect();
    let wrongs: Vec<String> =
        kinds(["near", "unrelated", "removed", "told_removed"]).into_iter().flatten().filter(held).collect();
    write!(out, "// right first:")?;
    for kind in &rights {
        write!(out, " {kind} {:.1}", share(kind, &|judged| judged.right))?;
    }
    writeln!(out)?;
    for step in 6..=14 {
        let threshold = f64::from(step) * 0.05;
        let given = |judged: &Judged| learn::sigmoid(judged.sum) >= threshold;
        write!(out, "// {threshold:.2}:")?;
        for kind in &rights {
            write!(out, " {kind} {:.1}", share(kind, &|judged| judged.right && given(judged)))?;
        }
        for kind in &wrongs {
            write!(out, " {kind} {:.1}", share(kind, &given))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn print(out: &mut impl Write, fitted: &Fitted) -> std::io::Result<()> {
    writeln!(out, "//! Owns the fitted weights, as `cargo run -p ai-agent --example fit` prints them.\n")?;
    writeln!(
        out,
        "use super::confidence::{{Judge, Line, Weights}};\nuse super::trees::{{Tree, tree}};\n\npub(crate) const WEIGHTS: Weights = Weights {{\n    rank: ["
    )?;
    for (name, weight) in FEATURE_NAMES.iter().zip(fitted.rank) {
        writeln!(out, "        {weight:.3}, // {name}")?;
    }
    writeln!(out, "    ],")?;
    for (name, judge) in [("wordings", &fitted.wordings), ("passage", &fitted.passage)] {
        writeln!(out, "    {name}: Judge {{\n        lines: [")?;
        for (name, line) in FEATURE_NAMES.iter().chain(&["lead", "share"]).zip(judge.lines) {
            let ([a, b, c], [first, second]) = (line.slopes, line.knots);
            writeln!(
                out,
                "            Line {{ slopes: [{a:.3}, {b:.3}, {c:.3}], knots: [{first:.2}, {second:.2}] }}, // {name}"
            )?;
        }
        writeln!(out, "        ],\n        bias: {:.3},\n    }},", judge.bias)?;
    }
    writeln!(out, "    trees: TREES,\n}};\n\nconst TREES: &[Tree] = &[")?;
    for Tree { inputs, bounds, adds } in &fitted.trees {
        writeln!(out, "    tree({inputs:?}, {bounds:?}, {adds:?}),")?;
    }
    writeln!(out, "];")
}
