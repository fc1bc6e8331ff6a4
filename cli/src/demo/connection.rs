//! How the demo reaches a running suite: its addresses, the operator's credential, read access to its streams.

use super::Elsewhere;
use anyhow::Context;
use runtime::Secret;
use serde::Deserialize;
use spine::NatsAccess;
use std::path::{Path, PathBuf};

/// Everything the demo asks of a running suite goes through this.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The suite's data folder, where the demo's secrets are.
    pub(crate) data: PathBuf,
    /// Webhooks and sockets, as `http://host:port`.
    pub(crate) http_url: String,
    /// The console's REST API.
    pub(crate) api_url: String,
    /// The operator's routes.
    pub(crate) admin_url: String,
    /// What the operator's routes ask for; never shown.
    pub(crate) admin_credential: Credential,
    /// Reads the log, as the auditor. Only address and key are taken from it: the demo connects by itself.
    pub(crate) auditor: NatsAccess,
    /// Reads the lead feed, as a system of the tenant's.
    pub(crate) consumer: NatsAccess,
}

/// A secret; its `Debug` shows nothing.
#[derive(Clone)]
pub(crate) struct Credential(pub(crate) String);

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// `run.json` in the data folder, which a running suite writes.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RunFile {
    pub(crate) http: String,
    pub(crate) api: String,
    pub(crate) admin: String,
    pub(crate) credential_file: PathBuf,
}

impl Connection {
    /// The connection to the suite that runs on `data`, with the credential that is `given`, else with the one in the
    /// folder.
    ///
    /// # Errors
    /// When no suite runs there: `run.json` or the credential cannot be read.
    pub(crate) fn of(
        data: &Path,
        given: Option<&Secret>,
        auditor: NatsAccess,
        consumer: NatsAccess,
    ) -> anyhow::Result<Self> {
        let path = data.join("run.json");
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!("no suite seems to run on {}: start it with `tributary run`", data.display())
        })?;
        let file: RunFile =
            serde_json::from_str(&text).with_context(|| format!("{} is unreadable", path.display()))?;
        let credential_file = data.join(&file.credential_file);
        let credential = match given {
            Some(given) => given.expose().to_owned(),
            None => std::fs::read_to_string(&credential_file).with_context(|| {
                format!(
                    "the credential {} cannot be read: give --service-credential as `run` was given it",
                    credential_file.display()
                )
            })?,
        };
        let credential = Credential(credential.trim().to_owned());
        Ok(Self {
            data: data.to_owned(),
            http_url: address(&file.http),
            api_url: address(&file.api),
            admin_url: address(&file.admin),
            admin_credential: credential,
            auditor,
            consumer,
        })
    }

    /// The connection to a suite on other machines; the demo keeps its secrets in `data`. None when no suite elsewhere
    /// is named.
    ///
    /// # Errors
    /// When its credential is not given.
    pub(crate) fn elsewhere(
        suite: &Elsewhere,
        data: &Path,
        given: Option<&Secret>,
        (auditor, consumer): (&NatsAccess, &NatsAccess),
    ) -> anyhow::Result<Option<Self>> {
        let Elsewhere { suite_http: Some(http), suite_api: Some(api), suite_admin: Some(admin), .. } = suite
        else {
            return Ok(None);
        };
        let given = given.context(
            "a suite on other machines is asked with its credential: set TRIBUTARY_SERVICE_CREDENTIAL as it is there",
        )?;
        Ok(Some(Self {
            data: data.to_owned(),
            http_url: address(http),
            api_url: address(api),
            admin_url: address(admin),
            admin_credential: Credential(given.expose().trim().to_owned()),
            auditor: auditor.clone(),
            consumer: consumer.clone(),
        }))
    }
}

/// With a scheme and without a slash at the end.
fn address(written: &str) -> String {
    let written = written.trim_end_matches('/');
    if written.contains("://") { written.to_owned() } else { format!("http://{written}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> NatsAccess {
        NatsAccess {
            url: "nats://127.0.0.1:1".into(),
            nkey_seed: None,
            inbox_prefix: None,
            name: "test".into(),
        }
    }

    #[test]
    fn a_run_file_becomes_a_connection() {
        let data = tempfile::tempdir().unwrap();
        let path = |name: &str| data.path().join(name);
        std::fs::write(path("secret"), "s3cret\n").unwrap();
        let run = r#"{"http":"127.0.0.1:1/","api":"http://127.0.0.1:2","admin":"127.0.0.1:3","credential_file":"secret","more":1}"#;
        std::fs::write(path("run.json"), run).unwrap();
        let connection = Connection::of(data.path(), None, access(), access()).unwrap();
        assert_eq!(connection.http_url, "http://127.0.0.1:1");
        assert_eq!(connection.api_url, "http://127.0.0.1:2");
        assert_eq!(connection.admin_credential.0, "s3cret");
        assert!(!format!("{connection:?}").contains("s3cret"));
        std::fs::remove_file(path("secret")).unwrap();
        let refused = Connection::of(data.path(), None, access(), access()).unwrap_err();
        assert!(refused.to_string().contains("--service-credential"), "{refused}");
        let given = Secret::new("given");
        let connection = Connection::of(data.path(), Some(&given), access(), access()).unwrap();
        assert_eq!(connection.admin_credential.0, "given");
    }

    #[test]
    fn a_suite_elsewhere_is_reached_by_its_addresses_and_credential() {
        let word = |text: &str| Some(text.to_owned());
        let mut suite = Elsewhere {
            suite_http: word("ingest:8080"),
            suite_api: word("http://console:8081/"),
            suite_admin: word("http://console:9090"),
            own_address: Some([10, 0, 0, 7].into()),
        };
        let (data, given) = (Path::new("/data"), Secret::new("given"));
        let of = |suite: &Elsewhere, given| Connection::elsewhere(suite, data, given, (&access(), &access()));
        let connection = of(&suite, Some(&given)).unwrap().unwrap();
        assert_eq!(
            (&*connection.http_url, &*connection.api_url),
            ("http://ingest:8080", "http://console:8081")
        );
        assert_eq!(connection.admin_credential.0, "given");
        assert!(of(&suite, None).unwrap_err().to_string().contains("TRIBUTARY_SERVICE_CREDENTIAL"));
        suite.suite_http = None;
        assert!(of(&suite, None).unwrap().is_none());
    }

    #[test]
    fn without_a_running_suite_it_says_how_to_start_one() {
        let data = tempfile::tempdir().unwrap();
        let error = Connection::of(data.path(), None, access(), access()).unwrap_err();
        assert!(error.to_string().contains("tributary run"));
    }
}
