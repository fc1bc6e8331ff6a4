//! How commands answer: text or JSON on standard output, progress of long work on standard error.

use anyhow::Context;
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Work that takes longer than this says how far it is.
const SAY_AFTER: Duration = Duration::from_secs(2);
/// How often a line in a log, which stays, and one on a terminal, which is replaced, says so again.
const AGAIN_IN_A_LOG: Duration = Duration::from_secs(5);
const AGAIN_ON_A_TERMINAL: Duration = Duration::from_millis(500);

/// The form of the answer.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Form {
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Writes a line to standard output.
///
/// # Errors
/// When it is closed.
pub(crate) fn line(text: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").context("write to standard output")
}

/// Writes a JSON value to standard output, for people and programs alike.
///
/// # Errors
/// When it is closed.
pub(crate) fn json(value: &Value) -> anyhow::Result<()> {
    line(format_args!("{value:#}"))
}

/// Whether the error is that whoever read our output has gone, as `head` does; that is no failure.
pub(crate) fn reader_left(error: &anyhow::Error) -> bool {
    let gone = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    error.downcast_ref::<std::io::Error>().is_some_and(gone)
        || error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(gone))
}

/// An error with its causes in one line, each distinct part once: libraries repeat theirs.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        for part in cause.split(": ") {
            if !parts.iter().any(|told| told == part) {
                parts.push(part.to_owned());
            }
        }
    }
    parts.join(": ")
}

/// The text of a JSON field; empty when it is missing.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a JSON field.
pub(crate) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What long work tells on standard error.
pub(crate) struct Progress {
    what: String,
    began: Instant,
    told: Option<Instant>,
    terminal: bool,
}

impl Progress {
    pub(crate) fn of(what: impl Into<String>) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { what: what.into(), began: Instant::now(), told: None, terminal }
    }

    /// Tells a line of progress, `{"done":…,"all":…}`, unless it is too early for it.
    pub(crate) fn tell(&mut self, line: &Value) {
        let number = |name: &str| line.get(name).and_then(Value::as_u64).unwrap_or(0);
        let (done, all) = (number("done"), number("all"));
        let far = match all {
            0 => String::new(),
            _ => format!(" {} % ({done} of {all})", done.saturating_mul(100) / all),
        };
        self.say(&far);
    }

    /// As [`Progress::tell`] in words.
    pub(crate) fn say(&mut self, far: &str) {
        let again = if self.terminal { AGAIN_ON_A_TERMINAL } else { AGAIN_IN_A_LOG };
        let due = match self.told {
            None => self.began.elapsed() >= SAY_AFTER,
            Some(told) => told.elapsed() >= again,
        };
        if !due {
            return;
        }
        self.told = Some(Instant::now());
        let seconds = self.began.elapsed().as_secs();
        match self.terminal {
            // The line is written over by the next one.
            true => eprint!("\r\x1b[K{}{far}, {seconds} s", self.what),
            false => eprintln!("{}{far}, {seconds} s", self.what),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal && self.told.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_is_told_already_is_not_told_again() {
        let cause = anyhow::anyhow!("deadline has elapsed")
            .context("timed out: deadline has elapsed")
            .context("timed out")
            .context("connect");
        assert_eq!(chain(&cause), "connect: timed out: deadline has elapsed");
    }

    #[test]
    fn a_closed_pipe_is_told_apart_from_a_failure() {
        let broken = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let error = anyhow::Error::new(broken).context("write to standard output");
        assert!(reader_left(&error));
        assert!(!reader_left(&anyhow::anyhow!("the suite refused")));
    }

    #[test]
    fn short_work_says_nothing() {
        let mut progress = Progress::of("rebuild");
        progress.tell(&serde_json::json!({ "done": 1, "all": 2 }));
        assert!(progress.told.is_none());
    }

    #[test]
    fn a_missing_field_reads_as_nothing() {
        let value = serde_json::json!({ "name": "x", "items": [1] });
        assert_eq!((text(&value, "name"), text(&value, "other")), ("x", ""));
        assert_eq!((list(&value, "items").len(), list(&value, "name").len()), (1, 0));
    }
}
