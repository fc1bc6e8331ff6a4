//! Two customers who share strong evidence become one.

use super::{ACTOR, APPEARS_MS, SLOW_MS, body};
use crate::merge::{Merger, Pair, Problem};
use events::customer::EvidenceKind;
use laws::customer::Rejection;
use serde::{Deserialize, Serialize};
use spine::read::{Done, Work};
use spine::{Cause, Error};
use uuid::Uuid;

/// What the worker needs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LinkBody {
    pub(crate) tenant: String,
    pub(crate) kind: EvidenceKind,
    pub(crate) older: Uuid,
    pub(crate) younger: Uuid,
}

pub(super) async fn handle(merger: Merger, work: Work) -> Result<Done, Error> {
    let asked: LinkBody = body(&work.body)?;
    let name = format!("{} {} {} {}", asked.older, asked.younger, work.part, work.sequence);
    let cause = Cause::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()), "merge", ACTOR);
    let pair = Pair { tenant: &asked.tenant, into: asked.older, from: asked.younger };
    match merger.merge(pair, asked.kind, &cause).await {
        Ok(positions) => Ok(positions.last().map_or(Done::Nothing, |position| Done::At(*position))),
        Err(Problem::Failed(error)) => Err(error),
        Err(Problem::Rejected(rejection)) => Ok(match rejection {
            Rejection::Unknown => Done::Again { after_ms: APPEARS_MS },
            // The row is about to change: these are not the two any more, or a person parted them.
            Rejection::Absorbed { .. } | Rejection::Erased | Rejection::GivenBack { .. } => Done::Nothing,
            Rejection::Same | Rejection::Claims { .. } | Rejection::NotMerged { .. } => {
                Done::Again { after_ms: SLOW_MS }
            }
        }),
    }
}
