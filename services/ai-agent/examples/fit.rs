//! Fits the weights of the confidence on the development shop and prints them: `fit [KNOWLEDGE QUERIES] [--misses]`.
//!
//! Two logistic regressions by gradient descent, signs held, no random number: the rank over the best candidates of
//! each question, then the confidence of the best one. Figures are cross-validated over ten folds of questions.

use std::io::Write;
use std::sync::Arc;

use ai_agent::evaluate::Query;
use ai_agent::knowledge::{Entry, Format, Source, import};
use ai_agent::retrieve::{FEATURE_NAMES, FEATURES, Index, MARGIN_MAX, Weights};

/// Candidates of a question that the rank learns from: all that are compared, whatever the present weights say.
const CANDIDATES: usize = 64;
const FOLDS: usize = 10;
const ROUNDS: usize = 3_000;
/// Pull of the weights towards those that an engineer would guess. The rank is pulled harder: it must also serve
/// knowledge of other kinds (long documents) than the shop that it is fitted on.
const PULL: f64 = 0.03;
const PULL_CONFIDENCE: f64 = 0.0005;

/// What each feature should roughly weigh: the sign is held, the size is where the pull goes.
const GUESS: [f64; FEATURES] = Weights::GUESS;

/// Features of a hit, whether it is right, its id.
type Candidate = ([f64; FEATURES], bool, String);

struct Case {
    kind: String,
    text: String,
    candidates: Vec<Candidate>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let misses = arguments.iter().any(|argument| argument == "--misses");
    arguments.retain(|argument| !argument.starts_with("--"));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/");
    let path =
        |at: usize, name: &str| arguments.get(at).cloned().unwrap_or_else(|| format!("{folder}{name}"));
    let cases = cases(&path(0, "shop.yaml"), &path(1, "shop.jsonl"))?;
    let mut out = std::io::stdout().lock();
    let mut judged = Vec::new();
    for fold in 0..FOLDS {
        let (test, train): (Vec<_>, Vec<_>) =
            cases.iter().enumerate().partition(|(at, _)| at % FOLDS == fold);
        let train: Vec<&Case> = train.into_iter().map(|(_, case)| case).collect();
        let fitted = fit(&train);
        judged.extend(test.into_iter().map(|(_, case)| (case, judge(case, &fitted))));
    }
    curve(&mut out, &judged)?;
    if misses {
        for (case, (confidence, right, found)) in &judged {
            if (case.kind == "paraphrase") != (*right && *confidence >= 0.5)
                || case.kind != "paraphrase" && *confidence >= 0.5
            {
                writeln!(out, "{} {confidence:.2} {} -> {found}", case.kind, case.text)?;
            }
        }
    }
    let all: Vec<&Case> = cases.iter().collect();
    let fitted = fit(&all);
    writeln!(out, "// feature: rank, confidence")?;
    for (at, name) in FEATURE_NAMES.iter().enumerate() {
        writeln!(out, "{name} {:.3} {:.3}", fitted.0[at], fitted.2[at])?;
    }
    writeln!(out, "bias {:.3} {:.3}", fitted.1, fitted.2[FEATURES + 1])?;
    writeln!(out, "lead {:.3}", fitted.2[FEATURES])?;
    Ok(())
}

fn cases(kb: &str, queries: &str) -> Result<Vec<Case>, Box<dyn std::error::Error>> {
    let format = Format::of_name(kb).ok_or("unknown format")?;
    let imported = import(&Source { name: kb, format, zone: &jiff::tz::TimeZone::UTC }, &std::fs::read(kb)?);
    let mut index = Index::default();
    imported.entries.iter().for_each(|entry| index.put(Arc::new(entry.clone())));
    let text = std::fs::read_to_string(queries)?;
    let queries: Vec<Query> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let kind =
        |query: &Query| query.id.rsplit_once('-').map_or(query.id.clone(), |(kind, _)| kind.to_owned());
    let mut cases: Vec<Case> =
        queries.iter().map(|query| case(&index, kind(query), &query.text, &query.relevant)).collect();
    for entry in &imported.entries {
        cases.extend(own_words(&mut index, entry));
    }
    Ok(cases)
}

fn case(index: &Index, kind: String, text: &str, relevant: &[String]) -> Case {
    let hits = index.search(text, 0, CANDIDATES).into_iter();
    let candidates = hits
        .map(|hit| (hit.features.map(f64::from), relevant.contains(&hit.entry.id), hit.entry.id.clone()))
        .collect();
    Case { kind, text: text.to_owned(), candidates }
}

/// What the knowledge itself teaches: a question word for word, each wording found by the others alone, and the question
/// when its entry is not there.
fn own_words(index: &mut Index, entry: &Entry) -> Vec<Case> {
    let relevant = [entry.id.clone()];
    let mut cases = vec![case(index, "verbatim".to_owned(), &entry.question, &relevant)];
    for (at, text) in entry.variants.iter().enumerate() {
        let mut others = entry.clone();
        others.variants.remove(at);
        index.put(Arc::new(others));
        cases.push(case(index, "wording".to_owned(), text, &relevant));
    }
    index.remove(&entry.id);
    cases.push(case(index, "removed".to_owned(), &entry.question, &[]));
    index.put(Arc::new(entry.clone()));
    cases
}

/// Weights and bias of the rank, then weights, lead and bias of the confidence.
type Fitted = ([f64; FEATURES], f64, [f64; FEATURES + 2]);

fn fit(cases: &[&Case]) -> Fitted {
    let (weights, bias) = fit_rank(cases);
    (weights, bias, fit_confidence(cases, &weights, bias))
}

/// Among a question's candidates the right one shall stand first (softmax), and right ones above wrong ones (logistic).
fn fit_rank(cases: &[&Case]) -> ([f64; FEATURES], f64) {
    let (mut weights, mut bias) = (GUESS, -6.0);
    let count = cases.len() as f64;
    for _ in 0..ROUNDS {
        let (mut slope, mut slope_bias) = ([0.0; FEATURES], 0.0);
        for case in cases {
            let scores: Vec<f64> =
                case.candidates.iter().map(|(features, ..)| dot(&weights, features) + bias).collect();
            let top = scores.iter().copied().fold(f64::MIN, f64::max);
            let total: f64 = scores.iter().map(|score| (score - top).exp()).sum();
            let any = case.candidates.iter().any(|(_, right, _)| *right);
            for ((features, right, _), score) in case.candidates.iter().zip(&scores) {
                let softmax =
                    if any { (score - top).exp() / total - f64::from(u8::from(*right)) } else { 0.0 };
                let logistic = sigmoid(*score) - f64::from(u8::from(*right));
                for (slope, feature) in slope.iter_mut().zip(features) {
                    *slope += (softmax + logistic) * feature / count;
                }
                slope_bias += logistic / count;
            }
        }
        for at in 0..FEATURES {
            weights[at] -= 0.3 * (slope[at] + PULL * (weights[at] - GUESS[at]));
            if weights[at] * GUESS[at] < 0.0 {
                weights[at] = 0.0;
            }
        }
        bias -= 0.3 * slope_bias;
    }
    (weights, bias)
}

/// How probable it is that the best candidate is right, from its features and its lead.
fn fit_confidence(cases: &[&Case], weights: &[f64; FEATURES], bias: f64) -> [f64; FEATURES + 2] {
    let mut z = [0.0; FEATURES + 2];
    z[..FEATURES].copy_from_slice(&GUESS);
    z[FEATURES] = 0.5;
    z[FEATURES + 1] = -6.0;
    let guess = z;
    let rows: Vec<_> = cases.iter().filter_map(|case| row(case, weights, bias)).collect();
    for _ in 0..ROUNDS {
        let mut slope = [0.0; FEATURES + 2];
        for (row, right, _) in &rows {
            let error = sigmoid(row.iter().zip(z).map(|(x, z)| x * z).sum()) - f64::from(u8::from(*right));
            for (slope, x) in slope.iter_mut().zip(row) {
                *slope += error * x / rows.len() as f64;
            }
        }
        for at in 0..FEATURES + 2 {
            z[at] -=
                0.3 * (slope[at] + if at <= FEATURES { PULL_CONFIDENCE * (z[at] - guess[at]) } else { 0.0 });
            if at <= FEATURES && z[at] * guess[at] < 0.0 {
                z[at] = 0.0;
            }
        }
    }
    z
}

/// The best candidate's features, its lead and 1, and whether it is right.
fn row<'a>(
    case: &'a Case,
    weights: &[f64; FEATURES],
    bias: f64,
) -> Option<([f64; FEATURES + 2], bool, &'a str)> {
    let mut ranked: Vec<(f64, &Candidate)> =
        case.candidates.iter().map(|candidate| (dot(weights, &candidate.0) + bias, candidate)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.2.cmp(&b.1.2)));
    let (best, (features, right, id)) = *ranked.first().as_ref()?;
    let margin_max = f64::from(MARGIN_MAX);
    let lead = ranked.get(1).map_or(margin_max, |(rival, ..)| (best - rival).clamp(-margin_max, margin_max));
    let mut row = [1.0; FEATURES + 2];
    row[..FEATURES].copy_from_slice(features);
    row[FEATURES] = lead;
    Some((row, *right, id))
}

fn judge<'a>(case: &'a Case, (weights, bias, z): &Fitted) -> (f64, bool, &'a str) {
    row(case, weights, *bias).map_or((0.0, false, "nothing"), |(row, right, id)| {
        (sigmoid(row.iter().zip(z).map(|(x, z)| x * z).sum()), right, id)
    })
}

fn dot(weights: &[f64; FEATURES], features: &[f64; FEATURES]) -> f64 {
    weights.iter().zip(features).map(|(weight, feature)| weight * feature).sum()
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn curve(out: &mut impl Write, judged: &[(&Case, (f64, bool, &str))]) -> std::io::Result<()> {
    let share = |kind: &str, test: &dyn Fn(&(f64, bool, &str)) -> bool| {
        let of: Vec<_> = judged.iter().filter(|(case, _)| case.kind == kind).collect();
        100.0 * of.iter().filter(|(_, judged)| test(judged)).count() as f64 / of.len().max(1) as f64
    };
    writeln!(out, "right first: {:.1}", share("paraphrase", &|(_, right, _)| *right))?;
    writeln!(out, "answered at    right  wrong   near  unrelated  verbatim  wording  removed")?;
    for step in 6..=16 {
        let threshold = f64::from(step) * 0.05;
        let right = |kind: &str| share(kind, &|(c, right, _)| *right && *c >= threshold);
        let wrong = share("paraphrase", &|(c, right, _)| !*right && *c >= threshold);
        let any = |kind: &str| share(kind, &|(c, ..)| *c >= threshold);
        writeln!(
            out,
            "{threshold:>11.2} {:>8.1} {wrong:>6.1} {:>6.1} {:>10.1} {:>9.1} {:>8.1} {:>8.1}",
            right("paraphrase"),
            any("near"),
            any("unrelated"),
            right("verbatim"),
            right("wording"),
            any("removed"),
        )?;
    }
    Ok(())
}
