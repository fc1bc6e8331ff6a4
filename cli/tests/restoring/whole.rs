//! What a backup may not lack: an item that leaves quarantine meanwhile, and what was there once.

use super::{DOCUMENTS, carry_the_master_key, manifest, on, with};
use crate::world::{Postgres, World, account};
use serde_json::Value;
use sqlx::{AnyConnection, Connection, Executor};
use std::path::Path;
use tokio::runtime::Runtime;

fn quarantine(world: &World) -> Vec<Value> {
    let answer = world.json(&["quarantine", "--tenant", "shop", "--json"]);
    answer["quarantine"].as_array().expect("a list").clone()
}

/// A suite, stopped, with one item in quarantine; answers with its id.
fn with_an_item(world: &mut World, args: &[&str]) -> Value {
    world.start(args);
    world.apply(&[DOCUMENTS[0], &account()]);
    world.write_what_cannot_be_taken("bob");
    let held = world.until(|| quarantine(world).into_iter().next());
    world.stop();
    held["id"].clone()
}

/// Makes a backup, and takes the item out of quarantine when the streams are copied and the keys are not.
fn backed_up_while_it_leaves(world: &World, folder: &str, postgres: &Postgres) {
    sqlx::any::install_default_drivers();
    let runtime = Runtime::new().expect("a runtime");
    let open = AnyConnection::connect(&postgres.url);
    let mut held = runtime.block_on(open).expect("Postgres answers");
    let mut run = |text: &'static str| {
        runtime.block_on(held.execute(text)).expect("it is carried out");
    };
    run("BEGIN");
    run("LOCK TABLE keys.register IN ACCESS EXCLUSIVE MODE");
    std::thread::scope(|scope| {
        let backup = scope.spawn(|| world.run(&with(&["backup", folder], &on(Some(postgres)))));
        let waits = "SELECT COUNT(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        world.until(|| (postgres.number(waits) > 0).then_some(()));
        run("DELETE FROM state_ingest.quarantine");
        run("COMMIT");
        let made = backup.join().expect("it ends");
        assert_eq!(made.code, 0, "{made:?}");
    });
}

#[test]
fn an_item_that_leaves_quarantine_while_the_backup_is_made_is_there_after_the_restore() {
    let ways = std::iter::once(None)
        .chain([Postgres::fresh().zip(Postgres::fresh())].into_iter().flatten().map(Some));
    for postgres in ways {
        let (mut old, mut new) = (World::empty(), World::empty());
        let first = on(postgres.as_ref().map(|both| &both.0));
        let item = with_an_item(&mut old, &first);
        let folder = old.file("unused", "") + ".backup";
        match &postgres {
            Some((postgres, _)) => backed_up_while_it_leaves(&old, &folder, postgres),
            None => {
                let made = old.run(&["backup", &folder]);
                assert_eq!(made.code, 0, "{made:?}");
            }
        }
        let taken_in = manifest(&folder)["positions"]["inbound"].as_object().expect("positions").clone();
        assert!(taken_in.values().any(|sequence| sequence == 1), "{taken_in:?}");

        carry_the_master_key(&old, &new);
        let second = on(postgres.as_ref().map(|both| &both.1));
        let restored = new.run(&with(&["restore", &folder], &second));
        assert_eq!(restored.code, 0, "{restored:?}");
        new.start(&second);
        let found: Vec<Value> = quarantine(&new).iter().map(|held| held["id"].clone()).collect();
        assert_eq!(found, [item]);
        new.stop();
    }
}

#[test]
fn a_backup_lacks_the_state_of_roles_that_never_ran_and_no_other() {
    let (mut world, other) = (World::empty(), World::empty());
    let [whole, lacking] = ["whole", "lacking"].map(|name| world.file(name, "") + ".backup");
    world.start(&["--without", "lead-capture"]);
    world.apply(&[DOCUMENTS[0]]);
    let made = world.run(&["backup", &whole]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(!Path::new(&whole).join("state/leads.jsonl").exists());
    world.stop();

    for ending in ["", "-wal", "-shm"] {
        let _gone = std::fs::remove_file(world.data().join(format!("state/identity.db{ending}")));
    }
    let refused = world.run(&["backup", &lacking]);
    assert_eq!((refused.code, refused.err.contains("lacks the state identity,")), (1, true), "{refused:?}");
    assert!(!Path::new(&lacking).join("manifest.json").exists());

    carry_the_master_key(&world, &other);
    let refused = other.run(&["restore", &whole, "--only-database"]);
    assert_eq!((refused.code, refused.err.contains("empty")), (1, false), "nothing was written: {refused:?}");
}
