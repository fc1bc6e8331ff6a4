//! Backups of a suite at work, restored onto nothing: the same log, keys and state, and an erased person stays erased.

mod whole;

use crate::world::{Postgres, World, account};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

const DOCUMENTS: [&str; 3] = [
    "kind: Tenant\nname: shop\ntitle: Shop\n",
    "kind: Agent\ntenant: shop\nname: xiaolin\ncapacity: 20\n",
    "kind: Knowledge\ntenant: shop\nentries:\n  - slug: hours\n    question: 你们几点上班\n    answer: 我们每天九点到十八点。\n",
];
const BEGINNING: &str = "2020-01-01T00:00:00Z";
const PHONE: &str = "13912345678";

fn furnish(world: &World) {
    world.apply(&[DOCUMENTS[0], DOCUMENTS[1], DOCUMENTS[2], &account()]);
    world.write_as_customer("你们几点上班");
    world.until(|| world.event(BEGINNING, "Replied", None));
    world.write_as_customer(&format!("我的电话{PHONE}"));
    world.until(|| world.event(BEGINNING, "Captured", None));
}

fn on(postgres: Option<&Postgres>) -> Vec<&str> {
    postgres.into_iter().flat_map(|postgres| ["--database-url", postgres.url.as_str()]).collect()
}

fn with<'a>(command: &[&'a str], args: &[&'a str]) -> Vec<&'a str> {
    [command, args].concat()
}

/// The key that no backup holds, carried over by hand.
fn carry_the_master_key(from: &World, to: &World) {
    std::fs::create_dir_all(to.data().join("keys")).expect("a folder");
    std::fs::copy(from.data().join("keys/master.key"), to.data().join("keys/master.key")).expect("a copy");
}

fn manifest(folder: &str) -> Value {
    serde_json::from_slice(&std::fs::read(Path::new(folder).join("manifest.json")).expect("it"))
        .expect("JSON")
}

/// Part and sequence of a line of a replay.
fn place(line: &Value) -> (u64, u64) {
    let position = line["position"].as_str().expect("a position").trim_start_matches("1.");
    let (part, sequence) = position.split_once(':').expect("a position");
    (part.parse().expect("a part"), sequence.parse().expect("a sequence"))
}

/// The last sequence of each part, as the backup has it.
fn ends(manifest: &Value) -> BTreeMap<u64, u64> {
    let streams = manifest["streams"].as_array().expect("streams").iter();
    let log = streams.filter_map(|s| Some((s["stream"].as_str()?.strip_prefix("LOG_1_")?, &s["state"])));
    log.map(|(part, state)| (part.parse().expect("a part"), state["last_seq"].as_u64().expect("it")))
        .collect()
}

/// Who wrote, once for each message that the log holds.
fn received(events: &[Value]) -> Vec<String> {
    let of = |line: &&Value| line["event"] == "Received";
    events.iter().filter(of).map(|line| line["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_backup_of_a_suite_at_work_is_restored_with_the_same_sequences_and_it_goes_on() {
    let (one, two) = (Postgres::fresh(), Postgres::fresh());
    let ways = [(None, None), (None, one.as_ref()), (two.as_ref(), None)];
    for (from, to) in ways.into_iter().take(if one.is_some() { 3 } else { 1 }) {
        let (mut old, mut new) = (World::empty(), World::empty());
        let (from, to) = (on(from), on(to));
        old.start(&from);
        furnish(&old);
        let (folder, over) = (old.file("unused", "") + ".backup", AtomicBool::new(false));
        let answered = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut written = 0;
                while !over.load(Ordering::Relaxed) {
                    old.write_as(&format!("visitor-{written}"), "你们几点上班");
                    written += 1;
                }
                written
            });
            old.until(|| (received(&old.events(BEGINNING)).len() > 10).then_some(()));
            let before = received(&old.events(BEGINNING)).len();
            let made = old.run(&with(&["backup", &folder], &from));
            assert_eq!((made.code, made.out.contains("master key")), (0, true), "{made:?}");
            over.store(true, Ordering::Relaxed);
            assert!(writer.join().expect("it ends") > 10);
            before
        });
        let theirs: BTreeMap<_, _> =
            old.events(BEGINNING).into_iter().fold(BTreeMap::new(), |mut all, line| {
                all.entry(place(&line)).or_insert_with(Vec::new).push(line);
                all
            });
        refuses_what_is_wrong(&old, &folder, &to);
        old.stop();

        carry_the_master_key(&old, &new);
        let restored = new.json(&with(&["restore", &folder, "--json"], &to));
        eprintln!("restored in {} s: {restored}", restored["seconds"]);
        assert!(restored["seconds"].as_f64().expect("a number") < 60.0);
        let again = new.run(&with(&["restore", &folder], &to));
        assert_eq!((again.code, again.err.contains("not empty")), (1, true), "{again:?}");
        new.start(&to);
        let ends = ends(&manifest(&folder));
        let mut seen = 0;
        for line in new.events(BEGINNING) {
            let (part, sequence) = place(&line);
            if sequence <= ends[&part] {
                assert!(theirs[&(part, sequence)].contains(&line), "{line}");
                seen += 1;
            }
        }
        assert!(seen > 10);
        // Whatever was taken in before the backup began is there once, if only from the journal.
        new.until(|| {
            let found = received(&new.events(BEGINNING));
            (found.len() >= answered).then_some(())
        });
        // Each visitor but the first wrote once, whatever was taken from the journal again.
        let once = received(&new.events(BEGINNING));
        let others: BTreeSet<&String> = once.iter().collect();
        assert_eq!(once.len(), others.len() + 1, "{once:?}");
        let verified = new.run(&["verify", "--all"]);
        assert_eq!(verified.code, 0, "{verified:?}");
        let count = received(&new.events(BEGINNING)).len();
        new.write_as("somebody-new", "你们几点上班");
        new.until(|| (received(&new.events(BEGINNING)).len() > count).then_some(()));
        let last: BTreeSet<String> = received(&new.events(BEGINNING)).into_iter().collect();
        let thread = last.iter().find(|id| !theirs.values().flatten().any(|line| line["id"] == id.as_str()));
        let thread = thread.expect("a new thread").clone();
        let replied = new.until(|| new.event(BEGINNING, "Replied", Some(&thread)));
        assert!(place(&replied).1 > ends[&place(&replied).0], "{replied}");
        new.stop();
    }
}

/// Nothing is written by a restore that is refused.
fn refuses_what_is_wrong(old: &World, folder: &str, to: &[&str]) {
    let running = old.run(&with(&["restore", folder], to));
    assert_eq!((running.code, running.err.contains("a suite runs")), (1, true), "{running:?}");
    let full = old.run(&["backup", folder]);
    assert_eq!((full.code, full.err.contains("not empty")), (1, true), "{full:?}");
    let other = World::empty();
    let keyless = other.run(&with(&["restore", folder], to));
    assert_eq!((keyless.code, keyless.err.contains("master.key")), (1, true), "{keyless:?}");
    let wrong = other.run(&with(&["restore", folder, "--master-key", &"ab".repeat(32)], to));
    assert_eq!((wrong.code, wrong.err.contains("master key")), (1, true), "{wrong:?}");
    let log = Path::new(folder).join("log/LOG_1_3");
    let whole = std::fs::read(&log).expect("a file");
    let mut damaged = whole.clone();
    *damaged.last_mut().expect("a byte") ^= 1;
    std::fs::write(&log, damaged).expect("it is ours");
    carry_the_master_key(old, &other);
    let refused = other.run(&with(&["restore", folder], to));
    assert_eq!(
        (refused.code, refused.err.contains("LOG_1_3 of the backup is damaged")),
        (1, true),
        "{refused:?}"
    );
    assert!(!other.has("nats"), "nothing was begun");
    std::fs::write(&log, whole).expect("it is ours");
}

/// Files below with these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if std::fs::read(&path).is_ok_and(|text| text.windows(bytes.len()).any(|part| part == bytes)) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_person_who_was_erased_after_the_backup_of_the_keys_stays_erased_beside_the_newer_log() {
    let databases = std::iter::once(None)
        .chain([Postgres::fresh().zip(Postgres::fresh())].into_iter().flatten().map(Some));
    for postgres in databases {
        let (mut world, first) = (World::empty(), on(postgres.as_ref().map(|both| &both.0)));
        world.start(&first);
        furnish(&world);
        let thread = world.event(BEGINNING, "Replied", None).expect("an answer")["id"]
            .as_str()
            .expect("it")
            .to_owned();
        let folder = world.file("unused", "") + ".backup";
        let made = world.run(&with(&["backup", &folder], &first));
        assert_eq!(made.code, 0, "{made:?}");
        let erase = ["erase", "--tenant", "shop", "--thread", &thread, "--yes", "--json"];
        let done = world.run(&erase);
        assert_eq!(done.code, 0, "{done:?}");
        world.stop();
        assert_eq!(holding(&world.data(), PHONE.as_bytes()), Vec::<String>::new());

        // The database is lost, the log is not.
        for lost in ["state", "models"] {
            let _gone = std::fs::remove_dir_all(world.data().join(lost));
        }
        for lost in ["keys.db", "keys.db-wal", "keys.db-shm"] {
            let _gone = std::fs::remove_file(world.data().join("keys").join(lost));
        }
        let second = on(postgres.as_ref().map(|both| &both.1));
        let whole = world.run(&with(&["restore", &folder], &second));
        assert_eq!((whole.code, whole.err.contains("NATS holds the stream")), (1, true), "{whole:?}");
        assert!(!whole.err.contains("empty the"), "nothing was written: {whole:?}");
        let restored = world.json(&with(&["restore", &folder, "--only-database", "--json"], &second));
        eprintln!("keys and state restored in {} s", restored["seconds"]);
        world.start(&second);
        let opened = |world: &World| {
            let replay = ["replay", "conversation", &thread, "1", "--as", "admin", "--reason", "drill"];
            world.run(&replay)
        };
        world.until(|| opened(&world).out.contains("[gone]").then_some(()));
        let shown = opened(&world);
        assert!(!shown.out.contains(PHONE), "{shown:?}");
        world.until(|| holding(&world.data(), PHONE.as_bytes()).is_empty().then_some(()));
        let log = world.data().with_file_name("suite.log");
        let said = std::fs::read_to_string(log).expect("its log");
        assert!(said.contains("erasures are applied again after a restore"), "{said}");
        let verified = world.run(&["verify", "--all"]);
        assert_eq!(verified.code, 0, "{verified:?}");
        world.stop();
        assert_eq!(holding(&world.data(), PHONE.as_bytes()), Vec::<String>::new());
        assert!(manifest(&folder)["state"].as_array().expect("state").len() >= 4);
    }
}
