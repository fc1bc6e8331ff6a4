//! The terminal that a suite is started in, and the signals that come from there.

use super::World;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Command};

impl World {
    /// As [`World::start`], by somebody who is going to leave.
    pub(crate) fn start_with_nohup(&mut self) {
        let own = self.command(&["run"]);
        let mut command = Command::new("nohup");
        command.arg(own.get_program()).args(own.get_args());
        for (name, value) in own.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        self.launch(command, &[]);
    }

    /// Closes the terminal, whose shell and kernel both tell the suite.
    pub(crate) fn hang_up(&self) {
        let suite = self.suite.as_ref().expect("it runs");
        signal(suite, Signal::HUP);
        signal(suite, Signal::HUP);
    }

    /// Waits until the suite has ended by itself.
    pub(crate) fn ends_well(&mut self) {
        let mut suite = self.suite.take().expect("it runs");
        let status = suite.wait().expect("the suite ends");
        assert_eq!(status.code(), Some(0), "the suite ends well");
    }
}

pub(super) fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _gone = kill_process(pid, signal);
    }
}
