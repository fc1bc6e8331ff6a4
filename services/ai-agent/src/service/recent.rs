//! What was said lately in each thread, in memory: only to understand a follow-up, never to decide anything.

use crate::answer::{Said, Speaker};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

const THREADS_MAX: usize = 20_000;
const SAID_MAX: usize = 6;
/// Characters that are remembered of one text: a follow-up refers to how it began.
const TEXT_CHARS_MAX: usize = 300;

/// The last words of the threads that were answered lately.
#[derive(Default)]
pub(crate) struct Recent {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    said: HashMap<Uuid, VecDeque<(bool, Box<str>)>>,
    order: VecDeque<Uuid>,
}

impl Recent {
    /// What is remembered, oldest first.
    pub(crate) fn of(&self, thread: Uuid) -> Vec<Said> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let said = known.said.get(&thread).into_iter().flatten();
        said.map(|(by_customer, text)| Said {
            by: if *by_customer { Speaker::Customer } else { Speaker::Ai },
            text: text.to_string(),
        })
        .collect()
    }

    /// Remembers a turn and its answer.
    pub(crate) fn remember(&self, thread: Uuid, texts: &[String], answer: Option<&str>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { said, order } = &mut *known;
        let words = said.entry(thread).or_insert_with(|| {
            order.push_back(thread);
            VecDeque::new()
        });
        words.extend(texts.iter().map(|text| (true, beginning(text).into())));
        words.extend(answer.map(|answer| (false, beginning(answer).into())));
        while words.len() > SAID_MAX {
            words.pop_front();
        }
        if order.len() > THREADS_MAX
            && let Some(oldest) = order.pop_front()
        {
            said.remove(&oldest);
        }
    }

    /// Forgets a thread whose person was erased.
    pub(crate) fn forget(&self, thread: Uuid) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).said.remove(&thread);
    }
}

fn beginning(text: &str) -> &str {
    text.char_indices().nth(TEXT_CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_words_of_the_latest_threads_are_kept() {
        let recent = Recent::default();
        let thread = |number: usize| Uuid::from_u128(number as u128);
        for number in 0..THREADS_MAX + 10 {
            for turn in 0..4 {
                recent.remember(thread(number), &[format!("q{turn}")], Some("a"));
            }
        }
        assert_eq!(recent.of(thread(THREADS_MAX)).len(), SAID_MAX);
        assert!(recent.of(thread(0)).is_empty());
        recent.forget(thread(THREADS_MAX));
        assert!(recent.of(thread(THREADS_MAX)).is_empty());
    }
}
