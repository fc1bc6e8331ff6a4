//! The disk under the data folder: room, and how long it takes until a write is safe.

use super::Finding;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::{Duration, Instant};

const CHECK: &str = "disk";
const MIB: u64 = 1024 * 1024;
const FREE_FAIL: u64 = 512 * MIB;
const FREE_WARN: u64 = 5 * 1024 * MIB;
pub(super) const MAKE_ROOM: &str = "make room or move the folder: a full disk refuses every message";
const PROBES: usize = 21;
/// A file of the size of one stored message.
const PROBE_BYTES: [u8; 4096] = [0x5a; 4096];
/// Each answered message waits for about five of them.
const SYNC_WARN: Duration = Duration::from_millis(20);

pub(super) async fn check(data: &Path, findings: &mut Vec<Finding>) {
    // The folder may not be there before the first start; its disk is.
    let folder =
        data.ancestors().find(|folder| folder.is_dir()).map_or_else(|| ".".into(), Path::to_path_buf);
    findings.push(room(&folder));
    let probed = tokio::task::spawn_blocking(move || sync_time(&folder).map_err(|error| (folder, error)));
    findings.push(match probed.await {
        Ok(Ok(median)) => speed(median),
        Ok(Err((folder, error))) => {
            let remedy = match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => MAKE_ROOM,
                _ => "run the command as the user of the suite, or give the folder to it",
            };
            Finding::fail(CHECK, format!("{} cannot be written to: {error}", folder.display()), remedy)
        }
        Err(error) => Finding::warn(CHECK, format!("the disk was not measured: {error}"), "try again"),
    });
}

fn room(folder: &Path) -> Finding {
    let about = match rustix::fs::statvfs(folder) {
        Ok(about) => about,
        Err(error) => {
            let found = format!("the room on the disk of {} cannot be told: {error}", folder.display());
            return Finding::warn(CHECK, found, "look with `df`");
        }
    };
    let free = about.f_bavail.saturating_mul(about.f_frsize);
    let all = about.f_blocks.saturating_mul(about.f_frsize).max(1);
    judged(free, all)
}

fn judged(free: u64, all: u64) -> Finding {
    let found = format!("{} MiB free of {} MiB", free / MIB, all / MIB);
    match free {
        free if free < FREE_FAIL => Finding::fail(CHECK, found, MAKE_ROOM),
        free if free < FREE_WARN => Finding::warn(CHECK, found, MAKE_ROOM),
        _ => Finding::ok(CHECK, found),
    }
}

/// The median time of a small write that is synced.
fn sync_time(folder: &Path) -> std::io::Result<Duration> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut times = Vec::with_capacity(PROBES);
    for _ in 0..PROBES {
        let began = Instant::now();
        file.write_all(&PROBE_BYTES)?;
        file.as_file().sync_data()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times[PROBES / 2])
}

fn speed(median: Duration) -> Finding {
    let found = format!("a write is safe after {:.2} ms", median.as_secs_f64() * 1e3);
    match median > SYNC_WARN {
        true => Finding::warn(
            CHECK,
            found,
            "use a disk with a faster sync (SSD, NVMe): every message waits for it",
        ),
        false => Finding::ok(CHECK, found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn a_disk_is_judged_by_the_room_on_it() {
        assert_eq!(judged(100 * MIB, 1 << 40).severity, Severity::Fail);
        assert_eq!(judged(1024 * MIB, 1 << 40).severity, Severity::Warn);
        assert_eq!(judged(1 << 39, 1 << 40).severity, Severity::Ok);
    }

    #[tokio::test]
    async fn a_disk_is_measured_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut findings = Vec::new();
        check(folder.path(), &mut findings).await;
        assert!(findings.iter().any(|finding| finding.found.contains("safe after")), "{findings:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
