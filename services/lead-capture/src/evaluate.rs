//! Extraction measured against a file of labelled messages.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::extract::{self, Detail, Kind};

/// A labelled message.
#[derive(Debug, Clone, Deserialize)]
pub struct Gold {
    pub text: String,
    pub entities: Vec<Entity>,
}

/// A labelled detail; offsets are code points, half open.
#[derive(Debug, Clone, Deserialize)]
pub struct Entity {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub value: String,
    pub start: usize,
    pub end: usize,
    /// The canonical value; the value itself if absent.
    #[serde(default)]
    pub norm: Option<String>,
    #[serde(default)]
    pub form: Option<String>,
}

/// Precision, recall and their harmonic mean in per cent, and the number of labelled details.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub struct Score {
    pub p: f64,
    pub r: f64,
    pub f1: f64,
    #[serde(rename = "n")]
    pub labelled: usize,
}

/// How well the rules read a file. All shares are in per cent, to two decimals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeadReport {
    /// Phone, WeChat, QQ, e-mail and Telegram taken together.
    pub contact_micro: Score,
    pub by_type: BTreeMap<&'static str, Score>,
    /// Share found and number labelled, by `type/form`.
    pub recall_by_form: BTreeMap<String, (f64, usize)>,
    /// Share of messages without any label in which nothing was found; none where every message has one.
    pub clean_negatives: Option<f64>,
    pub n: usize,
    /// Time per message, microseconds.
    pub mean_us: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    hit: usize,
    extra: usize,
    missed: usize,
}

impl Count {
    fn score(self) -> Score {
        let p = ratio(self.hit, self.hit + self.extra);
        let r = ratio(self.hit, self.hit + self.missed);
        let f1 = 2.0 * p * r / (p + r).max(1e-9);
        Score { p: per_cent(p), r: per_cent(r), f1: per_cent(f1), labelled: self.hit + self.missed }
    }
}

impl Gold {
    /// What is wrong with the labels: a span that the text does not have, or a value that does not stand there.
    pub fn problem(&self) -> Option<String> {
        let length = self.text.chars().count();
        self.entities.iter().find_map(|Entity { value, start, end, .. }| {
            if start >= end || *end > length {
                return Some(format!(
                    "the offsets {start} to {end} of `{value}` are no place in a text of {length} code points"
                ));
            }
            let there: String = self.text.chars().skip(*start).take(end - start).collect();
            (there != *value).then(|| format!("from {start} to {end} stands `{there}` and not `{value}`"))
        })
    }
}

/// Extracts from every message and compares: a detail is found if kind and canonical value agree and the spans meet;
/// for addresses and companies if the spans share seven tenths of their union.
pub fn lead(gold: impl IntoIterator<Item = Gold>) -> LeadReport {
    let mut counts: BTreeMap<Kind, Count> = BTreeMap::new();
    let mut forms: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let (mut messages, mut negatives, mut clean) = (0, 0, 0);
    let mut seconds = 0.0;
    for gold in gold {
        let began = Instant::now();
        let found = extract::captured(&gold.text);
        seconds += began.elapsed().as_secs_f64();
        messages += 1;
        if gold.entities.is_empty() {
            negatives += 1;
            clean += usize::from(found.is_empty());
        }
        compare(&gold, &found, &mut counts, &mut forms);
    }
    let contacts =
        counts.iter().filter(|(kind, _)| kind.reaches()).fold(Count::default(), |sum, (_, count)| Count {
            hit: sum.hit + count.hit,
            extra: sum.extra + count.extra,
            missed: sum.missed + count.missed,
        });
    LeadReport {
        contact_micro: contacts.score(),
        by_type: counts.into_iter().map(|(kind, count)| (kind.name(), count.score())).collect(),
        recall_by_form: forms
            .into_iter()
            .map(|(form, (hit, all))| (form, (per_cent(ratio(hit, all)), all)))
            .collect(),
        clean_negatives: (negatives > 0).then(|| per_cent(ratio(clean, negatives))),
        n: messages,
        mean_us: (seconds * 1e6 / f64::from(messages.max(1) as u32) * 100.0).round() / 100.0,
    }
}

fn compare(
    gold: &Gold,
    found: &[Detail],
    counts: &mut BTreeMap<Kind, Count>,
    forms: &mut BTreeMap<String, (usize, usize)>,
) {
    let mut used = vec![false; found.len()];
    for entity in &gold.entities {
        let hit = (0..found.len()).find(|index| !used[*index] && agrees(entity, &found[*index]));
        let count = counts.entry(entity.kind).or_default();
        match hit {
            Some(index) => {
                used[index] = true;
                count.hit += 1;
            }
            None => count.missed += 1,
        }
        if let Some(form) = &entity.form {
            let (found, all) = forms.entry(format!("{}/{form}", entity.kind.name())).or_default();
            *found += usize::from(hit.is_some());
            *all += 1;
        }
    }
    for (detail, used) in found.iter().zip(used) {
        if !used {
            counts.entry(detail.kind).or_default().extra += 1;
        }
    }
}

fn agrees(entity: &Entity, found: &Detail) -> bool {
    let shared = found.end.min(entity.end).saturating_sub(found.start.max(entity.start));
    if found.kind != entity.kind || shared == 0 {
        return false;
    }
    if matches!(entity.kind, Kind::Address | Kind::Company) {
        let union = found.end.max(entity.end) - found.start.min(entity.start);
        return ratio(shared, union) >= 0.7;
    }
    let wanted = canonical(entity.kind, entity.norm.as_deref().unwrap_or(&entity.value));
    let got = canonical(found.kind, &found.norm);
    got == wanted || entity.kind == Kind::Phone && is_same_line(&wanted, &got)
}

/// One of the two may carry a country code that the other lacks.
fn is_same_line(wanted: &str, got: &str) -> bool {
    const TAIL: usize = 9;
    let tail = &wanted[wanted.len().saturating_sub(TAIL)..];
    wanted.len() >= 7 && got.ends_with(tail) && got.len() <= wanted.len() + 4
}

fn canonical(kind: Kind, value: &str) -> String {
    let folded = value.nfkc().collect::<String>().trim().to_lowercase();
    match kind {
        Kind::Phone | Kind::Qq => folded.chars().filter(char::is_ascii_digit).collect(),
        _ => folded,
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn per_cent(share: f64) -> f64 {
    (share * 10_000.0).round_ties_even() / 100.0
}
