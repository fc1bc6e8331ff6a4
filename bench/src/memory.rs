//! Memory: what the process and its nats-server hold resident.

use crate::figure::Figure;

/// Resident megabytes of a process, from `/proc`.
fn resident_mb(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kb| kb / 1024.0)
}

/// This process with all roles, the generator and the simulators included; nats-server beside it.
pub(crate) fn measure(threads: u64, nats_pid: u32) -> Vec<Figure> {
    let own = resident_mb(std::process::id()).unwrap_or(f64::NAN);
    let nats = resident_mb(nats_pid).unwrap_or(f64::NAN);
    vec![
        Figure::at_most(
            &format!("resident, all roles and the generator, {threads} threads"),
            own,
            "MB",
            60.0,
        ),
        Figure::at_most("resident, nats-server beside it", nats, "MB", f64::INFINITY),
    ]
}

/// The size of the release binary beside this one; none when it is not built.
pub(crate) fn binary() -> Option<Figure> {
    let binary = std::env::current_exe().ok()?.with_file_name("tributary");
    let bytes = std::fs::metadata(binary).ok()?.len();
    Some(Figure::at_most("binary", bytes as f64 / 1_048_576.0, "MB", 50.0))
}
