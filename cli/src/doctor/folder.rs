//! The data folder: whether it may be looked into at all, without which nothing true can be said of it.

use super::Finding;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

const CHECK: &str = "folder";

/// What is ours in it and closed to others.
const LOOKED_AT: [&str; 10] = [
    "",
    "run.json",
    "service.credential",
    "keys",
    "keys/master.key",
    "keys/keys.db",
    "state",
    "models",
    "nats",
    "nats/credentials",
];

/// The first thing that may not be read.
pub(super) fn closed(data: &Path) -> Option<Finding> {
    LOOKED_AT.iter().find_map(|name| {
        let path = if name.is_empty() { data.to_path_buf() } else { data.join(name) };
        judged(&path, &File::open(&path).err()?)
    })
}

/// What is missing is told of where it is needed.
fn judged(path: &Path, error: &std::io::Error) -> Option<Finding> {
    (error.kind() == ErrorKind::PermissionDenied).then(|| {
        Finding::fail(
            CHECK,
            format!("{} may not be read by this user, so nothing of it was looked at", path.display()),
            "run the command as the user of the suite",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_missing_is_no_closed_one() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(closed(folder.path()), None);
        assert_eq!(closed(&folder.path().join("nothing")), None);
        let denied = std::io::Error::from(ErrorKind::PermissionDenied);
        let found = judged(folder.path(), &denied).unwrap();
        assert!(found.remedy.unwrap().contains("as the user of the suite"));
    }
}
