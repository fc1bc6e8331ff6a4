//! A command that goes on until it is interrupted.

use super::signal;
use rustix::process::Signal;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A command that goes on.
pub(crate) struct Following {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Following {
    pub(super) fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
        let lines = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, lines }
    }

    /// Reads lines until one is wanted.
    pub(crate) fn until_line(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).expect("it writes");
            assert!(read > 0, "it ended");
            let line: Value = serde_json::from_str(&line).expect("a line of JSON");
            if wanted(&line) {
                return line;
            }
        }
    }

    /// Ctrl-C; the exit code.
    pub(crate) fn interrupt(mut self) -> Option<i32> {
        signal(&self.child, Signal::INT);
        self.child.wait().expect("it ends").code()
    }
}
