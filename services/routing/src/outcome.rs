//! What becomes of a timer's row after the law was asked.

use conversation::Rejection;
use events::Micros;
use spine::error::chain;
use spine::{Decided, Position, Refused};

/// A row that the law found moot is left alone for so long; what made it moot is about to be projected.
pub(crate) const SETTLE_US: Micros = 5_000_000;
/// After a failure of the machine a row is tried again after so long.
const RETRY_US: Micros = 1_000_000;

/// For how long a row is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Until the tables know the log up to here, which moves or removes the row.
    Projected(Position),
    Until(Micros),
}

/// What an answer of the law means for the row that asked.
pub(crate) fn leave(decided: Result<Decided, Refused<Rejection>>, now: Micros) -> Leave {
    match decided {
        Ok(Decided::Appended(position) | Decided::Known(position)) => Leave::Projected(position),
        // Whatever made it moot stands before this position.
        Ok(Decided::Nothing(_)) => Leave::Until(now + SETTLE_US),
        Err(Refused::Rejected(rejection)) => match rejection {
            Rejection::TooEarly { until } => Leave::Until(until),
            // The tables lag behind the log, and are about to say so too.
            Rejection::Unknown
            | Rejection::Erased
            | Rejection::NotOpen
            | Rejection::StaleTenure { .. }
            | Rejection::OwnedBy { .. }
            | Rejection::Active { .. }
            | Rejection::Awaiting { .. } => Leave::Until(now + SETTLE_US),
            // No decision of routing is refused so.
            Rejection::Newer { .. }
            | Rejection::TooOld { .. }
            | Rejection::Flooded
            | Rejection::BadId { .. }
            | Rejection::OutboxFull
            | Rejection::NoSuchMessage { .. }
            | Rejection::NotNext { .. }
            | Rejection::InFlight { .. }
            | Rejection::Unresolved { .. }
            | Rejection::StillPending { .. }
            | Rejection::WrongAttempt { .. }
            | Rejection::Settled { .. }
            | Rejection::WindowClosed
            | Rejection::Unreachable
            | Rejection::Reachable => {
                tracing::error!(%rejection, "the law refused a timer for a reason that does not concern it");
                Leave::Until(now + SETTLE_US)
            }
        },
        Err(Refused::Failed(error)) => {
            tracing::warn!(error = %chain(&error), "a timer failed and is tried again");
            Leave::Until(now + RETRY_US)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_that_came_early_waits_for_its_time_and_a_moot_one_for_the_tables() {
        let refused = |rejection| leave(Err(Refused::Rejected(rejection)), 100);
        assert_eq!(refused(Rejection::TooEarly { until: 700 }), Leave::Until(700));
        assert_eq!(refused(Rejection::NotOpen), Leave::Until(100 + SETTLE_US));
        let position = Position { generation: 1, part: 2, sequence: 3 };
        assert_eq!(leave(Ok(Decided::Appended(position)), 100), Leave::Projected(position));
        assert_eq!(leave(Ok(Decided::Nothing(position)), 100), Leave::Until(100 + SETTLE_US));
    }
}
