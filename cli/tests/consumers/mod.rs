//! Named consumers of the lead feed, as an operator makes them.

use crate::world::World;
use serde_json::{Value, json};

const ADD: [&str; 8] =
    ["consumer", "add", "crm", "--types", "lead.created,lead.qualified", "--tenant", "shop", "--json"];

#[test]
fn a_named_consumer_is_added_once_listed_and_removed_while_the_suite_runs() {
    let mut world = World::started();
    let made = world.json(&ADD);
    assert_eq!(made["types"], json!(["lead.created", "lead.qualified", "lead.erased"]));
    assert_eq!(made["subjects"][0], "leads.shop.created.*");
    let seed = made["seed"].as_str().unwrap();
    assert!(seed.starts_with("SU"), "a user's seed");
    assert_eq!(std::fs::read_to_string(made["seed_file"].as_str().unwrap()).unwrap().trim(), seed);
    assert_eq!(world.json(&ADD), made, "again it is the same");

    let told = world.run(&ADD[..7]);
    assert_eq!(told.code, 0, "{told:?}");
    for word in [seed, "consumer next LEADS crm", "_INBOX_consumer-crm", "pull_subscribe_bind"] {
        assert!(told.out.contains(word), "{word}: {told:?}");
    }
    let other = world.run(&["consumer", "add", "crm", "--types", "lead.created"]);
    assert_eq!((other.code, other.err.contains("remove it first")), (1, true), "{other:?}");
    for wrong in [
        &["consumer", "add", "crm", "--types", "created"][..],
        &["consumer", "add", "crm.x", "--types", "lead.created"],
        &["consumer", "add", "crm"],
        &["consumer", "add", "crm", "--types", "lead.created", "--tenant", "*"],
    ] {
        assert_eq!(world.run(wrong).code, 2, "{wrong:?}");
    }

    let listed = world.json(&["consumer", "list", "--json"]);
    assert_eq!((listed[0]["name"].as_str(), listed[0].get("seed")), (Some("crm"), None));
    let text = world.run(&["consumer", "list"]).out;
    assert!(text.contains("crm") && text.contains("lead.qualified") && text.contains("of shop"), "{text}");

    let removed = world.json(&["consumer", "remove", "crm", "--json"]);
    assert_eq!(removed, json!({ "name": "crm", "removed": true }));
    let again = world.run(&["consumer", "remove", "crm"]);
    assert_eq!((again.code, again.out.contains("no consumer crm")), (0, true), "{again:?}");
    assert_eq!(world.json(&["consumer", "list", "--json"]), json!([]));
    let anew = world.json(&ADD);
    assert_ne!(anew["seed"], made["seed"], "a key that was shut out does not come back");

    world.stop();
    let stopped = world.run(&ADD);
    assert_eq!((stopped.code, stopped.err.contains("no nats-server runs")), (1, true), "{stopped:?}");
    assert_eq!(world.json(&["consumer", "list", "--json"])[0]["name"], "crm");
}

#[test]
fn for_a_nats_of_ones_own_the_block_to_add_is_printed() {
    let world = World::started();
    let url = std::fs::read_to_string(world.data().join("nats/url")).unwrap();
    let credentials = world.data().join("nats/credentials");
    let outside = World::empty();
    let options = ["--nats", url.trim(), "--nats-credentials", credentials.to_str().unwrap()];
    let made: Value = outside.json(&[&ADD[..], &options].concat());
    let block = made["authorization"].as_str().unwrap();
    for word in [
        made["public_key"].as_str().unwrap(),
        "$JS.API.CONSUMER.MSG.NEXT.LEADS.crm",
        "subscribe: { allow: [\"_INBOX_consumer-crm.>\"] }",
    ] {
        assert!(block.contains(word), "{word}: {block}");
    }
    assert!(made["accounts"].as_str().unwrap().contains("$JS.API.STREAM.DELETE.*"), "{made}");
    assert_eq!(outside.json(&[&ADD[..], &options].concat()), made);
    // The operator's seed made its durable consumer; without it the command is told.
    let told = outside.run(&["consumer", "add", "ads", "--types", "lead.created", "--nats", url.trim()]);
    assert_eq!((told.code, told.err.contains("nats consumer add LEADS ads")), (0, true), "{told:?}");
    let removed = outside.run(&[&["consumer", "remove", "crm"][..], &options].concat());
    assert_eq!((removed.code, removed.out.contains("take the user")), (0, true), "{removed:?}");
    assert_eq!(world.json(&["consumer", "list", "--json"]), json!([]), "they are another folder's");
}
