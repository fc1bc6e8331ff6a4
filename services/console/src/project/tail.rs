//! The customer's messages since the last answer: what awaits one, as the law of the thread counts it.

use conversation::limits::RECENT_MAX;
use uuid::Uuid;

/// Messages that nobody answered yet, oldest first; each awaits an answer unless it cannot be answered or was
/// taken back. At most [`RECENT_MAX`], as the law remembers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tail {
    items: Vec<(Uuid, bool)>,
    /// How many of them were there when the conversation was last handed to people.
    handed: usize,
}

impl Tail {
    pub(super) fn push(&mut self, message: Uuid, awaits: bool) {
        self.items.push((message, awaits));
        if self.items.len() > RECENT_MAX {
            self.drop_first(1);
        }
    }

    /// Everything up to `message` is answered; nothing when it is not among what is unanswered.
    pub(super) fn answer_until(&mut self, message: Uuid) {
        if let Some(place) = self.items.iter().rposition(|item| item.0 == message) {
            self.drop_first(place + 1);
        }
    }

    pub(super) fn answer_all(&mut self) {
        self.drop_first(self.items.len());
    }

    pub(super) fn hand_over(&mut self) {
        self.handed = self.items.len();
    }

    /// What was handed to people counts as dealt with, also if nobody answered it.
    pub(super) fn answer_handed(&mut self) {
        self.drop_first(self.handed);
    }

    pub(super) fn recall(&mut self, message: Uuid) {
        if let Some(item) = self.items.iter_mut().rfind(|item| item.0 == message) {
            item.1 = false;
        }
    }

    pub(super) fn awaiting(&self) -> usize {
        self.items.iter().filter(|item| item.1).count()
    }

    pub(super) fn handed(&self) -> usize {
        self.handed
    }

    /// The stored form: ids separated by commas, with a minus behind those that await nothing.
    pub(super) fn stored(&self) -> String {
        let mut text = String::with_capacity(self.items.len() * 37);
        for (message, awaits) in &self.items {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(message.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
            if !awaits {
                text.push('-');
            }
        }
        text
    }

    pub(super) fn parse(text: &str, handed: i32) -> Self {
        let item = |text: &str| {
            let (id, awaits) = match text.strip_suffix('-') {
                Some(id) => (id, false),
                None => (text, true),
            };
            Some((Uuid::try_parse(id).ok()?, awaits))
        };
        Self {
            items: text.split(',').filter_map(item).collect(),
            handed: usize::try_from(handed).unwrap_or(0),
        }
    }

    fn drop_first(&mut self, count: usize) {
        self.items.drain(..count.min(self.items.len()));
        self.handed = self.handed.saturating_sub(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(i: usize) -> Uuid {
        Uuid::from_u128(i as u128 + 1)
    }

    fn tail(count: usize) -> Tail {
        let mut tail = Tail::default();
        (0..count).for_each(|i| tail.push(id(i), true));
        tail
    }

    #[test]
    fn an_answer_to_the_second_of_three_leaves_the_third() {
        let mut tail = tail(3);
        tail.answer_until(id(1));
        assert_eq!((tail.awaiting(), tail.items[0].0), (1, id(2)));
        tail.answer_until(id(0));
        assert_eq!(tail.awaiting(), 1);
    }

    #[test]
    fn what_was_handed_over_is_dealt_with_at_a_release() {
        let mut tail = tail(2);
        tail.hand_over();
        tail.push(id(2), true);
        tail.answer_handed();
        assert_eq!((tail.awaiting(), tail.handed()), (1, 0));
    }

    #[test]
    fn it_reads_back_what_it_stored() {
        let mut tail = tail(3);
        tail.hand_over();
        tail.recall(id(1));
        assert_eq!(Tail::parse(&tail.stored(), 3), tail);
        assert_eq!(Tail::parse("", 0), Tail::default());
    }

    #[test]
    fn a_long_burst_keeps_only_the_newest() {
        let mut tail = tail(RECENT_MAX + 5);
        assert_eq!((tail.awaiting(), tail.items[0].0), (RECENT_MAX, id(5)));
        tail.answer_until(id(2));
        assert_eq!(tail.awaiting(), RECENT_MAX);
    }
}
