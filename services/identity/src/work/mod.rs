//! What is due: customers appear, their touches and evidence are recorded, merges are made and finished.

mod appear;
mod evidence;
mod half;
mod link;
mod touch;

pub(crate) use appear::AppearBody;
pub(crate) use evidence::EvidenceBody;
pub(crate) use link::LinkBody;
pub(crate) use touch::TouchBody;

use crate::merge::Merger;
use laws::customer::Rejection;
use role::Frame;
use serde::{Deserialize, Serialize};
use spine::read::{Done, WorkLimits};
use spine::{Cause, Decided, Error, Recorded, Refused};
use uuid::Uuid;

/// Who acts, as the log names them.
pub(crate) const ACTOR: &str = "identity";
/// Customers that appear at the same time.
const APPEAR_IN_FLIGHT_MAX: usize = 64;
/// Other work at the same time.
const IN_FLIGHT_MAX: usize = 16;
/// How often a chain of merges is followed.
const HOPS_MAX: u32 = 32;
/// How long to wait for a customer who is about to appear.
const APPEARS_MS: u64 = 100;
/// How long to wait where only a person or time can help.
const SLOW_MS: u64 = 60_000;

/// The decision of which a piece of work is the consequence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Why {
    id: Uuid,
    correlation: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
}

impl Why {
    /// The decision itself.
    pub(crate) fn of(record: &Recorded) -> Self {
        let meta = &record.meta;
        Self { id: meta.id, correlation: meta.correlation, traceparent: meta.traceparent.clone() }
    }

    fn cause(&self, purpose: &'static str) -> Cause {
        let Self { id, correlation, traceparent } = self.clone();
        Cause { id, purpose, correlation, actor: ACTOR.into(), traceparent, journal: None }
    }
}

/// Adds the workers to the role.
pub(crate) fn start(frame: &mut Frame, merger: &Merger) {
    let many = WorkLimits {
        in_flight_max: APPEAR_IN_FLIGHT_MAX,
        per_lane_max: APPEAR_IN_FLIGHT_MAX,
        confirms: false,
    };
    let some = WorkLimits { in_flight_max: IN_FLIGHT_MAX, per_lane_max: IN_FLIGHT_MAX, confirms: false };
    // One after the other, so that each sees what the one before it brought about.
    // And what is no wish any more, since evidence of two logins came, only the table says.
    let single = WorkLimits { in_flight_max: 1, per_lane_max: 1, confirms: true };
    let spine = frame.spine.clone();
    frame.work("customer", many, move |work| appear::handle(spine.clone(), work));
    let spine = frame.spine.clone();
    frame.work("touch", some, move |work| touch::handle(spine.clone(), work));
    let spine = frame.spine.clone();
    frame.work("evidence", some, move |work| evidence::handle(spine.clone(), work));
    let by = merger.clone();
    frame.work("link", single, move |work| link::handle(by.clone(), work));
    let by = merger.clone();
    frame.work("absorb", some, move |work| half::absorb(by.clone(), work));
    let by = merger.clone();
    frame.work("restore", some, move |work| half::restore(by.clone(), work));
}

/// The body of a due row that this release wrote.
fn body<'b, T: Deserialize<'b>>(text: &'b str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Other(format!("a due row is broken: {error}")))
}

/// What a decision means for the due row that asked for it. A row of somebody who was erased goes with them, and
/// one of somebody who is about to appear waits.
fn done(outcome: Result<Decided, Refused<Rejection>>) -> Result<Done, Error> {
    match outcome {
        Ok(decided) => Ok(Done::At(decided.position())),
        Err(Refused::Failed(Error::Gone { .. })) => Ok(Done::Nothing),
        Err(Refused::Failed(error)) => Err(error),
        Err(Refused::Rejected(rejection)) => Ok(match rejection {
            Rejection::Erased | Rejection::GivenBack { .. } => Done::Nothing,
            Rejection::Unknown => Done::Again { after_ms: APPEARS_MS },
            Rejection::Absorbed { .. }
            | Rejection::NotMerged { .. }
            | Rejection::Same
            | Rejection::Claims { .. } => Done::Again { after_ms: SLOW_MS },
        }),
    }
}
