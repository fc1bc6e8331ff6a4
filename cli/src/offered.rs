//! Which of the options that every command takes a command offers in its help: only what it uses.

use clap::{Arg, Args};
use runtime::Common;

const TELEMETRY: [&str; 4] = ["log", "log_format", "otlp_endpoint", "trace_share"];

/// Options that are taken and not shown, for a command that asks a running suite alone.
pub(crate) fn all_but_the_suite() -> Vec<Arg> {
    hidden(&[&["nats", "database_url"][..], &TELEMETRY].concat())
}

/// As [`all_but_the_suite`] for one that reads the streams itself too.
pub(crate) fn all_but_suite_and_streams() -> Vec<Arg> {
    hidden(&[&["database_url"][..], &TELEMETRY].concat())
}

/// As [`all_but_the_suite`] for one that works on NATS alone.
pub(crate) fn all_but_streams() -> Vec<Arg> {
    hidden(&[&["database_url", "service_credential"][..], &TELEMETRY].concat())
}

/// As [`all_but_the_suite`] for one that runs the data folder's nats-server.
pub(crate) fn all_but_the_folder() -> Vec<Arg> {
    hidden(&["nats", "database_url", "service_credential"])
}

/// As [`all_but_the_suite`] for one that looks and runs nothing.
pub(crate) fn logs() -> Vec<Arg> {
    hidden(&TELEMETRY)
}

/// As [`all_but_the_suite`] for one that works on files of its own.
pub(crate) fn all() -> Vec<Arg> {
    hidden(&[&["data", "nats", "database_url", "service_credential"][..], &TELEMETRY].concat())
}

fn hidden(ids: &[&str]) -> Vec<Arg> {
    let common = Common::augment_args(clap::Command::new("common"));
    let named = |arg: &&Arg| ids.contains(&arg.get_id().as_str());
    common.get_arguments().filter(named).map(|arg| arg.clone().hide(true)).collect()
}
