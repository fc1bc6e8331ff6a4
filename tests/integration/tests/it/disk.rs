//! A disk that fills up under load and gets room again.

use crate::load::Load;
use integration::{Place, Process, on_each};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const DISK: &str = "size=192m";
const CUSTOMERS: usize = 5;
const FULL_FOR: Duration = Duration::from_secs(6);

/// A small disk of its own under a folder, gone when dropped.
struct Disk(PathBuf);

impl Disk {
    /// None where this user may not mount.
    fn mount(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(folder).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(folder.to_owned()))
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut filler = std::fs::File::create(self.filler()).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, since what is killed may still be going.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_what_it_cannot_keep_and_everything_goes_on_by_itself_when_there_is_room() {
    on_each(async |place: Place| {
        let Some(disk) = Disk::mount(&place.folder.join("data")) else {
            println!("skipped: this user may not mount a small disk");
            return;
        };
        let mut process = Process::new(&place);
        process.start().await;
        let load = Load::start(&process.site, CUSTOMERS).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        // Twice, since what broke the first time may hide what breaks the second.
        for _ in 0..2 {
            disk.fill();
            tokio::time::sleep(FULL_FOR).await;
            load.until_nothing_is_taken().await;
            disk.empty();
            load.until_more_is_taken().await;
        }
        load.end(&process.site).await;
        drop(process);
        drop(disk);
    })
    .await;
}
