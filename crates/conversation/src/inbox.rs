//! The customer's messages in the order of the log, and up to where they are answered.

use crate::limits::RECENT_MAX;
use events::Micros;
use std::collections::VecDeque;
use uuid::Uuid;

/// A place counts the messages of the thread from 0. Everything before `answered` is answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Inbox {
    recent: VecDeque<Item>,
    /// Messages no longer in `recent`.
    forgotten: u64,
    answered: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Item {
    message: Uuid,
    at: Micros,
    /// False for what cannot be answered, and for what the customer took back.
    awaits: bool,
}

impl Inbox {
    pub(crate) fn push(&mut self, message: Uuid, at: Micros, awaits: bool) {
        self.recent.push_back(Item { message, at, awaits });
        if self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
            self.forgotten += 1;
        }
    }

    /// The place after the last message.
    pub(crate) fn end(&self) -> u64 {
        self.forgotten + self.recent.len() as u64
    }

    pub(crate) fn last(&self) -> Option<Uuid> {
        self.recent.back().map(|item| item.message)
    }

    /// The place just after `message`, if it is remembered.
    pub(crate) fn after(&self, message: Uuid) -> Option<u64> {
        let index = self.recent.iter().rposition(|item| item.message == message)?;
        Some(self.forgotten + index as u64 + 1)
    }

    /// Whether older messages than those remembered exist.
    pub(crate) fn has_forgotten(&self) -> bool {
        self.forgotten > 0
    }

    /// The messages from `place` on.
    pub(crate) fn from(&self, place: u64) -> Vec<Uuid> {
        self.items_from(place).map(|item| item.message).collect()
    }

    pub(crate) fn awaiting(&self) -> Vec<Uuid> {
        self.items_from(self.answered).filter(|item| item.awaits).map(|item| item.message).collect()
    }

    pub(crate) fn first_awaiting(&self) -> Option<Uuid> {
        self.items_from(self.answered).find(|item| item.awaits).map(|item| item.message)
    }

    /// Whether a message before `place` awaits an answer.
    pub(crate) fn awaits_before(&self, place: u64) -> bool {
        let count = place.saturating_sub(self.first_place(self.answered)) as usize;
        self.items_from(self.answered).take(count).any(|item| item.awaits)
    }

    /// When `message` came, if it awaits an answer.
    pub(crate) fn awaits_since(&self, message: Uuid) -> Option<Micros> {
        self.items_from(self.answered).find(|item| item.message == message && item.awaits).map(|item| item.at)
    }

    /// Takes everything before `place` as answered.
    pub(crate) fn answer_until(&mut self, place: u64) {
        self.answered = self.answered.max(place.min(self.end()));
    }

    /// The message awaits no answer any more.
    pub(crate) fn recall(&mut self, message: Uuid) {
        if let Some(item) = self.recent.iter_mut().rfind(|item| item.message == message) {
            item.awaits = false;
        }
    }

    fn first_place(&self, place: u64) -> u64 {
        place.max(self.forgotten)
    }

    fn items_from(&self, place: u64) -> impl Iterator<Item = &Item> {
        self.recent.iter().skip((self.first_place(place) - self.forgotten) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> Uuid {
        Uuid::from_u128(n as u128)
    }

    fn filled(count: usize) -> Inbox {
        let mut inbox = Inbox::default();
        (0..count).for_each(|n| inbox.push(id(n), n as Micros, true));
        inbox
    }

    #[test]
    fn a_long_burst_keeps_only_the_newest_and_an_answer_to_them_answers_all() {
        let mut inbox = filled(RECENT_MAX + 10);
        assert_eq!(inbox.awaiting().len(), RECENT_MAX);
        assert_eq!(inbox.first_awaiting(), Some(id(10)));
        inbox.answer_until(inbox.after(id(RECENT_MAX + 9)).unwrap());
        assert!(inbox.awaiting().is_empty());
    }

    #[test]
    fn an_answer_up_to_a_message_leaves_the_later_ones() {
        let mut inbox = filled(3);
        let place = inbox.after(id(1)).unwrap();
        assert!(inbox.awaits_before(place));
        inbox.answer_until(place);
        assert!(!inbox.awaits_before(place));
        assert_eq!(inbox.awaiting(), [id(2)]);
        inbox.answer_until(1);
        assert_eq!(inbox.awaiting(), [id(2)]);
    }

    #[test]
    fn a_recalled_message_awaits_nothing() {
        let mut inbox = filled(2);
        inbox.recall(id(0));
        assert_eq!(inbox.awaiting(), [id(1)]);
        assert_eq!(inbox.awaits_since(id(0)), None);
        assert_eq!(inbox.awaits_since(id(1)), Some(1));
    }
}
