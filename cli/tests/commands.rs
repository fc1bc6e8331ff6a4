//! The commands as a person runs them: the built binary against a suite of its own, on free ports and a new folder.

mod alone;
mod consumers;
mod installation;
mod provisioning;
mod restoring;
mod world;

use serde_json::{Value, json};
use world::World;

const TENANT: &str = "kind: Tenant\nname: shop\ntitle: Shop\n";
const AGENT: &str = "kind: Agent\ntenant: shop\nname: xiaolin\ncapacity: 20\n";
const KNOWLEDGE: &str = "kind: Knowledge\ntenant: shop\nentries:\n  - slug: hours\n    question: 你们几点上班\n    answer: 我们每天九点到十八点。\n";
const PHONE: &str = "13912345678";

#[test]
fn documents_are_applied_once_and_a_wrong_one_is_named() {
    let world = World::started();
    let (tenant, agent) = (world.file("tenant.yaml", TENANT), world.file("agent.yaml", AGENT));
    let dry = world.run(&["apply", "-f", &tenant, "-f", &agent, "--dry-run"]);
    assert_eq!((dry.code, dry.out.contains("+ Agent shop/xiaolin")), (0, true), "{dry:?}");
    let first = world.run(&["apply", "-f", &tenant, "-f", &agent]);
    assert_eq!((first.code, first.out.contains("2 created, 0 changed")), (0, true), "{first:?}");
    let again = world.run(&["apply", "-f", &tenant, "-f", &agent]);
    assert_eq!((again.code, again.out.contains("= 2 as they were")), (0, true), "{again:?}");
    let changed = world.run_with_input(&["apply", "-f", "-"], &AGENT.replace("20", "8"));
    assert_eq!((changed.code, changed.out.contains(r#"capacity: "20" → "8""#)), (0, true), "{changed:?}");
    let broken = world.file("broken.yaml", &AGENT.replace("20", "many"));
    let wrong = world.run(&["apply", "-f", &tenant, "-f", &broken]);
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(wrong.err.contains("broken.yaml, document 1, capacity"), "{wrong:?}");
}

#[test]
fn words_that_fit_nothing_are_refused_before_anything_is_done() {
    let world = World::started();
    let typo = world.run(&["log", "debgu"]);
    assert_eq!((typo.code, typo.err.contains("debgu is no level")), (1, true), "{typo:?}");
    let empty = world.run(&["log", ""]);
    assert_eq!((empty.code, empty.err.contains("it is empty")), (1, true), "{empty:?}");
    assert_eq!(world.run(&["log", "info,routing=debug"]).code, 0);
    let probe = world.run(&["probe", "nonsense", "--timeout", "60"]);
    assert_eq!((probe.code, probe.err.contains("relative URL")), (2, true), "{probe:?}");
    let nothing =
        world.run(&["quarantine", "discard", "0190b3c2-0000-7000-8000-000000000000", "--reason", "ticket-1"]);
    assert_eq!((nothing.code, nothing.err.contains("item in quarantine")), (1, true), "{nothing:?}");
    assert_eq!(world.run(&["quarantine", "discarded"]).code, 0);
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let world = World::started();
    world.apply(&[TENANT, AGENT]);
    let made = world.run(&["token", "create", "--tenant", "shop", "--role", "agent", "--agent", "xiaolin"]);
    assert_eq!((made.code, made.out.starts_with("trib_")), (0, true), "{made:?}");
    let list = |world: &World| world.json(&["token", "list", "--tenant", "shop", "--json"]);
    let token = list(&world)[0].clone();
    assert_eq!((&token["role"], &token["revoked_at"]), (&json!("agent"), &Value::Null));
    assert!(token.get("token").is_none(), "its text is shown once");
    let id = token["id"].as_str().unwrap();
    for _ in 0..2 {
        assert_eq!(world.run(&["token", "revoke", id]).code, 0);
    }
    let unknown = world.run(&["token", "revoke", "0190b3c2-0000-7000-8000-000000000000"]);
    assert_eq!((unknown.code, unknown.err.contains("no token")), (1, true), "{unknown:?}");
    let nobody = world.run(&["token", "create", "--tenant", "shop", "--role", "agent", "--agent", "小林"]);
    assert_eq!((nobody.code, nobody.err.contains("xiaolin (")), (1, true), "{nobody:?}");
    let nowhere = world.run(&["token", "create", "--tenant", "nope", "--role", "admin"]);
    assert_eq!((nowhere.code, nowhere.err.contains("no tenant `nope`")), (1, true), "{nowhere:?}");
    assert!(list(&world)[0]["revoked_at"].is_string());
    assert_eq!(
        world.run(&["token", "create", "--role", "agent"]).code,
        2,
        "an agent's token names the agent"
    );
}

#[test]
fn a_conversation_is_replayed_masked_opened_on_record_and_gone_after_an_erasure() {
    let world = World::started();
    let before = "2020-01-01T00:00:00Z";
    world.apply(&[TENANT, AGENT, KNOWLEDGE, &world::account()]);
    let first = |event: &str| world.events(before).iter().find(|line| line["event"] == event).cloned();
    world.write_as_customer("你们几点上班");
    let thread = world.until(|| first("Replied"));
    world.write_as_customer("我的电话13912345678");
    world.until(|| first("Captured"));
    let (id, replied) = (thread["id"].as_str().unwrap(), thread["position"].as_str().unwrap());

    let masked = world.run(&["replay", "conversation", id, "1", "--as-of", replied]);
    assert_eq!(masked.code, 0, "{masked:?}");
    assert!(masked.out.contains("[sealed: a256gcm key ") && !masked.out.contains("几点"), "{masked:?}");
    assert!(
        masked.out.contains("owner         the AI") && masked.out.contains("pending       1"),
        "{masked:?}"
    );
    assert!(
        world.events(before).iter().all(|line| line["kind"] != "access"),
        "masked looks are not recorded"
    );

    let open = world.run(&["replay", "conversation", id, "--as", "supervisor", "--reason", "complaint-12"]);
    assert_eq!((open.code, open.out.contains(&format!("“我的电话{PHONE}”"))), (0, true), "{open:?}");
    let looked = world.events(before).into_iter().find(|line| line["kind"] == "access").unwrap();
    assert_eq!(
        (&looked["fields"]["role"], &looked["fields"]["reason"]),
        (&json!("supervisor"), &json!("complaint-12"))
    );
    assert!(looked["fields"]["what"].as_str().unwrap().ends_with(id));

    assert_eq!(world.run(&["replay", "conversation", id, "--as-of", before]).code, 1, "it was not there yet");
    let missing = world.run(&["replay", "conversation", id, "7"]);
    assert_eq!((missing.code, missing.err.contains("no conversation 7")), (1, true), "{missing:?}");
    for beyond in ["2100-01-01T00:00:00Z", "1.0:99999999"] {
        let refused = world.run(&["replay", "range", "1.0:1", "--as-of", beyond]);
        assert_eq!((refused.code, refused.err.contains("ends at 1.0:")), (1, true), "{refused:?}");
    }
    let accounts = world.run(&["replay", "range", before, "--kind", "account", "--limit", "1", "--json"]).out;
    assert!(accounts.lines().all(|line| line.contains(r#""kind":"account""#)), "{accounts}");
    let two = world.run(&["replay", "range", before, "--follow", "--limit", "2"]);
    assert_eq!((two.code, two.out.lines().count()), (0, 2), "{two:?}");
    let zoneless = world.run(&["replay", "conversation", id, "--as-of", "2026-11-26T10:32:07"]);
    assert_eq!((zoneless.code, zoneless.err.contains("names no zone")), (2, true), "{zoneless:?}");

    assert_eq!(world.run(&["erase", "--tenant", "shop", "--thread", id]).code, 2, "there is nobody to ask");
    let looked = world.run(&["erase", "--tenant", "shop", "--thread", id, "--dry-run"]);
    assert_eq!((looked.code, looked.out.contains("nothing was done")), (0, true), "{looked:?}");
    assert!(looked.out.contains("1  threads"), "{looked:?}");
    let erased =
        world.json(&["erase", "--tenant", "shop", "--thread", id, "--reason", "t-1", "--yes", "--json"]);
    assert_eq!(
        (&erased["step"], &erased["signed"]["certificate"]["reason"]),
        (&json!("done"), &json!("t-1"))
    );
    let gone = world.run(&["replay", "conversation", id, "--as", "admin", "--reason", "look"]);
    assert!(gone.out.contains("[gone]") && !gone.out.contains(PHONE), "{gone:?}");
    assert!(gone.out.trim_end().ends_with("erased"), "{gone:?}");
    assert_eq!(
        world.run(&["verify", "--all"]).code,
        0,
        "a rebuilt model equals the live one after an erasure"
    );
}

#[test]
fn an_erased_joined_lead_is_replayed_as_gone_while_its_own_thread_keeps_its_key() {
    let world = World::started();
    let before = "2020-01-01T00:00:00Z";
    world.apply(&[TENANT, &world::account()]);
    world.write_as("alice", "我的电话13912345678");
    let first = world.until(|| world.event(before, "Captured", None));
    world.write_as("bob", "我的电话13912345678");
    let joined = world.until(|| world.event(before, "Joined", None));
    let lead = joined["id"].as_str().unwrap();
    let (thread, _) = first["id"].as_str().unwrap().rsplit_once('-').unwrap();
    let look = |what: &[&str]| {
        let opened = ["--tenant", "shop", "--as", "admin", "--reason", "look"];
        let shown = world.run(&[&["replay"][..], what, &opened].concat());
        assert_eq!(shown.code, 0, "{shown:?}");
        shown.out
    };
    assert!(look(&["lead", lead]).contains(PHONE), "it opens before");
    let captured = world.event(before, "Captured", Some(lead)).unwrap();
    let erased = world.json(&["erase", "--tenant", "shop", "--thread", thread, "--yes", "--json"]);
    let certificate = &erased["signed"]["certificate"];
    assert!(certificate["leads"].to_string().contains(lead), "{certificate}");
    let own = lead.rsplit_once('-').unwrap().0;
    assert!(look(&["conversation", own]).contains(PHONE), "the key of its own thread opens");
    let at = captured["position"].as_str().unwrap();
    for what in [&["lead", lead][..], &["lead", lead, "--as-of", at], &["range", before, "--kind", "lead"]] {
        let shown = look(what);
        assert!(shown.contains("[gone]") && !shown.contains(PHONE), "{what:?}: {shown}");
    }
}

#[test]
fn following_shows_what_comes_and_ends_well_with_ctrl_c() {
    let world = World::started();
    world.apply(&[TENANT, &world::account()]);
    let mut following = world.follow(&["replay", "range", "2020-01-01T00:00:00Z", "--follow", "--json"]);
    following.until_line(|line| line["event"] == "Configured" && line["kind"] == "account");
    world.write_as_customer("谢谢");
    let received = following.until_line(|line| line["event"] == "Received");
    assert_eq!(received["author"], "customer");
    assert_eq!(following.interrupt(), Some(0));
}

#[test]
fn a_cell_changed_by_hand_is_named_and_a_rebuild_mends_it_with_and_without_a_suite() {
    let mut world = World::started();
    world.apply(&[TENANT, AGENT]);
    world.until(|| world.events("2020-01-01T00:00:00Z").iter().find(|line| line["kind"] == "agent").cloned());
    assert_eq!(world.run(&["verify", "--all"]).code, 0);
    world.change("console", "UPDATE agents SET name = 'changed by hand'");
    let found = world.run(&["verify", "console"]);
    assert_eq!(found.code, 1, "{found:?}");
    assert!(found.out.contains("table agents") && found.out.contains("column name"), "{found:?}");
    assert!(!found.out.contains("changed by hand"), "values are not shown: {found:?}");
    assert_eq!(world.run(&["rebuild", "console"]).code, 0);
    assert_eq!(world.run(&["verify", "console"]).code, 0);
    assert_eq!(world.run(&["switch-back", "console"]).code, 0);
    assert_eq!(world.run(&["verify", "console"]).code, 1, "the old slot is as it was");
    assert_eq!(world.run(&["rebuild", "nothing"]).code, 1);
    let unparked = world.run(&["unpark", "log.1.0.shop.agent.nobody"]);
    assert_eq!((unparked.code, unparked.out.contains("is not parked")), (0, true), "{unparked:?}");

    world.stop();
    let alone = world.run(&["verify", "console"]);
    assert_eq!((alone.code, alone.err.contains("its parts are started")), (1, true), "{alone:?}");
    assert_eq!(world.run(&["rebuild", "--all"]).code, 0);
    assert_eq!(world.run(&["verify", "--all"]).code, 0);
    assert_eq!(world.run(&["parked"]).out.trim(), "nothing is parked");
    let kinds = world.run(&["replay", "range", "2020-01-01T00:00:00Z"]).out;
    assert!(kinds.contains("agent.Registered"), "{kinds}");
    assert_eq!(
        world.run(&["replay", "range", "1.0:1", "--follow"]).code,
        1,
        "nothing follows without a suite"
    );
}

#[test]
fn the_doctor_looks_with_and_without_a_suite() {
    let mut world = World::started();
    let severities = |answer: &Value| -> Vec<String> {
        let findings = answer["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["severity"].as_str().unwrap().to_owned()).collect()
    };
    let well = world.json(&["doctor", "--json"]);
    assert!(!severities(&well).contains(&"fail".to_owned()), "{well:#}");
    let text = well.to_string();
    for looked_at in
        ["JetStream is on", "sync_interval is always", "18 streams", "clock of nats-server", "safe after"]
    {
        assert!(text.contains(looked_at), "{looked_at}: {well:#}");
    }
    let elsewhere = world.run_without_path(&["doctor"]);
    assert_eq!(
        (elsewhere.code, elsewhere.out.contains("one runs, and a start from here")),
        (0, true),
        "{elsewhere:?}"
    );
    world.open_to_others("service.credential");
    let open = world.run(&["doctor"]);
    assert_eq!((open.code, open.out.contains("chmod 600")), (1, true), "{open:?}");
    world.stop();
    let stopped = world.run(&["doctor", "--listen-http", "127.0.0.1:0"]);
    assert!(stopped.out.contains("the last one has stopped"), "{stopped:?}");
    let bare = world.run_without_path(&["doctor", "--listen-http", "127.0.0.1:0"]);
    assert_eq!((bare.code, bare.out.contains("install nats-server 2.15")), (1, true), "{bare:?}");
    let key = world.data().join("keys/master.key");
    std::fs::write(&key, "ab".repeat(32)).unwrap();
    let stranger = world.run(&["doctor"]);
    assert_eq!(
        (stranger.code, stranger.out.contains("is not the one that the key register was made with")),
        (1, true),
        "{stranger:?}"
    );
}
