//! The service credential: what one service shows another, and what the admin port asks for.

use crate::problem::Problem;
use crate::{Error, Secret};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use rand::TryRngCore;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// The file's name in the data folder.
pub const FILE: &str = "service.credential";

/// Shorter ones are refused; a made one has 64 hexadecimal digits.
pub const LENGTH_MIN: usize = 32;

/// The credential of this installation: `given` if there is one, else the content of the file in `folder`,
/// else a new one of 256 random bits, which is written there for the next start (mode 0600). Of two processes
/// that start at the same moment, both get what the first one wrote. Blocks for a few disk accesses.
///
/// # Errors
/// When it is shorter than [`LENGTH_MIN`], when the file may be read by others, or when the folder cannot
/// be written.
pub fn service_credential(folder: &Path, given: Option<Secret>) -> Result<Secret, Error> {
    if let Some(given) = given {
        return checked(given)
            .map_err(|why| Error::Setting { setting: "the service credential", why: why.into() });
    }
    let path = folder.join(FILE);
    let refuse = |why: String| Error::Credential { path: path.display().to_string(), why };
    if !path.exists() {
        write_new(folder, &path).map_err(|error| refuse(error.to_string()))?;
    }
    let text = std::fs::read_to_string(&path).map_err(|error| refuse(error.to_string()))?;
    only_ours(&path).map_err(refuse)?;
    checked(Secret::new(text.trim())).map_err(|why| refuse(why.into()))
}

/// Whether it may be one, with the reason.
pub(crate) fn checked(secret: Secret) -> Result<Secret, &'static str> {
    if secret.expose().len() < LENGTH_MIN {
        return Err("it has fewer than 32 characters");
    }
    // It travels in a header.
    if !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it holds a character other than visible ASCII");
    }
    Ok(secret)
}

fn write_new(folder: &Path, path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut bytes = [0_u8; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(std::io::Error::other)?;
    let mut text = String::with_capacity(64);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    // Whole or absent: a name appears only with all its content, and never replaces another's.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}

#[cfg(unix)]
fn only_ours(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_err(|error| error.to_string())?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!("others may read it (mode {:o}); run chmod 600 on it", mode & 0o777))
}

#[cfg(not(unix))]
fn only_ours(_: &Path) -> Result<(), String> {
    Ok(())
}

/// Whether a request's `Authorization` header is `Bearer` and the credential (RFC 6750, section 2.1).
pub fn presented(headers: &HeaderMap, credential: &Secret) -> bool {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return false };
    let bytes = value.as_bytes();
    let Some((scheme, token)) = bytes.split_at_checked(7) else { return false };
    scheme.eq_ignore_ascii_case(b"bearer ") && credential.matches(token)
}

/// Answers 401 to every request of `router` that does not show the credential.
pub fn require(router: Router, credential: Secret) -> Router {
    router.layer(from_fn_with_state(credential, check))
}

async fn check(State(credential): State<Secret>, request: Request, next: Next) -> Response {
    if presented(request.headers(), &credential) {
        return next.run(request).await;
    }
    let problem =
        Problem::new(StatusCode::UNAUTHORIZED, "credential", "The service credential is missing or wrong")
            .remedy(
                "Send `Authorization: Bearer` with the content of service.credential in the data folder.",
            );
    ([(header::WWW_AUTHENTICATE, "Bearer")], problem).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_made_once_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let first = service_credential(folder.path(), None).unwrap();
        let second = service_credential(folder.path(), None).unwrap();
        assert_eq!(first.expose().len(), 64);
        assert_eq!(first.expose(), second.expose());
    }

    #[test]
    fn two_installations_have_different_credentials() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let one = service_credential(one.path(), None).unwrap();
        let other = service_credential(other.path(), None).unwrap();
        assert_ne!(one.expose(), other.expose());
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_alone_and_refused_otherwise() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        service_credential(folder.path(), None).unwrap();
        let path = folder.path().join(FILE);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let error = service_credential(folder.path(), None).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_given_credential_is_taken_unless_it_is_short() {
        let folder = tempfile::tempdir().unwrap();
        let long = "0123456789abcdef0123456789abcdef";
        let taken = service_credential(folder.path(), Some(Secret::new(long))).unwrap();
        assert_eq!(taken.expose(), long);
        assert!(service_credential(folder.path(), Some(Secret::new("short"))).is_err());
        assert!(!folder.path().join(FILE).exists());
    }
}
