//! Where a figure keeps its data: a folder of its own and, on Postgres, a database of its own.

use integration::Place;
use tempfile::TempDir;

/// A folder, deleted when dropped. What it holds must be stopped before.
pub(crate) struct Places {
    folder: TempDir,
}

impl Places {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()? })
    }

    /// The folder as a place; on Postgres with a fresh database, which goes with its server.
    pub(crate) async fn place(&self, server: Option<&str>) -> Place {
        let url = match server {
            Some(server) => Some(ground::fresh_database(server).await.1),
            None => None,
        };
        Place { folder: self.folder.path().into(), url }
    }
}
