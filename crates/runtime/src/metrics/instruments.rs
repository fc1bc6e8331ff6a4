//! Counters, gauges and histograms whose labels cannot grow without bound.

use opentelemetry::KeyValue;
use opentelemetry::metrics;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// What stands in a label when its value is none of those allowed.
pub const OTHER: &str = "other";

/// A label and the values that it may have.
#[derive(Clone, Debug)]
pub struct Label {
    name: &'static str,
    allowed: Allowed,
}

#[derive(Clone, Debug)]
enum Allowed {
    These(&'static [&'static str]),
    First { count_max: usize, seen: Arc<Mutex<BTreeSet<String>>> },
}

impl Label {
    /// A label with the values that the code knows.
    pub fn of(name: &'static str, values: &'static [&'static str]) -> Self {
        Self { name, allowed: Allowed::These(values) }
    }

    /// A label whose values come from the configuration (readers, channels); those after the first
    /// `count_max` become `other`. Never a tenant, an account or a person.
    pub fn up_to(name: &'static str, count_max: usize) -> Self {
        Self { name, allowed: Allowed::First { count_max, seen: Arc::default() } }
    }

    fn bounded(&self, value: &str) -> KeyValue {
        let value = match &self.allowed {
            Allowed::These(values) => {
                return KeyValue::new(
                    self.name,
                    values.iter().find(|known| **known == value).map_or(OTHER, |known| known),
                );
            }
            Allowed::First { count_max, seen } => {
                let mut seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if !seen.contains(value) && seen.len() < *count_max {
                    seen.insert(value.to_owned());
                }
                if seen.contains(value) { value } else { OTHER }
            }
        };
        KeyValue::new(self.name, value.to_owned())
    }
}

/// One attribute per label; a value that is missing is `other`, one too many is left out.
pub(super) fn attributes(labels: &[Label], values: &[&str]) -> Vec<KeyValue> {
    debug_assert_eq!(labels.len(), values.len(), "one value per label, in their order");
    let values = values.iter().copied().chain(std::iter::repeat(OTHER));
    labels.iter().zip(values).map(|(label, value)| label.bounded(value)).collect()
}

/// A number that only grows.
#[derive(Clone, Debug)]
pub struct Counter {
    inner: metrics::Counter<u64>,
    labels: Arc<[Label]>,
}

impl Counter {
    pub(super) fn new(inner: metrics::Counter<u64>, labels: Vec<Label>) -> Self {
        Self { inner, labels: labels.into() }
    }

    /// `values` are the labels' values in the order in which the labels were given.
    pub fn add(&self, count: u64, values: &[&str]) {
        self.inner.add(count, &attributes(&self.labels, values));
    }
}

/// A number that rises and falls.
#[derive(Clone, Debug)]
pub struct Gauge {
    inner: metrics::Gauge<f64>,
    labels: Arc<[Label]>,
}

impl Gauge {
    pub(super) fn new(inner: metrics::Gauge<f64>, labels: Vec<Label>) -> Self {
        Self { inner, labels: labels.into() }
    }

    /// As [`Counter::add`].
    pub fn set(&self, figure: f64, values: &[&str]) {
        self.inner.record(figure, &attributes(&self.labels, values));
    }
}

/// How figures are spread.
#[derive(Clone, Debug)]
pub struct Histogram {
    inner: metrics::Histogram<f64>,
    labels: Arc<[Label]>,
}

impl Histogram {
    pub(super) fn new(inner: metrics::Histogram<f64>, labels: Vec<Label>) -> Self {
        Self { inner, labels: labels.into() }
    }

    /// As [`Counter::add`]; the unit is the one in the name.
    pub fn record(&self, figure: f64, values: &[&str]) {
        self.inner.record(figure, &attributes(&self.labels, values));
    }
}
