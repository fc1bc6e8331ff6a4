//! Keys and credentials: there, readable for us, and for nobody else.

use super::{Finding, Severity, register};
use runtime::{Common, Secret};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const CHECK: &str = "keys";
/// 32 bytes in base64, or in hex.
const MASTER_LENGTHS: [usize; 3] = [43, 44, 64];

pub(super) async fn check(common: &Common, given: Option<&Secret>, findings: &mut Vec<Finding>) {
    let found = master(&common.data, given.is_some());
    let wrong = match found.severity {
        Severity::Ok => stranger(common, given).await,
        _ => None,
    };
    findings.push(wrong.unwrap_or(found));
    closed(&common.data, findings);
}

/// A key that is well-formed and not the register's; `run` refuses it.
async fn stranger(common: &Common, given: Option<&Secret>) -> Option<Finding> {
    let (key, place) = match given {
        Some(given) => (given.expose().to_owned(), "the master key that is given".to_owned()),
        None => {
            let path = master_path(&common.data);
            (std::fs::read_to_string(&path).ok()?, format!("the master key in {}", path.display()))
        }
    };
    let error = register::opens(&register::rows(common).await?, key.trim()).await.err()?;
    Some(match error {
        spine::Error::MasterKey { .. } => Finding::fail(
            CHECK,
            format!("{place} is not the one that the key register was made with"),
            "give the right one, or put back the register that belongs to it; until then `tributary run` refuses",
        ),
        error => Finding::warn(
            CHECK,
            format!(
                "it could not be tried whether {place} opens the key register: {}",
                spine::error::chain(&error)
            ),
            "try again",
        ),
    })
}

fn master_path(data: &Path) -> PathBuf {
    data.join("keys").join("master.key")
}

fn closed(data: &Path, findings: &mut Vec<Finding>) {
    let secrets = secrets(data);
    let open: Vec<&PathBuf> = secrets.iter().filter(|path| is_open(path)).collect();
    for path in &open {
        // In an open folder others see which secrets there are, and no more.
        findings.push(match path.is_dir() {
            true => Finding::warn(
                CHECK,
                format!("others may list {}", path.display()),
                format!("chmod 700 {}", path.display()),
            ),
            false => Finding::fail(
                CHECK,
                format!("others may read {}", path.display()),
                format!("chmod 600 {}", path.display()),
            ),
        });
    }
    if open.is_empty() && !secrets.is_empty() {
        findings.push(Finding::ok(CHECK, format!("{} secrets are for their owner alone", secrets.len())));
    }
}

fn master(data: &Path, given: bool) -> Finding {
    if given {
        return Finding::ok(CHECK, "the master key is given from outside");
    }
    let path = master_path(data);
    let register = data.join("keys").join("keys.db").exists();
    match std::fs::read_to_string(&path) {
        Ok(text) if MASTER_LENGTHS.contains(&text.trim().len()) => Finding::ok(
            CHECK,
            format!("the master key is in {}; keep a copy of it apart from the backups", path.display()),
        ),
        Ok(_) => Finding::fail(
            CHECK,
            format!("{} does not hold 32 bytes in base64 or hex", path.display()),
            "put it back from where it was copied to; without it nothing personal can be read",
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && register => Finding::fail(
            CHECK,
            format!("the key register is there, but {} is missing", path.display()),
            "put it back from where it was copied to, or give TRIBUTARY_MASTER_KEY",
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::ok(CHECK, "there is no master key yet; the first start makes it")
        }
        Err(error) => Finding::fail(
            CHECK,
            format!("{} cannot be read: {error}", path.display()),
            "run the command as the user of the suite",
        ),
    }
}

/// Every file that holds a secret, and the folders of keys.
fn secrets(data: &Path) -> Vec<PathBuf> {
    let keys = data.join("keys");
    let credentials = data.join("nats").join("credentials");
    let mut found: Vec<PathBuf> =
        [data.join("service.credential"), data.join("demo").join("secrets.json"), keys.join("master.key")]
            .into();
    found.extend([keys, credentials.clone()]);
    if let Ok(files) = std::fs::read_dir(credentials) {
        found.extend(files.flatten().map(|file| file.path()));
    }
    found.retain(|path| path.exists());
    found
}

fn is_open(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_secret_that_others_may_read_fails_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("service.credential"), "x", 0o644);
        let mut findings = Vec::new();
        closed(folder.path(), &mut findings);
        let worst = findings.iter().max_by_key(|finding| finding.severity).unwrap();
        assert_eq!(worst.severity, Severity::Fail);
        assert!(worst.remedy.as_deref().unwrap().starts_with("chmod 600"));
    }

    #[test]
    fn a_register_without_its_master_key_fails() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(master(folder.path(), false).severity, Severity::Ok);
        write(&folder.path().join("keys").join("keys.db"), "", 0o600);
        assert_eq!(master(folder.path(), false).severity, Severity::Fail);
        write(&folder.path().join("keys").join("master.key"), &"f".repeat(64), 0o600);
        assert_eq!(master(folder.path(), false).severity, Severity::Ok);
        write(&folder.path().join("keys").join("master.key"), "short", 0o600);
        assert_eq!(master(folder.path(), false).severity, Severity::Fail);
    }
}
