//! nats-server: its program, what it was started with, its clock, and the streams field by field.

use super::Finding;
use crate::nats;
use runtime::Common;
use serde_json::Value;
use spine::address::{GENERATION, stream_name};
use spine::streams::{self, StreamSettings};
use spine::{Clock, Nats, PARTS};

const CHECK: &str = "nats-server";
const STREAMS: &str = "streams";
const CLOCK: &str = "clock";
/// Larger raw requests are refused with 413; a server of ours takes them.
const PAYLOAD_MIN: usize = 6_000_000;
const PAYLOAD_ROOM: usize = 64 * 1024;
const SKEW_WARN_US: i64 = 1_000_000;
const SKEW_FAIL_US: i64 = 30_000_000;
/// Entities of one part from which on it is time for a new generation.
const SUBJECTS_WARN: u64 = 700_000;

/// The program that `run` would start. Whoever started the one that `runs` may have had another PATH.
pub(super) async fn check_binary(common: &Common, runs: bool, findings: &mut Vec<Finding>) {
    if common.nats.is_some() {
        return;
    }
    findings.push(match nats::found(&nats::Settings::of(&common.data)).await {
        Ok((path, version)) => Finding::ok(CHECK, format!("version {version} in {}", path.display())),
        Err(error) if runs => {
            let found = format!("one runs, and a start from here would find none: {error}");
            Finding::warn(CHECK, found, "put its folder on the PATH from which the suite is started")
        }
        Err(error) => {
            let remedy =
                "install nats-server 2.15 or later from https://github.com/nats-io/nats-server/releases";
            Finding::fail(CHECK, error.to_string(), remedy)
        }
    });
}

/// What the server that runs says of itself.
pub(super) async fn check_server(nats: &Nats, common: &Common, findings: &mut Vec<Finding>) {
    let version = nats.server_version();
    findings.push(match is_old(&version) {
        true => Finding::warn(
            CHECK,
            format!("version {version} runs"),
            "use 2.15 or later: durable appends are several times faster",
        ),
        false => Finding::ok(CHECK, format!("version {version} runs")),
    });
    findings.push(jetstream(nats).await);
    let payload = nats.payload_max();
    findings.push(match payload < PAYLOAD_MIN {
        true => Finding::warn(
            CHECK,
            format!(
                "max_payload is {payload}: requests above {} bytes are refused",
                payload.saturating_sub(PAYLOAD_ROOM)
            ),
            "set max_payload: 6MB in its configuration",
        ),
        false => Finding::ok(CHECK, format!("max_payload is {payload}")),
    });
    findings.push(sync_interval(common));
    findings.push(clock(nats).await);
}

fn is_old(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split(['.', '-']).map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < (2, 15),
        _ => true,
    }
}

async fn jetstream(nats: &Nats) -> Finding {
    let jetstream = async_nats::jetstream::new(nats.client().clone());
    match jetstream.query_account().await {
        Ok(account) => Finding::ok(
            CHECK,
            format!("JetStream is on: {} streams, {} MiB", account.streams, account.storage / 1024 / 1024),
        ),
        Err(error) => Finding::fail(
            CHECK,
            format!("JetStream does not answer: {error}"),
            "start it with -js or a jetstream block",
        ),
    }
}

/// The server does not tell it to its clients; of our own we wrote it ourselves.
fn sync_interval(common: &Common) -> Finding {
    if common.nats.is_some() {
        let found = "sync_interval cannot be seen from here";
        let remedy =
            "make sure that its jetstream block says sync_interval: always, or a power cut loses messages";
        return Finding::warn(CHECK, found, remedy);
    }
    let path = common.data.join("nats").join("nats-server.conf");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    match text.lines().map(str::trim).find_map(|line| line.strip_prefix("sync_interval:")) {
        Some(value) if value.trim() == "always" => Finding::ok(CHECK, "sync_interval is always"),
        Some(value) => Finding::warn(
            CHECK,
            format!("sync_interval is{value}: a power cut loses what was appended in that time"),
            "set it to always, unless you chose this",
        ),
        None => {
            Finding::warn(CHECK, format!("{} says no sync_interval", path.display()), "start the suite again")
        }
    }
}

/// The server's own time stands in the answer about a stream.
async fn clock(nats: &Nats) -> Finding {
    let subject = format!("$JS.API.STREAM.INFO.{}", stream_name(GENERATION, 0));
    let clock = Clock::system();
    let before = clock.now();
    let answer = nats.client().request(subject, "".into()).await;
    let after = clock.now();
    let told = answer.ok().and_then(|message| {
        let answer: Value = serde_json::from_slice(&message.payload).ok()?;
        spine::log::codec::micros(answer.get("ts")?.as_str()?)
    });
    match told {
        Some(theirs) => skew("nats-server", theirs - (before + after) / 2),
        None => Finding::ok(CLOCK, "nats-server did not tell its time"),
    }
}

/// The judgement on a difference of clocks, in microseconds.
pub(super) fn skew(whose: &str, difference: i64) -> Finding {
    let found = format!("the clock of {whose} differs by {:.3} s", difference as f64 / 1e6);
    let remedy = "let both keep their time by NTP (chrony, systemd-timesyncd): times of messages and deadlines rest on it";
    match difference.abs() {
        us if us > SKEW_FAIL_US => Finding::fail(CLOCK, found, remedy),
        us if us > SKEW_WARN_US => Finding::warn(CLOCK, found, remedy),
        _ => Finding::ok(CLOCK, found),
    }
}

/// Each stream as it must be, and how full the log is.
pub(super) async fn check_streams(nats: &Nats, replicas: usize, findings: &mut Vec<Finding>) {
    let settings = StreamSettings { replicas, ..StreamSettings::default() };
    match streams::differences(nats, &settings).await {
        Ok(differences) if differences.is_empty() => {
            let count = streams::specs(&settings).len();
            findings.push(Finding::ok(STREAMS, format!("{count} streams are as they must be, field by field")));
        }
        Ok(differences) => findings.extend(differences.iter().map(|difference| {
            let remedy = "`tributary run` makes what is missing; what differs was changed by hand: change it back \
                          with `nats stream edit` before anything else is written";
            Finding::fail(STREAMS, difference.to_string(), remedy)
        })),
        Err(error) => findings.push(Finding::fail(STREAMS, error.to_string(), "see what is said of nats-server")),
    }
    if let Some((messages, subjects)) = sizes(nats).await {
        let found = format!("the log holds {messages} messages; its fullest part {subjects} entities");
        findings.push(match subjects > SUBJECTS_WARN {
            true => Finding::warn(STREAMS, found, "plan a new generation of the log before 800 000"),
            false => Finding::ok(STREAMS, found),
        });
    }
}

async fn sizes(nats: &Nats) -> Option<(u64, u64)> {
    let jetstream = async_nats::jetstream::new(nats.client().clone());
    let (mut messages, mut subjects) = (0, 0);
    for part in 0..PARTS {
        let stream = jetstream.get_stream(stream_name(GENERATION, part)).await.ok()?;
        let state = &stream.cached_info().state;
        messages += state.messages;
        subjects = subjects.max(state.subjects_count);
    }
    Some((messages, subjects))
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn versions_before_group_commit_are_old() {
        assert!(is_old("2.12.4") && is_old("nonsense"));
        assert!(!is_old("2.15.2") && !is_old("v3.0.0"));
    }

    #[test]
    fn clocks_that_differ_by_seconds_are_told() {
        assert_eq!(skew("x", 200_000).severity, Severity::Ok);
        assert_eq!(skew("x", -2_000_000).severity, Severity::Warn);
        assert_eq!(skew("x", 60_000_000).severity, Severity::Fail);
    }
}
