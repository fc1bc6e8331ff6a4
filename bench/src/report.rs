//! What a run leaves behind: its figures, with the commit, the machine and the day that they belong to.

use crate::figure::Figure;
use serde::Serialize;
use std::path::Path;
use std::process::Command;

/// A file of results.
#[derive(Serialize)]
struct Report<'f> {
    commit: String,
    date: String,
    machine: Machine,
    form: &'static str,
    note: &'static str,
    figures: &'f [Figure],
}

#[derive(Serialize)]
struct Machine {
    processor: String,
    cores: usize,
    memory_mb: u64,
    kernel: String,
    nats_server: String,
}

const NOTE: &str =
    "The load generator, the simulated platforms, nats-server and the suite share the machine's cores.";

/// Writes the file.
pub(crate) fn write(path: &Path, form: &'static str, figures: &[Figure]) -> anyhow::Result<()> {
    let report = Report {
        commit: told(Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"])),
        date: told(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"])),
        machine: Machine {
            processor: line("/proc/cpuinfo", "model name").unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mb: memory_mb(),
            kernel: told(Command::new("uname").arg("-sr")),
            nats_server: told(Command::new("nats-server").arg("--version")),
        },
        form,
        note: NOTE,
        figures,
    };
    std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    Ok(())
}

/// What a program says; empty when it is not there or fails, since the figures hold without it.
fn told(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    output.map_or_else(String::new, |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn line(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory_mb() -> u64 {
    let kb = line("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    kb.unwrap_or_default() / 1024
}
