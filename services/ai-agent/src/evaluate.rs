//! Owns measuring: the same figures for our files and for anyone's own.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::detect::{anger, wants_person};
use crate::knowledge::Entry;
use crate::retrieve::Index;

/// A question with the entries that answer it.
#[derive(Clone, Debug, Deserialize)]
pub struct Query {
    /// Names the question in reports.
    pub id: String,
    /// As a customer wrote it.
    pub text: String,
    /// Ids of the entries that answer it; none: the knowledge does not.
    #[serde(default)]
    pub relevant: Vec<String>,
}

/// How well a knowledge base answers questions. Shares are 0..1; a share of nothing is absent.
#[derive(Clone, Debug, Serialize)]
pub struct FaqReport {
    /// Entries of the knowledge base.
    pub entries: usize,
    /// Questions that it answers.
    pub answerable: usize,
    /// Questions that it does not answer.
    pub unanswerable: usize,
    /// Confidence from which a hit is an answer.
    pub threshold: f32,
    /// Of the answerable: the right entry comes first.
    pub recall_at_1: Option<f64>,
    /// Of the answerable: a right entry is among the first five.
    pub recall_at_5: Option<f64>,
    /// Of the answerable: answered at the threshold, rightly or not.
    pub answered: Option<f64>,
    /// Of the answerable: answered and right.
    pub answered_right: Option<f64>,
    /// Of all answers given, to unanswerable questions too: right.
    pub right_of_answered: Option<f64>,
    /// Of the unanswerable: left to people.
    pub unanswerable_rejected: Option<f64>,
    /// Probability that an answerable question gets a higher confidence than an unanswerable one (AUROC).
    pub auroc: Option<f64>,
    /// Time of one search, µs.
    pub latency_us: Latency,
}

/// Times of single searches, µs.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// Arithmetic mean.
    pub mean: f64,
    /// Half took less.
    pub p50: f64,
    /// Ninety-nine in a hundred took less.
    pub p99: f64,
}

/// What one search found.
struct Outcome {
    answerable: bool,
    place: Option<usize>,
    confidence: f32,
    micros: f64,
}

/// Searches each question in the knowledge base. Validity dates are not looked at.
pub fn faq(kb: Vec<Entry>, queries: impl Iterator<Item = Query>, threshold: f32) -> FaqReport {
    let mut index = Index::default();
    for mut entry in kb {
        (entry.valid_from, entry.valid_until) = (None, None);
        index.put(Arc::new(entry));
    }
    let outcomes: Vec<Outcome> = queries.map(|query| outcome(&index, &query)).collect();
    report(index.len(), &outcomes, threshold)
}

fn outcome(index: &Index, query: &Query) -> Outcome {
    let started = Instant::now();
    let hits = index.search(&query.text, 0, 5);
    let micros = started.elapsed().as_secs_f64() * 1e6;
    Outcome {
        answerable: !query.relevant.is_empty(),
        place: hits.iter().position(|hit| query.relevant.contains(&hit.entry.id)),
        confidence: hits.first().map_or(0.0, |hit| hit.confidence),
        micros,
    }
}

fn report(entries: usize, outcomes: &[Outcome], threshold: f32) -> FaqReport {
    let (answerable, unanswerable): (Vec<&Outcome>, Vec<&Outcome>) =
        outcomes.iter().partition(|o| o.answerable);
    let share = |of: &[&Outcome], test: &dyn Fn(&Outcome) -> bool| {
        (!of.is_empty()).then(|| of.iter().filter(|o| test(o)).count() as f64 / of.len() as f64)
    };
    let given = |o: &Outcome| o.confidence >= threshold;
    let answers: Vec<&Outcome> = outcomes.iter().filter(|o| given(o)).collect();
    FaqReport {
        entries,
        answerable: answerable.len(),
        unanswerable: unanswerable.len(),
        threshold,
        recall_at_1: share(&answerable, &|o| o.place == Some(0)),
        recall_at_5: share(&answerable, &|o| o.place.is_some()),
        answered: share(&answerable, &given),
        answered_right: share(&answerable, &|o| given(o) && o.place == Some(0)),
        right_of_answered: share(&answers, &|o| o.place == Some(0)),
        unanswerable_rejected: share(&unanswerable, &|o| !given(o)),
        auroc: auroc(&answerable, &unanswerable),
        latency_us: latency(outcomes),
    }
}

fn auroc(answerable: &[&Outcome], unanswerable: &[&Outcome]) -> Option<f64> {
    if answerable.is_empty() || unanswerable.is_empty() {
        return None;
    }
    let mut low: Vec<f32> = unanswerable.iter().map(|o| o.confidence).collect();
    low.sort_by(f32::total_cmp);
    let above: f64 = answerable
        .iter()
        .map(|o| {
            let below = low.partition_point(|c| *c < o.confidence);
            let equal = low.partition_point(|c| *c <= o.confidence) - below;
            below as f64 + equal as f64 / 2.0
        })
        .sum();
    Some(above / (answerable.len() * unanswerable.len()) as f64)
}

fn latency(outcomes: &[Outcome]) -> Latency {
    let mut micros: Vec<f64> = outcomes.iter().map(|o| o.micros).collect();
    micros.sort_by(f64::total_cmp);
    let at = |share: f64| {
        micros
            .get(((micros.len() as f64 * share) as usize).min(micros.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0.0)
    };
    Latency { mean: micros.iter().sum::<f64>() / micros.len().max(1) as f64, p50: at(0.5), p99: at(0.99) }
}

/// A message with what a person heard in it.
#[derive(Clone, Debug, Deserialize)]
pub struct Heard {
    /// As a customer wrote it.
    pub text: String,
    /// 1: discontented or angry.
    pub neg: u8,
    /// 1: asks for a person; absent: cannot be told.
    #[serde(default)]
    pub handoff: Option<u8>,
}

/// How well discontent and the wish for a person are noticed. Shares are 0..1; a share of nothing is absent.
#[derive(Clone, Debug, Serialize)]
pub struct EmotionReport {
    /// Messages.
    pub messages: usize,
    /// Discontent: harmonic mean of precision and recall.
    pub negative_f1: Option<f64>,
    /// Calm messages that were taken for discontent.
    pub false_alarms: Option<f64>,
    /// The wish for a person: harmonic mean of precision and recall.
    pub person_f1: Option<f64>,
}

/// Compares what is noticed with what people heard.
pub fn emotion(messages: impl Iterator<Item = Heard>) -> EmotionReport {
    let (mut negative, mut person) = (Counts::default(), Counts::default());
    let mut total = 0;
    for heard in messages {
        total += 1;
        negative.add(heard.neg == 1, anger(&heard.text).is_negative);
        if let Some(handoff) = heard.handoff {
            person.add(handoff == 1, wants_person(&heard.text));
        }
    }
    let calm = negative.wrong + negative.rest;
    EmotionReport {
        messages: total,
        negative_f1: negative.f1(),
        false_alarms: (calm > 0).then(|| negative.wrong as f64 / calm as f64),
        person_f1: person.f1(),
    }
}

/// Found rightly, found wrongly, missed, rightly left.
#[derive(Default)]
struct Counts {
    found: usize,
    wrong: usize,
    missed: usize,
    rest: usize,
}

impl Counts {
    fn add(&mut self, is: bool, seen: bool) {
        *match (is, seen) {
            (true, true) => &mut self.found,
            (false, true) => &mut self.wrong,
            (true, false) => &mut self.missed,
            (false, false) => &mut self.rest,
        } += 1;
    }

    fn f1(&self) -> Option<f64> {
        let all = 2 * self.found + self.wrong + self.missed;
        (all > 0).then(|| 2.0 * self.found as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_count_what_they_say() {
        let heard = |text: &str, neg, handoff| Heard { text: text.to_owned(), neg, handoff: Some(handoff) };
        let report =
            emotion([heard("垃圾客服", 1, 0), heard("转人工", 0, 1), heard("多久发货", 0, 0)].into_iter());
        assert_eq!(
            (report.negative_f1, report.false_alarms, report.person_f1),
            (Some(1.0), Some(0.0), Some(1.0))
        );
    }
}
