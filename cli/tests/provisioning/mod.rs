//! What is made before the roles start, who may make it, and the secrets of an installation whose NATS is not ours.

use crate::world::{Nats, Postgres, World};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Once without, and once with a Postgres where the tests have one.
fn databases() -> impl Iterator<Item = Option<Postgres>> {
    std::iter::once(None).chain(Postgres::fresh().map(Some))
}

fn on(postgres: &Option<Postgres>) -> Vec<&str> {
    postgres.iter().flat_map(|postgres| ["--database-url", postgres.url.as_str()]).collect()
}

#[test]
fn everything_is_made_once_and_a_check_waits_for_it_and_makes_nothing() {
    for postgres in databases() {
        let (mut world, args) = (World::empty(), on(&postgres));
        let check = [&["provision", "--check", "--timeout", "0"][..], &args].concat();
        let before = world.run(&check);
        assert_eq!(before.code, 1, "{before:?}");
        assert!(
            before.err.contains("the key register") && before.err.contains("tributary provision"),
            "{before:?}"
        );
        assert!(!world.has("nats") && !world.has("keys") && !world.has("models"), "a look makes nothing");
        for _ in 0..2 {
            let made = world.run(&[&["provision"][..], &args].concat());
            assert_eq!(made.code, 0, "{made:?}");
            assert!(world.nats_server().is_none(), "the nats-server that was started for it has ended");
        }
        // Its nats-server has stopped with the command, and no table is missing any more.
        let stopped = world.run(&check);
        assert_eq!((stopped.code, stopped.err.contains("read model")), (1, false), "{stopped:?}");
        world.start(&args);
        let there = world.run(&check);
        assert_eq!(there.code, 0, "{there:?}");
        let again = world.run(&[&["provision"][..], &args].concat());
        assert_eq!(again.code, 0, "{again:?}");
        world.stop();
    }
}

#[test]
fn who_has_no_operators_key_starts_on_what_was_provisioned_and_makes_nothing() {
    for postgres in databases() {
        let (nats, mut world, args) = (Nats::started(), World::empty(), on(&postgres));
        let (all, own) = (nats.credentials(&[]), nats.credentials(&["operator"]));
        let at = |command: &'static [&'static str], folder: &Path| {
            let folder = folder.display().to_string();
            let mut words: Vec<String> = command.iter().map(ToString::to_string).collect();
            words.extend(["--nats".into(), nats.url(), "--nats-credentials".into(), folder]);
            words.extend(args.iter().map(ToString::to_string));
            words
        };
        let run = |world: &World, words: Vec<String>| {
            world.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let check = &["provision", "--check", "--timeout", "0"];
        let run_anywhere = &[
            "run",
            "--listen-http=127.0.0.1:0",
            "--listen-api=127.0.0.1:0",
            "--listen-admin=127.0.0.1:0",
            "--listen-grpc=127.0.0.1:0",
        ];
        for command in [&["provision"][..], check, run_anywhere] {
            let refused = run(&world, at(command, own.path()));
            assert_eq!((refused.code, refused.err.contains("tributary provision")), (1, true), "{refused:?}");
            assert!(refused.err.contains("LOG_1_0"), "{refused:?}");
        }
        let made = run(&world, at(&["provision"], all.path()));
        assert_eq!(made.code, 0, "{made:?}");
        let there = run(&world, at(check, own.path()));
        assert_eq!(there.code, 0, "{there:?}");
        let start = at(&[], own.path());
        world.start(&start.iter().map(String::as_str).collect::<Vec<_>>());
        world.stop();
    }
}

#[test]
fn a_process_that_was_ready_stays_so_while_nats_or_the_database_hiccup() {
    for postgres in databases() {
        let mut world = World::empty();
        world.start(&on(&postgres));
        world.until(|| (world.readyz().0 == 200).then_some(()));
        let nats = world.nats_server().expect("it runs");
        rustix::process::kill_process(nats, rustix::process::Signal::STOP).expect("it is ours");
        let began = Instant::now();
        let mut noted = false;
        while began.elapsed() < Duration::from_secs(22) {
            if let Some(postgres) = postgres.as_ref().filter(|_| began.elapsed() < Duration::from_secs(8)) {
                postgres.number(
                    "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()",
                );
            }
            if began.elapsed() > Duration::from_secs(18) {
                let _again = rustix::process::kill_process(nats, rustix::process::Signal::CONT);
            }
            let (status, report) = world.readyz();
            noted |= report["degraded"].as_array().is_some_and(|found| !found.is_empty());
            assert_eq!(status, 200, "{report}");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(noted, "what hiccups is shown");
        world.stop();
    }
}

#[test]
fn the_secrets_of_medium_fit_the_block_that_a_nats_server_takes() {
    let world = World::empty();
    let printed = world.run(&["secrets", "new", "--profile", "medium", "--name", "shop"]);
    assert_eq!((printed.code, printed.err.contains("master key")), (0, true), "{printed:?}");
    assert!(!world.data().exists(), "nothing is written to disk");
    let documents: Vec<Value> =
        printed.out.split("\n---\n").map(|document| yaml_serde::from_str(document).expect("YAML")).collect();
    let block = documents[2]["stringData"]["auth.conf"].as_str().expect("text");
    let nats = Nats::with(block);
    let credentials = tempfile::tempdir().expect("a folder");
    for (role, seed) in documents[1]["stringData"].as_object().expect("seeds") {
        std::fs::write(credentials.path().join(role), seed.as_str().expect("text")).expect("a file");
    }
    let master = documents[0]["stringData"]["master-key"].as_str().expect("text");
    let credential = documents[0]["stringData"]["service-credential"].as_str().expect("text");
    let (mut world, url) = (World::empty(), nats.url());
    let folder = credentials.path().display().to_string();
    world.start(&[
        "--nats",
        &url,
        "--nats-credentials",
        &folder,
        "--master-key",
        master,
        "--service-credential",
        credential,
    ]);
    world.stop();
    let stranger = Command::new(env!("CARGO_BIN_EXE_tributary"))
        .args(["provision", "--check", "--timeout", "0", "--nats", &url, "--data"])
        .arg(world.data())
        .output()
        .expect("it runs");
    assert!(String::from_utf8_lossy(&stranger.stderr).contains("uthorization"), "{stranger:?}");
}
