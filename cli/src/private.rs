//! What an installation keeps on disk is for its owner alone: keys, credentials, texts of customers.

use anyhow::{Context, bail};
use rustix::fs::Mode;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Folders of ours in the data folder. A release before this one may have left them open to others.
const FOLDERS: [&str; 7] = ["demo", "keys", "models", "nats", "nats/credentials", "nats/store", "state"];
const SECRETS: [&str; 4] = ["demo/secrets.json", "demo/token", "keys/master.key", "run.json"];

/// From here on nothing that this process makes is readable by others, and neither is what its nats-server makes.
pub(crate) fn begin() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Makes the data folder, and closes what is ours in it. A folder that was there before is as open as its owner wants
/// it: it may hold more than ours.
///
/// # Errors
/// When a folder cannot be made, or belongs to somebody else.
pub(crate) fn close(data: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data);
    if let Err(error) = made {
        bail!(
            "--data (TRIBUTARY_DATA) {} cannot be made: {error}; name a folder that this user may write to",
            data.display()
        );
    }
    let modes = FOLDERS.map(|name| (name, 0o700)).into_iter().chain(SECRETS.map(|name| (name, 0o600)));
    for (name, mode) in modes {
        let path = data.join(name);
        let Ok(about) = std::fs::metadata(&path) else { continue };
        if about.permissions().mode() & 0o077 != 0 {
            std::fs::set_permissions(&path, Permissions::from_mode(mode))
                .with_context(|| format!("close {} to other users", path.display()))?;
        }
    }
    Ok(())
}

/// Writes a file that is there whole or not at all, and on the disk when this returns; whoever reads it meanwhile
/// finds what it was before.
///
/// # Errors
/// When its folder cannot be written to.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    // One that a killed process left may be readable by others.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

/// Waits for the turn of changing what the file at `path` stands for; it ends with the file that is returned, and with
/// the process. For turns that last a moment, or as long as a bounded command.
///
/// # Errors
/// When the file cannot be opened or locked.
pub(crate) fn turn(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.lock()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_replaced_and_its_owner_s_alone_whatever_was_left_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        fs::write(folder.path().join("url.new"), "half of somethi").unwrap();
        for text in ["one", "another"] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_left_open_is_closed_and_a_folder_of_the_owner_s_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        std::fs::set_permissions(data, Permissions::from_mode(0o755)).unwrap();
        std::fs::create_dir(data.join("keys")).unwrap();
        let key = data.join("keys/master.key");
        std::fs::write(&key, "x").unwrap();
        for (path, open) in [(data.join("keys"), 0o755), (key.clone(), 0o644)] {
            std::fs::set_permissions(path, Permissions::from_mode(open)).unwrap();
        }
        close(data).unwrap();
        assert_eq!((mode(&data.join("keys")), mode(&key), mode(data)), (0o700, 0o600, 0o755));
        let file = data.join("file");
        std::fs::write(&file, "").unwrap();
        assert!(close(&file.join("below")).unwrap_err().to_string().contains("--data"));
        close(&data.join("new")).unwrap();
        assert_eq!(mode(&data.join("new")), 0o700);
    }
}
