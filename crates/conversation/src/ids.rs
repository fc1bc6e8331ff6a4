//! The platform's ids that a thread has seen, kept for as long as a redelivery is accepted.

use crate::Rejection;
use crate::limits::{CLOCK_SKEW_US_MAX, ID_BYTES_MAX, IDS_MAX, REDELIVERY_US_MAX};
use events::Micros;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// Ids with the message that each names, if any. At most [`IDS_MAX`]; the oldest go first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ids {
    messages: HashMap<Arc<str>, Option<Uuid>>,
    by_time: BTreeSet<(Micros, Arc<str>)>,
}

impl Ids {
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.messages.contains_key(id)
    }

    pub(crate) fn message(&self, id: &str) -> Option<Uuid> {
        self.messages.get(id).copied().flatten()
    }

    /// Remembers `id` until [`REDELIVERY_US_MAX`] after `at`. A message wins over a mere act with its id.
    pub(crate) fn insert(&mut self, id: &str, message: Option<Uuid>, at: Micros) {
        if let Some(known) = self.messages.get_mut(id) {
            *known = known.or(message);
            return;
        }
        let id: Arc<str> = id.into();
        self.messages.insert(id.clone(), message);
        self.by_time.insert((at, id));
        if self.messages.len() > IDS_MAX {
            self.forget_oldest();
        }
    }

    /// Forgets what nobody redelivers any more at `now`.
    pub(crate) fn prune(&mut self, now: Micros) {
        let horizon = now.saturating_sub(REDELIVERY_US_MAX + CLOCK_SKEW_US_MAX);
        while self.by_time.first().is_some_and(|(at, _)| *at < horizon) {
            self.forget_oldest();
        }
    }

    /// Whether something with this id, made by the platform at `sent_at`, is new; `now` is the later of our
    /// clock and the thread's latest event.
    ///
    /// Proof that nothing is taken as new twice: an id is kept until its time plus the accepted age plus
    /// skew, and its time is not before `sent_at` less skew; so whatever was forgotten is also too old.
    pub(crate) fn is_new(&self, id: &str, sent_at: Micros, now: Micros) -> Result<bool, Rejection> {
        let is_new = self.is_new_at_any_age(id);
        match is_new {
            Ok(false) | Err(Rejection::BadId { .. }) => is_new,
            _ if now.saturating_sub(sent_at) > REDELIVERY_US_MAX => Err(Rejection::TooOld { sent_at }),
            other => other,
        }
    }

    /// Whether something with this id is not remembered, however old it is: it may have been taken and forgotten.
    pub(crate) fn is_new_at_any_age(&self, id: &str) -> Result<bool, Rejection> {
        if self.contains(id) {
            return Ok(false);
        }
        if id.is_empty() || id.len() > ID_BYTES_MAX {
            return Err(Rejection::BadId { bytes: id.len() });
        }
        if self.messages.len() >= IDS_MAX {
            return Err(Rejection::Flooded);
        }
        Ok(true)
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.by_time.pop_first() {
            self.messages.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Micros = 24 * 3_600_000_000;

    #[test]
    fn an_id_is_known_until_a_redelivery_would_be_too_old() {
        let mut ids = Ids::default();
        ids.insert("a", None, 0);
        for day in 0..=8 {
            ids.prune(day * DAY);
            assert_eq!(ids.is_new("a", 0, day * DAY), Ok(false));
        }
        ids.prune(9 * DAY);
        assert_eq!(ids.is_new("a", 0, 9 * DAY), Err(Rejection::TooOld { sent_at: 0 }));
    }

    #[test]
    fn more_ids_than_the_bound_are_refused_until_old_ones_lapse() {
        let mut ids = Ids::default();
        for n in 0..IDS_MAX {
            ids.insert(&n.to_string(), None, 0);
        }
        assert_eq!(ids.is_new("one more", DAY, DAY), Err(Rejection::Flooded));
        ids.prune(9 * DAY);
        assert_eq!(ids.is_new("one more", 9 * DAY, 9 * DAY), Ok(true));
    }

    #[test]
    fn an_empty_or_endless_id_is_refused() {
        let ids = Ids::default();
        assert_eq!(ids.is_new("", 0, 0), Err(Rejection::BadId { bytes: 0 }));
        assert_eq!(ids.is_new(&"x".repeat(1025), 0, 0), Err(Rejection::BadId { bytes: 1025 }));
    }

    #[test]
    fn an_act_and_a_message_of_one_id_are_one_and_the_message_is_found() {
        let mut ids = Ids::default();
        ids.insert("a", None, 0);
        ids.insert("a", Some(Uuid::from_u128(1)), 5);
        assert_eq!(ids.message("a"), Some(Uuid::from_u128(1)));
        assert_eq!(ids.by_time.len(), 1);
    }
}
