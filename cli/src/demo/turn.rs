//! Only one demo plays on a suite at a time: the next one would point the first one's accounts at itself.

use anyhow::{Context, bail};
use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Takes the turn for as long as the file is held; a process that dies gives it back.
///
/// # Errors
/// When another demo has it, or the data folder cannot be written to.
pub(super) fn take(data: &Path) -> anyhow::Result<File> {
    let folder = data.join("demo");
    let path = folder.join("playing.lock");
    let failed = || format!("write {}", path.display());
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).with_context(failed)?;
    let file = File::options().create(true).truncate(false).write(true).open(&path).with_context(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!(
                "another `tributary demo` plays on {}, and two at once would take each other's answers: wait until \
                 it has ended",
                data.display()
            )
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("lock {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_demo_on_the_folder_waits_for_the_end_of_the_first() {
        let data = tempfile::tempdir().unwrap();
        let first = take(data.path()).unwrap();
        assert!(take(data.path()).unwrap_err().to_string().contains("another `tributary demo`"));
        drop(first);
        take(data.path()).unwrap();
    }
}
