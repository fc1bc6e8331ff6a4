//! An installation's own care: one process on a folder, what it leaves behind, who may read it, how it is found.

use crate::world::{Answer, Postgres, World, account};
use reqwest::Method;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const CREDENTIAL: &str = "given-and-nowhere-written-0123456789";
const TENANT: &str = "kind: Tenant\nname: shop\ntitle: Shop\n";
const AGENT: &str = "kind: Agent\ntenant: shop\nname: xiaolin\ncapacity: 20\n";
const KNOWLEDGE: &str = "kind: Knowledge\ntenant: shop\nentries:\n  - slug: hours\n    question: 你们几点上班\n    answer: 我们每天九点到十八点。\n";

#[test]
fn a_second_suite_on_the_folder_is_refused_and_told_whose_it_is() {
    let postgres = Postgres::fresh();
    let args: Vec<&str> = postgres.iter().flat_map(|postgres| ["--database-url", &postgres.url]).collect();
    let mut world = World::started_with(&args);
    let second = world.run(&[&["run", "--listen-http=127.0.0.1:0"][..], &args].concat());
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.err.contains(&format!("process {}", world.pid())), "{second:?}");
    assert!(second.err.contains("--data"), "{second:?}");
    assert_eq!(world.run(&[&["models"][..], &args].concat()).code, 0, "the first goes on");
    world.stop();
    world.start(&args);
    world.stop();
}

#[test]
fn after_a_clean_stop_nothing_is_leased() {
    let Some(postgres) = Postgres::fresh() else { return };
    let args = ["--database-url", &postgres.url];
    let mut world = World::started_with(&args);
    let held = "SELECT COUNT(*) FROM state_leases.leases WHERE until_us > 0";
    let of = |names: &str| format!("{held} AND name LIKE '{names}'");
    // An assigner takes its turn when somebody waits.
    let documents = world.run_with_input(
        &[&["apply", "-f", "-"][..], &args].concat(),
        &[TENANT, AGENT, &account()].join("\n---\n"),
    );
    assert_eq!(documents.code, 0, "{documents:?}");
    let made = world.run(&[&["token", "create", "--tenant", "shop", "--role", "admin"][..], &args].concat());
    let rest = |method, path: &str, body| world.rest(made.out.trim(), method, path, &body);
    let agent =
        world.until(|| rest(Method::GET, "agents", json!(null))["items"][0]["id"].as_str().map(String::from));
    rest(Method::PUT, &format!("agents/{agent}/presence"), json!({ "presence": "online" }));
    world.write_as_customer("转人工");
    for names in ["routing.assign.%", "leads_examined.%", "leads_feed", "inbound.%", "routing.%", "agent.%"] {
        world.until(|| (postgres.number(&of(names)) > 0).then_some(()));
    }
    world.stop();
    assert_eq!(postgres.number(held), 0);
}

/// Every path below that somebody else may read, write or enter.
fn open_to_others(path: &Path, found: &mut Vec<String>) {
    let about = std::fs::symlink_metadata(path).expect("it is there");
    if about.permissions().mode() & 0o077 != 0 {
        found.push(format!("{:o} {}", about.permissions().mode() & 0o777, path.display()));
    }
    if about.is_dir() {
        for entry in std::fs::read_dir(path).expect("a folder") {
            open_to_others(&entry.expect("an entry").path(), found);
        }
    }
}

#[test]
fn everything_on_disk_is_for_its_owner_alone() {
    let databases = std::iter::once(None).chain(Postgres::fresh().map(Some));
    for postgres in databases {
        let args: Vec<&str> =
            postgres.iter().flat_map(|postgres| ["--database-url", &postgres.url]).collect();
        let mut world = World::started_with(&[&["--demo"][..], &args].concat());
        world.until(|| world.has("demo/token").then_some(()));
        let mut found = Vec::new();
        open_to_others(&world.data(), &mut found);
        assert_eq!(found, Vec::<String>::new());
        assert!(world.has("keys/master.key") && world.has("demo/token") && world.has("nats/store"));
        world.stop();
    }
}

#[test]
fn a_credential_that_is_given_is_found_by_the_demo_and_the_commands_and_written_nowhere() {
    let given = ["--service-credential", CREDENTIAL];
    let mut world = World::started_with(&[&["--demo"][..], &given].concat());
    // `run --demo` applied it.
    world.until(|| world.has("demo/token").then_some(()));
    assert!(!world.has("service.credential"));
    assert_eq!(world.run(&[&["models"][..], &given].concat()).code, 0);
    let without = world.run(&["models"]);
    assert_eq!((without.code, without.err.contains("--service-credential")), (1, true), "{without:?}");
    let dialogue =
        r#"{"id":"d-1","source":"test","lang":"zh","turns":[{"role":"user","text":"退货的运费谁来出？"}]}"#;
    let file = world.file("dialogue.jsonl", &format!("{dialogue}\n"));
    let demo = world.run(&[&["demo", "--dialogues", &file][..], &given].concat());
    assert_eq!(demo.code, 0, "{demo:?}");
    world.stop();
}

#[test]
fn roles_find_each_other_on_ports_that_were_free() {
    let mut world = World::started();
    world.apply(&[TENANT, KNOWLEDGE]);
    let made = world.run(&["token", "create", "--tenant", "shop", "--role", "admin"]);
    let ask = |text| world.rest(made.out.trim(), Method::POST, "knowledge/ask", &json!({ "text": text }));
    let answer = world.until(|| {
        let answer = ask("你们几点上班");
        answer.to_string().contains("九点到十八点").then_some(answer)
    });
    assert_eq!(answer["citations"][0]["slug"], "hours", "{answer}");
    // What came nearest is named in the same way.
    let handover = ask("你们几点上班？我要找人工");
    assert_eq!((&handover["answer"], &handover["citations"][0]["slug"]), (&Value::Null, &json!("hours")));
    world.stop();
}

#[test]
fn a_tenant_s_key_is_replaced_with_and_without_a_suite_and_what_was_said_stays_readable() {
    let databases = std::iter::once(None).chain(Postgres::fresh().map(Some));
    for postgres in databases {
        let args: Vec<&str> =
            postgres.iter().flat_map(|postgres| ["--database-url", &postgres.url]).collect();
        let mut world = World::started_with(&args);
        let run = |world: &World, command: &[&str]| world.run(&[command, &args].concat());
        let json = |world: &World, command: &[&str]| world.json(&[command, &["--json"], &args].concat());
        let rotate = ["keys", "rotate", "--tenant", "shop"];
        let unknown = run(&world, &rotate);
        assert_eq!((unknown.code, unknown.err.contains("no key")), (1, true), "{unknown:?}");

        let documents = world.run_with_input(
            &[&["apply", "-f", "-"][..], &args].concat(),
            &[TENANT, AGENT, &account()].join("\n---\n"),
        );
        assert_eq!(documents.code, 0, "{documents:?}");
        world.write_as_customer("我想退货");
        let thread = world.until(|| {
            let events = run(&world, &["replay", "range", "2020-01-01T00:00:00Z", "--json"]).out;
            let received = events.lines().find(|line| line.contains("\"Received\""))?;
            serde_json::from_str::<Value>(received).ok()?["id"].as_str().map(String::from)
        });
        let rotated = json(&world, &rotate);
        assert_eq!((&rotated["number"], &rotated["tenant"]), (&json!(1), &json!("shop")));
        assert!(rotated["rewrapped"].as_u64() >= Some(1), "{rotated}");

        world.stop();
        let again = run(&world, &rotate);
        assert_eq!((again.code, again.out.contains("number 2")), (0, true), "{again:?}");
        let rotations = json(&world, &["keys", "rotations", "--tenant", "shop"]);
        assert_eq!(rotations["rotations"].as_array().map(Vec::len), Some(2), "{rotations}");
        world.start(&args);
        let opened =
            run(&world, &["replay", "conversation", &thread, "--as", "supervisor", "--reason", "t-1"]);
        assert_eq!((opened.code, opened.out.contains("我想退货")), (0, true), "{opened:?}");
        world.stop();
    }
}

/// A start that is refused when its nats-server runs already: its credential is none.
fn refused(world: &World) -> Answer {
    let path = world.data().join("service.credential");
    std::fs::create_dir_all(world.data()).expect("the folder");
    let kept = std::fs::read(&path).ok();
    std::fs::write(&path, "short").expect("a credential");
    let ports = ["http", "api", "admin", "grpc"].map(|name| format!("--listen-{name}=127.0.0.1:0"));
    let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
    let refused = world.run(&[&["run"][..], &ports].concat());
    match kept {
        Some(kept) => std::fs::write(&path, kept).expect("the credential"),
        None => std::fs::remove_file(&path).expect("no credential"),
    }
    refused
}

#[test]
fn an_effect_that_nobody_has_is_refused_by_name() {
    let mut world = World::empty();
    let refused = world.run(&["run", "--from", "sned=start"]);
    assert_eq!((refused.code, refused.err.contains("sned")), (2, true), "{refused:?}");
    assert!(!world.has("nats"), "nothing was started");
    world.start(&["--from", "send=start"]);
    world.stop();
}

#[test]
fn a_refused_start_stops_the_server_that_it_started_and_no_other() {
    let mut world = World::empty();
    assert_eq!(refused(&world).code, 1);
    assert!(world.has("nats/nats-server.pid"), "it had started one");
    assert_eq!(world.nats_server(), None);

    world.start(&[]);
    world.kill();
    let outlived = world.nats_server();
    assert!(outlived.is_some());
    assert_eq!(refused(&world).code, 1);
    assert_eq!(world.nats_server(), outlived, "it was there before");

    world.start(&[]);
    assert_eq!(world.nats_server(), outlived, "it is adopted");
    world.stop();
    assert_eq!(world.nats_server(), None);
}

#[test]
fn a_command_whose_parts_cannot_be_started_leaves_no_server() {
    let mut world = World::started();
    world.apply(&[TENANT]);
    world.stop();
    for command in [&["verify", "--all"][..], &["replay", "range", "1.0:1"]] {
        // Nothing of the log can be opened with a new register.
        std::fs::remove_dir_all(world.data().join("keys")).expect("the keys");
        let failed = world.run(command);
        assert_eq!(failed.code, 1, "{failed:?}");
        assert_eq!(world.nats_server(), None, "{failed:?}");
    }
}

#[test]
fn a_terminal_that_is_closed_ends_a_suite_well_and_none_that_was_to_outlive_it() {
    let mut world = World::empty();
    world.start_in_terminal();
    world.hang_up();
    world.ends_well();
    world.start_with_nohup();
    world.hang_up();
    let asked = world.run(&["models"]);
    assert_eq!(asked.code, 0, "{asked:?}");
    let said = std::fs::read_to_string(world.data().join("../suite.log")).unwrap();
    assert!(!said.contains("shutting down"), "{said}");
    world.stop();
}
