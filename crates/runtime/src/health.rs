//! Whether the process is ready for work, and what is missing.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// How one part of the process stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Ready,
    /// With the reason in words for the operator.
    NotReady {
        reason: String,
    },
}

impl State {
    /// Not ready, for this reason in words.
    pub fn not_ready(reason: impl Into<String>) -> Self {
        Self::NotReady { reason: reason.into() }
    }
}

/// A handle to the process's readiness: cheap to clone, all clones tell the same.
///
/// A check set by [`Health::set`] decides about readiness; one set by [`Health::note`] is only shown. What
/// takes all replicas down together (NATS or the database away) belongs into a note once it has been there:
/// an unready process is taken out of its service, and if all are, a short outage of one server becomes a
/// long one of everything.
#[derive(Clone, Debug)]
pub struct Health(Arc<watch::Sender<Checks>>);

#[derive(Clone, Debug)]
pub(crate) struct Checks {
    gates: BTreeMap<String, State>,
    notes: BTreeMap<String, State>,
}

/// What `/readyz` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub ready: bool,
    /// The checks that decide, when they fail.
    pub not_ready: Vec<Missing>,
    /// The checks that are only shown, when they fail.
    pub degraded: Vec<Missing>,
}

/// One failing check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    pub check: String,
    pub reason: String,
}

const START: &str = "start";
const SHUTDOWN: &str = "shutdown";

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// A process that is starting, hence not ready until [`Health::started`].
    pub fn new() -> Self {
        let gates = BTreeMap::from([(START.to_owned(), State::not_ready("starting"))]);
        Self(Arc::new(watch::Sender::new(Checks { gates, notes: BTreeMap::new() })))
    }

    /// All parts have registered their checks; from here on the checks alone decide.
    pub fn started(&self) {
        self.set(START, State::Ready);
    }

    /// The process is about to stop: no new work, please.
    pub fn draining(&self) {
        self.set(SHUTDOWN, State::not_ready("draining"));
    }

    /// Says how the part `check` (such as `reader.routing`) stands; the process is ready when all are.
    pub fn set(&self, check: &str, state: State) {
        self.0.send_if_modified(|checks| put(&mut checks.gates, check, state));
    }

    /// As [`Health::set`], but shown only.
    pub fn note(&self, check: &str, state: State) {
        self.0.send_if_modified(|checks| put(&mut checks.notes, check, state));
    }

    /// The part is gone and no longer counts, either way.
    pub fn forget(&self, check: &str) {
        self.0.send_if_modified(|checks| {
            let gate = checks.gates.remove(check).is_some();
            checks.notes.remove(check).is_some() || gate
        });
    }

    /// Whether every check that decides is ready.
    pub fn is_ready(&self) -> bool {
        self.0.borrow().ready()
    }

    /// Whether [`Health::started`] was called; it is never taken back.
    pub fn has_started(&self) -> bool {
        self.0.borrow().gates.get(START) == Some(&State::Ready)
    }

    /// The failing checks with their reasons, as `/readyz` answers them.
    pub fn report(&self) -> Report {
        let checks = self.0.borrow();
        Report { ready: checks.ready(), not_ready: missing(&checks.gates), degraded: missing(&checks.notes) }
    }

    /// Waits until the process is ready. For tests and for what must follow the others.
    pub async fn until_ready(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(Checks::ready).await;
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Checks> {
        self.0.subscribe()
    }
}

impl Checks {
    pub(crate) fn ready(&self) -> bool {
        self.gates.values().all(|state| *state == State::Ready)
    }
}

fn put(checks: &mut BTreeMap<String, State>, check: &str, state: State) -> bool {
    if checks.get(check) == Some(&state) {
        return false;
    }
    checks.insert(check.to_owned(), state);
    true
}

fn missing(checks: &BTreeMap<String, State>) -> Vec<Missing> {
    let failing = checks.iter().filter_map(|(check, state)| match state {
        State::Ready => None,
        State::NotReady { reason } => Some(Missing { check: check.clone(), reason: reason.clone() }),
    });
    failing.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_it_has_started_and_every_check_is() {
        let health = Health::new();
        health.set("reader.routing", State::not_ready("4711 behind"));
        assert!(!health.is_ready());
        health.started();
        assert!(!health.is_ready());
        health.set("reader.routing", State::Ready);
        assert!(health.is_ready());
        health.draining();
        assert!(!health.is_ready());
    }

    #[test]
    fn a_note_is_shown_but_does_not_decide() {
        let health = Health::new();
        health.started();
        health.note("nats", State::not_ready("connection lost"));
        let report = health.report();
        assert!(report.ready);
        assert_eq!(report.degraded[0].check, "nats");
    }

    #[test]
    fn a_forgotten_check_no_longer_counts() {
        let health = Health::new();
        health.started();
        health.set("reader.routing", State::not_ready("rebuild"));
        health.forget("reader.routing");
        assert!(health.is_ready());
    }
}
