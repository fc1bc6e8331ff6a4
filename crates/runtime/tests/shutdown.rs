//! A real process and its signals. The child is this test binary again, running the one test named `child`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![cfg(unix)]

use runtime::shutdown::until_signal;
use runtime::{Tasks, telemetry};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const ROLE: &str = "TRIBUTARY_TEST_CHILD";

/// How the child's only task takes shutdown.
fn start(role: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(ROLE, role)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&mut child, "running");
    child
}

/// Reads what the child logs up to a line with `text`, and leaves the rest.
fn wait_for(child: &mut Child, text: &str) {
    let mut log = BufReader::with_capacity(1, child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the child ended without saying {text}");
    }
    child.stderr = Some(log.into_inner());
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn code(status: ExitStatus) -> i32 {
    status.code().expect("no signal ended the child")
}

/// Not a test by itself: without the variable it has nothing to do.
#[test]
fn child() {
    let Some(role) = std::env::var_os(ROLE) else { return };
    let settings = telemetry::Settings {
        log: "info".into(),
        log_format: telemetry::Format::Json,
        otlp_endpoint: None,
        trace_share: 1.0,
    };
    let crash = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let guard = telemetry::init("child", &settings).unwrap();
        let shutdown = CancellationToken::new();
        let mut tasks = Tasks::new(shutdown.clone());
        let until = shutdown.clone();
        match role.to_str() {
            Some("obedient") => tasks.spawn("worker", async move {
                until.cancelled().await;
                Ok(())
            }),
            Some("deaf") => tasks.spawn("worker", std::future::pending()),
            _ => tasks.spawn("worker", async { Err(anyhow::anyhow!("disk full")) }),
        }
        let outcome = until_signal(shutdown, async {
            tracing::info!("running");
            tasks.supervise(Duration::from_secs(20)).await
        });
        let outcome = outcome.await.unwrap();
        drop(guard);
        outcome.err()
    });
    std::process::exit(i32::from(crash.is_some()));
}

#[test]
fn sigterm_ends_an_obedient_process_with_0() {
    let mut child = start("obedient");
    send(&child, "-TERM");
    assert_eq!(code(child.wait().unwrap()), 0);
}

#[test]
fn a_second_signal_ends_a_deaf_process_at_once() {
    let mut child = start("deaf");
    send(&child, "-TERM");
    wait_for(&mut child, "shutting down");
    send(&child, "-INT");
    assert_eq!(code(child.wait().unwrap()), 130);
}

#[test]
fn a_crash_ends_the_process_with_1() {
    let mut child = start("crashing");
    assert_eq!(code(child.wait().unwrap()), 1);
}
