//! A small disk of the test's own, whose power can be cut.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const BYTES: u64 = 512 << 20;

/// A file system in a file. What was written to it and not synced is in the machine's memory alone, so a copy of the
/// file is what a power cut would have left.
pub struct Disk {
    folder: TempDir,
}

impl Disk {
    /// A new one; none where this machine does not let the test mount it.
    ///
    /// # Panics
    /// When there is no room for it; so do all functions here when the machine does not do what it did before.
    pub fn new() -> Option<Self> {
        let disk = Self { folder: tempfile::tempdir().expect("the machine has room for a temporary folder") };
        let file = std::fs::File::create(disk.image()).expect("the folder can be written to");
        file.set_len(BYTES).expect("a sparse file can be made");
        let made = done(Command::new("mkfs.ext4").arg("-q").arg(disk.image()));
        (made && disk.mount()).then_some(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    /// What the power cut leaves, as another disk. Whoever writes to this one must stand still.
    pub fn cut(&self) -> Self {
        let folder = tempfile::tempdir().expect("the machine has room for a temporary folder");
        let disk = Self { folder };
        assert!(done(Command::new("cp").arg("--sparse=always").arg(self.image()).arg(disk.image())));
        assert!(disk.mount(), "what is left can be mounted");
        disk
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mount(&self) -> bool {
        let path: &Path = &self.path();
        std::fs::create_dir_all(path).expect("the folder can be made");
        done(Command::new("mount").args(["-o", "loop"]).arg(self.image()).arg(path))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A process that was killed a moment ago may still have a file open.
        done(Command::new("umount").arg("--lazy").arg(self.path()));
    }
}

fn done(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
