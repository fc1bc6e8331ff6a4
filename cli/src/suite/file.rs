//! `run.json` in the data folder: the addresses of the running suite, for the commands.

use crate::private;
use anyhow::Context;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What the commands need to find the running suite. The credential itself stands in a file of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunFile {
    pub(crate) pid: u32,
    /// Webhooks and the widget's socket.
    pub(crate) http: String,
    /// REST.
    pub(crate) api: String,
    /// Probes, metrics, administration.
    pub(crate) admin: String,
    pub(crate) nats: String,
    /// The file that holds what administration asks for.
    pub(crate) credential_file: PathBuf,
    /// The roles in the process.
    pub(crate) roles: Vec<String>,
}

impl RunFile {
    pub(crate) fn path(data: &Path) -> PathBuf {
        data.join("run.json")
    }

    /// Whether a process of the number lives; after a crash it may be another one.
    pub(crate) fn process_lives(&self) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        pid.is_some_and(|pid| test_kill_process(pid).is_ok())
    }

    /// The files of all processes that were started on a data folder: that of the console first, then `run-ROLE.json`
    /// of each that has other roles alone.
    ///
    /// # Errors
    /// When one is there and cannot be read.
    pub(crate) fn all(data: &Path) -> anyhow::Result<Vec<Self>> {
        let mut paths = vec![Self::path(data)];
        let entries = std::fs::read_dir(data).into_iter().flatten().flatten().map(|entry| entry.path());
        let is_one = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("run-") && name.ends_with(".json")
        };
        let mut others: Vec<PathBuf> = entries.filter(is_one).collect();
        others.sort();
        paths.extend(others);
        let read = paths.iter().map(|path| Self::at(path)).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Reads the file of the process with the console; none when no such one was started there.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(crate) fn read(data: &Path) -> anyhow::Result<Option<Self>> {
        Self::at(&Self::path(data))
    }

    fn at(path: &Path) -> anyhow::Result<Option<Self>> {
        match std::fs::read(path) {
            Ok(bytes) => {
                let broken =
                    || format!("{} is broken; stop the suite, delete it, start again", path.display());
                Ok(Some(serde_json::from_slice(&bytes).with_context(broken)?))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
        }
    }
}

/// Writes `<name>.json`, readable by its owner alone, whole or not at all.
///
/// # Errors
/// When the folder cannot be written to.
pub(crate) fn write(data: &Path, name: &str, file: &RunFile) -> anyhow::Result<()> {
    let path = data.join(format!("{name}.json"));
    private::write(&path, &serde_json::to_vec_pretty(file)?)
        .with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_file_reads_back_and_is_missing_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(RunFile::read(folder.path()).unwrap(), None);
        let file = RunFile {
            pid: 7,
            http: "http://127.0.0.1:8080".into(),
            api: "http://127.0.0.1:8081".into(),
            admin: "http://127.0.0.1:9090".into(),
            nats: "nats://127.0.0.1:4222".into(),
            credential_file: "service.credential".into(),
            roles: vec!["routing".into()],
        };
        write(folder.path(), "run-routing", &file).unwrap();
        assert_eq!(RunFile::read(folder.path()).unwrap(), None);
        let console = RunFile { roles: vec!["console".into()], ..file.clone() };
        write(folder.path(), "run", &console).unwrap();
        assert_eq!(RunFile::read(folder.path()).unwrap(), Some(console.clone()));
        assert_eq!(RunFile::all(folder.path()).unwrap(), [console, file]);
    }
}
