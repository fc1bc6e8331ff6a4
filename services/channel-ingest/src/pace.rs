//! Pacing: an account sends no faster than its platform takes.

use crate::accounts::Ready;
use events::Micros;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// A clock that is set back by less than this delays nothing that anybody would notice.
const WENT_BACK_US: Micros = 1_000_000;

/// When each account may send its next message. Cheap to clone; all clones share it.
#[derive(Clone, Default)]
pub(crate) struct Pace {
    turns: Arc<Mutex<Turns>>,
}

#[derive(Default)]
struct Turns {
    next: HashMap<Uuid, Micros>,
    /// The clock when it was last looked at.
    seen_at: Micros,
}

impl Turns {
    /// The turns by a clock that may have been set back: then they go back with it, since an account waits for a while and
    /// not for a time of day.
    fn at(&mut self, now: Micros) -> &mut HashMap<Uuid, Micros> {
        let back = self.seen_at.saturating_sub(now);
        self.seen_at = now;
        if back >= WENT_BACK_US {
            self.next.values_mut().for_each(|turn| *turn -= back);
        }
        &mut self.next
    }
}

impl Pace {
    /// Takes the account's next turn, or says in how many milliseconds there is one. A burst of a quarter of a
    /// second's messages goes at once.
    pub(crate) fn wait_ms(&self, ready: &Ready, now: Micros) -> Option<u64> {
        let rate = ready.channel.capabilities_of(&ready.account).rate_per_second.max(1);
        self.take(ready.account.id, rate, now)
    }

    /// The account sends nothing for so many milliseconds, as its platform asked.
    pub(crate) fn rest(&self, account: Uuid, now: Micros, ms: u64) {
        let until = now.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX / 1_000) * 1_000);
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.at(now).entry(account).or_insert(until);
        *turn = (*turn).max(until);
    }

    fn take(&self, account: Uuid, rate: u32, now: Micros) -> Option<u64> {
        const BURST: Micros = 250_000;
        let step = 1_000_000 / i64::from(rate);
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.at(now).entry(account).or_insert(now);
        // Turns that were not used are lost but for the burst.
        *turn = (*turn).max(now - BURST);
        if *turn > now {
            return u64::try_from((*turn - now) / 1_000 + 1).ok();
        }
        *turn += step;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_sends_its_rate_and_no_more() {
        let pace = Pace::default();
        let account = Uuid::nil();
        let mut sent = 0;
        for now in (0..1_000_000).step_by(1_000) {
            while pace.take(account, 50, now).is_none() {
                sent += 1;
            }
        }
        assert!((50..=64).contains(&sent), "{sent}");
        assert!(pace.take(account, 50, 1_000_000).is_some_and(|ms| ms <= 21) || sent < 64);
    }

    #[test]
    fn an_account_that_is_told_to_rest_rests_alone() {
        let pace = Pace::default();
        pace.rest(Uuid::nil(), 0, 5_000);
        assert_eq!(pace.take(Uuid::nil(), 50, 0), Some(5_001));
        assert_eq!(pace.take(Uuid::from_u128(1), 50, 0), None);
        assert_eq!(pace.take(Uuid::nil(), 50, 5_000_000), None);
    }

    #[test]
    fn a_clock_that_goes_back_an_hour_stops_no_account() {
        const HOUR: Micros = 3_600_000_000;
        let pace = Pace::default();
        assert_eq!(pace.take(Uuid::nil(), 50, 2 * HOUR), None);
        pace.rest(Uuid::nil(), 2 * HOUR, 5_000);
        assert_eq!(pace.take(Uuid::nil(), 50, HOUR), Some(5_001), "it rests for as long as before");
        assert_eq!(pace.take(Uuid::nil(), 50, HOUR + 5_000_000), None);
    }

    #[test]
    fn accounts_do_not_wait_for_each_other() {
        let pace = Pace::default();
        while pace.take(Uuid::nil(), 1, 0).is_none() {}
        assert_eq!(pace.take(Uuid::from_u128(1), 1, 0), None);
    }
}
