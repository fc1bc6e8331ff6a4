//! What the kernel says of a process: its memory and the time that it was on a core.

use std::time::Duration;

/// Megabytes of a line of `/proc/<pid>/status`, such as `VmRSS` or `VmHWM`.
fn megabytes(pid: u32, name: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kb| kb / 1024.0)
}

/// Resident megabytes now; not a number when there is no such process.
pub(crate) fn resident_mb(pid: u32) -> f64 {
    megabytes(pid, "VmRSS").unwrap_or(f64::NAN)
}

/// The most megabytes that were ever resident.
pub(crate) fn resident_peak_mb(pid: u32) -> f64 {
    megabytes(pid, "VmHWM").unwrap_or(f64::NAN)
}

/// Files that the process has open, sockets among them; not a number when there is no such process.
pub(crate) fn handles(pid: u32) -> f64 {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(f64::NAN, |open| open.count() as f64)
}

/// Time on a core so far, of all threads, in the nanoseconds that the scheduler counts: clock ticks of ten milliseconds
/// are too coarse for an idle process.
pub(crate) fn on_core(pid: u32) -> Duration {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Duration::ZERO };
    let of_thread = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(threads.filter_map(Result::ok).filter_map(of_thread).sum())
}

#[test]
fn a_process_that_works_was_on_a_core_and_is_resident() {
    let own = std::process::id();
    let before = on_core(own);
    let mut sum = 0_u64;
    while on_core(own) < before + Duration::from_millis(5) {
        sum = std::hint::black_box(sum.wrapping_add(1));
    }
    assert!(resident_mb(own) > 0.0 && resident_peak_mb(own) >= resident_mb(own) * 0.5);
    assert!(resident_mb(u32::MAX).is_nan() && handles(u32::MAX).is_nan() && handles(own) > 2.0);
}
