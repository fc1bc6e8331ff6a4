//! The running suite: whether it is ready, what stands still, what waits for a person.

use super::Finding;
use crate::nats;
use crate::output::{list, text};
use crate::suite::{RunFile, Suite};
use serde_json::Value;
use std::fs::TryLockError;
use std::path::Path;

const CHECK: &str = "suite";

pub(super) async fn check(data: &Path, running: Option<&Suite>, findings: &mut Vec<Finding>) {
    match running {
        Some(suite) => {
            for process in suite.processes() {
                running_suite(process, findings).await;
            }
            if let Some(silence) = suite.silence() {
                findings.push(Finding::fail(CHECK, silence, "nothing of it is done until it runs again"));
            }
        }
        None => findings.push(no_suite(data)),
    }
}

/// `run.json` stays when a suite stops, so that alone is no fault.
fn no_suite(data: &Path) -> Finding {
    let held = is_held(data);
    let Ok(Some(file)) = RunFile::read(data) else {
        return match held {
            true => Finding::warn(CHECK, "another process has the folder and does not answer", WAIT),
            false => Finding::ok(CHECK, format!("none runs on {}", data.display())),
        };
    };
    match (held, file.process_lives()) {
        (true, _) => {
            Finding::warn(CHECK, format!("process {} has the folder and does not answer", file.pid), WAIT)
        }
        (false, true) => Finding::warn(
            CHECK,
            format!("run.json names process {}, which lives and does not answer", file.pid),
            "if it is not a suite, delete run.json",
        ),
        (false, false) => {
            Finding::ok(CHECK, format!("none runs on {}; the last one has stopped", data.display()))
        }
    }
}

const WAIT: &str = "it starts, stops or hangs: wait, look into its log, end it if it hangs";

fn is_held(data: &Path) -> bool {
    if nats::supervisor(data).is_some() {
        return true;
    }
    let Ok(lock) = std::fs::File::options().write(true).open(data.join("lock")) else { return false };
    matches!(lock.try_lock(), Err(TryLockError::WouldBlock))
}

async fn running_suite(suite: &Suite, findings: &mut Vec<Finding>) {
    let file = &suite.file;
    let found = format!("process {} runs {} on {}", file.pid, file.roles.join(", "), file.admin);
    match suite.readiness().await {
        Ok(report) => ready(&found, &report, findings),
        Err(error) => {
            let text = format!("{found}, and does not say whether it is ready: {error:#}");
            findings.push(Finding::warn(CHECK, text, "wait; if it stays so, its log says why"));
        }
    }
    match suite.get("/admin/models").await {
        Ok(answer) => readers(&answer, findings),
        Err(error) => {
            let remedy = "the credential in the data folder may be of another start: start the suite again";
            findings.push(Finding::fail(CHECK, format!("{error:#}"), remedy));
            return;
        }
    }
    if let Ok(answer) = suite.get("/admin/parked").await {
        waiting(
            "parked",
            list(&answer, "parked").len(),
            "`tributary parked` says why, `unpark` reads them again",
            findings,
        );
    }
    // Only the process of channel-ingest has a quarantine.
    if let Ok(answer) = suite.get("/admin/quarantine").await {
        let remedy = "`tributary quarantine` says why, `reingest` takes them again";
        waiting("quarantine", list(&answer, "quarantine").len(), remedy, findings);
    }
}

/// Whether it is ready, and what is wrong with it all the same.
fn ready(found: &str, report: &Value, findings: &mut Vec<Finding>) {
    let said =
        |list_of: &str| list(report, list_of).iter().map(|said| (text(said, "check"), text(said, "reason")));
    let missing: Vec<String> =
        said("not_ready").map(|(check, reason)| format!("{check}: {reason}")).collect();
    findings.push(match missing.is_empty() {
        true => Finding::ok(CHECK, found),
        false => Finding::warn(
            CHECK,
            format!("{found}, and is not ready: {}", missing.join("; ")),
            "wait; if it stays so, its log says why",
        ),
    });
    for (check, reason) in said("degraded") {
        let found = format!("{check}: {reason}");
        findings.push(match check.starts_with("nats permissions") {
            true => Finding::fail(
                "nats-server",
                found,
                "the permissions of each role are those of nats/users.conf in the data folder of an installation \
                 with a server of its own",
            ),
            false => Finding::warn(CHECK, found, "look at what is said of it below"),
        });
    }
}

fn waiting(check: &'static str, count: usize, remedy: &str, findings: &mut Vec<Finding>) {
    findings.push(match count {
        0 => Finding::ok(check, "nothing waits there"),
        count => Finding::warn(check, format!("{count} wait there"), remedy),
    });
}

fn readers(answer: &Value, findings: &mut Vec<Finding>) {
    let models = list(answer, "models");
    let mut well = 0;
    for model in models {
        let parts: Vec<&str> = list(model, "parts").iter().filter_map(Value::as_str).collect();
        let still: Vec<&&str> =
            parts.iter().filter(|part| part.contains(": stands") || part.contains(": stopped")).collect();
        if still.is_empty() {
            well += 1;
        }
        for part in still {
            let found = format!("{} part {part}", text(model, "model"));
            findings.push(Finding::fail("models", found, "mend what it says; a newer release may be needed"));
        }
    }
    findings.push(Finding::ok("models", format!("{well} of {} read the log", models.len())));
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_folder_without_a_suite_is_well() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(no_suite(folder.path()).severity, Severity::Ok);
        let lock = std::fs::File::create(folder.path().join("lock")).unwrap();
        lock.lock().unwrap();
        assert_eq!(no_suite(folder.path()).severity, Severity::Warn);
    }

    #[test]
    fn what_nats_forbids_a_role_is_a_failure_and_an_outage_a_warning() {
        let denied = json!({ "check": "nats permissions of routing", "reason": "not allowed to publish" });
        let away = json!({ "check": "nats", "reason": "does not answer" });
        let mut findings = Vec::new();
        ready(
            "it runs",
            &json!({ "ready": true, "not_ready": [], "degraded": [denied, away] }),
            &mut findings,
        );
        let severities: Vec<Severity> = findings.iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [Severity::Ok, Severity::Fail, Severity::Warn]);
        assert!(findings[1].found.contains("routing: not allowed"), "{findings:?}");
    }

    #[test]
    fn a_part_that_stands_is_a_failure_and_named() {
        let answer =
            json!({ "models": [{ "model": "routing", "parts": ["0: live", "1: stands: unknown event"] }] });
        let mut findings = Vec::new();
        readers(&answer, &mut findings);
        assert_eq!(findings[0].severity, Severity::Fail);
        assert!(findings[0].found.contains("routing part 1"), "{findings:?}");
    }
}
