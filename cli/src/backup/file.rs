//! Files of a backup: written with their checksum and synced, and compared with it before anything is restored.

use super::manifest::FileCopy;
use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

const BUFFER: usize = 1 << 20;

/// A file that is being written.
pub(super) struct Writing {
    file: BufWriter<File>,
    name: String,
    path: PathBuf,
    hash: Sha256,
    bytes: u64,
}

impl Writing {
    /// # Errors
    /// When it cannot be made, or exists.
    pub(super) fn begin(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("make {}", parent.display()))?;
        }
        let file = File::create_new(&path).with_context(|| format!("make {}", path.display()))?;
        let file = BufWriter::with_capacity(BUFFER, file);
        Ok(Self { file, name: name.into(), path, hash: Sha256::new(), bytes: 0 })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Syncs it to the disk.
    ///
    /// # Errors
    /// When the disk is full.
    pub(super) fn finish(mut self) -> anyhow::Result<FileCopy> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        synced.with_context(|| format!("write {}", self.path.display()))?;
        Ok(FileCopy { file: self.name, bytes: self.bytes, sha256: hex(&self.hash.finalize()) })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Opens a file of the backup for reading.
///
/// # Errors
/// When it is not there.
pub(super) fn open(folder: &Path, copy: &FileCopy) -> anyhow::Result<BufReader<File>> {
    let path = folder.join(&copy.file);
    let file = File::open(&path).with_context(|| format!("read {}", path.display()))?;
    Ok(BufReader::with_capacity(BUFFER, file))
}

/// Reads the whole file and compares it with what the manifest says.
///
/// # Errors
/// When it cannot be read, or is another one.
pub(super) fn verify(folder: &Path, copy: &FileCopy, mut read: impl FnMut(u64)) -> anyhow::Result<()> {
    let (mut file, mut hash, mut bytes) = (open(folder, copy)?, Sha256::new(), 0);
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = file.read(&mut buffer).with_context(|| format!("read {}", copy.file))?;
        if length == 0 {
            break;
        }
        hash.update(&buffer[..length]);
        bytes += length as u64;
        read(length as u64);
    }
    if bytes != copy.bytes || hex(&hash.finalize()) != copy.sha256 {
        bail!("{} of the backup is damaged: it is not what the manifest says (sha256)", copy.file);
    }
    Ok(())
}

/// Makes the names of a folder durable.
///
/// # Errors
/// When the disk fails.
pub(super) fn sync(folder: &Path) -> anyhow::Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("sync {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_and_a_cut_file_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = Writing::begin(folder.path(), "log/LOG_1_0").unwrap();
        file.write(b"abc").unwrap();
        let copy = file.finish().unwrap();
        verify(folder.path(), &copy, |_| {}).unwrap();
        assert!(Writing::begin(folder.path(), "log/LOG_1_0").is_err(), "nothing is written over");
        for other in ["abd", "ab"] {
            fs::write(folder.path().join("log/LOG_1_0"), other).unwrap();
            assert!(verify(folder.path(), &copy, |_| {}).unwrap_err().to_string().contains("damaged"));
        }
    }
}
