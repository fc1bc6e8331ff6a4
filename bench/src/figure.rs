//! One measured figure, with its limit and its goal.

use serde::Serialize;

/// A figure as `bench/results.json` lists it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) figure: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// What the machine itself can do, measured in the same run.
    pub(crate) limit: Option<f64>,
    /// `value` over `limit`.
    pub(crate) ratio: Option<f64>,
    /// The goal, of the ratio if there is a limit and of the value if not.
    pub(crate) goal: String,
    pub(crate) met: bool,
}

impl Figure {
    /// A figure whose ratio to the machine's limit must reach `goal`.
    pub(crate) fn of_limit(figure: &str, value: f64, limit: f64, unit: &'static str, goal: f64) -> Self {
        let ratio = value / limit;
        Self {
            figure: figure.into(),
            value,
            unit,
            limit: Some(limit),
            ratio: Some(ratio),
            goal: format!("ratio ≥ {goal}"),
            met: ratio >= goal,
        }
    }

    /// A figure whose ratio to what was measured beside it may be `goal` at most.
    pub(crate) fn ceiling(figure: &str, value: f64, beside: f64, unit: &'static str, goal: f64) -> Self {
        let ratio = value / beside;
        Self {
            goal: format!("ratio ≤ {goal}"),
            met: ratio <= goal,
            ..Self::of_limit(figure, value, beside, unit, 0.0)
        }
    }

    /// A figure without a goal, with what it would be at best.
    pub(crate) fn beside(figure: &str, value: f64, best: f64, unit: &'static str) -> Self {
        Self { goal: "stated".into(), met: true, ..Self::of_limit(figure, value, best, unit, 0.0) }
    }

    /// A figure that must be at least `goal`.
    pub(crate) fn at_least(figure: &str, value: f64, unit: &'static str, goal: f64) -> Self {
        let goal_text = format!("≥ {goal} {unit}");
        Self {
            figure: figure.into(),
            value,
            unit,
            limit: None,
            ratio: None,
            goal: goal_text,
            met: value >= goal,
        }
    }

    /// A figure that must be at most `goal`.
    pub(crate) fn at_most(figure: &str, value: f64, unit: &'static str, goal: f64) -> Self {
        let goal_text = format!("≤ {goal} {unit}");
        Self {
            figure: figure.into(),
            value,
            unit,
            limit: None,
            ratio: None,
            goal: goal_text,
            met: value <= goal,
        }
    }
}

impl Figure {
    /// A figure that has no goal.
    pub(crate) fn stated(figure: &str, value: f64, unit: &'static str) -> Self {
        let figure = figure.into();
        Self { figure, value, unit, limit: None, ratio: None, goal: "stated".into(), met: true }
    }
}

/// Prints the table.
#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
pub(crate) fn print(figures: &[Figure]) {
    println!(
        "{:<58} {:>12} {:>8} {:>12} {:>7}  {:<18} met",
        "figure", "value", "unit", "limit", "ratio", "goal"
    );
    for f in figures {
        let number =
            |value: Option<f64>, digits: usize| value.map_or_else(|| "-".into(), |v| format!("{v:.digits$}"));
        println!(
            "{:<58} {:>12.2} {:>8} {:>12} {:>7}  {:<18} {}",
            f.figure,
            f.value,
            f.unit,
            number(f.limit, 0),
            number(f.ratio, 2),
            f.goal,
            if f.met { "yes" } else { "NO" }
        );
    }
}

/// The value below which the share `part` of the sorted values lies.
pub(crate) fn percentile(sorted: &[f64], part: f64) -> f64 {
    let place = ((sorted.len() as f64 - 1.0) * part).round();
    sorted.get(place.max(0.0) as usize).copied().unwrap_or(f64::NAN)
}

/// Says what is being measured, since most of it takes longer than anybody waits in silence.
#[expect(clippy::print_stderr, reason = "progress is for the person who waits")]
pub(crate) fn progress(what: &str) {
    eprintln!("{what}");
}
