//! The terminal that a suite is started in, and the signals that come from there.

use super::{LOOK_AGAIN, PATIENCE, World};
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Command};
use std::time::Instant;

impl World {
    /// As [`World::start`], in a terminal. Whoever runs the tests may have been started to outlive theirs.
    pub(crate) fn start_in_terminal(&mut self) {
        self.start_by("env", &["--default-signal=HUP"]);
    }

    /// As [`World::start`], by somebody who is going to leave.
    pub(crate) fn start_with_nohup(&mut self) {
        self.start_by("nohup", &[]);
    }

    fn start_by(&mut self, program: &str, args: &[&str]) {
        let own = self.command(&["run"]);
        let mut command = Command::new(program);
        command.args(args).arg(own.get_program()).args(own.get_args());
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
        let began = Instant::now();
        let status = loop {
            if let Some(status) = suite.try_wait().expect("it is ours") {
                break status;
            }
            if began.elapsed() > PATIENCE {
                self.suite = Some(suite);
                panic!("the suite does not end");
            }
            std::thread::sleep(LOOK_AGAIN);
        };
        assert_eq!(status.code(), Some(0), "the suite ends well");
    }
}

pub(super) fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _gone = kill_process(pid, signal);
    }
}
