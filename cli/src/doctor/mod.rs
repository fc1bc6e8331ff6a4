//! `tributary doctor`: what an installation needs, looked at one by one, each finding with its remedy.

mod database;
mod disk;
mod folder;
mod keys;
mod nats;
mod ports;
mod register;
mod suite;

pub(crate) use register::opens;

use crate::nats::Role;
use crate::output::{self, Form};
use crate::run::{access, master_key_problem};
use crate::suite::Suite;
use runtime::config::Network;
use runtime::{Common, Secret};
use serde::Serialize;
use serde_json::json;
use spine::Nats;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// With --nats: the folder of the roles' nkey seeds
    #[arg(long, env = "TRIBUTARY_NATS_CREDENTIALS", value_name = "FOLDER")]
    nats_credentials: Option<PathBuf>,
    /// Copies of each stream that there should be
    #[arg(long, env = "TRIBUTARY_REPLICAS", value_name = "N", default_value_t = 1)]
    replicas: usize,
    /// The master key, if it is given and not in the data folder
    #[arg(long, env = "TRIBUTARY_MASTER_KEY", value_name = "KEY", hide_env_values = true)]
    master_key: Option<Secret>,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    form: Form,
}

impl Args {
    /// What is wrong beyond what the parser sees.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.master_key.as_ref().and_then(master_key_problem).into_iter().collect()
    }
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    severity: Severity,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, severity: Severity::Ok, found: found.into(), remedy: None }
    }

    fn warn(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, severity: Severity::Warn, found: found.into(), remedy: Some(remedy.into()) }
    }

    fn fail(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Fail, ..Self::warn(check, found, remedy) }
    }
}

/// Looks at everything; exit code 1 when something fails.
///
/// # Errors
/// Only when the answer cannot be written: what is wrong is a finding.
pub(crate) async fn run(common: Common, args: Args) -> anyhow::Result<ExitCode> {
    if let Some(closed) = folder::closed(&common.data) {
        show(&[closed], args.form)?;
        return Ok(ExitCode::FAILURE);
    }
    let mut findings = Vec::new();
    let running = match Suite::running(&common).await {
        Ok(running) => running,
        Err(error) => {
            let remedy = "give its credential, or stop it, delete run.json and start it again";
            findings.push(Finding::fail("suite", output::chain(&error), remedy));
            None
        }
    };
    if findings.is_empty() {
        suite::check(&common.data, running.as_ref(), &mut findings).await;
    }
    let connected = connect(&common, &args, running.is_some(), &mut findings).await;
    nats::check_binary(&common, connected.is_some(), &mut findings).await;
    if let Some(nats) = &connected {
        nats::check_server(nats, &common, &mut findings).await;
        nats::check_streams(nats, args.replicas, &mut findings).await;
    }
    keys::check(&common, args.master_key.as_ref(), &mut findings).await;
    database::check(&common, &mut findings).await;
    disk::check(&common.data, &mut findings).await;
    ports::check(&args.network, running.as_ref(), &mut findings);
    show(&findings, args.form)?;
    let failed = findings.iter().any(|finding| finding.severity == Severity::Fail);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The connection, as the operator. Without a running suite its own nats-server does not run, and it is not
/// started for a look.
async fn connect(
    common: &Common,
    args: &Args,
    suite_runs: bool,
    findings: &mut Vec<Finding>,
) -> Option<Nats> {
    const CHECK: &str = "nats-server";
    let opened = match access(common, args.nats_credentials.as_deref(), Role::Operator) {
        Ok(access) => Nats::connect(&access).await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    match opened {
        Ok(nats) => Some(nats),
        Err(_) if common.nats.is_none() && !suite_runs => {
            let found = "none runs on this folder, so streams and clock were not looked at";
            findings.push(Finding::ok(CHECK, found));
            None
        }
        Err(error) => {
            let remedy = match &common.nats {
                Some(_) => "check --nats, --nats-credentials and the network between here and there",
                None => "look into nats/nats-server.log in the data folder",
            };
            findings.push(Finding::fail(
                CHECK,
                format!("it cannot be reached: {}", output::chain(&error)),
                remedy,
            ));
            None
        }
    }
}

fn show(findings: &[Finding], form: Form) -> anyhow::Result<()> {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (warnings, failures) = (count(Severity::Warn), count(Severity::Fail));
    if form.json {
        return output::json(&json!({ "findings": findings, "warnings": warnings, "failures": failures }));
    }
    for finding in findings {
        let word = match finding.severity {
            Severity::Ok => "ok  ",
            Severity::Warn => "warn",
            Severity::Fail => "FAIL",
        };
        output::line(format_args!("{word}  {:<12} {}", finding.check, finding.found))?;
        if let Some(remedy) = &finding.remedy {
            output::line(format_args!("{:>20}{remedy}", "→ "))?;
        }
    }
    output::line(format_args!("{} looked at, {warnings} warnings, {failures} failures", findings.len()))
}
