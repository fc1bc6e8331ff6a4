//! Commands where no suite runs: what they refuse, what their help says, what they do on files alone.

use crate::world::World;
use serde_json::json;

const TENANT: &str = "kind: Tenant\nname: shop\ntitle: Shop\n";

#[test]
fn commands_without_a_suite_say_what_to_do() {
    let world = World::empty();
    for command in [
        &["models"][..],
        &["rebuild", "--all"],
        &["parked"],
        &["consumer", "remove", "crm"],
        &["replay", "range", "1.0:1"],
        &["demo"],
    ] {
        let refused = world.run(command);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.err.contains("tributary run"), "{refused:?}");
    }
    let file = world.file("tenant.yaml", TENANT);
    let refused = world.run(&["apply", "-f", &file]);
    assert_eq!((refused.code, refused.err.contains("start it with")), (1, true), "{refused:?}");
    assert!(!world.has("nats"), "a command makes no installation");
    for wrong in [
        &["rebuild"][..],
        &["apply"],
        &["erase", "--tenant", "shop"],
        &["replay", "range", "yesterday"],
        &["keys", "rotate"],
        &["keys", "rotate", "--tenant", "No Slug"],
    ] {
        assert_eq!(world.run(wrong).code, 2, "{wrong:?}");
    }
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let ports = ["--listen-api=127.0.0.1:0", "--listen-admin=127.0.0.1:0", "--listen-grpc=127.0.0.1:0"];
    let taken = world.run(&[&["run", "--listen-http", &address][..], &ports].concat());
    assert_eq!((taken.code, taken.err.contains("TRIBUTARY_LISTEN_HTTP")), (1, true), "{taken:?}");
    assert!(!world.has("nats"), "no nats-server was started for it");
    let unnamed = world.run(&["verify"]);
    assert_eq!((unnamed.code, unnamed.err.contains("--all")), (2, true), "{unnamed:?}");
    let reversed = world.run(&["replay", "range", "1.0:5", "1.0:3"]);
    assert_eq!((reversed.code, reversed.err.contains("before it begins")), (2, true), "{reversed:?}");
    let no_id = world.run(&["replay", "conversation", "xx"]);
    assert_eq!((no_id.code, no_id.err.contains("UUID")), (2, true), "{no_id:?}");
}

#[test]
fn the_help_of_each_command_has_an_example_and_offers_only_what_it_uses() {
    let world = World::empty();
    for command in [
        "run",
        "nats",
        "provision",
        "secrets",
        "backup",
        "restore",
        "demo",
        "apply",
        "token",
        "models",
        "rebuild",
        "verify",
        "switch-back",
        "parked",
        "unpark",
        "quarantine",
        "reingest",
        "replay",
        "erase",
        "keys",
        "doctor",
        "eval",
    ] {
        let help = world.run(&[command, "--help"]);
        assert_eq!(help.code, 0);
        assert!(help.out.contains("Example"), "{command} has no example: {}", help.out);
    }
    let offers = |command: &[&str], option: &str| {
        let help = world.run(&[command, &["--help"]].concat()).out;
        assert!(!help.contains("Global options") || help.contains("\nOptions:"), "{help}");
        help.contains(option)
    };
    assert!(offers(&["rebuild"], "--database-url") && offers(&["run"], "--nats"));
    for option in ["--nats", "--database-url", "--data ", "--log "] {
        assert!(!offers(&["eval"], option) && !offers(&["eval", "faq"], option), "{option}");
    }
    assert!(!offers(&["apply"], "--database-url") && !offers(&["token", "list"], "--nats"));
    assert!(!offers(&["nats"], "--database-url") && offers(&["nats"], "--data"));
}

#[test]
fn answers_and_extraction_are_measured_on_files() {
    let world = World::empty();
    let kb = world.file("kb.yaml", "- question: 你们几点上班\n  id: hours\n  answer: 九点\n- question: 怎么退货\n  id: back\n  answer: 七天内\n");
    let asked = "{\"id\":\"1\",\"text\":\"你们几点上班\",\"relevant\":[\"hours\"]}\n{\"id\":\"2\",\"text\":\"能开发票吗\",\"relevant\":[]}\n";
    let queries = world.file("queries.jsonl", asked);
    let report = world.json(&["eval", "faq", "--kb", &kb, "--queries", &queries, "--json"]);
    assert_eq!((&report["entries"], &report["recall_at_1"]), (&json!(2), &json!(1.0)));
    let gold = "{\"id\":\"1\",\"text\":\"电话13912345678\",\"entities\":[{\"type\":\"phone\",\"value\":\"13912345678\",\"start\":2,\"end\":13}]}\n";
    let gold = world.file("gold.jsonl", gold);
    let report = world.json(&["eval", "lead", "--gold", &gold, "--json"]);
    assert_eq!((&report["contact_micro"]["F1"], &report["n"]), (&json!(100.0), &json!(1)));
    assert_eq!(world.run(&["eval", "lead", "--gold", "/nowhere"]).code, 1);
    let text = world.run(&["eval", "lead", "--gold", &gold]).out;
    assert!(text.contains("none was found: -"), "no message is without details: {text}");

    let astray = world.file("astray.jsonl", &asked.replace("[]", "[\"gone\"]"));
    let refused = world.run(&["eval", "faq", "--kb", &kb, "--queries", &astray]);
    assert_eq!((refused.code, refused.err.contains("line 2") && refused.err.contains("gone")), (1, true));
    for (start, end) in [(2, 99), (0, 11)] {
        let line = format!(
            "{{\"id\":\"1\",\"text\":\"电话13912345678\",\"entities\":[{{\"type\":\"phone\",\"value\":\"13912345678\",\"start\":{start},\"end\":{end}}}]}}\n"
        );
        let wrong = world.file("wrong.jsonl", &line);
        let refused = world.run(&["eval", "lead", "--gold", &wrong]);
        assert_eq!((refused.code, refused.err.contains("line 1: ")), (1, true), "{refused:?}");
    }
}
