//! Owns what is learnt from: the development shop's questions, and what each knowledge base teaches about itself.

use std::sync::Arc;

use ai_agent::answer::Language;
use ai_agent::evaluate::Query;
use ai_agent::knowledge::{Entry, Format, Source, import};
use ai_agent::retrieve::{FEATURES, Index};

/// Candidates of a question that the rank learns from: all that are compared, whatever the present weights say.
const CANDIDATES: usize = 64;
pub(crate) const FOLDS: usize = 5;
/// One wording in so many is also told as a story.
const STORY_EACH: usize = 3;

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
    /// How much it counts; 0: as its kind does.
    pub(crate) share: f64,
    pub(crate) candidates: Vec<Candidate>,
}

impl Case {
    /// The entries that it was put to have no questions.
    pub(crate) fn is_of_passages(&self) -> bool {
        self.kind.starts_with("passage_")
    }

    /// Questions that people asked count more than those that are made from knowledge.
    pub(crate) fn counts(&self) -> f64 {
        if self.share > 0.0 {
            return self.share;
        }
        match self.kind.as_str() {
            "fresh_paraphrase" | "fresh_near" | "spoken_paraphrase" | "spoken_near" | "demo_near" => 5.0,
            "gym_paraphrase" | "near" | "gym_near" => 4.0,
            "demo_story" => 3.0,
            // Words for the lexicon were looked for in these, so that they match better than questions will.
            "demo_paraphrase" => 1.0,
            "paraphrase" => 2.0,
            unrelated if unrelated.ends_with("unrelated") => 5.0,
            // The demo knowledge has ten times as many wordings as the others.
            of_demo if of_demo.starts_with("demo_") => 0.15,
            _ => 0.7,
        }
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

/// A knowledge base, the questions to it with what the names of their kinds of case begin with, and the same for what it
/// teaches about itself.
type Learnt = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const SOURCES: [Learnt; 4] = [
    (
        "tests/data/articles-knowledge.jsonl",
        &[("tests/data/articles.jsonl", "articles_")],
        "passage_articles_",
    ),
    ("tests/data/shop.yaml", &[("tests/data/shop.jsonl", "")], ""),
    ("tests/data/gym.yaml", &[("tests/data/gym.jsonl", "gym_")], "gym_"),
    (
        "../../cli/demo/knowledge.yaml",
        &[
            ("tests/data/demo.jsonl", "demo_"),
            ("tests/data/fresh.jsonl", "fresh_"),
            ("tests/data/spoken.jsonl", "spoken_"),
        ],
        "demo_",
    ),
];

/// The questions to each knowledge base, and what each teaches about itself.
pub(crate) fn cases() -> Result<Vec<Case>, Failure> {
    let mut cases: Vec<Case> = Vec::new();
    let text = std::fs::read_to_string(own("tests/data/openers.txt"))?;
    let openers: Vec<&str> = text.lines().collect();
    for (kb, queries, of) in SOURCES {
        let (entries, mut index) = knowledge(&own(kb))?;
        let mut openers = openers.iter().cycle();
        for (path, of) in queries {
            let text = std::fs::read_to_string(own(path))?;
            // Articles are passages as they stand.
            let forms = if of.starts_with("articles") { [Form::Titled].as_slice() } else { &FORMS };
            for form in forms.iter().copied() {
                let index = form.index(&entries);
                for (at, line) in text.lines().enumerate() {
                    cases.extend(asked((&index, &entries), form, (of, at, line), &mut openers)?);
                }
            }
        }
        for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.variants.is_empty()) {
            cases.extend(own_words(&mut index, (entry, at), of, &mut openers));
        }
    }
    Ok(cases)
}

/// How an editor writes entries: with many wordings, with a question alone, as passages.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Whole,
    Single,
    Passage,
    Titled,
}

const FORMS: [Form; 3] = [Form::Whole, Form::Single, Form::Passage];

impl Form {
    fn index(self, entries: &[Entry]) -> Index {
        let mut index = Index::default();
        for entry in entries {
            let mut entry = entry.clone();
            if matches!(self, Form::Single | Form::Passage) {
                entry.variants.clear();
            }
            if self == Form::Passage {
                entry.question.clear();
            }
            index.put(Arc::new(entry));
        }
        index
    }

    /// What its kinds of case are called, and how much of a case each counts.
    fn named(self) -> (&'static str, f64) {
        match self {
            Form::Whole => ("", 1.0),
            Form::Single => ("single_", 0.25),
            Form::Passage => ("passage_", 0.15),
            Form::Titled => ("passage_", 0.6),
        }
    }
}

/// A question that a person thought of; every other one once more as a story.
fn asked<'a>(
    (index, entries): (&Index, &[Entry]),
    form: Form,
    (of, at, line): (&str, usize, &str),
    openers: &mut impl Iterator<Item = &'a &'a str>,
) -> Result<Vec<Case>, Failure> {
    let (query, topic): (Query, Topic) = (serde_json::from_str(line)?, serde_json::from_str(line)?);
    let kind = query.id.rsplit_once('-').map_or(query.id.as_str(), |(kind, _)| kind);
    let place = query.relevant.first().or(topic.topic.as_ref());
    let place = place.and_then(|id| entries.iter().position(|entry| entry.id == *id)).unwrap_or(at);
    let (form, share) = form.named();
    let judged = |told: &str, text: &str, part: f64| {
        // How a case counts depends on its kind alone, whatever the form.
        let counted = case(index, (format!("{of}{kind}"), place), text, &query.relevant);
        Case { share: share * part * counted.counts(), kind: format!("{form}{told}{of}{kind}"), ..counted }
    };
    let mut cases = vec![judged("", &query.text, 1.0)];
    if at.is_multiple_of(2) && kind != "story" && Language::of(&query.text) == Language::Zh {
        let told = openers.next().map(|opener| format!("{opener}{}", query.text));
        cases.extend(told.map(|text| judged("told_", &text, 0.6)));
    }
    Ok(cases)
}

fn own(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// The entry whose topic a near question shares, so that both are in one fold.
#[derive(serde::Deserialize)]
struct Topic {
    #[serde(default)]
    topic: Option<String>,
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
    Case { kind, fold: place % FOLDS, text: text.to_owned(), share: 0.0, candidates }
}

/// A question word for word, each wording found by the others alone, and each wording when its entry is not there; every
/// third of them once more as a story, that is after words about something else.
fn own_words<'a>(
    index: &mut Index,
    (entry, at): (&Entry, usize),
    of: &str,
    openers: &mut impl Iterator<Item = &'a &'a str>,
) -> Vec<Case> {
    let relevant = [entry.id.clone()];
    let kind = |kind: &str| (format!("{of}{kind}"), at);
    let mut cases = vec![case(index, kind("verbatim"), &entry.question, &relevant)];
    let mut told = |number: usize, text: &str| {
        let tells = number.is_multiple_of(STORY_EACH) && Language::of(text) == Language::Zh;
        tells.then(|| openers.next()).flatten().map(|opener| format!("{opener}{text}"))
    };
    for (variant, text) in entry.variants.iter().enumerate() {
        let mut others = entry.clone();
        others.variants.remove(variant);
        index.put(Arc::new(others));
        cases.push(case(index, kind("wording"), text, &relevant));
        cases.extend(told(variant + at, text).map(|text| case(index, kind("told"), &text, &relevant)));
    }
    index.remove(&entry.id);
    for (number, text) in std::iter::once(&entry.question).chain(&entry.variants).enumerate() {
        cases.push(case(index, kind("removed"), text, &[]));
        cases.extend(told(number + at, text).map(|text| case(index, kind("told_removed"), &text, &[])));
    }
    index.put(Arc::new(entry.clone()));
    cases
}
