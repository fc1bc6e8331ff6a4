//! The house's dependency rule, read from the manifests: who may know whom, and where versions stand.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Crates of ours that each crate may depend on; a service may on any crate in `crates/`.
const CRATES: [(&str, &[&str]); 13] = [
    ("events", &[]),
    ("spine", &[]),
    ("proto", &[]),
    ("runtime", &[]),
    ("conversation", &["events", "spine"]),
    ("laws", &["events", "spine"]),
    ("channels", &["events"]),
    ("directory", &["events", "laws", "spine"]),
    ("role", &["runtime", "spine"]),
    ("documents", &["events"]),
    ("words", &[]),
    ("knowledge", &["documents", "words"]),
    ("llm", &[]),
];

/// The only ones that see services.
const SEES_ALL: [&str; 3] = ["cli", "tests/integration", "bench"];

/// The fakes of outside APIs know nothing of the suite that they test.
const SEES_NONE: &str = "tests/simulators";

/// What tests stand on: a server, a database. It knows the spine alone, so that every crate's tests can use it.
const GROUND: &str = "tests/ground";

/// The only ones that are built with it. Everything else has it among its dev-dependencies at most.
const BUILT_ON_GROUND: [&str; 2] = ["bench", "tests/integration"];

/// Feeds parsers with anything: sees crates, as a service does, and no service.
const FUZZ: &str = "fuzz";

/// One `name = value` of a manifest, with the section that it stands in.
struct Line {
    section: String,
    name: String,
    rest: String,
}

impl Line {
    /// Whether it is a dependency of any kind, also of one target only.
    fn is_dependency(&self) -> bool {
        self.section.split('.').any(|word| word.ends_with("dependencies"))
    }

    /// Whether the product is built with it. Dev-dependencies are free.
    fn is_shipped(&self) -> bool {
        self.is_dependency() && !self.section.contains("dev-dependencies")
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The lines of a manifest. The tree writes them one to a line, which this relies on and checks.
fn manifest(folder: &str) -> Vec<Line> {
    let text = std::fs::read_to_string(workspace().join(folder).join("Cargo.toml")).unwrap();
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_matches(['[', ']']).to_owned();
            let alone = section.split_once("dependencies.").is_none();
            assert!(alone, "{folder}: [{section}] is written as a line of its list");
        } else {
            let (name, rest) = line.split_once('=').unwrap_or_else(|| panic!("{folder}: {line}"));
            let (name, rest) = (name.trim().to_owned(), rest.trim().to_owned());
            lines.push(Line { section: section.clone(), name, rest });
        }
    }
    lines
}

/// The folders of all members, from the patterns of the root manifest.
fn members() -> BTreeSet<String> {
    let root = manifest(".");
    let patterns = &root.iter().find(|line| line.name == "members").unwrap().rest;
    patterns
        .split('"')
        .skip(1)
        .step_by(2)
        .flat_map(|pattern| match pattern.strip_suffix("/*") {
            Some(parent) => folders(parent),
            None => vec![pattern.to_owned()],
        })
        .collect()
}

fn folders(parent: &str) -> Vec<String> {
    let entries = std::fs::read_dir(workspace().join(parent)).unwrap().map(|entry| entry.unwrap());
    entries
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| format!("{parent}/{}", entry.file_name().to_str().unwrap()))
        .collect()
}

/// Our own crates by the name that manifests use, with their folders.
fn ours() -> BTreeMap<String, String> {
    let root = manifest(".");
    let listed = root.iter().filter(|line| line.section == "workspace.dependencies");
    listed
        .filter_map(|line| {
            let (_, path) = line.rest.split_once("path = \"")?;
            Some((line.name.clone(), path.split('"').next()?.to_owned()))
        })
        .collect()
}

/// The folders of our crates that a member is built with.
fn shipped_with(member: &str) -> Vec<String> {
    let ours = ours();
    let lines = manifest(member).into_iter().filter(Line::is_shipped);
    lines.filter_map(|line| ours.get(line.name.split('.').next()?).cloned()).collect()
}

/// Whether the rule lets `member` depend on `other`, both as folders.
fn may_see(member: &str, other: &str) -> bool {
    if SEES_ALL.contains(&member) {
        return true;
    }
    let crate_name = other.strip_prefix("crates/");
    match member.split_once('/') {
        Some(("crates", name)) => {
            let (_, allowed) = CRATES.iter().find(|(known, _)| *known == name).unwrap_or_else(|| {
                panic!("{member} is new: say in {} what it may depend on, and in docs/adr why", file!())
            });
            crate_name.is_some_and(|other| allowed.contains(&other))
        }
        Some(("services", _)) => crate_name.is_some(),
        _ if member == FUZZ => crate_name.is_some(),
        _ if member == GROUND => crate_name == Some("spine"),
        _ => {
            assert_eq!(member, SEES_NONE, "{member} is new: say in {} what it may depend on", file!());
            false
        }
    }
}

#[test]
fn members_depend_only_on_those_below_them() {
    let breaches: Vec<String> = members()
        .iter()
        .flat_map(|member| {
            let others = shipped_with(member).into_iter().filter(move |other| !may_see(member, other));
            others.map(move |other| format!("{member} depends on {other}"))
        })
        .collect();
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn the_rule_names_only_what_is_there() {
    let members = members();
    for (name, _) in CRATES {
        assert!(members.contains(&format!("crates/{name}")), "crates/{name} is gone");
    }
    for folder in SEES_ALL.into_iter().chain([SEES_NONE, GROUND, FUZZ]) {
        assert!(members.contains(folder), "{folder} is gone");
    }
    // Were nothing found, the rule above would hold of anything.
    assert!(shipped_with("services/routing").contains(&"crates/events".to_owned()));
    assert!(shipped_with("cli").contains(&"services/routing".to_owned()));
}

#[test]
fn a_service_sees_no_other_service() {
    assert!(!may_see("services/routing", "services/identity"));
    assert!(!may_see("services/routing", "tests/simulators"));
    assert!(!may_see("crates/events", "crates/spine"));
    assert!(may_see("services/routing", "crates/laws"));
    assert!(may_see("tests/integration", "services/identity"));
    assert!(!may_see(GROUND, "crates/runtime"));
    assert!(may_see(FUZZ, "crates/knowledge") && !may_see(FUZZ, "services/ai-agent"));
}

#[test]
fn nothing_that_runs_is_built_with_what_tests_stand_on() {
    let built = members().into_iter().filter(|member| shipped_with(member).contains(&GROUND.to_owned()));
    assert_eq!(built.collect::<Vec<_>>(), BUILT_ON_GROUND);
}

#[test]
fn versions_features_and_paths_stand_in_the_root_manifest_alone() {
    let mut breaches = Vec::new();
    for member in members() {
        for line in manifest(&member) {
            let from_root = (line.name.ends_with(".workspace") && line.rest == "true")
                || line.rest == "{ workspace = true }"
                || line.rest == "{ workspace = true, optional = true }";
            let of_package =
                line.section == "package" && !["name", "description"].contains(&line.name.as_str());
            if (line.is_dependency() || of_package) && !from_root {
                breaches.push(format!("{member}: {} = {}", line.name, line.rest));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn every_crate_keeps_the_lints_of_the_workspace() {
    for member in members() {
        let lints =
            manifest(&member).into_iter().any(|line| line.section == "lints" && line.name == "workspace");
        assert!(lints, "{member} has no [lints] workspace = true");
    }
}
