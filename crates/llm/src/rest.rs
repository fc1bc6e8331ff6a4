//! Leaves an endpoint alone that fails again and again: customers wait for no call that will not be answered.

use std::time::{Duration, Instant};

/// Failures in a row after which it is left alone.
const FAILURES_MAX: u32 = 5;
/// For how long, until one call tries again.
const REST: Duration = Duration::from_secs(30);

/// What is known of the endpoint.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    failures: u32,
    until: Option<Instant>,
}

impl Rest {
    /// Whether a call may be made. The one that may after a rest is the only one until it is told how that ended, or
    /// until another rest is over, so that one who goes away in the middle stops nobody for good.
    pub(crate) fn may_call(&mut self, now: Instant) -> bool {
        match self.until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                self.until = Some(now + REST);
                true
            }
        }
    }

    /// How a call ended.
    pub(crate) fn told(&mut self, is_good: bool, now: Instant) {
        if is_good {
            *self = Self::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_MAX {
            self.until = Some(now + REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_failures_in_a_row_one_call_in_a_while_tries_again() {
        let (mut rest, start) = (Rest::default(), Instant::now());
        for _ in 1..FAILURES_MAX {
            rest.told(false, start);
            assert!(rest.may_call(start));
        }
        rest.told(true, start);
        for _ in 0..FAILURES_MAX {
            assert!(rest.may_call(start), "a good answer in between counts");
            rest.told(false, start);
        }
        assert!(!rest.may_call(start));
        assert!(!rest.may_call(start + REST - Duration::from_millis(1)));
        assert!(rest.may_call(start + REST));
        assert!(!rest.may_call(start + REST), "one alone tries");
        assert!(rest.may_call(start + REST * 2), "who tried went away");
        rest.told(true, start + REST * 2);
        assert!(rest.may_call(start + REST * 2));
    }
}
