//! Finding a nats-server that is new enough.

use super::Settings;
use super::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

const NAME: &str = "nats-server";
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The oldest that will do: 2.9 accepts conflicting appends and knows no `sync_interval`, 2.10 and 2.11
/// answer retried appends in another way.
const OLDEST: Version = Version(2, 12, 0);
/// From here on durable appends are synced in groups.
const GROUP_COMMIT: Version = Version(2, 15, 0);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u32, u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Version {
    /// Reads `2.15.2`, `v2.15.2` and `2.16.0-RC.1`; what follows the numbers is dropped.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let numbers = text.trim().trim_start_matches('v').split(['-', '+']).next()?;
        let mut numbers = numbers.split('.').map(|n| n.parse().ok());
        Some(Self(numbers.next()??, numbers.next()??, numbers.next()??))
    }
}

/// A nats-server and its version.
#[derive(Clone, Debug)]
pub(super) struct Binary {
    pub(super) path: PathBuf,
    pub(super) version: Version,
}

/// The server named by the settings, or the first usable one on PATH, in `<data>/bin`, or beside our own program.
///
/// # Errors
/// When there is none, or when the ones found are too old.
pub(super) async fn find(settings: &Settings) -> Result<Binary, Error> {
    if let Some(path) = &settings.binary {
        return check(path).await;
    }
    let folders = folders(&settings.data);
    let mut refused = None;
    for folder in &folders {
        let path = folder.join(NAME);
        if !path.is_file() {
            continue;
        }
        match check(&path).await {
            Ok(binary) => return Ok(binary),
            // The first refusal is the one to tell, since that server is the one people think of.
            Err(e) => refused = refused.or(Some(e)),
        }
    }
    Err(refused.unwrap_or_else(|| Error::Missing {
        searched: folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", "),
    }))
}

fn folders(data: &Path) -> Vec<PathBuf> {
    // Where programs are looked up is no configuration of ours, so clap does not read it.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|f| f.is_absolute()).collect();
    folders.push(data.join("bin"));
    if let Some(own) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        folders.push(own.to_path_buf());
    }
    folders
}

async fn check(path: &Path) -> Result<Binary, Error> {
    let path = std::path::absolute(path).map_err(Error::file("find", path))?;
    let version = version_of(&path).await?;
    if version < OLDEST {
        return Err(Error::TooOld { version, path });
    }
    if version < GROUP_COMMIT {
        tracing::warn!(
            nats.version = %version,
            "nats-server {version} works, but from 2.15 on durable appends are several times faster"
        );
    }
    Ok(Binary { path, version })
}

async fn version_of(path: &Path) -> Result<Version, Error> {
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let not_a_server = || Error::NotAServer { path: path.to_path_buf() };
    let output = tokio::time::timeout(ANSWER_WITHIN, command.output())
        .await
        .map_err(|_| Error::Hangs { path: path.to_path_buf(), seconds: ANSWER_WITHIN.as_secs() })?
        .map_err(Error::file("run", path))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().strip_prefix("nats-server:").and_then(Version::parse).ok_or_else(not_a_server)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program in `folder` that answers as nats-server of that version does. A shell writes it: a file that we
    /// hold open for writing may be inherited by a parallel test's child, and then nobody can run it.
    fn fake(folder: &Path, version: &str) -> PathBuf {
        let path = folder.join(NAME);
        let text = format!("#!/bin/sh\necho 'nats-server: v{version}'\n");
        let script = r#"printf %s "$0" >"$1" && chmod 755 "$1""#;
        let status = std::process::Command::new("sh").arg("-c").arg(script).arg(text).arg(&path).status();
        assert!(status.unwrap().success());
        path
    }

    #[test]
    fn versions_are_read_with_and_without_their_suffix() {
        assert_eq!(Version::parse(" v2.15.2\n"), Some(Version(2, 15, 2)));
        assert_eq!(Version::parse("2.16.0-RC.1"), Some(Version(2, 16, 0)));
        assert_eq!(Version::parse("2.15"), None);
        assert!(Version(2, 9, 10) < OLDEST && Version(2, 12, 0) >= OLDEST && Version(3, 0, 0) >= OLDEST);
    }

    #[tokio::test]
    async fn servers_older_than_2_12_are_refused_with_a_clear_word() {
        let folder = tempfile::tempdir().unwrap();
        for old in ["2.9.10", "2.10.27", "2.11.11"] {
            let settings = Settings { binary: Some(fake(folder.path(), old)), ..Settings::of(folder.path()) };
            let refusal = find(&settings).await.unwrap_err();
            assert!(matches!(refusal, Error::TooOld { .. }));
            let word = refusal.to_string();
            assert!(word.contains(old) && word.contains("2.12") && word.contains("scripts/"), "{word}");
        }
    }

    #[tokio::test]
    async fn a_2_12_server_will_do() {
        let folder = tempfile::tempdir().unwrap();
        let settings =
            Settings { binary: Some(fake(folder.path(), "2.12.8")), ..Settings::of(folder.path()) };
        assert_eq!(find(&settings).await.unwrap().version, Version(2, 12, 8));
    }

    #[tokio::test]
    async fn a_program_that_is_no_server_is_told_as_such() {
        let settings = Settings { binary: Some("/bin/true".into()), ..Settings::of("unused") };
        assert!(matches!(find(&settings).await, Err(Error::NotAServer { .. })));
    }
}
