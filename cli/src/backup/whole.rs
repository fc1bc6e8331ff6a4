//! What a backup cannot be without: one that lacks it would restore less than there was, and nobody would know.

use super::copy::{LEFT_OUT, chosen};
use crate::provision;
use anyhow::bail;
use spine::db::Wanted;
use spine::streams::{self, StreamSettings};
use std::collections::BTreeSet;

/// State that is there wherever anything was written into streams of these names.
const WRITERS: [(&str, &str); 3] = [("LOG_", "effects"), ("INBOUND_", "ingest"), ("LEADS", "leads")];

/// Refuses to copy streams of which some are missing: every start makes all of them, whatever roles it has.
///
/// # Errors
/// Which are not there.
pub(super) fn streams(names: &[String], settings: &StreamSettings) -> anyhow::Result<()> {
    let all = chosen(streams::specs(settings).into_iter().map(|spec| spec.name).collect());
    let missing: Vec<String> = all.into_iter().filter(|name| !names.contains(name)).collect();
    if !missing.is_empty() {
        bail!(
            "NATS lacks {}: --nats (NATS_URL) may name another one; what is lost comes back from an earlier backup, and \
             `tributary provision` makes what never was there",
            missing.join(", ")
        );
    }
    Ok(())
}

/// Refuses a copy without the state of a role that has run here, which its read model or a stream tells. A role that
/// never ran has no state.
///
/// # Errors
/// What is not there.
pub(super) fn state(copied: &[&str], filled: &[&str], models: &BTreeSet<String>) -> anyhow::Result<()> {
    let missing: Vec<&str> =
        expected(filled, models).into_iter().filter(|name| !copied.contains(name)).collect();
    if !missing.is_empty() {
        bail!(
            "the database lacks the state {}, which this installation had: --database-url (DATABASE_URL) may name \
             another database; what is lost comes back from an earlier backup, and `tributary provision` makes it empty",
            missing.join(", ")
        );
    }
    Ok(())
}

fn expected(filled: &[&str], models: &BTreeSet<String>) -> BTreeSet<&'static str> {
    let written = |(stream, _): &&(&str, &str)| filled.iter().any(|name| name.starts_with(stream));
    let mut expected: BTreeSet<&str> = WRITERS.iter().filter(written).map(|(_, state)| *state).collect();
    for stores in provision::of_roles() {
        let has_run =
            stores.iter().any(|store| matches!(store, Wanted::Model(spec) if models.contains(spec.name)));
        expected.extend(stores.iter().filter(|_| has_run).filter_map(|store| match store {
            Wanted::State(name, _) if !LEFT_OUT.contains(name) => Some(*name),
            _ => None,
        }));
    }
    expected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_is_not_there_is_named() {
        let settings = StreamSettings::default();
        let mut names: Vec<String> = streams::specs(&settings).into_iter().map(|spec| spec.name).collect();
        streams(&names, &settings).unwrap();
        names.retain(|name| name != "REFUSED");
        streams(&names, &settings).unwrap();
        names.retain(|name| name != "LEADS" && name != "LOG_1_7");
        let refused = streams(&names, &settings).unwrap_err().to_string();
        assert!(refused.starts_with("NATS lacks LEADS, LOG_1_7: "), "{refused}");
    }

    #[test]
    fn the_state_of_a_role_that_has_run_is_expected_and_of_no_other() {
        let models = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let of = |store: &Wanted| match store {
            Wanted::Model(spec) => Some(spec.name),
            Wanted::State(..) => None,
        };
        let console = console::STORES.iter().find_map(of).unwrap();
        state(&[], &[], &models(&[])).unwrap();
        state(&["effects", "console"], &["LOG_1_0"], &models(&[console])).unwrap();
        let lost = state(&["effects"], &["LOG_1_0"], &models(&[console])).unwrap_err().to_string();
        assert!(lost.starts_with("the database lacks the state console, "), "{lost}");
        let lost = state(&["leads"], &["LEADS", "INBOUND_3"], &models(&[])).unwrap_err().to_string();
        assert!(lost.contains("the state ingest, "), "{lost}");
    }
}
