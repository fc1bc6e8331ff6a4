//! What a backup says of itself: what is in it, of when and of what release, and the checksum of every file.

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use spine::backup::{Saved, Stored};
use std::collections::BTreeMap;
use std::path::Path;

/// Raised when a release reads backups in another way.
const FORMAT: u32 = 1;
pub(super) const FILE: &str = "manifest.json";
/// What it is called until it is whole.
pub(super) const BESIDE: &str = "manifest.json.new";

/// Written last: a folder without it holds no backup.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// The release that made it.
    pub(super) release: String,
    pub(super) begun_at: String,
    pub(super) finished_at: String,
    pub(super) settings: Settings,
    pub(super) streams: Vec<StreamCopy>,
    pub(super) positions: Positions,
    pub(super) keys: StoreCopy,
    pub(super) state: Vec<StoreCopy>,
}

/// How the installation ran; told to whoever restores, who may run it in another way.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) replicas: usize,
    pub(super) database: String,
    pub(super) nats: String,
    pub(super) nats_server: String,
}

/// How far the readers were whose positions are state, as the copies of that state have it: by part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Positions {
    /// Of the journal: taken into the log.
    pub(super) inbound: BTreeMap<u8, u64>,
    /// Of the log: searched for details of leads.
    pub(super) examined: BTreeMap<u8, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileCopy {
    /// Below the backup's folder.
    pub(super) file: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StreamCopy {
    pub(super) stream: String,
    pub(super) copy: FileCopy,
    #[serde(flatten)]
    pub(super) stored: Stored,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoreCopy {
    pub(super) store: String,
    pub(super) copy: FileCopy,
    #[serde(flatten)]
    pub(super) saved: Saved,
}

impl Manifest {
    pub(super) const fn format() -> u32 {
        FORMAT
    }

    /// # Errors
    /// When there is none, or it is of a newer release.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let text = std::fs::read(&path).with_context(|| {
            format!("{} is no finished backup: read {}", folder.display(), path.display())
        })?;
        let manifest: Self =
            serde_json::from_slice(&text).with_context(|| format!("{} is broken", path.display()))?;
        if manifest.format > FORMAT {
            bail!("the backup was made by release {}, whose form this one does not know", manifest.release);
        }
        Ok(manifest)
    }

    /// All files that it names.
    pub(super) fn files(&self) -> impl Iterator<Item = &FileCopy> {
        let streams = self.streams.iter().map(|stream| &stream.copy);
        streams.chain([&self.keys.copy]).chain(self.state.iter().map(|store| &store.copy))
    }

    /// The last sequence of each part of the log, by the stream's name.
    pub(super) fn ends(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let log = self.streams.iter().filter(|stream| stream.stream.starts_with("LOG_"));
        log.map(|stream| Ok((stream.stream.clone(), stream.stored.held()?.last_seq))).collect()
    }
}
