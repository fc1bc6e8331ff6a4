//! Files of a backup: written with their checksum and synced, and compared with it before anything is restored.

use super::manifest::FileCopy;
use anyhow::{Context, bail};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
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

/// The rows of one table in the copy of a store, with these columns alone.
///
/// # Errors
/// When the copy cannot be read, or is none.
pub(super) fn rows<const N: usize>(
    folder: &Path,
    copy: &FileCopy,
    (table, columns): (&str, [&str; N]),
) -> anyhow::Result<Vec<[Value; N]>> {
    let (mut places, mut rows) = (None, Vec::new());
    for line in open(folder, copy)?.lines() {
        let line: Value = serde_json::from_str(&line?).with_context(|| format!("{} is broken", copy.file))?;
        match (line["table"].as_str(), places) {
            (Some(name), _) => {
                places = (name == table).then(|| columns.map(|column| place_of(column, &line["columns"])));
            }
            (None, Some(places)) => rows.push(places.map(|place: usize| line[place].clone())),
            (None, None) => {}
        }
    }
    Ok(rows)
}

/// Where a column stands in a row; behind its end, where nothing is, when the table has none of the name.
fn place_of(column: &str, columns: &Value) -> usize {
    let columns = columns.as_array().map(Vec::as_slice).unwrap_or_default();
    columns.iter().position(|name| name == column).unwrap_or(columns.len())
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
    use serde_json::json;

    #[test]
    fn a_table_of_a_copy_is_read_by_the_names_of_its_columns() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = Writing::begin(folder.path(), "state/ingest.jsonl").unwrap();
        for line in [
            json!({ "step": 3 }),
            json!({ "table": "early", "columns": ["part"] }),
            json!([7]),
            json!({ "table": "inbound", "columns": ["fence", "part", "sequence"] }),
            json!([5, 0, 12]),
            json!([6, 1, 9]),
            json!({ "table": "tokens", "columns": ["part"] }),
            json!([8]),
        ] {
            file.write(format!("{line}\n").as_bytes()).unwrap();
        }
        let copy = file.finish().unwrap();
        let found = rows(folder.path(), &copy, ("inbound", ["part", "sequence", "later"])).unwrap();
        let row = |part: u8, sequence: u64| [json!(part), json!(sequence), Value::Null];
        assert_eq!(found, [row(0, 12), row(1, 9)]);
    }

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
