//! Owns the floors under what is read of consent: a change that hears less, or hears what was not said, is seen here.
//!
//! The words of `consent.txt` were chosen on `data/consent.jsonl`, so its figures say that nothing got lost; nobody who
//! chose them has read `data/consent-unseen.jsonl`, and its figures say how well other sentences are read.

use lead_capture::extract::{Consent, consent};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Labelled {
    text: String,
    /// `given`, `refused` or `none`.
    label: String,
}

/// How often what is labelled so is read so, and what is misread.
#[derive(Default)]
struct Read {
    counts: BTreeMap<(String, &'static str), usize>,
    misread: Vec<String>,
}

impl Read {
    fn of(sentences: &str) -> Self {
        let mut read = Self::default();
        for line in sentences.lines() {
            let Labelled { text, label } = serde_json::from_str(line).expect("a labelled sentence");
            let found = match consent(&text) {
                Some(Consent::Given) => "given",
                Some(Consent::Refused) => "refused",
                None => "none",
            };
            if found != label {
                read.misread.push(format!("{label}, read as {found}: {text}"));
            }
            *read.counts.entry((label, found)).or_default() += 1;
        }
        read
    }

    /// Holds in per cent: of what is labelled so, what is read so, and of what is read so, what is labelled so.
    fn reaches(&self, label: &str, heard: usize, was_said: usize) {
        let sum = |wanted: &dyn Fn(&str, &str) -> bool| -> usize {
            let those = self.counts.iter().filter(|((labelled, found), _)| wanted(labelled, found));
            those.map(|(_, count)| count).sum()
        };
        let right = sum(&|labelled, found| labelled == label && found == label);
        let figures = (
            100 * right / sum(&|labelled, _| labelled == label),
            100 * right / sum(&|_, found| found == label),
        );
        let misread = self.misread.join("\n");
        assert!(figures.0 >= heard && figures.1 >= was_said, "{label}: {figures:?}\n{misread}");
    }
}

#[test]
fn what_the_words_were_chosen_on_is_read_as_well_as_then() {
    let read = Read::of(include_str!("data/consent.jsonl"));
    read.reaches("refused", 95, 97);
    read.reaches("given", 95, 95);
}

#[test]
fn four_refusals_in_five_that_nobody_had_read_are_heard_and_nine_permissions_in_ten_were_given() {
    let read = Read::of(include_str!("data/consent-unseen.jsonl"));
    read.reaches("refused", 82, 91);
    read.reaches("given", 72, 89);
}
