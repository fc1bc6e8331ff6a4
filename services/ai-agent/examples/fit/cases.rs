//! Owns what is learnt from: the development shop's questions, and what each knowledge base teaches about itself.

use std::sync::Arc;

use ai_agent::evaluate::Query;
use ai_agent::knowledge::{Entry, Format, Source, import};
use ai_agent::retrieve::{FEATURES, Index};

/// Candidates of a question that the rank learns from: all that are compared, whatever the present weights say.
const CANDIDATES: usize = 64;
pub(crate) const FOLDS: usize = 5;

pub(crate) struct Candidate {
    pub(crate) features: [f64; FEATURES],
    pub(crate) right: bool,
    pub(crate) id: String,
}

pub(crate) struct Case {
    pub(crate) kind: String,
    /// Cases of one entry are in one fold.
    pub(crate) fold: usize,
    pub(crate) text: String,
    pub(crate) candidates: Vec<Candidate>,
}

impl Case {
    /// Questions that people asked count more than those that are made from knowledge.
    pub(crate) fn counts(&self) -> f64 {
        if ["paraphrase", "near"].contains(&self.kind.as_str()) { 3.0 } else { 1.0 }
    }
}

type Failure = Box<dyn std::error::Error>;

fn knowledge(path: &str) -> Result<(Vec<Entry>, Index), Failure> {
    let format = Format::of_name(path).ok_or("unknown format")?;
    let source = Source { name: path, format, zone: &jiff::tz::TimeZone::UTC };
    let imported = import(&source, &std::fs::read(path)?);
    let mut index = Index::default();
    imported.entries.iter().for_each(|entry| index.put(Arc::new(entry.clone())));
    Ok((imported.entries, index))
}

/// The development shop with its questions, then the demo knowledge alone.
pub(crate) fn cases(kb: &str, queries: &str, demo: &str) -> Result<Vec<Case>, Failure> {
    let (entries, mut index) = knowledge(kb)?;
    let text = std::fs::read_to_string(queries)?;
    let queries: Vec<Query> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let mut cases: Vec<Case> = Vec::new();
    for (at, query) in queries.iter().enumerate() {
        let kind = query.id.rsplit_once('-').map_or(query.id.as_str(), |(kind, _)| kind);
        let of = |id: &String| entries.iter().position(|entry| entry.id == *id);
        let place = query.relevant.first().and_then(of).unwrap_or(at);
        cases.push(case(&index, (kind.to_owned(), place), &query.text, &query.relevant));
    }
    for (at, entry) in entries.iter().enumerate() {
        cases.extend(own_words(&mut index, (entry, at), ""));
    }
    let (entries, mut index) = knowledge(demo)?;
    for (at, entry) in entries.iter().enumerate() {
        cases.extend(own_words(&mut index, (entry, at), "demo_"));
    }
    Ok(cases)
}

fn case(index: &Index, (kind, place): (String, usize), text: &str, relevant: &[String]) -> Case {
    let hits = index.search(text, 0, CANDIDATES).into_iter();
    let candidates = hits
        .map(|hit| Candidate {
            features: hit.features.map(f64::from),
            right: relevant.contains(&hit.entry.id),
            id: hit.entry.id.clone(),
        })
        .collect();
    Case { kind, fold: place % FOLDS, text: text.to_owned(), candidates }
}

/// A question word for word, each wording found by the others alone, and each wording when its entry is not there.
fn own_words(index: &mut Index, (entry, at): (&Entry, usize), of: &str) -> Vec<Case> {
    let relevant = [entry.id.clone()];
    let kind = |kind: &str| (format!("{of}{kind}"), at);
    let mut cases = vec![case(index, kind("verbatim"), &entry.question, &relevant)];
    for (variant, text) in entry.variants.iter().enumerate() {
        let mut others = entry.clone();
        others.variants.remove(variant);
        index.put(Arc::new(others));
        cases.push(case(index, kind("wording"), text, &relevant));
    }
    index.remove(&entry.id);
    for text in std::iter::once(&entry.question).chain(&entry.variants) {
        cases.push(case(index, kind("removed"), text, &[]));
    }
    index.put(Arc::new(entry.clone()));
    cases
}
